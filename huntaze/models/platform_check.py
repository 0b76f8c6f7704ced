"""Questions to a platform that a person waits for: a worker asks them, and their page shows what came out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, choice
from huntaze.models.platform_account import Platform


class Question(StrEnum):
    CONNECT = "connect"
    """Which accounts does this key open?"""
    REPLACE = "replace"
    """Does this key open the account that we know?"""
    TEST = "test"
    """Does the account's own key work?"""


class CheckState(StrEnum):
    WAITING = "waiting"
    GOOD = "good"
    FAILED = "failed"


class Trouble(StrEnum):
    """Why a check failed: what a call may end with (as in Health), and what only a check finds."""

    KEY_REFUSED = "key_refused"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    SESSION_EXPIRED = "session_expired"
    LIMITED = "limited"
    UNREACHABLE = "unreachable"
    GARBLED = "garbled"
    NO_ACCOUNT = "no_account"
    OTHER_ACCOUNT = "other_account"


class FoundAccount(TypedDict):
    """An account that the key opens. connected: whether the gateway is signed in to it."""

    id: str
    username: str
    name: str
    connected: bool


class PlatformCheck(Tenant, Base):
    """One question. key_sealed: the key that it is about, until it is answered and used; TEST has none of its own."""

    __tablename__ = "platform_checks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        Index("ix_platform_checks_waiting", "created_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[Id]
    platform: Mapped[Platform] = mapped_column(choice(Platform, "platform"))
    question: Mapped[Question] = mapped_column(choice(Question, "question"))
    account_id: Mapped[int | None]
    key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[CheckState] = mapped_column(choice(CheckState, "state"), server_default=CheckState.WAITING)
    trouble: Mapped[Trouble | None] = mapped_column(choice(Trouble, "trouble"))
    retry_at: Mapped[datetime | None]
    found: Mapped[list[FoundAccount]] = mapped_column(JSONB, server_default="[]")
    asked_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]
