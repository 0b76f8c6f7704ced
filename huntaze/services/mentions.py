"""Texts of the team that name a fan and do not belong to that fan: they outlive one who is erased, and a person has
to look at them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import WAITING, Conversation, Message
from huntaze.models.draft import Draft
from huntaze.models.saved_reply import SavedReply
from huntaze.models.subscriber import Note, Subscriber
from huntaze.services.delivery_stories import with_fan
from huntaze.services.erasure import said_in

MOST = 50
"""Of each kind: who has more looks again once those are changed."""


class Where(StrEnum):
    REPLY = "reply"
    NOTE = "note"
    """On another fan."""
    DRAFT = "draft"
    """To another fan."""
    MESSAGE = "message"
    """To another fan, and not sent yet: what was sent is theirs, too."""


class Mention(NamedTuple):
    """id: of the saved reply or the message; of the conversation with the draft; of the fan with the note.
    name: of the saved reply, or of the other fan."""

    where: Where
    id: int
    name: str


class MentionService:
    """Those in one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def of(self, subscriber_id: int) -> list[Mention]:
        """What says this fan's user name, name or e-mail, as far as it does not go along with the fan. Nothing of one
        who was erased: nobody knows the name any more."""
        here = Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id
        fan = self.session.scalar(select(Subscriber).where(*here))
        if fan is None:
            return []
        return [*self._replies(fan), *self._notes(fan), *self._drafts(fan), *self._messages(fan)]

    def _replies(self, fan: Subscriber) -> list[Mention]:
        said = said_in(SavedReply.name.concat(" ").concat(SavedReply.body), fan)
        query = select(SavedReply.id, SavedReply.name).where(SavedReply.workspace_id == self.workspace_id, said)
        rows = self.session.execute(query.order_by(SavedReply.name).limit(MOST))
        return [Mention(Where.REPLY, id_, name) for id_, name in rows]

    def _notes(self, fan: Subscriber) -> list[Mention]:
        query = (
            select(Subscriber)
            .where(Subscriber.workspace_id == self.workspace_id, Subscriber.id != fan.id)
            .where(
                select(Note)
                .where(Note.workspace_id == Subscriber.workspace_id, Note.subscriber_id == Subscriber.id)
                .where(said_in(Note.body, fan))
                .exists()
            )
        )
        others = self.session.scalars(query.order_by(Subscriber.id).limit(MOST))
        return [Mention(Where.NOTE, other.id, other.name) for other in others]

    def _drafts(self, fan: Subscriber) -> list[Mention]:
        query = (
            select(Conversation.id, Subscriber)
            .join(
                Subscriber,
                (Subscriber.workspace_id == Conversation.workspace_id)
                & (Subscriber.id == Conversation.subscriber_id),
            )
            .where(Conversation.workspace_id == self.workspace_id, Subscriber.id != fan.id)
            .where(
                select(Draft)
                .where(Draft.workspace_id == Conversation.workspace_id, Draft.conversation_id == Conversation.id)
                .where(said_in(Draft.body, fan))
                .exists()
            )
        )
        rows = self.session.execute(query.order_by(Conversation.id).limit(MOST))
        return [Mention(Where.DRAFT, id_, other.name) for id_, other in rows]

    def _messages(self, fan: Subscriber) -> list[Mention]:
        query = (
            with_fan(select(Message.id, Subscriber))
            .where(Message.workspace_id == self.workspace_id, Message.state.in_(WAITING), Message.key.is_not(None))
            .where(Subscriber.id != fan.id, said_in(Message.body, fan))
        )
        rows = self.session.execute(query.order_by(Message.id).limit(MOST))
        return [Mention(Where.MESSAGE, id_, other.name) for id_, other in rows]
