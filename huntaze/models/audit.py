"""Who did what in a workspace that its owner may want to know: rows are only ever added."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId


class Action(StrEnum):
    """What was done, as `subject.verb`."""

    SUBSCRIBERS_IMPORTED = "subscribers.imported"
    SUBSCRIBERS_EXPORTED = "subscribers.exported"
    IMPORT_UNDONE = "import.undone"


class AuditEvent(Tenant, Base):
    """One thing that was done. `detail` holds numbers and words of ours, never a text or a name of a person."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_newest", "workspace_id", "created_at", "id"),)

    id: Mapped[Id]
    actor_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    action: Mapped[str]
    subject_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[CreatedAt]
