"""Which periodic job ran when: the schedule has no leader, this row is its lock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base


class Tick(Base):
    """One run of one periodic job; whoever inserts the row runs it."""

    __tablename__ = "ticks"

    name: Mapped[str] = mapped_column(primary_key=True)
    tick: Mapped[datetime] = mapped_column(primary_key=True)
