"""All that is held about one fan, as the file says it that a fan gets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from huntaze.models.base import Cents
from huntaze.models.conversation import DeliveryState, Direction
from huntaze.models.domain_event import EventKind
from huntaze.models.imports import Outcome
from huntaze.models.subscriber import Status, Tier
from huntaze.models.transaction import TransactionStatus, TransactionType
from huntaze.schemas.base import Schema


class Row(Schema):
    """A row as it is stored. Money is in minor units, times are UTC."""

    model_config = ConfigDict(from_attributes=True, str_strip_whitespace=False)


class PersonData(Row):
    platform_id: str | None
    username: str
    display_name: str
    email: str | None
    tier: Tier
    status: Status
    monthly_price_cents: Cents
    total_spent_cents: Cents
    country: str
    joined_at: datetime
    last_active_at: datetime | None
    renews_at: datetime | None
    renews: bool | None
    vanished_at: datetime | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NoteData(Row):
    body: str
    created_at: datetime


class PaymentData(Row):
    type: TransactionType
    status: TransactionStatus
    gross_cents: Cents
    fee_cents: Cents
    net_cents: Cents
    vat_cents: Cents
    platform_id: str | None
    reverses: str | None
    currency: str
    occurred_at: datetime


class ImportedData(Row):
    """That a file added or changed the person; `before`: what was there until then."""

    outcome: Outcome
    before: dict[str, Any] | None
    stored_at: datetime


class PeriodData(Row):
    started_at: datetime
    ends_at: datetime | None
    price_cents: Cents | None


class ConversationData(Row):
    can_send: bool
    platform_unread: int
    last_message_at: datetime | None


class DraftData(Row):
    """What a member has typed to them, and not sent."""

    body: str
    updated_at: datetime


class MessageData(Row):
    direction: Direction
    state: DeliveryState
    body: str
    price_cents: Cents
    is_tip: bool
    media_count: int
    is_opened: bool | None
    sent_at: datetime
    changed_at: datetime | None
    deleted_at: datetime | None


class EventData(Row):
    kind: EventKind
    gross_cents: Cents | None
    occurred_at: datetime


class NotificationData(Row):
    title: str
    body: str
    created_at: datetime


class SubscriberData(Schema):
    """The whole file. `currency` is that of the person's own amounts."""

    made_at: datetime
    held_by: str
    currency: str
    person: PersonData
    tags: list[str]
    notes: list[NoteData]
    payments: list[PaymentData]
    imports: list[ImportedData]
    periods: list[PeriodData]
    conversations: list[ConversationData]
    messages: list[MessageData]
    drafts: list[DraftData]
    events: list[EventData]
    notifications: list[NotificationData]
