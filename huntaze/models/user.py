"""People who log in, how they look, and what they may do in a workspace."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, choice


class Role(StrEnum):
    """From the least to the most: each may do what the one before may."""

    VIEWER = "viewer"
    CHATTER = "chatter"
    MANAGER = "manager"
    OWNER = "owner"

    def covers(self, needed: Role) -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class User(Base):
    """A person who logs in. The e-mail is stored folded (lower case), so that it is unique as people mean it.

    `email_confirmed_at`: when a link that was mailed there was opened, or when an operator vouched for it.
    time_zone: IANA; where it is null the person lives by the workspace's. picture: the digest of their picture,
    which makes its address.
    """

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("email = lower(email)", "email_folded"),)

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    email_confirmed_at: Mapped[datetime | None]
    name: Mapped[str]
    password_hash: Mapped[str]
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    picture: Mapped[str | None]
    created_at: Mapped[CreatedAt]


class Picture(Base):
    """How a person looks: a WebP of 256 by 256 pixels that we made. Not in `users`, which each request reads."""

    __tablename__ = "pictures"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    webp: Mapped[bytes] = mapped_column(LargeBinary)


class Membership(Tenant, Base):
    """One person's role in one workspace."""

    __tablename__ = "memberships"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[Role] = mapped_column(choice(Role, "role"))
    created_at: Mapped[CreatedAt]
