"""Who did what in a workspace that its owner may want to know: rows are only ever added."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId


class Action(StrEnum):
    """What was done, as `subject.verb`. blueprints/audit_words.py has the words for each."""

    INVITATION_RESENT = "invitation.resent"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_SENT = "invitation.sent"
    MEMBER_JOINED = "member.joined"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    ROLE_CHANGED = "member.role_changed"
    TOKEN_CREATED = "token.created"  # noqa: S105  the name of an action
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    WORKSPACE_CHANGED = "workspace.changed"

    SECOND_FACTOR_ON = "second_factor.turned_on"
    SECOND_FACTOR_OFF = "second_factor.turned_off"
    RECOVERY_CODES_RENEWED = "recovery_codes.renewed"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_REMOVED = "passkey.removed"

    SUBSCRIBER_EXPORTED = "subscriber.exported"
    SUBSCRIBER_ERASED = "subscriber.erased"
    SUBSCRIBER_READMITTED = "subscriber.readmitted"
    """Added although this fan had asked to be erased."""
    WORKSPACE_EXPORTED = "workspace.exported"
    WORKSPACE_DELETION_ASKED = "workspace.deletion_asked"
    WORKSPACE_KEPT = "workspace.kept"

    PASSWORD_CHANGED = "password.changed"  # noqa: S105  by a member, of their own
    PASSWORD_RESET = "password.reset"  # noqa: S105  by a link in a mail
    EMAIL_CHANGED = "email.changed"

    SUBSCRIBERS_IMPORTED = "subscribers.imported"
    SUBSCRIBERS_EXPORTED = "subscribers.exported"
    IMPORT_UNDONE = "import.undone"

    PLATFORM_CONNECTED = "platform.connected"
    PLATFORM_KEY_REPLACED = "platform.key_replaced"
    PLATFORM_WEBHOOK_RENEWED = "platform.webhook_renewed"
    PLATFORM_POLICY_ACCEPTED = "platform.policy_accepted"
    PLATFORM_DISCONNECTED = "platform.disconnected"
    PLATFORM_ERASED = "platform.erased"


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
