"""Accounts on a subscription platform: how we reach them, how they fare, and how far each has been read."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, choice

LEASE = timedelta(minutes=2)
"""So long one worker has an account's sync to itself; each stored page renews it."""


class Platform(StrEnum):
    ONLYFANS = "onlyfans"


class Health(StrEnum):
    """How the last call to the platform went; blueprints say it in words, with what to do."""

    CONNECTED = "connected"
    KEY_REFUSED = "key_refused"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    SESSION_EXPIRED = "session_expired"
    LIMITED = "limited"
    UNREACHABLE = "unreachable"
    GARBLED = "garbled"
    DISCONNECTED = "disconnected"


class PlatformAccount(Tenant, Base):
    """A connected account. The key is sealed for this workspace and account, and is never shown again.

    external_id: what the gateway calls the account. webhook_hash: SHA-256 of the token in the address that
    webhooks are posted to. credits_left: calls that the gateway still allows; minute_left: in this minute.
    connected_at: what is older than that is history, and no news (domain_events). lease: whose sync runs; a
    number that only grows, so that a worker that was late can tell (a fence).
    erase_asked_at: since then everything that was read of the account is being deleted, and at last this row.
    """

    __tablename__ = "platform_accounts"
    __table_args__ = (
        UniqueConstraint("workspace_id", "platform", "external_id"),
        CheckConstraint("length(external_id) BETWEEN 1 AND 100", "external_id_length"),
        CheckConstraint("key_sealed IS NOT NULL OR health = 'disconnected'", "key"),
    )

    id: Mapped[Id]
    platform: Mapped[Platform] = mapped_column(choice(Platform, "platform"))
    external_id: Mapped[str]
    username: Mapped[str] = mapped_column(server_default="")
    display_name: Mapped[str] = mapped_column(server_default="")
    key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    webhook_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    webhook_secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    health: Mapped[Health] = mapped_column(choice(Health, "health"), server_default=Health.CONNECTED)
    health_at: Mapped[CreatedAt]
    retry_at: Mapped[datetime | None]
    credits_left: Mapped[int | None]
    minute_limit: Mapped[int | None]
    minute_left: Mapped[int | None]
    policy_version: Mapped[str | None]
    policy_accepted_at: Mapped[datetime | None]
    policy_accepted_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    connected_at: Mapped[CreatedAt]
    synced_at: Mapped[datetime | None]
    sync_wanted_at: Mapped[datetime | None]
    lease: Mapped[int] = mapped_column(server_default="0")
    leased_until: Mapped[datetime | None]
    erase_asked_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]

    @property
    def may_be_called(self) -> bool:
        return self.key_sealed is not None

    @property
    def handle(self) -> str:
        """Its name at the platform, or the gateway's id where it told none."""
        return self.username or self.external_id


class Resource(StrEnum):
    """What is read of an account, in the order of a first import."""

    FANS_ACTIVE = "fans_active"
    FANS_EXPIRED = "fans_expired"
    TRANSACTIONS = "transactions"
    CHARGEBACKS = "chargebacks"
    CHATS = "chats"
    MESSAGES = "messages"
    PAYOUTS = "payouts"
    MEDIA = "media"
    LINKS = "links"
    SWEEP = "sweep"
    """All fans once more, for those who are gone and for changed names."""


class SyncState(Tenant, Base):
    """How far one resource of one account has been read.

    A pass is under way while started_at is set: cursor is where it goes on (None: at the beginning), seen how many
    rows came, rejected how many of them could not be read or kept, calls and credits what it cost. newest: up to
    there all is read, and the next pass starts (less an overlap); newest_in_pass becomes it at the end.
    finished_at: the end of the last complete pass, whose counts stay until the next one begins.
    """

    __tablename__ = "sync_states"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    resource: Mapped[Resource] = mapped_column(choice(Resource, "resource"), primary_key=True)
    cursor: Mapped[str | None]
    seen: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    calls: Mapped[int] = mapped_column(server_default="0")
    credits: Mapped[int] = mapped_column(server_default="0")
    newest: Mapped[datetime | None]
    newest_in_pass: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class WebhookDelivery(Tenant, Base):
    """What a platform posted to us, stored before anything is made of it; its body goes once that is done.

    reference: the platform's own key of the event (or a digest of the body, where it gives none).
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["platform_accounts.workspace_id", "platform_accounts.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "account_id", "reference"),
        Index(
            "ix_webhook_deliveries_waiting",
            "workspace_id",
            "account_id",
            "id",
            postgresql_where=text("processed_at IS NULL"),
        ),
        Index("ix_webhook_deliveries_received", "workspace_id", "account_id", "received_at", "id"),
    )

    id: Mapped[Id]
    account_id: Mapped[int]
    reference: Mapped[str]
    event: Mapped[str]
    known: Mapped[bool]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    received_at: Mapped[CreatedAt]
    processed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
