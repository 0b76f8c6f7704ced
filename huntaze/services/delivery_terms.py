"""What a message may be on each platform, as its adapter says it too; known without a connection."""

from __future__ import annotations

from dataclasses import dataclass

from huntaze.models.base import Cents
from huntaze.models.platform_account import Platform


@dataclass(frozen=True, slots=True)
class Terms:
    """longest: characters. A price is 0, or from price_min to price_max, and then there must be media."""

    longest: int
    price_min: Cents
    price_max: Cents
    media_most: int


TERMS = {
    # Neither OnlyFans nor the gateway documents how long a text or how many files: what both certainly take.
    Platform.ONLYFANS: Terms(longest=5_000, price_min=Cents(300), price_max=Cents(20_000), media_most=40),
}
