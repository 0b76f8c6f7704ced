"""The RQ worker and the periodic schedule: wiring only.

python worker.py QUEUE ...   works on each of these queues, in a process of its own
python worker.py schedule    enqueues the periodic jobs when they are due
"""

from __future__ import annotations

import gc
import logging
import os
import pkgutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.cron import CronJob, CronScheduler
from rq.job import Job

from huntaze import jobs, logs
from huntaze.config import Config
from huntaze.jobs import schedule as table
from huntaze.launch import die_with_parent

if TYPE_CHECKING:
    from flask import Flask

DELIVERY = "delivery"
LIVED = 5.0
"""Seconds; a worker that ends before that may do so again, and is started after a pause."""


class QueueWorker(Worker):
    """RQ's worker; the process that it forks for a job ends with it, and connects by itself."""

    def setup_work_horse_signals(self) -> None:
        from huntaze.extensions import db

        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        # Otherwise a job outlives a worker that was killed, while another worker runs it again.
        die_with_parent(signal.SIGKILL, self.pid or 0)
        for engine in db.engines.values():
            engine.dispose(close=False)


class DeliveryWorker(SimpleWorker):
    """RQ's worker that forks nothing: its one job lasts a minute and loads much, and PostgreSQL knows what it did."""


class PeriodicJob(CronJob):
    """RQ's periodic job; its own `enqueue` would pickle, and doesn't say which tick it is."""

    def enqueue(self, connection: Redis) -> Job:
        queue = Queue(self.queue_name, connection=connection, serializer="json")
        tick = self.next_enqueue_time or self.get_next_enqueue_time()
        return queue.enqueue(table.run, self.name, tick.isoformat(), result_ttl=0)


def work(queues: Sequence[str], config: Config) -> None:
    """Run the jobs of these queues, each in a process: a worker of several can lose a job when it is killed.

    The processes are forked from one that has loaded all but the platform's client: so they share most of their
    memory, and one that dies is there again at once.
    """
    from huntaze import create_app

    app = create_app(config)
    load()
    if len(queues) == 1:
        run_queue(queues[0], app, Redis.from_url(config.redis_url))
        return
    gc.collect()
    gc.freeze()  # a collection would copy the pages that they share
    Nursery(queues, lambda queue: run_queue(queue, app, Redis.from_url(config.redis_url))).run()


def load() -> None:
    """What each process would load by itself at its first job: 0.1 s, which count where one takes over from another.

    Not the platform's client: it is 60 MB, which those do without that don't need it.
    """
    from sqlalchemy.orm import configure_mappers

    for each in pkgutil.iter_modules(jobs.__path__, jobs.__name__ + "."):
        import_module(each.name)
    configure_mappers()


class Nursery:
    """One child for each queue, until a signal asks to stop; the signal is passed on, and all are waited for."""

    def __init__(self, queues: Sequence[str], job: Callable[[str], None]) -> None:
        self.queues, self.job = queues, job
        self.children: dict[int, tuple[str, float]] = {}
        self.stopping = False

    def run(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._pass_on)
        for queue in self.queues:
            self._start(queue)
        while self.children:
            pid, status = os.wait()
            queue, began = self.children.pop(pid)
            if self.stopping:
                continue
            logging.getLogger(__name__).warning("worker ended", extra={"queue": queue, "status": status})
            if time.monotonic() - began < LIVED:
                time.sleep(1)
            if not self.stopping:
                self._start(queue)

    def _start(self, queue: str) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.children[pid] = queue, time.monotonic()
            return
        try:
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, signal.SIG_DFL)
            die_with_parent(signal.SIGTERM, parent)
            self.job(queue)
        except Exception:
            logging.getLogger(__name__).exception("worker failed", extra={"queue": queue})
            os._exit(1)
        finally:
            os._exit(0)

    def _pass_on(self, number: int, _frame: object) -> None:
        self.stopping = True
        for pid in self.children:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def run_queue(queue: str, app: Flask, connection: Redis) -> None:
    """Runs the jobs of one queue, in this process."""
    kind = DeliveryWorker if queue == DELIVERY else QueueWorker
    worker = kind([queue], connection=connection, serializer="json", log_job_description=False)
    with app.app_context():
        if queue == DELIVERY:
            start_delivery(connection)
        worker.work(logging_level=None)


def start_delivery(connection: Redis) -> None:
    """Whatever a killed worker left is taken over by the first run; without Valkey the schedule asks for it later."""
    from huntaze.jobs import delivery

    try:
        delivery.wake(connection)
    except RedisError as error:
        logging.getLogger(__name__).warning("delivery waits", extra={"error": type(error).__name__})


def schedule(connection: Redis) -> None:
    """Enqueue the periodic jobs. There may be several such processes: a tick runs once (jobs/schedule.py)."""
    os.environ["TZ"] = "UTC"  # RQ reads cron expressions in local time
    time.tzset()
    scheduler = CronScheduler(connection)
    for name, periodic in table.PERIODIC.items():
        scheduler.get_jobs().append(PeriodicJob(periodic.queue, func_name=name, cron=periodic.cron, name=name))
    scheduler.start()  # type: ignore[no-untyped-call]


def main(*tasks: str) -> None:
    config = Config.from_env()
    logs.configure(config.log_level)
    # RQ tells at INFO what it listens to and each step of a job; a job that fails is an ERROR.
    logging.getLogger("rq").setLevel(logging.DEBUG if config.log_level == "DEBUG" else logging.WARNING)
    logging.getLogger("rq.worker").setLevel(logging.NOTSET)
    if tasks == ("schedule",):
        schedule(Redis.from_url(config.redis_url))
    else:
        work(tasks, config)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
