"""The chat with one fan, and what was said in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, CreatedAt, Id, Tenant, choice


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Conversation(Tenant, Base):
    """One for each fan of a platform account. platform_unread: messages that the platform calls unread.
    behind: the platform has messages of it that we have not read yet."""

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
        Index("ix_conversations_newest", "workspace_id", "last_message_at", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int]
    subscriber_id: Mapped[int]
    can_send: Mapped[bool] = mapped_column(server_default="true")
    platform_unread: Mapped[int] = mapped_column(server_default="0")
    last_message_at: Mapped[datetime | None]
    behind: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]


class Message(Tenant, Base):
    """Something that was said, in plain text. `platform_id` is the platform's; price 0 is free.

    is_opened: whether the fan paid for it, where it had a price. deleted_at: the platform took it back.
    """

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "conversation_id"],
            ["conversations.workspace_id", "conversations.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "conversation_id", "platform_id"),
        Index("ix_messages_conversation", "workspace_id", "conversation_id", "sent_at", "id"),
        CheckConstraint("price_cents >= 0", "price"),
    )

    id: Mapped[Id]
    conversation_id: Mapped[int]
    platform_id: Mapped[str]
    direction: Mapped[Direction] = mapped_column(choice(Direction, "direction"))
    body: Mapped[str] = mapped_column(server_default="")
    price_cents: Mapped[Cents] = mapped_column(server_default="0")
    is_tip: Mapped[bool] = mapped_column(server_default="false")
    media_count: Mapped[int] = mapped_column(server_default="0")
    is_opened: Mapped[bool | None]
    sent_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
