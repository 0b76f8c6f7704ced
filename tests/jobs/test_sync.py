"""Workers at a sync that are killed, or are two: the account is read once, and whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from rq import Queue
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from huntaze.config import Config
from huntaze.jobs import sync as jobs
from huntaze.models.platform_account import Health, PlatformAccount, Resource
from huntaze.models.workspace import Workspace
from tests.simulated import Simulated, simulated
from tests.syncing import Syncing
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
WORKER = """
import sys
from huntaze import create_app
from huntaze.jobs import sync
with create_app().app_context():
    sync.run(int(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.fixture
def simulator() -> Iterator[Simulated]:
    """Slow enough to be killed in the middle."""
    with simulated(fans=300, transactions=3_000) as simulator:
        simulator.tell("settings", latency=0.01)
        yield simulator


@pytest.fixture
def syncing(app: Flask, app_engine: Engine, owner: Session, workspace: Workspace, simulator: Simulated) -> Syncing:
    return Syncing(app_engine, owner, workspace, simulator)


def test_killed_again_and_again_it_is_as_if_never_killed(syncing: Syncing, config: Config) -> None:
    kills = 0
    while kills < 5:
        before = _pages(syncing)
        with _worker(config, syncing) as worker:
            wait_until(partial(_read_on_or_ended, syncing, worker, before), 60)
            worker.send_signal(signal.SIGKILL)
            ended = worker.wait(30)
        if syncing.account().synced_at:
            break
        if ended == -signal.SIGKILL:
            kills += 1
            assert not syncing.service().run(), "it may still be alive: its lease has to run out"
        # On a slow machine a call may have failed, and an account then waits for a minute.
        syncing.change(leased_until="now() - interval '1 second'", retry_at="NULL")
    assert kills >= 3
    syncing.run()
    syncing.assert_same()


def test_two_workers_at_once_read_it_once(syncing: Syncing, config: Config) -> None:
    with _worker(config, syncing) as first, _worker(config, syncing) as second:
        assert first.wait(120) == 0
        assert second.wait(120) == 0
    syncing.assert_same()
    calls = 1_000_000 - (syncing.account().credits_left or 0)
    assert calls <= sum(state.calls for state in syncing.states().values()) + 5, "no page was asked for twice"


def test_a_due_account_gets_a_job(app: Flask, syncing: Syncing) -> None:
    assert [syncing.workspace_id, syncing.account_id] in _asked_for(app, "run")
    assert [syncing.workspace_id, syncing.account_id] not in _asked_for(app, "add_up")


def test_disconnected_in_the_middle_of_the_first_import_fans_still_have_their_totals(
    app: Flask, syncing: Syncing
) -> None:
    key = syncing.account().key_sealed
    while not (state := syncing.states().get(Resource.TRANSACTIONS)) or state.seen < 500:
        assert syncing.service().run(seconds=0)
    syncing.change(key_sealed="NULL", health="'disconnected'")
    assert [syncing.workspace_id, syncing.account_id] in _asked_for(app, "add_up")
    with app.app_context():
        jobs.add_up(syncing.workspace_id, syncing.account_id)
    syncing.assert_added_up()
    [[spent]] = syncing.query("SELECT sum(total_spent_cents) FROM subscribers WHERE workspace_id = :id")
    assert spent > 0
    assert [syncing.workspace_id, syncing.account_id] not in _asked_for(app, "add_up"), "once is enough"
    syncing.owner.execute(update(PlatformAccount).values(key_sealed=key, health=Health.CONNECTED))
    syncing.owner.commit()
    syncing.run()
    syncing.assert_same()


def _asked_for(app: Flask, job: str) -> list[list[int]]:
    """The arguments of the jobs that `due` enqueues."""
    with app.app_context():
        queue = Queue("sync", connection=app.extensions["redis"], serializer="json")
        queue.empty()
        jobs.due()
        asked = [list(each.args) for each in queue.jobs if each.func_name == f"huntaze.jobs.sync.{job}"]
        queue.empty()
    return asked


def _read_on_or_ended(syncing: Syncing, worker: subprocess.Popen[bytes], before: int) -> bool:
    return _pages(syncing) > before + 4 or worker.poll() is not None


def _pages(syncing: Syncing) -> int:
    return sum(state.calls for state in syncing.states().values())


@contextmanager
def _worker(config: Config, syncing: Syncing) -> Iterator[subprocess.Popen[bytes]]:
    env = {
        **os.environ,
        "DATABASE_URL": config.database_url,
        "DATABASE_APP_URL": config.app_database_url,
        "REDIS_URL": config.redis_url,
        "SECRET_KEY": config.secret_key,
        "DATA": str(config.data),
        "PLATFORM_URL": syncing.simulator.url,
    }
    command = [sys.executable, "-c", WORKER, str(syncing.workspace_id), str(syncing.account_id)]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
