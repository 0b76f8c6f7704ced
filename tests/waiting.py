"""Waiting for what another process, thread or browser does: for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

PAUSE = 0.02
"""Seconds between two looks."""


def wait_until(
    true: Callable[[], object],
    seconds: float = 30,
    otherwise: Callable[[], object] = lambda: "it did not become true",
) -> None:
    """Looks at it again and again; fails with what `otherwise` says when it is not true within `seconds`."""
    deadline, never = time.monotonic() + seconds, Event()
    while not true():
        assert time.monotonic() < deadline, otherwise()
        never.wait(PAUSE)
