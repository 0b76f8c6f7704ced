"""A message as it is written, and as it is answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from huntaze.models.base import Cents
from huntaze.models.conversation import DeliveryState
from huntaze.models.delivery import Halt
from huntaze.schemas.base import Optional, Schema, Text

MediaId = Annotated[Text, StringConstraints(min_length=1, max_length=64)]


class Draft(Schema):
    """What is to be sent. price: in major units of the platform's currency; nothing or 0 is free. media: ids of the
    account's vault at the platform. How long and how dear it may be is the platform's business (delivery_terms)."""

    text: Annotated[Text, Field(max_length=20_000)] = ""
    price: Annotated[Decimal | None, Optional] = Field(default=None, ge=0, le=10**6, decimal_places=2)
    media: list[MediaId] = Field(default_factory=list, max_length=100)

    @property
    def price_cents(self) -> Cents:
        return Cents(int((self.price or 0) * 100))


class NewMessage(Draft):
    """A message to one fan."""

    subscriber_id: int = Field(ge=1, lt=2**63)


class MessageQueued(Schema):
    """What is known of a message that was handed in. duplicate: it was handed in before, with the same key."""

    id: int
    state: DeliveryState
    duplicate: bool = False


class LaneOut(Schema):
    """How an account's messages go. pace: a second; eta: when the last of the queued ones will be out, as far as one
    can say now."""

    model_config = ConfigDict(from_attributes=True)

    account_id: int
    scheduled: int
    held: int
    queued: int
    sending: int
    unknown: int
    sent_today: int
    failed_today: int
    pace: float
    paused: bool
    halt: Halt | None
    waits_until: datetime | None
    stop_at: datetime | None
    eta: datetime | None


class DeliveryStatusOut(Schema):
    accounts: list[LaneOut]
