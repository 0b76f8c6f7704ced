"""Whether each part is there and keeps up; with servers that really are away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, NullPool, create_engine, delete
from sqlalchemy.orm import Session

from huntaze.config import Config
from huntaze.models.tick import Tick
from huntaze.services.health import QUEUE, HealthService


@pytest.fixture
def valkey(config: Config) -> Iterator[Redis]:
    """This worker's own, emptied."""
    with Redis.from_url(config.redis_url) as valkey:
        valkey.flushall()
        yield valkey
        valkey.flushall()


@pytest.fixture
def session(owner_engine: Engine) -> Iterator[Session]:
    with Session(owner_engine) as session:
        session.execute(delete(Tick))
        yield session


def test_all_is_well_and_nothing_was_done_yet(session: Session, valkey: Redis) -> None:
    report = HealthService(session, valkey).report()
    assert report.healthy
    assert report.as_dict() == {
        "healthy": True,
        "database": True,
        "valkey": True,
        "schedule_age": None,
        "queue_length": 0,
        "queue_age": None,
    }


def test_how_old_the_schedule_and_the_queue_are(session: Session, valkey: Redis) -> None:
    now = datetime.now(UTC)
    session.add_all([Tick(name="purge", tick=now - timedelta(minutes=age)) for age in (5, 90)])
    session.flush()
    queue = Queue(QUEUE, connection=valkey, serializer=JSONSerializer)
    jobs = [queue.enqueue("huntaze.jobs.sign_ins.purge_expired") for _ in range(2)]
    jobs[0].enqueued_at = now - timedelta(seconds=40)
    jobs[0].save()
    report = HealthService(session, valkey).report()
    assert report.schedule_age is not None
    assert 300 <= report.schedule_age < 310
    assert report.queue_length == 2
    assert report.queue_age is not None
    assert 40 <= report.queue_age < 50
    assert report.healthy, "late is for the operator to judge"


def test_valkey_is_away(session: Session, tmp_path: Path) -> None:
    with Redis.from_url(f"unix://{tmp_path}/nobody.sock") as away:
        report = HealthService(session, away).report()
    assert (report.database, report.valkey, report.healthy) == (True, False, False)
    assert (report.queue_length, report.queue_age) == (None, None)


def test_postgresql_is_away(valkey: Redis, tmp_path: Path) -> None:
    engine = create_engine(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}", poolclass=NullPool)
    with Session(engine) as away:
        report = HealthService(away, valkey).report()
    assert (report.database, report.valkey, report.healthy) == (False, True, False)
    assert report.schedule_age is None
