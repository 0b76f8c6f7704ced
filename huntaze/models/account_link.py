"""What a link in a mail opens. The links themselves are nowhere: only the SHA-256 of their tokens is stored."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, UserId, choice


class Purpose(StrEnum):
    """What an account's link is for."""

    PASSWORD = "password"  # noqa: S105  to set a new one
    EMAIL = "email"  # to confirm an address: the account's own, or the one it is to have


LIFETIME = {Purpose.PASSWORD: timedelta(minutes=30), Purpose.EMAIL: timedelta(days=2)}
"""How long a link opens something. A mail that can't be delivered at once may take a day."""
REGISTRATION = timedelta(days=2)
"""How long a registration waits for its e-mail to be confirmed."""


class AccountLink(Base):
    """One link of each purpose an account: a new one replaces it, and who uses it deletes it.

    `email` is where it was sent.
    """

    __tablename__ = "account_links"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose, "purpose"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str]
    created_at: Mapped[CreatedAt]


class PendingAccount(Base):
    """A registration that waits for the click in the mail: until then there is no user, and no address is taken."""

    __tablename__ = "pending_accounts"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    email: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    business: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[CreatedAt]
