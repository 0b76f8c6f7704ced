"""What a person shows beside the password, or instead of it: an authenticator app, recovery codes, passkeys.

All of it belongs to a person and to no workspace, and is out of reach of the app's role.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, UserId

HALFWAY = timedelta(minutes=10)
"""So long after the password the code may be given."""
ATTEMPTS = 5
"""So many codes may be tried after one password."""
CHALLENGE = timedelta(minutes=5)
"""So long a passkey may take to answer (WebAuthn §15.1 recommends 5 to 10 minutes)."""


class AuthenticatorApp(Base):
    """The secret that a person's authenticator app shares with us, sealed for that person (RFC 6238)."""

    __tablename__ = "authenticator_apps"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int]  # of 30 seconds since 1970, of the last code that was taken: none before it is taken again
    failures: Mapped[int] = mapped_column(server_default="0")  # codes tried since one was right
    try_at: Mapped[CreatedAt]  # the next code may be tried then
    created_at: Mapped[CreatedAt]


class RecoveryCode(Base):
    """A code on paper, for the day that the phone is lost. It is deleted when it is used."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class HalfSignIn(Base):
    """Someone who gave the right password, and no code yet: nobody is signed in."""

    __tablename__ = "half_sign_ins"

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    password_hash: Mapped[str]  # as it was: with another password this is over
    attempts: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[CreatedAt]


class Passkey(Base):
    """A key pair of which the device keeps the private half (WebAuthn)."""

    __tablename__ = "passkeys"

    id: Mapped[Id]
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    user_handle: Mapped[bytes] = mapped_column(LargeBinary)  # random: what devices call this person
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]  # 0 for ever where the key is on several devices
    name: Mapped[str]
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None]


class SpentChallenge(Base):
    """A challenge that a passkey has answered: it is not taken again."""

    __tablename__ = "spent_challenges"

    challenge_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[CreatedAt]
