"""What platforms tell, and are told. Ids are the platform's, as text; times are aware and in UTC; money is in cents.

None stands for what the platform did not say. `raw` is what it said, for support; it is not part of equality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, NewType, TypeVar

from huntaze.adapters.platform.errors import Outcome, PlatformError

T = TypeVar("T")
Cents = NewType("Cents", int)
Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Capabilities:
    """What a platform can do, so that nobody above needs to ask which one it is."""

    idempotent_send: bool
    """Whether repeating a send with the same key sends once."""
    native_mass: bool
    vault_upload: bool
    webhooks: bool
    delete_within: timedelta | None
    """How long a message can be deleted; None: not at all."""
    price_min: Cents
    price_max: Cents
    price_needs_media: bool
    upload_max: int
    """Bytes."""
    read_back: bool = True
    """Whether a chat can be asked for what was sent into it."""


@dataclass(frozen=True)
class Limits:
    """What is left to spend, as of the answer that said so."""

    credits_used: int | None = None
    """By this call."""
    credits_left: int | None = None
    per_minute: int | None = None
    left_this_minute: int | None = None


@dataclass(frozen=True)
class Rejected:
    """A row of an answer that could not be read. `reason` names fields, and shows no values."""

    reason: str
    raw: object = field(repr=False)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the page behind them: None at the end. A page may be short, or empty."""

    rows: tuple[T, ...]
    next: str | None
    limits: Limits
    rejected: tuple[Rejected, ...] = ()


class FanKind(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    ALL = "all"


@dataclass(frozen=True)
class Spent:
    total: Cents
    subscriptions: Cents
    tips: Cents
    messages: Cents
    posts: Cents
    streams: Cents


@dataclass(frozen=True)
class Fan:
    id: str
    username: str | None
    name: str | None
    nickname: str | None
    """What the creator calls this fan on the platform."""
    active: bool | None
    renews: bool | None
    subscribed_at: datetime | None
    expires_at: datetime | None
    price: Cents | None
    spent: Spent | None
    last_seen: datetime | None
    lists: tuple[str, ...]
    """Ids of the creator's lists that this fan is on."""
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Period:
    """One paid stretch of a subscription."""

    start: datetime
    end: datetime | None
    price: Cents | None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Message:
    id: str
    chat_id: str
    mine: bool
    text: str
    """Plain."""
    price: Cents
    opened: bool | None
    """Whether the fan paid for it, where there was a price."""
    tip: bool
    media: tuple[str, ...]
    media_count: int
    mass_id: str | None
    at: datetime
    changed_at: datetime | None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Chat:
    id: str
    fan_username: str | None
    fan_name: str | None
    unread: int
    can_send: bool
    last_message: Message | None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class MessageDraft:
    """price: 0 for a free message. media and previews: ids of the vault."""

    text: str
    price: Cents = Cents(0)
    media: tuple[str, ...] = ()
    previews: tuple[str, ...] = ()
    locked_text: bool = False
    reply_to: str | None = None


@dataclass(frozen=True)
class SendResult:
    """What became of a send: `state` is all that decides whether it may be sent again.

    message: what the platform made of it, if it is sent and the answer said so.
    replayed: the platform knew the key, and repeats what it said then. A refusal that is repeated stays one as long
    as the platform keeps keys: only a new key makes it look again.
    error: why it is not, or not surely, sent; its `retry_after` and kind say whether and when to go on.
    """

    state: Outcome
    message: Message | None = None
    replayed: bool = False
    error: PlatformError | None = None
    limits: Limits = Limits()


@dataclass(frozen=True)
class MassDraft:
    """To the fans of `lists` and those of `fan_ids`, without those of `excluded_lists`. at: None for now."""

    text: str
    price: Cents = Cents(0)
    media: tuple[str, ...] = ()
    previews: tuple[str, ...] = ()
    locked_text: bool = False
    lists: tuple[str, ...] = ()
    excluded_lists: tuple[str, ...] = ()
    fan_ids: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True)
class MassMessage:
    """A message to many that the platform sends by itself. can_cancel_for: seconds, None where it can't be."""

    id: str
    at: datetime
    total: int | None
    pending: int | None
    done: bool
    canceled: bool
    failed: bool
    can_cancel_for: int | None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class MassResult:
    """How a message to many did."""

    id: str
    at: datetime
    text: str
    sent: int
    viewed: int
    canceled: bool
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Media:
    id: str
    kind: str
    """photo, video, gif or audio."""
    seconds: int
    at: datetime | None
    ready: bool
    failed: bool
    likes: int | None
    tips: Cents | None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class UploadFile:
    name: str
    content: bytes
    type: str
    """As image/jpeg."""


class TransactionKind(StrEnum):
    SUBSCRIPTION = "subscription"
    RENEWAL = "renewal"
    TIP = "tip"
    MESSAGE = "message"
    POST = "post"
    STREAM = "stream"
    REFERRAL = "referral"
    OTHER = "other"


class TransactionStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    REVERSED = "reversed"
    OTHER = "other"


@dataclass(frozen=True)
class Transaction:
    """gross is what the fan paid without tax, net what the creator gets of it: gross - fee."""

    id: str
    fan_id: str | None
    kind: TransactionKind
    status: TransactionStatus
    gross: Cents
    fee: Cents
    net: Cents
    vat: Cents
    tax: Cents
    currency: str
    description: str
    """Plain."""
    at: datetime
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Chargeback:
    """Money that was taken back; the amounts are those of the transaction, so positive."""

    id: str
    transaction_id: str | None
    fan_id: str | None
    kind: TransactionKind
    gross: Cents
    net: Cents
    currency: str
    at: datetime
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Balances:
    available: Cents
    pending: Cents
    currency: str
    payout_min: Cents | None
    limits: Limits
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Payout:
    """id: the invoice's, or None."""

    id: str | None
    amount: Cents
    currency: str
    state: str
    at: datetime
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class TrackingLink:
    id: str
    name: str
    url: str | None
    clicks: int
    subscribers: int
    spenders: int | None
    revenue: Cents | None
    """None while the platform still adds it up."""
    at: datetime | None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Account:
    """A creator's account at the platform; that it could be read says that key and session work."""

    id: str
    user_id: str | None
    username: str | None
    name: str | None
    connected: bool
    active_fans: int | None
    limits: Limits
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


class EventKind(StrEnum):
    MESSAGE_RECEIVED = "message_received"
    MESSAGE_SENT = "message_sent"
    MESSAGE_DELETED = "message_deleted"
    MESSAGE_UNLOCKED = "message_unlocked"
    TIP = "tip"
    TRANSACTION = "transaction"
    SUBSCRIBED = "subscribed"
    RENEWED = "renewed"
    EXPIRED = "expired"
    MASS_CHANGED = "mass_changed"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    UPLOADED = "uploaded"
    UPLOAD_FAILED = "upload_failed"
    PRESENCE = "presence"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Event:
    """What a webhook says. It is signed, but may come late, twice and in any order: pulling is the truth.

    key: the same for each delivery of one event; None where the platform gives none.
    fan: who it is about, as far as an event says: id and names. None where it gives no name.
    problem: what of its payload could not be read; the fields that it concerns are None then.
    """

    kind: EventKind
    name: str
    """The platform's own name of it."""
    account_id: str
    key: str | None
    at: datetime | None = None
    fan_id: str | None = None
    fan: Fan | None = None
    amount: Cents | None = None
    message_id: str | None = None
    message: Message | None = None
    transaction: Transaction | None = None
    problem: str | None = None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)
