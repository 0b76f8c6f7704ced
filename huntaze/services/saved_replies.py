"""Texts that a team writes again and again, and how one becomes a message to a fan."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.saved_reply import SavedReply
from huntaze.models.subscriber import Subscriber
from huntaze.schemas.reply import NewSavedReply
from huntaze.services.errors import Conflict, NotFound, Problem
from huntaze.services.keyset import Order, Page, read_text

MOST = 500
"""Of one workspace; nobody finds one among more."""

BY_NAME = Order(
    "replies",
    func.lower(SavedReply.name),
    SavedReply.id,
    lambda row: row.name.lower(),
    read_text,
    descending=False,
)
_FIELD = re.compile(r"\{(name|username)\}")


class SavedReplyService:
    """The saved replies of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, after: str = "") -> Page[SavedReply]:
        """By name."""
        query = select(SavedReply).where(SavedReply.workspace_id == self.workspace_id)
        return BY_NAME.split(self.session.scalars(BY_NAME.page(query, after)).all())

    def get(self, reply_id: int) -> SavedReply:
        """Raises NotFound."""
        found = self.session.scalar(select(SavedReply).where(*self._one(reply_id)))
        if found is None:
            raise NotFound(reply_id)
        return found

    def add(self, new: NewSavedReply) -> SavedReply:
        """The same once more is the one that is there. Raises Conflict for a name that another text has."""
        here = SavedReply.workspace_id == self.workspace_id
        known = self.session.scalar(select(SavedReply).where(here, func.lower(SavedReply.name) == new.name.lower()))
        if known is not None:
            if known.body == new.body:
                return known
            raise _taken()
        if (self.session.scalar(select(func.count()).select_from(SavedReply).where(here)) or 0) >= MOST:
            raise Conflict({"_": [Problem("too_many_replies", {"most": MOST})]})
        try:
            with self.session.begin_nested():
                reply = SavedReply(workspace_id=self.workspace_id, name=new.name, body=new.body)
                self.session.add(reply)
        except IntegrityError:  # at the same moment
            return self.add(new)
        return reply

    def change(self, reply_id: int, new: NewSavedReply) -> None:
        """Raises NotFound, and Conflict for a name that another one has."""
        reply = self.get(reply_id)
        try:
            with self.session.begin_nested():
                reply.name, reply.body = new.name, new.body
        except IntegrityError:
            raise _taken() from None

    def remove(self, reply_id: int) -> None:
        """Raises NotFound."""
        removed = delete(SavedReply).where(*self._one(reply_id)).returning(SavedReply.id)
        if self.session.scalar(removed) is None:
            raise NotFound(reply_id)

    def _one(self, reply_id: int) -> tuple[ColumnElement[bool], ...]:
        return SavedReply.workspace_id == self.workspace_id, SavedReply.id == reply_id


def for_fan(body: str, fan: Subscriber) -> str:
    """The text with the fan's own words in its fields. What else has braces stays as it is: nothing is evaluated."""
    words = {"name": fan.name, "username": fan.username}
    return _FIELD.sub(lambda found: words[found[1]], body)


def _taken() -> Conflict:
    return Conflict({"name": [Problem("reply_name_taken")]})
