"""Every accepted send, with when it came: what tests count to prove that nothing was lost, doubled or too fast."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple


class Entry(NamedTuple):
    number: int
    account: str
    chat: str
    """The fan's platform id; "mass" for a mass message."""
    message: int
    key: str | None
    monotonic: float
    """CLOCK_MONOTONIC, which all processes of a machine share, when it was accepted."""
    wall: float
    text: str
    price: int
    """Cents."""


class Ledger:
    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def write(self, account: str, chat: str, message: int, key: str | None, text: str, price: int) -> None:
        self._entries.append(
            Entry(len(self._entries), account, chat, message, key, time.monotonic(), time.time(), text, price)
        )

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, account: str | None, after: int) -> Iterator[dict[str, Any]]:
        for entry in self._entries[after:]:
            if account in (None, entry.account):
                yield entry._asdict()

    def clear(self) -> None:
        self._entries.clear()
