"""What can go wrong at a platform: whether it is worth a retry, and whether the request may have gone out."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a call failed. Above the dashed line a retry gives the same; below it is worth one."""

    UNAUTHORIZED = "unauthorized"
    """The key is wrong or was revoked."""
    FORBIDDEN = "forbidden"
    """The key is fine, but not for this, or the platform's session behind it has expired."""
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    """The platform does not accept what was sent."""
    SIGNATURE = "signature"
    """A webhook that the platform did not sign."""
    # ------------------------------------
    RATE_LIMITED = "rate_limited"
    CONFLICT = "conflict"
    """An earlier request with this key still runs."""
    UNAVAILABLE = "unavailable"
    """5xx, or 408."""
    TIMED_OUT = "timed_out"
    DISCONNECTED = "disconnected"
    MALFORMED = "malformed"
    """An answer that is not what the platform documents."""


class Outcome(StrEnum):
    """Whether what was asked for happened."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class PlatformError(Exception):
    """A call failed. Its text names the reason only: it may be logged. Raise one of its two kinds.

    outcome: whether it may have taken effect nevertheless. status: of HTTP, or None. raw: what was answered.
    retry_after: seconds that the platform asks to wait for, or None. replayed: it is the answer to an earlier request
    with the same key, and will be as long as the platform keeps it.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        outcome: Outcome = Outcome.UNKNOWN,
        status: int | None = None,
        raw: object = None,
        retry_after: float | None = None,
        replayed: bool = False,
        detail: str = "",
    ) -> None:
        super().__init__(f"{reason}{f' ({status})' if status else ''}{f': {detail}' if detail else ''}")
        self.reason = reason
        self.outcome = outcome
        self.status = status
        self.raw = raw
        self.retry_after = retry_after
        self.replayed = replayed


class PermanentError(PlatformError):
    """The same call will fail again."""


class RetryableError(PlatformError):
    """The same call may work later, after `retry_after` seconds if the platform said so."""
