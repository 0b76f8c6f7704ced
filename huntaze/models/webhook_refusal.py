"""How often somebody posted to an account's webhook without the platform's signature."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Tenant


class WebhookRefusal(Tenant, Base):
    """One day (UTC) of one account. What was posted is kept nowhere."""

    __tablename__ = "webhook_refusals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    refused: Mapped[int]
    last_at: Mapped[datetime]
