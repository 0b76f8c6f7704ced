"""The table of periodic jobs, and that one tick of one of them runs once."""

from __future__ import annotations

import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.utils import import_attribute
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.config import Config
from huntaze.jobs.schedule import PERIODIC, REMEMBERED, run
from huntaze.models.sign_in import ParkedForm, SignIn
from huntaze.models.tick import Tick
from tests.factories import SignInFactory, UserFactory

PURGE = "purge expired sign-ins"


@pytest.fixture
def tick() -> datetime:
    """One that no other test uses."""
    return datetime.now(UTC)


@pytest.mark.parametrize("name", PERIODIC)
def test_each_periodic_job_exists_and_can_be_run(app: Flask, name: str, tick: datetime) -> None:
    assert callable(import_attribute(PERIODIC[name].job))
    with app.app_context():
        run(name, tick.isoformat())


def test_a_tick_runs_once(app: Flask, owner: Session, tick: datetime) -> None:
    with app.app_context():
        first = _ended()
        run(PURGE, tick.isoformat())
        assert _count(owner, first) == 0
        second = _ended()
        run(PURGE, tick.isoformat())
        assert _count(owner, second) == 1, "that tick was done"
        run(PURGE, (tick + timedelta(hours=1)).isoformat())
        assert _count(owner, second) == 0


def test_two_schedules_at_once_run_a_tick_once(app: Flask, owner: Session, tick: datetime) -> None:
    def run_in_app(_n: int) -> None:
        with app.app_context():
            run(PURGE, tick.isoformat())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run_in_app, range(4)))
    assert owner.scalar(select(func.count()).where(Tick.name == PURGE, Tick.tick == tick)) == 1


def test_old_ticks_are_forgotten(app: Flask, owner: Session, tick: datetime) -> None:
    old, recent = tick - REMEMBERED - timedelta(minutes=1), tick - REMEMBERED + timedelta(minutes=1)
    with app.app_context():
        for moment in (old, recent, tick):
            run(PURGE, moment.isoformat())
    remembered = owner.scalars(select(Tick.tick).where(Tick.name == PURGE)).all()
    assert old not in remembered
    assert {recent, tick} <= set(remembered)


def test_the_purge_takes_sessions_and_typed_text(app: Flask, owner: Session, tick: datetime) -> None:
    user, over = UserFactory(), _ended()
    parked = [ParkedForm(user_id=user.id, ciphertext=b"x") for _ in range(2)]
    owner.add_all(parked)
    owner.flush()
    owner.execute(
        update(ParkedForm)
        .where(ParkedForm.id == parked[0].id)
        .values(created_at=datetime.now(UTC) - timedelta(hours=2))
    )
    with app.app_context():
        run(PURGE, tick.isoformat())
    assert _count(owner, over) == 0
    assert owner.scalars(select(ParkedForm.id).where(ParkedForm.user_id == user.id)).all() == [parked[1].id]


def test_a_worker_runs_it_from_json(app: Flask, config: Config, owner: Session, tick: datetime) -> None:
    """RQ's own serializer is pickle, which runs what it reads (ASVS 1.5.2)."""
    with Redis.from_url(config.redis_url) as valkey, app.app_context():
        valkey.flushall()
        over = _ended()
        queue = Queue("default", connection=valkey, serializer=JSONSerializer)
        job = queue.enqueue(run, PURGE, tick.isoformat())
        stored = valkey.hget(job.key, "data")
        assert isinstance(stored, bytes)
        assert json.loads(zlib.decompress(stored))[0] == "huntaze.jobs.schedule.run"
        SimpleWorker([queue], connection=valkey, serializer=JSONSerializer).work(burst=True, logging_level="WARNING")
        assert job.is_finished
    assert _count(owner, over) == 0


def _ended() -> int:
    """A session that ended long ago: who runs the purge deletes it."""
    return SignInFactory(ended_at=datetime.now(UTC) - timedelta(days=365)).id


def _count(owner: Session, sign_in_id: int) -> int:
    return owner.scalar(select(func.count()).where(SignIn.id == sign_in_id)) or 0
