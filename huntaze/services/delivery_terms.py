"""What a message may be on each platform, as its adapter says it too, and to whom it may go.

All of it is known without a connection.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from huntaze.models.base import Cents
from huntaze.models.conversation import Conversation
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.schemas.message import Draft
from huntaze.services.errors import Invalid, Problem
from huntaze.services.platform_policies import is_accepted

AT_ACCOUNT = ("platform_disconnected", "policy_not_accepted")
"""Obstacles that an owner can take away, at the account; the others are the fan's."""


@dataclass(frozen=True, slots=True)
class Terms:
    """longest: characters. A price is 0, or from price_min to price_max, and then there must be media."""

    longest: int
    price_min: Cents
    price_max: Cents
    media_most: int

    def check(self, draft: Draft, not_ready: Collection[str] = ()) -> None:
        """not_ready: those of its media that the platform can't send. Raises Invalid for what it does not take."""
        errors: dict[str, list[Problem]] = {}
        if not draft.text and not draft.media:
            errors["text"] = [Problem("message_empty")]
        elif len(draft.text) > self.longest:
            errors["text"] = [Problem("string_too_long", {"max_length": self.longest})]
        price = draft.price_cents
        if price and not self.price_min <= price <= self.price_max:
            bounds = {"least": self.price_min // 100, "most": self.price_max // 100}
            errors["price"] = [Problem("message_price", bounds)]
        elif price and not draft.media:
            errors["media"] = [Problem("price_without_media")]
        if len(draft.media) > self.media_most:
            errors["media"] = [Problem("too_many_media", {"most": self.media_most})]
        elif not_ready:
            errors["media"] = [Problem("media_not_ready", {"media": ", ".join(sorted(not_ready)[:3])})]
        if errors:
            raise Invalid(errors)


TERMS = {
    # Neither OnlyFans nor the gateway documents how long a text or how many files: what both certainly take.
    Platform.ONLYFANS: Terms(longest=5_000, price_min=Cents(300), price_max=Cents(20_000), media_most=40),
}


def obstacle(fan: Subscriber, account: PlatformAccount | None, chat: Conversation) -> Problem | None:
    """Why nothing can be sent to this fan now. account: the fan's."""
    if account is None or fan.platform_id is None:
        return Problem("fan_without_account")
    if not account.may_be_called or account.erase_asked_at is not None:
        return Problem("platform_disconnected")
    if not is_accepted(account):
        return Problem("policy_not_accepted")
    if fan.vanished_at is not None:
        return Problem("fan_gone")
    return None if chat.can_send else Problem("fan_not_writable")
