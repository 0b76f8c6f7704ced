"""A member's messages to a fan: sent, scheduled, taken back, or written down when they were sent by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import DeliveryState, Direction, Message
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.schemas.reply import Reply
from huntaze.services.conversation_news import changed
from huntaze.services.conversations import ConversationService, Entry
from huntaze.services.delivery import DeliveryService, Queued
from huntaze.services.delivery_terms import TERMS, Terms, obstacle
from huntaze.services.drafts import DraftService
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem

UNSEND = timedelta(hours=24)
"""So long the platform lets one take a message back."""
FURTHEST = timedelta(days=90)
"""So far ahead a message can be scheduled."""
LATE = timedelta(minutes=2)
"""A time that passed while the form was sent is now."""
_KEYS = UUID("5d3f7c52-58c7-4cf2-9a0b-3f2a0e0f9a11")


class ReplyService:
    """The replies of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def key_for(self, entry: Entry, user_id: UserId) -> UUID:
        """The key of a page's form: the same until something was said, so that a page that did not change is the same
        page, and a form that is sent twice is one message."""
        last = entry.conversation.last_message_id
        return uuid5(_KEYS, f"{self.workspace_id}:{entry.id}:{user_id}:{last}")

    def terms(self) -> Terms:
        """What a message may be, where an account says nothing else."""
        return TERMS[Platform.ONLYFANS]

    def obstacle(self, entry: Entry) -> Problem | None:
        """Why nothing can be sent from here to this fan now; it can be copied and sent by hand."""
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == entry.fan.account_id
        account = self.session.scalar(select(PlatformAccount).where(*here)) if entry.fan.account_id else None
        return obstacle(entry.fan, account, entry.conversation)

    def send(self, conversation_id: int, author_id: UserId, reply: Reply) -> Queued:
        """Hands it in, now or for its time, and drops the author's draft. The same key is the same message.

        Raises NotFound, and Invalid or Conflict for what can't be sent.
        """
        entry = ConversationService(self.session, self.workspace_id).get(conversation_id)
        at = self._time(reply)
        try:
            queued = DeliveryService(self.session, self.workspace_id).queue(
                entry.fan.id, reply, author_id, key=reply.key, at=at, cancel_on_reply=reply.cancel_on_reply
            )
        except Invalid as refusal:  # a form knows no subscriber
            renamed = {"_" if name == "subscriber_id" else name: found for name, found in refusal.errors.items()}
            raise type(refusal)(renamed) from None
        DraftService(self.session, self.workspace_id).drop(conversation_id, author_id)
        return queued

    def check(self, conversation_id: int, reply: Reply) -> None:
        """What is to be sent by hand: what the platform would not take is said before. Raises NotFound, Invalid."""
        ConversationService(self.session, self.workspace_id).get(conversation_id)
        self.terms().check(reply)

    def record(self, conversation_id: int, author_id: UserId, reply: Reply) -> int:
        """She sent it at the platform herself. The same key is the same message. Raises NotFound, Invalid."""
        self.check(conversation_id, reply)
        chat = ConversationService(self.session, self.workspace_id).get(conversation_id).conversation
        new = {
            "workspace_id": self.workspace_id,
            "account_id": chat.account_id,
            "conversation_id": chat.id,
            "direction": Direction.OUTBOUND,
            "state": DeliveryState.SENT,
            "body": reply.text,
            "price_cents": reply.price_cents,
            "media": reply.media,
            "media_count": len(reply.media),
            "is_opened": False if reply.price_cents else None,
            "key": reply.key or uuid4(),
            "author_id": author_id,
            "queued_at": func.now(),
            "sent_at": func.now(),
            "settled_by": author_id,
        }
        same_key: dict[str, Any] = {
            "index_elements": ["workspace_id", "key"],
            "index_where": Message.key.is_not(None),
        }
        written = insert(Message).values(new).on_conflict_do_nothing(**same_key).returning(Message.id)
        message_id = self.session.scalar(written)
        DraftService(self.session, self.workspace_id).drop(conversation_id, author_id)
        if message_id is None:
            here = Message.workspace_id == self.workspace_id, Message.conversation_id == conversation_id
            message_id = self.session.scalar(select(Message.id).where(*here, Message.key == reply.key))
            if message_id is None:
                raise Conflict({"_": [Problem("key_used")]})
            return message_id
        changed(self.session, self.workspace_id, [conversation_id])
        return message_id

    def ask_to_unsend(self, conversation_id: int, message_id: int) -> None:
        """The platform is asked to take it back (jobs/messages.py). Twice is once.

        Raises NotFound; Conflict when it is too late, or was never there.
        """
        asked = (
            update(Message)
            .where(
                *self._one(conversation_id, message_id),
                Message.direction == Direction.OUTBOUND,
                Message.state == DeliveryState.SENT,
                Message.platform_id.is_not(None),
                Message.account_id.is_not(None),
                Message.deleted_at.is_(None),
                Message.sent_at > datetime.now(UTC) - UNSEND,
            )
            .values(unsend_asked_at=func.coalesce(Message.unsend_asked_at, func.now()))
            .returning(Message.id)
        )
        if self.session.scalar(asked) is None:
            self._mine(conversation_id, message_id)
            raise Conflict({"_": [Problem("too_late_to_unsend")]})
        changed(self.session, self.workspace_id, [conversation_id])

    def _time(self, reply: Reply) -> datetime | None:
        now = datetime.now(UTC)
        if reply.at is None or now - LATE < reply.at <= now:
            return None
        if reply.at < now:
            raise Invalid({"at": [Problem("time_past")]})
        if reply.at > now + FURTHEST:
            raise Invalid({"at": [Problem("time_far", {"days": FURTHEST.days})]})
        return reply.at

    def _mine(self, conversation_id: int, message_id: int) -> None:
        if self.session.scalar(select(Message.id).where(*self._one(conversation_id, message_id))) is None:
            raise NotFound(message_id)

    def _one(self, conversation_id: int, message_id: int) -> tuple[ColumnElement[bool], ...]:
        return (
            Message.workspace_id == self.workspace_id,
            Message.conversation_id == conversation_id,
            Message.id == message_id,
        )


def can_unsend(message: Message, now: datetime) -> bool:
    """Whether the platform would still take it back."""
    return (
        message.direction is Direction.OUTBOUND
        and message.state is DeliveryState.SENT
        and message.platform_id is not None
        and message.account_id is not None
        and message.deleted_at is None
        and message.unsend_asked_at is None
        and message.sent_at > now - UNSEND
    )
