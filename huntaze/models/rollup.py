"""The figures of each day: written by triggers on the raw rows (migrations/functions), folded by a job.

A day may have any number of rows of the same kind. They add up: to what the raw rows of that day say, in every
snapshot of the database. Who reads sums; who folds replaces rows by their sum. The days are those of the workspace's
time zone.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, Cents, Id, Tenant, choice
from huntaze.models.subscriber import Status
from huntaze.models.transaction import TransactionType

_UNFOLDED = text("NOT folded")


class DailyEarnings(Tenant, Base):
    """Of the completed transactions of a day, by type. Minor units of the workspace's currency."""

    __tablename__ = "daily_earnings"
    __table_args__ = (
        Index("ix_daily_earnings_day", "workspace_id", "day", "type"),
        Index("ix_daily_earnings_unfolded", "workspace_id", postgresql_where=_UNFOLDED),
    )

    id: Mapped[Id]
    day: Mapped[date]
    type: Mapped[TransactionType] = mapped_column(choice(TransactionType, "type"))
    gross_cents: Mapped[Cents]
    net_cents: Mapped[Cents]
    payments: Mapped[int]
    folded: Mapped[bool] = mapped_column(server_default=text("false"))


class FanEvent(StrEnum):
    """What a fan does on a day: `joined_at` and `renews_at`."""

    JOINED = "joined"
    RENEWS = "renews"


class DailySubscribers(Tenant, Base):
    """How many fans joined on a day, or renew on it, by the status that they have now. Without the archived."""

    __tablename__ = "daily_subscribers"
    __table_args__ = (
        Index("ix_daily_subscribers_day", "workspace_id", "event", "day", "status"),
        Index("ix_daily_subscribers_unfolded", "workspace_id", postgresql_where=_UNFOLDED),
    )

    id: Mapped[Id]
    event: Mapped[FanEvent] = mapped_column(choice(FanEvent, "event"))
    day: Mapped[date]
    status: Mapped[Status] = mapped_column(choice(Status, "status"))
    fans: Mapped[int]
    folded: Mapped[bool] = mapped_column(server_default=text("false"))
