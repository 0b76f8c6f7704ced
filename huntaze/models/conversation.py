"""The chat with one fan, and what was said in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Sequence,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, CreatedAt, Id, Tenant, Touched, UserId, choice

_OURS = text("key IS NOT NULL")
_OPEN = text("closed_at IS NULL")


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Conversation(Tenant, Base):
    """One for each fan. account_id: None for a fan of no platform account, to whom nothing can be sent from here.

    platform_unread: messages that the platform calls unread. behind: the platform has messages of it that we have not
    read yet. The database keeps, with each change of a message (migrations/functions): last_message_id and its time;
    waiting_since, when the fan wrote what nobody has answered yet; unread, what the fan wrote since read_at, up to
    100. A fan who writes also ends snoozed_until and closed_at. touched_at: when any of this last changed.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "subscriber_id"),
        Index(
            "ix_conversations_behind",
            "workspace_id",
            "account_id",
            "last_message_at",
            postgresql_where=text("behind"),
        ),
        ForeignKeyConstraint(
            ["workspace_id", "assignee_id"],
            ["memberships.workspace_id", "memberships.user_id"],
            ondelete="SET NULL (assignee_id)",
        ),
        # One for each view of the inbox.
        Index("ix_conversations_open", "workspace_id", "last_message_at", "id", postgresql_where=_OPEN),
        Index("ix_conversations_closed", "workspace_id", "last_message_at", "id",
              postgresql_where=text("closed_at IS NOT NULL")),
        Index("ix_conversations_unread", "workspace_id", "last_message_at", "id",
              postgresql_where=text("unread > 0 AND closed_at IS NULL")),
        Index("ix_conversations_waiting", "workspace_id", "waiting_since", "id",
              postgresql_where=text("waiting_since IS NOT NULL AND closed_at IS NULL")),
        Index("ix_conversations_assignee", "workspace_id", "assignee_id", "last_message_at", "id",
              postgresql_where=text("assignee_id IS NOT NULL")),
        Index("ix_conversations_pinned", "workspace_id", "pinned_at", "id",
              postgresql_where=text("pinned_at IS NOT NULL")),
        Index("ix_conversations_snoozed", "workspace_id", "snoozed_until", "id",
              postgresql_where=text("snoozed_until IS NOT NULL")),
        Index("ix_conversations_touched", "workspace_id", "touched_at", "id"),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int | None]
    subscriber_id: Mapped[int]
    can_send: Mapped[bool] = mapped_column(server_default="true")
    platform_unread: Mapped[int] = mapped_column(server_default="0")
    last_message_at: Mapped[datetime | None]
    behind: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]

    last_message_id: Mapped[int | None]
    unread: Mapped[int] = mapped_column(server_default="0")
    waiting_since: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    pinned_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    assignee_id: Mapped[UserId | None]
    touched_at: Mapped[Touched]


class DeliveryState(StrEnum):
    """What became of a message. What a platform told us is `sent`."""

    SCHEDULED = "scheduled"
    HELD = "held"
    """Waits for somebody's approval."""
    QUEUED = "queued"
    SENDING = "sending"
    """A call is under way, or it is being found out whether one went through."""
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It may have gone out or not: a person decides, and until then it is not sent again."""
    CANCELLED = "cancelled"


WAITING = (DeliveryState.SCHEDULED, DeliveryState.HELD, DeliveryState.QUEUED)
"""Nothing has been tried yet: it can be cancelled."""


class Failure(StrEnum):
    """Why a message did not go out, or is not known to have; blueprints say it in words, with what to do."""

    REFUSED = "refused"
    FAN_GONE = "fan_gone"
    NO_ANSWER = "no_answer"
    """The call broke off or nobody answered it, and the platform could not be asked what became of it."""
    KEY_MISMATCH = "key_mismatch"
    """The platform knows the key for another text."""
    REPLIED = "replied"
    """The fan wrote first, at which it was to be cancelled."""


class Message(Tenant, Base):
    """Something that was said, or is to be said, in plain text; price 0 is free.

    platform_id: the platform's; None until it gave one. account_id: None for a fan of no platform account; such a
    message is never queued. is_opened: whether the fan paid for it, where it had a price. deleted_at: the platform
    took it back. sent_at: of a message that is not sent, when it was written, or is to be queued.

    Of what we send: key goes along with each attempt, and finds a message that is submitted twice; bulk messages wait
    for all that a person typed; place is its number in the line of its class, given when it is queued; author_id
    wrote it, at queued_at; media are ids of the platform's vault; settled_by: who decided what had become of it;
    unsend_asked_at: since when it is to be taken back. touched_at: when the row last changed; a trigger keeps it.
    """

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "conversation_id"],
            ["conversations.workspace_id", "conversations.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "conversation_id", "platform_id"),
        Index("uq_messages_key", "workspace_id", "key", unique=True, postgresql_where=_OURS),
        Index("ix_messages_conversation", "workspace_id", "conversation_id", "sent_at", "id"),
        # Few of millions are under way; these find them, and `outgoing` the pages of what we sent.
        Index("ix_messages_queue", "workspace_id", "account_id", "bulk", "place",
              postgresql_where=text("state = 'queued'")),
        Index("ix_messages_sending", "workspace_id", "account_id", "conversation_id",
              postgresql_where=text("state = 'sending'")),
        Index("ix_messages_scheduled", "sent_at", postgresql_where=text("state = 'scheduled'")),
        Index("ix_messages_waiting", "workspace_id", "conversation_id",
              postgresql_where=text("state IN ('scheduled', 'held', 'queued')")),
        Index("ix_messages_unsending", "unsend_asked_at",
              postgresql_where=text("unsend_asked_at IS NOT NULL AND deleted_at IS NULL")),
        # A search looks at each entry that waits to be put in its place: there are few.
        Index("ix_messages_search", text("message_words(workspace_id, sent_at, body)"), postgresql_using="gin",
              postgresql_with={"gin_pending_list_limit": 64}),
        Index("ix_messages_said", "workspace_id", "sent_at"),
        Index("ix_messages_outgoing", "workspace_id", "id", postgresql_where=_OURS),
        Index("ix_messages_lately", "workspace_id", "sent_at", postgresql_where=_OURS),
        Index("ix_messages_state", "workspace_id", "account_id", "state", "id", postgresql_where=_OURS),
        CheckConstraint("price_cents >= 0", "price"),
        CheckConstraint("state <> 'queued' OR (place IS NOT NULL AND account_id IS NOT NULL)", "queued"),
        CheckConstraint("state = 'sent' OR key IS NOT NULL", "key"),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int | None]
    conversation_id: Mapped[int]
    platform_id: Mapped[str | None]
    direction: Mapped[Direction] = mapped_column(choice(Direction, "direction"))
    state: Mapped[DeliveryState] = mapped_column(choice(DeliveryState, "state"), server_default=DeliveryState.SENT)
    body: Mapped[str] = mapped_column(server_default="")
    price_cents: Mapped[Cents] = mapped_column(server_default="0")
    is_tip: Mapped[bool] = mapped_column(server_default="false")
    media_count: Mapped[int] = mapped_column(server_default="0")
    is_opened: Mapped[bool | None]
    sent_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]

    key: Mapped[UUID | None] = mapped_column(Uuid)
    bulk: Mapped[bool] = mapped_column(server_default="false")
    place: Mapped[int | None]
    author_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    queued_at: Mapped[datetime | None]
    cancel_on_reply: Mapped[bool] = mapped_column(server_default="false")
    media: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    failure: Mapped[Failure | None] = mapped_column(choice(Failure, "failure"))
    settled_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    unsend_asked_at: Mapped[datetime | None]
    touched_at: Mapped[Touched]


PLACES = Sequence("message_places", metadata=Base.metadata)
"""Numbers of Message.place."""
