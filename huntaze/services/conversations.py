"""The inbox: conversations found, opened, and put in order. What is done to one is in conversation_marks.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message
from huntaze.models.subscriber import Status, Subscriber, SubscriberTag, Tag
from huntaze.models.user import User
from huntaze.schemas.conversation import ConversationFilter, View
from huntaze.services.errors import NotFound
from huntaze.services.keyset import Order, Window, read_cents, read_time

PREVIEW = 3
"""Messages on the page of a fan."""
EXPIRING = timedelta(days=7)
"""A subscription that ends within this time is worth a word now."""
PINNED = 20
"""Conversations that can be pinned: they stand above all others, and more would hide those."""
NEWS = 10
"""Conversations that a stream tells of at once; who missed more of them reads the list anew."""


class Entry(NamedTuple):
    """A line of the inbox: the conversation, its fan, and what was said last (None where nothing was)."""

    conversation: Conversation
    fan: Subscriber
    last: Message | None
    assignee: str | None

    @property
    def id(self) -> int:
        return self.conversation.id


_LATEST = Order(
    "inbox",
    Conversation.last_message_at,
    Conversation.id,
    lambda row: row.conversation.last_message_at,
    read_time,
)
ORDERS = {
    View.OPEN: _LATEST,
    View.UNREAD: _LATEST,
    View.CLOSED: _LATEST,
    # Who has waited longest comes first.
    View.UNANSWERED: Order(
        "waiting",
        Conversation.waiting_since,
        Conversation.id,
        lambda row: row.conversation.waiting_since,
        read_time,
        descending=False,
    ),
    View.SNOOZED: Order(
        "snoozed",
        Conversation.snoozed_until,
        Conversation.id,
        lambda row: row.conversation.snoozed_until,
        read_time,
        descending=False,
    ),
    # These two are in the order of the fans, so that the fans' indexes find them.
    View.SPENDERS: Order(
        "spenders", Subscriber.total_spent_cents, Subscriber.id, lambda row: row.fan.total_spent_cents, read_cents
    ),
    View.EXPIRING: Order(
        "expiring", Subscriber.renews_at, Subscriber.id, lambda row: row.fan.renews_at, read_time, descending=False
    ),
}
OF_FANS = (View.SPENDERS, View.EXPIRING)


class _ByFan(NamedTuple):
    """An entry whose place in the list is its fan's."""

    entry: Entry

    @property
    def id(self) -> int:
        return self.entry.fan.id

    @property
    def fan(self) -> Subscriber:
        return self.entry.fan


@dataclass(frozen=True)
class Inbox(Window[Entry]):
    """A page of the inbox; above its first page stand the pinned ones."""

    pinned: Sequence[Entry] = ()


class ConversationService:
    """The conversations of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, wanted: ConversationFilter, viewer_id: UserId) -> Inbox:
        """The conversations of a view, behind or before the filter's cursor. One query, and one for pinned ones.

        Raises Invalid for a cursor of another list.
        """
        order = ORDERS[wanted.view]
        query = order.window(self._entries().where(*self._found(wanted, viewer_id)), wanted.after, wanted.before)
        rows = [Entry(*row) for row in self.session.execute(query)]
        if wanted.view in OF_FANS:
            by_fan = order.see([_ByFan(row) for row in rows], wanted.after, wanted.before)
            return Inbox([row.entry for row in by_fan.rows], by_fan.next, by_fan.previous)
        seen = order.see(rows, wanted.after, wanted.before)
        pinned = self._pinned(wanted, viewer_id) if wanted.view is View.OPEN and not seen.previous else ()
        return Inbox(seen.rows, seen.next, seen.previous, pinned)

    def news(self, wanted: ConversationFilter, viewer_id: UserId, since: datetime) -> list[tuple[Entry, bool]]:
        """Those that changed since, the last one last, and whether the filter (still) finds them."""
        query = (
            self._entries()
            .add_columns(and_(*self._found(wanted, viewer_id)).label("found"))
            .where(Conversation.workspace_id == self.workspace_id, Conversation.touched_at > since)
            .order_by(Conversation.touched_at.desc(), Conversation.id.desc())
            .limit(NEWS)
        )
        rows = self.session.execute(query).all()
        return [(Entry(*row[:4]), bool(row[4])) for row in reversed(rows)]

    def last_change(self) -> datetime | None:
        """When any conversation changed last: from then on a stream tells."""
        query = select(Conversation.touched_at).where(Conversation.workspace_id == self.workspace_id)
        return self.session.scalar(query.order_by(Conversation.touched_at.desc()).limit(1))

    def get(self, conversation_id: int) -> Entry:
        """Raises NotFound."""
        here = Conversation.workspace_id == self.workspace_id, Conversation.id == conversation_id
        row = self.session.execute(self._entries().where(*here)).one_or_none()
        if row is None:
            raise NotFound(conversation_id)
        return Entry(*row)

    def of_fan(self, subscriber_id: int) -> int | None:
        """The conversation with a fan, where there is one."""
        here = Conversation.workspace_id == self.workspace_id, Conversation.subscriber_id == subscriber_id
        return self.session.scalar(select(Conversation.id).where(*here))

    def open_with(self, subscriber_id: int) -> int:
        """The conversation with a fan, who may have none yet. Raises NotFound."""
        here = Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id
        fan = self.session.execute(select(Subscriber.account_id).where(*here)).one_or_none()
        if fan is None:
            raise NotFound(subscriber_id)
        self.session.execute(
            insert(Conversation)
            .values(
                workspace_id=self.workspace_id,
                subscriber_id=subscriber_id,
                account_id=fan.account_id,
                last_message_at=func.now(),  # its place in the list until something is said
            )
            .on_conflict_do_nothing(index_elements=["workspace_id", "subscriber_id"])
        )
        found = self.of_fan(subscriber_id)
        if found is None:
            raise NotFound(subscriber_id)
        return found

    def last_messages(self, subscriber_id: int) -> Sequence[Message]:
        """The last few that the platform did not take back, the latest first. One query, from the end of an index."""
        chat = (
            select(Conversation.id)
            .where(Conversation.workspace_id == self.workspace_id, Conversation.subscriber_id == subscriber_id)
            .scalar_subquery()
        )
        query = (
            select(Message)
            .where(Message.workspace_id == self.workspace_id, Message.conversation_id == chat)
            .where(Message.deleted_at.is_(None), Message.state == DeliveryState.SENT)
            .order_by(Message.sent_at.desc(), Message.id.desc())
            .limit(PREVIEW)
        )
        return self.session.scalars(query).all()

    def entries(self, ids: Sequence[int]) -> dict[int, Entry]:
        """Those of the conversations that there are, by id."""
        query = self._entries().where(Conversation.workspace_id == self.workspace_id, Conversation.id.in_(ids))
        return {row[0].id: Entry(*row) for row in self.session.execute(query)}

    def _entries(self) -> Select[Any]:
        workspace = Conversation.workspace_id
        fan = (Subscriber.workspace_id == workspace) & (Subscriber.id == Conversation.subscriber_id)
        last = (Message.workspace_id == workspace) & (Message.id == Conversation.last_message_id)
        entries: Any = select(Conversation, Subscriber, Message, User.name)
        joined: Select[Any] = (
            entries.join(Subscriber, fan)
            .outerjoin(Message, last)
            .outerjoin(User, User.id == Conversation.assignee_id)
        )
        return joined

    def _found(self, wanted: ConversationFilter, viewer_id: UserId) -> list[ColumnElement[bool]]:
        now = func.now()
        awake = or_(Conversation.snoozed_until.is_(None), Conversation.snoozed_until <= now)
        conditions = [
            Conversation.workspace_id == self.workspace_id,
            Conversation.closed_at.is_not(None) if wanted.view is View.CLOSED else Conversation.closed_at.is_(None),
        ]
        if wanted.view is View.OPEN:
            conditions += [awake, Conversation.last_message_at.is_not(None), Conversation.pinned_at.is_(None)]
        elif wanted.view is View.UNREAD:
            conditions += [Conversation.unread > 0]
        elif wanted.view is View.UNANSWERED:
            conditions += [awake, Conversation.waiting_since.is_not(None)]
        elif wanted.view is View.SPENDERS:
            conditions += [*self._fans(), Subscriber.total_spent_cents > 0]
        elif wanted.view is View.EXPIRING:
            soon = Subscriber.renews_at >= now, Subscriber.renews_at < now + EXPIRING
            conditions += [*self._fans(), *soon, Subscriber.status == Status.ACTIVE]
        elif wanted.view is View.SNOOZED:
            conditions += [Conversation.snoozed_until > now]
        if wanted.tag is not None:
            conditions.append(Conversation.subscriber_id.in_(self._tagged(wanted.tag)))
        if wanted.mine:
            conditions.append(Conversation.assignee_id == viewer_id)
        return conditions

    def _fans(self) -> tuple[ColumnElement[bool], ...]:
        """Said of the fans too, so that their index is used."""
        return Subscriber.workspace_id == self.workspace_id, Subscriber.archived_at.is_(None)

    def _pinned(self, wanted: ConversationFilter, viewer_id: UserId) -> list[Entry]:
        query = (
            self._entries()
            .where(
                Conversation.workspace_id == self.workspace_id,
                Conversation.pinned_at.is_not(None),
                Conversation.closed_at.is_(None),
            )
            .order_by(Conversation.pinned_at.desc(), Conversation.id.desc())
            .limit(PINNED)
        )
        if wanted.tag is not None:
            query = query.where(Conversation.subscriber_id.in_(self._tagged(wanted.tag)))
        if wanted.mine:
            query = query.where(Conversation.assignee_id == viewer_id)
        return [Entry(*row) for row in self.session.execute(query)]

    def _tagged(self, name: str) -> Select[int]:
        tag = select(Tag.id).where(Tag.workspace_id == self.workspace_id, func.lower(Tag.name) == func.lower(name))
        return select(SubscriberTag.subscriber_id).where(
            SubscriberTag.workspace_id == self.workspace_id, SubscriberTag.tag_id == tag.scalar_subquery()
        )
