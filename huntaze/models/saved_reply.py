"""Texts that a team writes again and again."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from huntaze.models.base import Base, CreatedAt, Id, Tenant


class SavedReply(Tenant, Base):
    """A text with a name of its own. Fields such as {name} become a fan's when it is put into a message."""

    __tablename__ = "saved_replies"
    __table_args__ = (
        Index("uq_saved_replies_workspace_id_name", "workspace_id", text("lower(name)"), unique=True),
        CheckConstraint("length(name) BETWEEN 1 AND 60", "name_length"),
        CheckConstraint("length(body) BETWEEN 1 AND 5000", "body_length"),
    )

    id: Mapped[Id]
    name: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[CreatedAt]
