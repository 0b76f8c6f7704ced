"""Money in and out, one row an event."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, Id, Tenant, choice


class TransactionType(StrEnum):
    SUBSCRIPTION = "subscription"
    RENEWAL = "renewal"
    TIP = "tip"
    MESSAGE = "message"
    PPV = "ppv"
    POST = "post"
    STREAM = "stream"
    REFERRAL = "referral"
    CHARGEBACK = "chargeback"


class TransactionStatus(StrEnum):
    COMPLETED = "completed"
    PENDING = "pending"
    REFUNDED = "refunded"


class Transaction(Tenant, Base):
    """One payment. gross = what the fan paid, net = gross - fee, all in minor units of `currency`."""

    __tablename__ = "transactions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="SET NULL (subscriber_id)",
        ),
        CheckConstraint("net_cents = gross_cents - fee_cents", "net"),
        Index("ix_transactions_subscriber", "workspace_id", "subscriber_id", "occurred_at", "id"),
        Index("ix_transactions_newest", "workspace_id", "occurred_at", "id"),
    )

    id: Mapped[Id]
    subscriber_id: Mapped[int | None]  # None: the fan was erased; the money was earned all the same
    type: Mapped[TransactionType] = mapped_column(choice(TransactionType, "type"))
    status: Mapped[TransactionStatus] = mapped_column(choice(TransactionStatus, "status"))
    gross_cents: Mapped[Cents]
    fee_cents: Mapped[Cents]
    net_cents: Mapped[Cents]
    currency: Mapped[str]
    occurred_at: Mapped[datetime]
