"""What members write down about a fan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.subscriber import Note
from huntaze.models.user import User
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewNote
from huntaze.services.errors import NotFound
from huntaze.services.keyset import PAGE
from huntaze.services.notes import NoteService
from tests.factories import MemberFactory, NoteFactory, SubscriberFactory, UserFactory

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def service(session: Session, workspace: Workspace) -> NoteService:
    return NoteService(session, WorkspaceId(workspace.id))


@pytest.fixture
def fan(workspace: Workspace) -> int:
    return SubscriberFactory(workspace_id=workspace.id).id


@pytest.fixture
def author(workspace: Workspace) -> UserId:
    return UserId(MemberFactory(workspace_id=workspace.id, user_id=UserFactory(name="Ann").id).user_id)


def test_the_newest_first_with_their_authors(service: NoteService, fan: int, author: UserId) -> None:
    service.add(fan, author, NewNote(body="First"))
    service.session.commit()
    service.add(fan, author, NewNote(body="Second\r\nline"))
    service.session.commit()
    rows = service.page(fan).rows
    assert [(row.body, row.author_name) for row in rows] == [("Second\nline", "Ann"), ("First", "Ann")]


def test_a_note_outlives_its_author(service: NoteService, owner: Session, fan: int, author: UserId) -> None:
    service.add(fan, author, NewNote(body="Likes blue"))
    service.session.commit()
    owner.execute(delete(User).where(User.id == author))
    assert [(row.body, row.author_name) for row in service.page(fan).rows] == [("Likes blue", None)]


def test_pages_have_each_note_once_also_of_the_same_moment(service: NoteService, fan: int) -> None:
    subscriber = SubscriberFactory(workspace_id=service.workspace_id)
    for n in range(PAGE + 8):
        NoteFactory(subscriber=subscriber, created_at=NOON + timedelta(hours=n // 20))
    first = service.page(subscriber.id)
    second = service.page(subscriber.id, first.next or "")
    assert (len(first.rows), len(second.rows), second.next) == (PAGE, 8, None)
    assert len({row.id for row in (*first.rows, *second.rows)}) == PAGE + 8
    assert service.page(fan).rows == []


def test_a_double_tap_is_one_note(service: NoteService, owner: Session, fan: int, author: UserId) -> None:
    colleague = UserId(MemberFactory(workspace_id=service.workspace_id).user_id)
    for who, body in ((author, "Same"), (author, "Same"), (author, "Other"), (colleague, "Same")):
        service.add(fan, who, NewNote(body=body))
        service.session.commit()
    assert sorted(row.body for row in service.page(fan).rows) == ["Other", "Same", "Same"]

    earlier = Note.created_at - timedelta(minutes=2)
    owner.execute(update(Note).where(Note.subscriber_id == fan).values(created_at=earlier))
    service.add(fan, author, NewNote(body="Same"))
    assert len(service.page(fan).rows) == 4, "later it is meant"


def test_ten_taps_at_once_are_one_note(
    app_engine: Engine, owner: Session, workspace: Workspace, fan: int, author: UserId
) -> None:
    here = WorkspaceId(workspace.id)

    def add(_n: int) -> None:
        with Session(app_engine) as session, session.begin():
            tenancy.enter(session, here)
            NoteService(session, here).add(fan, author, NewNote(body="Same"))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(add, range(10)))
    assert owner.scalar(select(func.count()).where(Note.subscriber_id == fan)) == 1


def test_removed(service: NoteService, workspace: Workspace) -> None:
    note = NoteFactory(subscriber=SubscriberFactory(workspace_id=workspace.id))
    service.remove(note.subscriber_id, note.id)
    assert service.page(note.subscriber_id).rows == []


def test_what_is_not_there_is_not_found(service: NoteService, workspace: Workspace, fan: int, author: UserId) -> None:
    of_another_fan = NoteFactory(subscriber=SubscriberFactory(workspace_id=workspace.id))
    with pytest.raises(NotFound):
        service.add(2**62, author, NewNote(body="Lost"))
    with pytest.raises(NotFound):
        service.remove(fan, 2**62)
    with pytest.raises(NotFound):
        service.remove(fan, of_another_fan.id)
    assert len(service.page(of_another_fan.subscriber_id).rows) == 1
