"""The RQ worker and the periodic schedule: wiring only.

python worker.py QUEUE       works on one queue
python worker.py schedule    enqueues the periodic jobs when they are due
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.cron import CronJob, CronScheduler
from rq.job import Job

from huntaze import logs
from huntaze.config import Config
from huntaze.jobs import schedule as table
from huntaze.launch import die_with_parent

if TYPE_CHECKING:
    from flask import Flask

DELIVERY = "delivery"


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


def work(queue: str, config: Config, connection: Redis) -> None:
    """Run the jobs of one queue: a worker of several can lose a job when it is killed (SECURITY, RQ)."""
    from huntaze import create_app

    run_queue(queue, create_app(config), connection)


def run_queue(queue: str, app: Flask, connection: Redis) -> None:
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


def main(task: str) -> None:
    config = Config.from_env()
    logs.configure(config.log_level)
    # RQ tells at INFO what it listens to and each step of a job; a job that fails is an ERROR.
    logging.getLogger("rq").setLevel(logging.DEBUG if config.log_level == "DEBUG" else logging.WARNING)
    logging.getLogger("rq.worker").setLevel(logging.NOTSET)
    connection = Redis.from_url(config.redis_url)
    schedule(connection) if task == "schedule" else work(task, config, connection)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
