"""What the page of the queue may be asked: which messages, and what to do with a lane."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from huntaze.models.conversation import WAITING, DeliveryState
from huntaze.schemas.base import Optional, Schema


class Shown(StrEnum):
    """States as a person sorts them; the first come first."""

    UNSURE = "unsure"
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def states(self) -> tuple[DeliveryState, ...]:
        if self is Shown.WAITING:
            return WAITING
        return (DeliveryState.UNKNOWN if self is Shown.UNSURE else DeliveryState(self),)


class QueueFilter(Schema):
    """A page of the queue. after: the cursor of the page before."""

    state: Annotated[Shown | None, Optional] = None
    account: Annotated[int | None, Optional] = Field(default=None, ge=1, lt=2**63)
    after: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The filter as a URL says it, without the page."""
        return {name: str(value) for name in ("state", "account") if (value := getattr(self, name)) is not None}


class Stop(Schema):
    """When a lane is to stop: the next time that the viewer's clock says so; nothing: not at all."""

    at: Annotated[time | None, Optional] = None


class Which(StrEnum):
    ALL = "all"
    BULK = "bulk"
    """Those of campaigns and automations."""


class CancelWaiting(Schema):
    which: Which = Which.ALL
