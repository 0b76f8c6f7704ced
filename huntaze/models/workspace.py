"""The tenant: one creator's business."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id


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
