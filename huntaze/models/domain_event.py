"""What happened in a creator's business: written with what caused it, read by automations and notifications."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, CreatedAt, Id, Tenant, choice


class EventKind(StrEnum):
    SUBSCRIBED = "subscribed"
    RENEWED = "renewed"
    EXPIRED = "expired"
    TIP = "tip"
    PURCHASE = "purchase"
    MESSAGE = "message"
    CHARGEBACK = "chargeback"


class DomainEvent(Tenant, Base):
    """One thing that happened, once: `reference` is its cause's own id, the same by webhook and by pull, behind the
    account's (7:pay_123).

    gross_cents: the money that moved, in the workspace's currency; None where none did. Readers go by `id`, which
    grows, and never by time: what a platform tells late has a time in the past.
    """

    __tablename__ = "domain_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "kind", "reference"),
        Index("ix_domain_events_newest", "workspace_id", "occurred_at", "id"),
        Index("ix_domain_events_subscriber", "workspace_id", "subscriber_id", "occurred_at", "id"),
    )

    id: Mapped[Id]
    subscriber_id: Mapped[int]
    kind: Mapped[EventKind] = mapped_column(choice(EventKind, "kind"))
    reference: Mapped[str]
    gross_cents: Mapped[Cents | None]
    occurred_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
