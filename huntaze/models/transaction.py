"""Money in and out, one row an event."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
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
    OTHER = "other"


class TransactionStatus(StrEnum):
    COMPLETED = "completed"
    PENDING = "pending"
    REFUNDED = "refunded"


class Transaction(Tenant, Base):
    """One payment. gross = what the fan paid without tax, net = gross - fee, all in minor units of `currency`.

    A chargeback is a row of its own with negative amounts; `reverses` is the platform's id of what it takes back.
    A payment that the platform calls reversed is `refunded`, and counts nothing, until that row is there.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="SET NULL (subscriber_id)",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "account_id", "platform_id"),
        Index("ix_transactions_reverses", "workspace_id", "account_id", "reverses",
              postgresql_where=text("reverses IS NOT NULL")),
        CheckConstraint("net_cents = gross_cents - fee_cents", "net"),
        Index("ix_transactions_subscriber", "workspace_id", "subscriber_id", "occurred_at", "id"),
        Index("ix_transactions_newest", "workspace_id", "occurred_at", "id"),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int | None]
    platform_id: Mapped[str | None]
    reverses: Mapped[str | None]
    subscriber_id: Mapped[int | None]  # None: the fan was erased; the money was earned all the same
    type: Mapped[TransactionType] = mapped_column(choice(TransactionType, "type"))
    status: Mapped[TransactionStatus] = mapped_column(choice(TransactionStatus, "status"))
    gross_cents: Mapped[Cents]
    fee_cents: Mapped[Cents]
    net_cents: Mapped[Cents]
    vat_cents: Mapped[Cents] = mapped_column(server_default="0")  # beside gross: the platform's to pay on
    currency: Mapped[str]
    occurred_at: Mapped[datetime]
