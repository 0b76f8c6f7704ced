"""What was said in one conversation, a page at a time, and what is new in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Direction, Message
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType
from huntaze.models.user import User
from huntaze.services.errors import NotFound
from huntaze.services.keyset import Order, Window, read_time

PAGE = 30
"""Messages of a page: three screens of a phone, 0.4 KB on the wire more than two."""
RECENT = 50
"""From so many at the end a stream tells what changed; who missed more opens the conversation anew."""
OUT_OF_ORDER = timedelta(minutes=10)
"""So long after a later message one may still come by itself: platforms tell them in any order."""
OFFERED, AMONG = 5, 500
"""So many paid messages are shown, of the last so many messages."""


class Said(NamedTuple):
    """A message, and who of the team wrote it, where one did."""

    message: Message
    author: str | None

    @property
    def id(self) -> int:
        return self.message.id


class _Place(NamedTuple):
    message: Any
    id: int


class _Time(NamedTuple):
    sent_at: datetime


LATEST = Order("said", Message.sent_at, Message.id, lambda row: row.message.sent_at, read_time)


class HistoryService:
    """The messages of one workspace's conversations."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, conversation_id: int, after: str = "", before: str = "", at: int | None = None) -> Window[Said]:
        """The latest messages first; `next` leads to earlier ones. at: a message that comes first, and was found.

        Raises Invalid for a cursor that is none, and NotFound for a message of another conversation.
        """
        if at is not None:
            after = self._from(conversation_id, at)
        query = LATEST.window(self._said(conversation_id), after, before, PAGE)
        rows = [Said(*row) for row in self.session.execute(query)]
        return LATEST.see(rows, after, before, PAGE)

    def since(self, conversation_id: int, moment: datetime) -> list[Said]:
        """What came or changed since, the earliest first. History that is read only now is not news."""
        query = self._said(conversation_id).order_by(Message.sent_at.desc(), Message.id.desc()).limit(RECENT)
        said = [Said(*row) for row in self.session.execute(query)]
        known = [each.message.sent_at for each in said if each.message.created_at <= moment]
        begins = max(known, default=moment) - OUT_OF_ORDER

        def is_news(message: Message) -> bool:
            return message.touched_at > moment and (message.created_at <= moment or message.sent_at > begins)

        return [each for each in reversed(said) if is_news(each.message)]

    def one(self, conversation_id: int, message_id: int) -> Said:
        """Raises NotFound."""
        row = self.session.execute(self._said(conversation_id).where(Message.id == message_id)).one_or_none()
        if row is None:
            raise NotFound(message_id)
        return Said(*row)

    def offered(self, conversation_id: int) -> Sequence[Message]:
        """What the fan was asked to pay for last, the latest first."""
        last = (
            select(Message.id)
            .where(*self._here(conversation_id))
            .order_by(Message.sent_at.desc(), Message.id.desc())
            .limit(AMONG)
            .subquery()
        )
        query = (
            select(Message)
            .join(last, last.c.id == Message.id)
            .where(
                Message.workspace_id == self.workspace_id,
                Message.direction == Direction.OUTBOUND,
                Message.price_cents > 0,
            )
            .order_by(Message.sent_at.desc(), Message.id.desc())
            .limit(OFFERED)
        )
        return self.session.scalars(query).all()

    def last_purchase(self, subscriber_id: int) -> Transaction | None:
        """The last payment that was no subscription."""
        query = (
            select(Transaction)
            .where(
                Transaction.workspace_id == self.workspace_id,
                Transaction.subscriber_id == subscriber_id,
                Transaction.status == TransactionStatus.COMPLETED,
                Transaction.type.not_in(
                    (TransactionType.SUBSCRIPTION, TransactionType.RENEWAL, TransactionType.CHARGEBACK)
                ),
            )
            .order_by(Transaction.occurred_at.desc(), Transaction.id.desc())
            .limit(1)
        )
        return self.session.scalar(query)

    def found(self, ids: Sequence[int]) -> list[Message]:
        """Those messages that were not taken back, the latest first."""
        query = (
            select(Message)
            .where(Message.workspace_id == self.workspace_id, Message.id.in_(ids), Message.deleted_at.is_(None))
            .order_by(Message.sent_at.desc(), Message.id.desc())
        )
        return list(self.session.scalars(query))

    def _from(self, conversation_id: int, message_id: int) -> str:
        sent_at = self.session.scalar(
            select(Message.sent_at).where(*self._here(conversation_id), Message.id == message_id)
        )
        if sent_at is None:
            raise NotFound(message_id)
        return LATEST.around(_Place(_Time(sent_at), message_id + 1))  # behind it would leave it out

    def _here(self, conversation_id: int) -> tuple[Any, ...]:
        return Message.workspace_id == self.workspace_id, Message.conversation_id == conversation_id

    def _said(self, conversation_id: int) -> Select[Any]:
        said: Any = select(Message, User.name).outerjoin(User, User.id == Message.author_id)
        found: Select[Any] = said.where(*self._here(conversation_id))
        return found


def written_by(said: Said, viewer_id: UserId) -> str:
    """The teammate who wrote it; "" for one's own, and for what the platform told."""
    mine = said.message.author_id in (None, viewer_id)
    return "" if mine else said.author or ""
