"""What a platform account has beside fans, chats and payments: payouts, the vault, tracking links."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, Tenant


def _of_account() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["workspace_id", "account_id"],
        ["platform_accounts.workspace_id", "platform_accounts.id"],
        ondelete="CASCADE",
    )


class Payout(Tenant, Base):
    """Money that the platform pays to the creator. `state` is the platform's word; `platform_id` is the invoice's,
    or the time where it has none."""

    __tablename__ = "payouts"
    __table_args__ = (_of_account(),)

    account_id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[str] = mapped_column(primary_key=True)
    amount_cents: Mapped[Cents]
    currency: Mapped[str]
    state: Mapped[str]
    requested_at: Mapped[datetime]


class VaultItem(Tenant, Base):
    """A photo, video or sound in the platform's vault: what a message can carry."""

    __tablename__ = "vault_items"
    __table_args__ = (_of_account(),)

    account_id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    duration_seconds: Mapped[int | None]
    is_ready: Mapped[bool]
    failed: Mapped[bool]
    created_at: Mapped[datetime | None]


class TrackingLink(Tenant, Base):
    """A link by which fans come, with what came of it so far."""

    __tablename__ = "tracking_links"
    __table_args__ = (_of_account(),)

    account_id: Mapped[int] = mapped_column(primary_key=True)
    platform_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    clicks: Mapped[int]
    fans: Mapped[int]
    revenue_cents: Mapped[Cents | None]  # None while the platform still adds it up
    created_at: Mapped[datetime | None]
