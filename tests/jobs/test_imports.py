"""Workers that are killed in the middle of an import: another one goes on, and no row is stored twice or lost."""

from __future__ import annotations

import signal

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from huntaze.adapters.signals import Signals
from huntaze.config import Config
from huntaze.jobs import imports as jobs
from huntaze.models.imports import Import, ImportRow, ImportState
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from tests.imports import Importing
from tests.jobs.workers import worker

ROWS = 10_000


@pytest.fixture
def importing(app: Flask, workspace: Workspace) -> Importing:
    return Importing(app, workspace.id)


@pytest.fixture
def file() -> str:
    """Each tenth row is bad, and each eleventh says again who came ten rows before."""
    lines = []
    for number in range(ROWS):
        name = f"bad name {number}" if number % 10 == 0 else f"fan{number - 10 if number % 11 == 0 else number}"
        lines.append(f"{name},Fan {number},fan{number}@example.test,vip\n")
    return "username,name,email,tier\n" + "".join(lines)


def test_killed_again_and_again_it_is_as_if_never_killed(
    app: Flask, importing: Importing, file: str, config: Config, owner: Session
) -> None:
    expected = Importing(app, _another_workspace(owner)).whole(file)
    import_id = importing.checked(file).id
    importing.started(import_id)
    signals: Signals = app.extensions["huntaze.signals"]
    kills = 0
    with signals.listen(jobs.topic(importing.workspace_id, import_id)) as listener:
        while importing.get(import_id).state == ImportState.RUNNING:
            with worker(config, "imports.work", importing.workspace_id, import_id) as process:
                # As soon as it has committed something: the next batch is under way.
                assert listener.wait(240)
                process.send_signal(signal.SIGKILL)
                kills += 1
            listener.drain()
    done = importing.get(import_id)
    assert kills >= 3
    assert _counts(done) == _counts(expected)
    fans = owner.scalar(select(func.count()).where(Subscriber.workspace_id == importing.workspace_id))
    assert fans == done.added
    rows = owner.scalar(select(func.count()).where(ImportRow.import_id == import_id))
    assert rows == done.added + done.changed + done.refused


def test_two_workers_at_one_import_store_it_once(
    app: Flask, importing: Importing, file: str, config: Config, owner: Session
) -> None:
    expected = Importing(app, _another_workspace(owner)).whole(file)
    import_id = importing.checked(file).id
    importing.started(import_id)
    arguments = (config, "imports.work", importing.workspace_id, import_id)
    with worker(*arguments) as one, worker(*arguments) as other:
        assert (one.wait(240), other.wait(240)) == (0, 0)
    assert _counts(importing.get(import_id)) == _counts(expected)


def test_a_stalled_import_is_gone_on_with(app: Flask, importing: Importing, owner: Session) -> None:
    import_id = importing.sent("username\nann\n")
    with app.app_context():
        jobs.resume_stalled()
        assert importing.get(import_id).state == ImportState.CHECKING, "someone may be at it"
        late = func.now() - text("interval '1 minute'")
        owner.execute(update(Import).where(Import.id == import_id).values(touched_at=late))
        jobs.resume_stalled()
    assert importing.get(import_id).state == ImportState.READY


def _counts(done: Import) -> tuple[object, ...]:
    return done.state, done.added, done.changed, done.unchanged, done.refused, done.done


def _another_workspace(owner: Session) -> int:
    return owner.execute(text("INSERT INTO workspaces (name) VALUES ('Other') RETURNING id")).scalar_one()
