"""The times in which a fan was subscribed, as the platform tells them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, Tenant


class SubscriptionPeriod(Tenant, Base):
    """One paid (or free) stretch. price_cents is None where the platform did not say it."""

    __tablename__ = "subscription_periods"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="CASCADE",
        ),
    )

    subscriber_id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime | None]
    price_cents: Mapped[Cents | None]
