"""Invitations to a workspace."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, choice
from huntaze.models.user import Role

VALID = timedelta(days=7)
"""An invitation can be accepted for this long after it was last sent."""


class State(StrEnum):
    """Where an invitation stands; only an open one can be accepted."""

    OPEN = "open"
    EXPIRED = "expired"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


class Invitation(Tenant, Base):
    """Somebody is asked to join. Two links lead to it, of which only the hashes are stored.

    One is shown to whoever invites, to be passed on where there is no mail; the other is only ever in the mail, so
    that who opens it has the mailbox.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("email = lower(email)", "email_folded"),
        # One that waits for each address: two requests at once make one invitation.
        Index(
            "uq_invitations_waiting",
            "workspace_id",
            "email",
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    email: Mapped[str]
    role: Mapped[Role] = mapped_column(choice(Role, "role"))
    shown_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    mailed_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    inviter_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[CreatedAt]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    def state(self, now: datetime) -> State:
        if self.revoked_at:
            return State.REVOKED
        if self.accepted_at:
            return State.ACCEPTED
        return State.OPEN if now < self.sent_at + VALID else State.EXPIRED
