"""What members write down about a fan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.subscriber import Note, Subscriber
from huntaze.models.user import User
from huntaze.schemas.subscriber import NewNote
from huntaze.services.errors import NotFound
from huntaze.services.keyset import Order, Page, read_time

DOUBLE_TAP = timedelta(minutes=1)
"""The same text by the same author within this time is a double tap, not a second note."""

NEWEST = Order("notes", Note.created_at, Note.id, lambda row: row.created_at, read_time)


class NoteRow(NamedTuple):
    """A note with its author's name; None when the author is gone."""

    id: int
    body: str
    author_name: str | None
    created_at: datetime


class NoteService:
    """The notes of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, subscriber_id: int, after: str = "") -> Page[NoteRow]:
        """Newest first."""
        wanted = {"workspace_id": self.workspace_id, "subscriber_id": subscriber_id}
        query = NEWEST.page(_OF_FAN, after) if after else _LATEST
        rows = self.session.execute(query, wanted).all()
        return NEWEST.split([NoteRow(*row) for row in rows])

    def add(self, subscriber_id: int, author_id: UserId, new: NewNote) -> None:
        """Raises NotFound. The fan's row is locked meanwhile, so that a double tap sees the first tap's note."""
        here = Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id
        if self.session.scalar(select(Subscriber.id).where(*here).with_for_update()) is None:
            raise NotFound(subscriber_id)
        twin = select(Note.id).where(
            Note.workspace_id == self.workspace_id,
            Note.subscriber_id == subscriber_id,
            Note.author_id == author_id,
            Note.body == new.body,
            Note.created_at > datetime.now(UTC) - DOUBLE_TAP,
        )
        if self.session.scalar(twin.limit(1)) is None:
            note = Note(
                workspace_id=self.workspace_id,
                subscriber_id=subscriber_id,
                author_id=author_id,
                body=new.body,
            )
            self.session.add(note)
            self.session.flush()

    def remove(self, subscriber_id: int, note_id: int) -> None:
        """Raises NotFound."""
        removed = self.session.scalar(
            delete(Note)
            .where(
                Note.workspace_id == self.workspace_id,
                Note.subscriber_id == subscriber_id,
                Note.id == note_id,
            )
            .returning(Note.id)
        )
        if removed is None:
            raise NotFound(note_id)


# What the page of a fan asks is built once.
_OF_FAN: Any = (
    select(Note.id, Note.body, User.name.label("author_name"), Note.created_at)
    .outerjoin(User, User.id == Note.author_id)
    .where(Note.workspace_id == bindparam("workspace_id"), Note.subscriber_id == bindparam("subscriber_id"))
)
_LATEST = NEWEST.page(_OF_FAN, "")
