"""Undoing an import: all of it or nothing, as long as nothing was built on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from huntaze.models.base import Base, WorkspaceId
from huntaze.models.imports import Import, ImportRow, ImportState
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.services.errors import Conflict
from huntaze.services.imports import BUILT_ON, ImportService, ImportUpkeep
from huntaze.services.subscribers import SubscriberService
from huntaze.system import system_session
from tests.factories import NoteFactory, SubscriberFactory, TagFactory, TaggedFactory, TransactionFactory
from tests.imports import Importing

ADD = "username,name\nann,Ann\nbob,Bob\n"


@pytest.fixture
def importing(app: Flask, workspace: Workspace) -> Importing:
    return Importing(app, workspace.id)


@pytest.fixture
def blocked(importing: Importing, session: Session) -> Callable[[int], dict[str, int]]:
    def blocked(import_id: int) -> dict[str, int]:
        session.rollback()
        return dict(ImportService(session, WorkspaceId(importing.workspace_id)).blocked(import_id))

    return blocked


def test_who_was_added_goes_and_who_was_changed_is_as_before(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="ann", display_name="Anna", platform_id="7")
    rows = text("SELECT to_jsonb(s) FROM subscribers AS s WHERE workspace_id = :here")
    before = owner.scalars(rows, {"here": importing.workspace_id}).all()
    done = importing.whole("id,username,name,email,joined,price\n7,annie,Ann,a@b.co,2020-01-01,5\n8,bob,Bob,,,\n")
    assert (done.added, done.changed) == (1, 1)
    assert importing.undone(done.id).state == ImportState.UNDONE
    assert owner.scalars(rows, {"here": importing.workspace_id}).all() == before, "to the microsecond"
    assert importing.whole("id,username\n7,annie\n8,bob\n").added == 1, "it can be imported again"


@pytest.mark.parametrize(
    ("kind", "build"),
    [
        ("noted", lambda fan: NoteFactory(subscriber=fan)),
        ("tagged", lambda fan: TaggedFactory(subscriber=fan, tag=TagFactory(workspace_id=fan.workspace_id))),
        ("paid", lambda fan: TransactionFactory(subscriber=fan)),
    ],
)
def test_what_was_built_on_it_keeps_it(
    importing: Importing,
    owner: Session,
    blocked: Callable[[int], dict[str, int]],
    kind: str,
    build: Callable[[Subscriber], object],
) -> None:
    done = importing.whole(ADD)
    assert blocked(done.id) == {}
    build(importing.fans(owner)[1])
    assert blocked(done.id) == {kind: 1}
    with pytest.raises(Conflict):
        importing.undone(done.id)
    assert len(importing.fans(owner)) == 2


def test_a_fan_who_was_changed_or_archived_since_keeps_it(
    importing: Importing, owner: Session, session: Session, blocked: Callable[[int], dict[str, int]]
) -> None:
    done = importing.whole(ADD)
    SubscriberService(session, WorkspaceId(importing.workspace_id)).archive(importing.fans(owner)[0].id)
    session.commit()
    assert blocked(done.id) == {"changed": 1}


def test_later_imports_are_undone_first(importing: Importing, blocked: Callable[[int], dict[str, int]]) -> None:
    first = importing.whole(ADD)
    second = importing.whole("username,name\nann,Anna\n")
    assert blocked(first.id) == {"changed": 1}
    importing.undone(second.id)
    assert blocked(first.id) == {}
    assert importing.undone(first.id).state == ImportState.UNDONE


def test_notes_of_a_fan_who_was_there_before_stay(importing: Importing, owner: Session) -> None:
    fan = SubscriberFactory(workspace_id=importing.workspace_id, username="ann", display_name="Anna")
    done = importing.whole("username,name\nann,Ann\n")
    NoteFactory(subscriber=fan)
    assert importing.undone(done.id).state == ImportState.UNDONE
    assert importing.fans(owner)[0].display_name == "Anna"


def test_what_came_in_between_is_seen_by_the_worker(importing: Importing, owner: Session) -> None:
    done = importing.whole(ADD)
    owner.execute(update(Import).where(Import.id == done.id).values(state=ImportState.UNDOING))
    NoteFactory(subscriber=importing.fans(owner)[0])
    found = importing.work(done.id)
    assert (found.state, found.failure and found.failure["kind"]) == (ImportState.DONE, "import_not_undoable")
    assert len(importing.fans(owner)) == 2


def test_a_name_that_someone_else_has_now_keeps_it(importing: Importing, owner: Session) -> None:
    SubscriberFactory(workspace_id=importing.workspace_id, username="ann", platform_id="7")
    done = importing.whole("id,username\n7,annie\n")
    SubscriberFactory(workspace_id=importing.workspace_id, username="ann")
    found = importing.undone(done.id)
    assert (found.state, found.failure and found.failure["kind"]) == (ImportState.DONE, "import_not_undoable")
    assert [fan.username for fan in importing.fans(owner)] == ["annie", "ann"]


def test_after_thirty_days_what_is_needed_is_gone(importing: Importing, owner: Session) -> None:
    done = importing.whole(ADD)
    owner.execute(
        update(Import).where(Import.id == done.id).values(finished_at=func.now() - text("interval '31 days'"))
    )
    with importing.app.app_context(), system_session() as session:
        ImportUpkeep(session).purge()
    assert owner.scalar(select(func.count()).where(ImportRow.import_id == done.id)) == 0
    with pytest.raises(Conflict):
        importing.undone(done.id)
    assert importing.get(done.id).added == 2, "the counts stay"


def test_files_that_nobody_imported_are_deleted(importing: Importing, owner: Session) -> None:
    found = importing.checked(ADD)
    owner.execute(
        update(Import).where(Import.id == found.id).values(touched_at=func.now() - text("interval '8 days'"))
    )
    with importing.app.app_context(), system_session() as session:
        ImportUpkeep(session).purge()
    assert owner.scalar(select(func.count()).where(Import.id == found.id)) == 0


def test_whatever_points_at_a_fan_is_asked() -> None:
    """A new table of a fan's things belongs into BUILT_ON."""
    pointing = {
        table.name
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "subscribers"
    }
    assert pointing - {"import_rows"} == {model.__tablename__ for model in BUILT_ON.values()}
