"""Who is signed in: browser sessions, API tokens, and the text that an expired session interrupted.

Only the SHA-256 of a token is stored: the token has 256 random bits, so a slow hash adds nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Identity, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, WorkspaceId, choice

IDLE = timedelta(days=14)
"""A session nobody used for this long is over (ASVS 7.3.1: our figure for a phone in daily use)."""
ABSOLUTE = timedelta(days=90)
"""A session is over this long after the sign-in, used or not (ASVS 7.3.2)."""
CONFIRMED = timedelta(minutes=10)
"""What can do great harm asks for the password again when it was given longer ago (ASVS 7.5.1: our figure)."""
PARKED = timedelta(hours=1)
"""How long typed text waits for its author to sign in again."""


class SignIn(Base):
    """A browser session. It outlives its end by a while, so that typed text finds its author."""

    __tablename__ = "sign_ins"

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    workspace_id: Mapped[WorkspaceId] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    user_agent: Mapped[str]
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[CreatedAt]
    confirmed_at: Mapped[CreatedAt]  # when the password was last given
    ended_at: Mapped[datetime | None]


class TokenScope(StrEnum):
    """What a token may be used for: reading alone (GET), or all that its member may do."""

    READ = "read"
    WRITE = "write"


class ApiToken(Tenant, Base):
    """A personal bearer token: acts as its user with their role of that moment, in one workspace."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "user_id"],
            ["memberships.workspace_id", "memberships.user_id"],
            ondelete="CASCADE",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[UserId]
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scope: Mapped[TokenScope] = mapped_column(choice(TokenScope, "scope"), server_default="write")
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ParkedForm(Base):
    """What was typed into a form whose session had ended; encrypted for its author."""

    __tablename__ = "parked_forms"

    id: Mapped[Id]
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]
