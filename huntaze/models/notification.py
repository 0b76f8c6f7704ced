"""What the bell shows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId


class Notification(Tenant, Base):
    """Something for one member to know. `url` is where it leads: a path of Huntaze."""

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"],
            ["memberships.workspace_id", "memberships.user_id"],
            ondelete="CASCADE",
        ),
        Index("ix_notifications_user", "workspace_id", "user_id", "created_at", "id"),
        CheckConstraint("url LIKE '/%' AND url NOT LIKE '//%'", "url_is_a_path"),
        Index("ix_notifications_unread", "workspace_id", "user_id", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    title: Mapped[str]
    body: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str | None]
    read_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
