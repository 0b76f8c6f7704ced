"""Fans of the creator, with their tags and notes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, query_expression

from huntaze.models.base import Base, Cents, CreatedAt, Id, Tenant, UserId, choice


class Tier(StrEnum):
    FREE = "free"
    BASIC = "basic"
    PREMIUM = "premium"
    VIP = "vip"


class Status(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class TagName(TypedDict):
    """A tag as a fan's row carries it."""

    id: int
    name: str


_LISTED = text("archived_at IS NULL")


class Subscriber(Tenant, Base):
    """A fan. User name and e-mail are stored folded (lower case), as the platform compares them.

    Money is in minor units of the workspace's currency; `total_spent_cents` is the gross sum of
    the completed transactions, kept by what writes transactions. Of a fan with an account the platform says names,
    status, price and dates; e-mail, tier, country, tags and notes are ours. `search_text` is folded by the
    database (case and accents) and begins each word with a space, see migrations/functions.
    """

    __tablename__ = "subscribers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        # A person may be a fan of two accounts. The account comes last: lists are in the order of names, and files
        # name no account.
        Index("uq_subscribers_workspace_id_username", "workspace_id", "username", "account_id", unique=True,
              postgresql_nulls_not_distinct=True),
        Index("uq_subscribers_platform_id", "workspace_id", "platform_id", "account_id", unique=True,
              postgresql_nulls_not_distinct=True, postgresql_where=text("platform_id IS NOT NULL")),
        Index("ix_subscribers_account", "workspace_id", "account_id", "id",
              postgresql_where=text("account_id IS NOT NULL")),
        CheckConstraint("length(platform_id) BETWEEN 1 AND 64", "platform_id_length"),
        CheckConstraint("username = lower(username) AND length(username) BETWEEN 1 AND 100", "username_folded"),
        CheckConstraint("length(display_name) <= 100", "display_name_length"),
        CheckConstraint("email = lower(email) AND length(email) <= 254", "email_folded"),
        CheckConstraint("monthly_price_cents >= 0", "monthly_price"),
        # One index for each order of the list; the archived are few and have their own.
        Index("ix_subscribers_joined", "workspace_id", "joined_at", "id", postgresql_where=_LISTED),
        Index("ix_subscribers_spent", "workspace_id", "total_spent_cents", "id", postgresql_where=_LISTED),
        Index("ix_subscribers_seen", "workspace_id", "seen_at", "id", postgresql_where=_LISTED),
        Index("ix_subscribers_renews", "workspace_id", "renews_at", "id", postgresql_where=_LISTED),
        # And one for the filters that leave few: without it a page of them read half of 1,000,000 rows.
        Index("ix_subscribers_state", "workspace_id", "status", "tier", "joined_at", "id", postgresql_where=_LISTED),
        Index("ix_subscribers_archived", "workspace_id", "archived_at",
              postgresql_where=text("archived_at IS NOT NULL")),
        Index("ix_subscribers_search", "workspace_id", "search_text", postgresql_using="gin",
              postgresql_ops={"search_text": "gin_trgm_ops"}),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int | None]  # of which platform account; None: typed in, or from a file
    platform_id: Mapped[str | None]  # what the platform calls them; a user name may change, this does not
    username: Mapped[str] = mapped_column()
    display_name: Mapped[str] = mapped_column(server_default="")
    email: Mapped[str | None]
    tier: Mapped[Tier] = mapped_column(choice(Tier, "tier"), server_default=Tier.FREE)
    status: Mapped[Status] = mapped_column(choice(Status, "status"), server_default=Status.ACTIVE)
    monthly_price_cents: Mapped[Cents] = mapped_column(server_default="0")
    total_spent_cents: Mapped[Cents] = mapped_column(server_default="0")
    country: Mapped[str] = mapped_column(server_default="")
    joined_at: Mapped[CreatedAt]
    last_active_at: Mapped[datetime | None]
    # When the fan was last there: at least when they joined. A column, because coalesce() in a query
    # would keep row-level security from the index.
    seen_at: Mapped[datetime] = mapped_column(Computed("coalesce(last_active_at, joined_at)", persisted=True))
    renews_at: Mapped[datetime | None]  # when the paid time ends; for an expired fan, when it did
    renews: Mapped[bool | None]  # whether it goes on then by itself; None: nobody said
    listed_at: Mapped[datetime | None]  # when a sweep of all fans last met them
    vanished_at: Mapped[datetime | None]  # since when the platform no longer lists them
    archived_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt] = mapped_column(onupdate=func.now())
    search_text: Mapped[str] = mapped_column(
        Computed("fold(' ' || username || ' ' || display_name || ' ' || coalesce(email, ''))", persisted=True),
        deferred=True,
    )
    tags: Mapped[list[TagName]] = query_expression()  # by name; SubscriberService loads it with the row

    @property
    def name(self) -> str:
        """What to call the fan: the display name, or the user name where there is none."""
        return self.display_name or self.username


class Tag(Tenant, Base):
    """A word of the workspace's own for its fans; compared without case, shown as first typed."""

    __tablename__ = "tags"
    __table_args__ = (
        Index("uq_tags_workspace_id_name", "workspace_id", text("lower(name)"), unique=True),
        CheckConstraint("length(name) BETWEEN 1 AND 40", "name_length"),
    )

    id: Mapped[Id]
    name: Mapped[str]
    created_at: Mapped[CreatedAt]


class SubscriberTag(Tenant, Base):
    """Rows and not an array: an array operator can't use its index under row-level security."""

    __tablename__ = "subscriber_tags"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["workspace_id", "tag_id"], ["tags.workspace_id", "tags.id"], ondelete="CASCADE"),
        Index("ix_subscriber_tags_tag", "workspace_id", "tag_id", "subscriber_id"),
    )

    subscriber_id: Mapped[int] = mapped_column(primary_key=True)
    tag_id: Mapped[int] = mapped_column(primary_key=True)


class Note(Tenant, Base):
    """What a member wrote down about a fan."""

    __tablename__ = "notes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="CASCADE",
        ),
        Index("ix_notes_subscriber", "workspace_id", "subscriber_id", "created_at", "id"),
        CheckConstraint("length(body) BETWEEN 1 AND 5000", "body_length"),
    )

    id: Mapped[Id]
    subscriber_id: Mapped[int]
    author_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    body: Mapped[str]
    created_at: Mapped[CreatedAt]
