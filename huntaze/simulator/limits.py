"""How much an account may ask for: sends a second, calls a minute, credits."""

from __future__ import annotations

import time
from typing import Any

MANY = 1_000_000


class TokenBucket:
    """Holds `burst` tokens at most, and gets `rate` of them a second."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._filled_at = time.monotonic()

    def take(self) -> float:
        """Take a token and return 0, or return after how many seconds there will be one."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate


class Quota:
    """Calls a minute, from the first one of each minute on, and credits: one a call."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self.credits = 1_000_000
        self._window_began = 0.0
        self._used = 0

    def take(self) -> float:
        """Count a call and return 0, or return after how many seconds one is allowed."""
        now = time.monotonic()
        if now - self._window_began >= 60:
            self._window_began, self._used = now, 0
        if self.per_minute and self._used >= self.per_minute:
            return self._window_began + 60 - now
        self._used += 1
        return 0.0

    def meta(self, cost: int = 1) -> dict[str, Any]:
        """What `_meta` says in each answer; charges for the call."""
        self.credits -= cost
        limit = self.per_minute or MANY
        return {
            "_credits": {"used": cost, "balance": self.credits, "note": f"{cost} credit(s) debited"},
            "_cache": {"is_cached": False, "note": None},
            "_rate_limits": {
                "limit_minute": limit,
                "limit_day": None,
                "remaining_minute": limit - (self._used if self.per_minute else 0),
                "remaining_day": None,
            },
        }
