"""The inbox as filtered and as answered."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from huntaze.models.base import Cents
from huntaze.models.conversation import DeliveryState, Direction, Failure
from huntaze.models.subscriber import Status, Tier
from huntaze.schemas.base import Line, Optional, Schema, Text


class View(StrEnum):
    """What the inbox shows, each in an order of its own."""

    OPEN = "open"
    UNREAD = "unread"
    UNANSWERED = "unanswered"
    SPENDERS = "spenders"
    EXPIRING = "expiring"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class ConversationFilter(Schema):
    """The query of the inbox: it is the URL. `after` and `before` are cursors, of which one may be given."""

    q: Annotated[Text, Field(max_length=100)] = ""
    view: Annotated[View, BeforeValidator(lambda chosen: chosen or View.OPEN, json_schema_input_type=View | None)] = (
        View.OPEN
    )
    tag: Annotated[Annotated[Line, Field(max_length=40)] | None, Optional] = None
    mine: bool = False
    after: Annotated[str, Field(max_length=400)] = ""
    before: Annotated[str, Field(max_length=400)] = ""

    @property
    def active(self) -> bool:
        """Whether anything but the usual is asked for."""
        return self.view is not View.OPEN or self.tag is not None or self.mine


class NewConversation(Schema):
    """With whom to begin one."""

    subscriber_id: Annotated[int, Field(ge=1, lt=2**63)]


class Snooze(Schema):
    """For how long."""

    hours: Annotated[int, Field(ge=1, le=24 * 90)]


class Assignment(Schema):
    """To which member; nobody, where it is empty."""

    user_id: Annotated[Annotated[int, Field(ge=1, lt=2**63)] | None, Optional] = None


class ReadThrough(Schema):
    """Up to which message."""

    message_id: Annotated[int, Field(ge=1, lt=2**63)]


class FanOut(Schema):
    """Who a conversation is with."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    username: str
    display_name: str
    tier: Tier
    status: Status
    total_spent_cents: Cents
    renews_at: datetime | None


class ConversationOut(Schema):
    """A conversation as the API answers it. `unread` counts up to 100; times are UTC."""

    id: int
    subscriber: FanOut
    can_send: bool
    unread: int
    waiting_since: datetime | None
    last_message_at: datetime | None
    last_message: str | None
    last_direction: Direction | None
    pinned_at: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    assignee_id: int | None


class ConversationList(Schema):
    """A page; `next` is the value of `after` for the next one, `previous` of `before` for the one before."""

    items: list[ConversationOut]
    next: str | None
    previous: str | None


class HistoryQuery(Schema):
    """Cursors, of which one may be given."""

    after: Annotated[str, Field(max_length=400)] = ""
    before: Annotated[str, Field(max_length=400)] = ""


class SaidOut(Schema):
    """A message of a conversation, whoever wrote it. sent_at: of one that is not sent, when it is to be."""

    model_config = ConfigDict(from_attributes=True, str_strip_whitespace=False)

    id: int
    direction: Direction
    state: DeliveryState
    failure: Failure | None
    body: str
    price_cents: Cents
    is_tip: bool
    is_opened: bool | None
    media_count: int
    author_id: int | None
    queued_at: datetime | None
    sent_at: datetime
    deleted_at: datetime | None


class SaidList(Schema):
    """A page; `next` is the value of `after` for earlier messages, `previous` of `before` for later ones."""

    items: list[SaidOut]
    next: str | None
    previous: str | None
