"""The time in the simulated world."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400
MONTH = 30 * DAY


class Clock:
    """Seconds since 1970. Runs with the time of day if `live`; `advance` moves it in any case."""

    def __init__(self, start: float, *, live: bool) -> None:
        self.live = live
        self._base = start
        self._began = time.monotonic()

    def now(self) -> int:
        return int(self._base + (time.monotonic() - self._began if self.live else 0))

    def advance(self, seconds: float) -> None:
        self._base += seconds


@lru_cache(maxsize=4_096)
def iso(at: int) -> str:
    """As the platform writes times."""
    return datetime.fromtimestamp(at, UTC).isoformat()
