"""A lane as the worker holds it: when its next call may begin, and what a call leaves behind. Times are those of
time.monotonic()."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from huntaze.adapters.platform import PlatformAdapter
from huntaze.models.delivery import Halt
from huntaze.services.delivery_outcomes import Gateway, Verdict
from huntaze.services.delivery_rules import Rules
from huntaze.services.delivery_store import Key, Pace, Taken

WAITING = {Halt.LIMITED, Halt.UNREACHABLE, Halt.GARBLED}
"""What may be over after a while. Other refusals are about one message, and the next one need not wait."""


@dataclass(slots=True)
class Lane:
    """ends: of its last calls. look_at: when it is worth asking for its next message. busy_at: when there was one."""

    key: Key
    fence: int
    adapter: PlatformAdapter
    gateway: Gateway
    rules: Rules
    ends: deque[float]
    failures: int = 0
    not_before: float = 0.0
    calling: bool = False
    look_at: float = 0.0
    busy_at: float = field(default_factory=time.monotonic)
    doubts: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    """The messages of which is being found out what became of them."""

    @classmethod
    def of(cls, taken: Taken, adapter: PlatformAdapter, gateway: Gateway, rules: Rules) -> Lane:
        now = time.monotonic()
        ends = deque((now - age for age in taken.ages), maxlen=rules.at_once)
        lane = cls(taken.key, taken.fence, adapter, gateway, rules, ends, taken.failures, now + (taken.wait or 0.0))
        lane.look_at = lane.slot - rules.claim_ahead
        return lane

    @property
    def slot(self) -> float:
        """When its next call may begin: no second sees more of them arrive than `at_once`."""
        first = self.ends[0] + self.rules.window if len(self.ends) == self.rules.at_once else 0.0
        return max(first, self.not_before)

    @property
    def is_idle(self) -> bool:
        """Nobody needs to hold it now: it was asked for its next message, and there was none."""
        now = time.monotonic()
        if self.calling or self.doubts or self.look_at <= now:
            return False
        return self.not_before - now > self.rules.idle or (now - max(self.busy_at, self.slot) > self.rules.idle)

    def ended(self, told: Verdict) -> Pace:
        """A call has ended just now."""
        now = time.monotonic()
        self.calling = False
        self.busy_at = now
        self.ends.append(now)
        if told.halt is None:
            self.failures, wait = 0, 0.0
        else:
            backoff = min(self.rules.backoff * 2**self.failures, self.rules.backoff_most)
            self.failures += told.counts
            wait = (told.wait or backoff) if told.halt in WAITING else 0.0
        self.not_before = now + wait
        self.look_at = self.slot - self.rules.claim_ahead
        pause = told.pause or (told.counts and self.failures >= self.rules.failures)
        return Pace(tuple(self.ends), self.failures, wait, told.halt, pause)
