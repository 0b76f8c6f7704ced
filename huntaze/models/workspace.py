"""The tenant: one creator's business."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ColumnElement, func, or_
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id

GRACE = timedelta(days=7)
"""Between the wish to delete a workspace and its deletion: long enough to come back from a bad week."""


class Workspace(Base):
    """A creator's business. All its money is in `currency` (ISO 4217), its days are in `time_zone` (IANA)."""

    __tablename__ = "workspaces"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 100", "name_length"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", "currency_code"),
    )

    id: Mapped[Id]
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(server_default="USD")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    created_at: Mapped[CreatedAt]
    delete_at: Mapped[datetime | None]  # asked to be deleted: open until then, and gone a while after

    @classmethod
    def is_open(cls) -> ColumnElement[bool]:
        """As a condition: its time has not come."""
        return or_(cls.delete_at.is_(None), cls.delete_at > func.now())
