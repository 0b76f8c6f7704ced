"""How messages go out: a lane for each platform account, a row for each attempt, and the workers that drive them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, ForeignKeyConstraint, Index, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, choice


class Halt(StrEnum):
    """Why a lane stands still or waits; blueprints say it in words, with what to do."""

    PERSON = "person"
    """Somebody paused it."""
    LIMITED = "limited"
    """The platform asked to wait."""
    UNREACHABLE = "unreachable"
    GARBLED = "garbled"
    REFUSALS = "refusals"
    """It refused many messages in a row."""
    KEY_REFUSED = "key_refused"
    FORBIDDEN = "forbidden"


class Lane(Tenant, Base):
    """The way to one platform account: its pace, its wait, its pause, and which worker has it.

    completed_at: when the last calls ended, the latest last, as many as may begin within a second: the next one
    begins no earlier than a second after the first of them. not_before: the platform, or an error, asks to wait until
    then. failures: in a row. halt: why it waits or is paused. stop_at: from then on it is as if paused.
    worker_id: who has it as long as that worker's heart beats; fence: grows each time that one takes it, so that
    what a former one says late is known as such.
    """

    __tablename__ = "lanes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        Index("ix_lanes_worker", "worker_id", postgresql_where=text("worker_id IS NOT NULL")),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    completed_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default="{}")
    not_before: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    halt: Mapped[Halt | None] = mapped_column(choice(Halt, "halt"))
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    stop_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    worker_id: Mapped[int | None]


class AttemptOutcome(StrEnum):
    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    FOUND = "found"
    """Read back from the chat."""
    NOT_FOUND = "not_found"
    """The chat was read back, and it is not there."""
    LOST = "lost"
    """Its worker is gone."""


class Attempt(Tenant, Base):
    """One call that was to send a message, written down before it began.

    key and body: what was sent, word by word. deadline_at: by then the call has ended, whoever made it.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["messages.workspace_id", "messages.id"],
            ondelete="CASCADE",
        ),
        Index("ix_attempts_message", "workspace_id", "message_id", "id"),
        Index("ix_attempts_started", "started_at"),
    )

    id: Mapped[Id]
    message_id: Mapped[int]
    fence: Mapped[int]
    worker_id: Mapped[int]
    key: Mapped[UUID] = mapped_column(Uuid)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    started_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[AttemptOutcome | None] = mapped_column(choice(AttemptOutcome, "outcome"))
    detail: Mapped[str | None]


class DeliveryWorker(Base):
    """One run of a worker. Its lanes are free for others once its heart has not beaten for a while.

    process: the machine and the process id, for who looks for it.
    """

    __tablename__ = "delivery_workers"

    id: Mapped[Id]
    process: Mapped[str] = mapped_column(server_default="")
    heartbeat_at: Mapped[CreatedAt]
