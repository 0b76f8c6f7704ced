"""Sends what waits: one job has many accounts at once. What is to be sent is in PostgreSQL; the job only wakes up.

RQ's `unique=True` lasts as long as the job's key, which a killed worker leaves behind. So a job is asked for unless
one waits already, and any number of them may run: lanes are leased in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from typing import Any

from flask import current_app
from redis import Redis
from rq import Queue
from sqlalchemy.exc import OperationalError

from huntaze.adapters.signals import Signals
from huntaze.services.delivery_control import CHANNEL
from huntaze.services.delivery_rules import RULES, Rules
from huntaze.services.delivery_run import DeliveryRun
from huntaze.services.delivery_store import DeliveryStore
from huntaze.services.delivery_transactions import TakenForDead
from huntaze.system import listen, system_session

log = logging.getLogger(__name__)

QUEUE = "delivery"
SWITCH = 0.0005
"""Seconds (Python's own: 0.005) after which a busy event loop lets the thread of a transaction go on. Each of its
steps waited for so long: with 1,000 accounts a transaction took 0.3 s."""


def deliver() -> None:
    """Sends for a minute at most, and asks for the next run if there is more. SIGTERM ends it sooner, in order."""
    signals: Signals = current_app.extensions["huntaze.signals"]
    run = DeliveryRun(
        system_session,
        current_app.extensions["huntaze.platform_pool"],
        current_app.config["SECRET_KEY"],
        tell=signals.publish_all,
        listen=lambda: listen(CHANNEL),
        rules=_rules(),
    )
    sys.setswitchinterval(SWITCH)
    try:
        asyncio.run(_until_told(run))
    except* TakenForDead:
        log.warning("a delivery worker was late; its lanes are taken over")
    except* OperationalError as errors:
        log.warning("PostgreSQL went away; delivery goes on later", extra={"errors": len(errors.exceptions)})
    try:
        sweep()
    except OperationalError as error:
        log.warning("the schedule will look for more to send", extra={"error": type(error).__name__})


def sweep() -> None:
    """Asks for a run if something waits for one: where a notification or a job was lost, or a worker killed."""
    with system_session() as session:
        store = DeliveryStore(session, _rules())
        due = store.is_due()
    if due:
        wake(current_app.extensions["redis"])


def wake(redis: Redis) -> None:
    """Raises RedisError."""
    queue = Queue(QUEUE, connection=redis, serializer="json")
    if not queue.count:
        queue.enqueue(deliver, result_ttl=0, job_timeout=int(RULES.run + RULES.deadline) + 60)


def purge() -> None:
    """Forgets what was tried long ago."""
    with system_session() as session:
        DeliveryStore(session, _rules()).purge()


def _rules() -> Rules:
    rules: Rules = current_app.extensions["huntaze.delivery_rules"]
    return rules


async def _until_told(run: DeliveryRun) -> None:
    """SIGTERM is passed on to whoever handled it before: RQ's worker ends after the job then."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        await run.run()
        return
    before = signal.getsignal(signal.SIGTERM)

    def told(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(run.stop)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, told)
    try:
        await run.run()
    finally:
        signal.signal(signal.SIGTERM, before)
