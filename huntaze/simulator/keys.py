"""Idempotency keys, as the client's documentation of `send` describes them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from huntaze.simulator.clock import DAY


@dataclass(slots=True)
class Kept:
    """An answer that is kept for its key; `status` is 0 while the first request still runs."""

    fingerprint: bytes
    at: int
    status: int = 0
    body: bytes = b""
    """JSON, without `_meta`: a fifth of the memory of a dict."""


class Keys:
    """Of one account and endpoint. An answer is kept for 24 hours, a refusal too; 5xx, 408 and 429 never are,
    and 401 comes before it is known whose key it is."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._oldest: deque[tuple[int, str]] = deque()

    def look(self, key: str, fingerprint: bytes, now: int) -> Kept | str | None:
        """What came of an earlier request with this key, the code of the error that it is, or None."""
        if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            return "IDEMPOTENCY_KEY_INVALID"
        while self._oldest and self._oldest[0][0] <= now - DAY:
            at, old = self._oldest.popleft()
            if old in self._kept and self._kept[old].at == at:
                del self._kept[old]
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.fingerprint != fingerprint:
            return "IDEMPOTENCY_KEY_MISMATCH"
        return kept if kept.status else "IDEMPOTENCY_CONFLICT"

    def begin(self, key: str, fingerprint: bytes, now: int) -> None:
        self._kept[key] = Kept(fingerprint, now)

    def finish(self, key: str, status: int, body: bytes, now: int) -> None:
        """Keep the answer, or forget the key if the answer is none to keep."""
        if not status or status >= 500 or status in (401, 408, 429):
            self._kept.pop(key, None)
            return
        kept = self._kept[key]
        kept.status, kept.body, kept.at = status, body, now
        self._oldest.append((now, key))
