"""How a platform account fares, by what its last call ended with."""

from __future__ import annotations

from huntaze.adapters.platform import PlatformError, Reason
from huntaze.models.platform_account import Health

_HEALTH = {
    Reason.UNAUTHORIZED: Health.KEY_REFUSED,
    Reason.FORBIDDEN: Health.FORBIDDEN,
    Reason.NOT_FOUND: Health.MISSING,
    Reason.RATE_LIMITED: Health.LIMITED,
    Reason.MALFORMED: Health.GARBLED,
    Reason.REFUSED: Health.GARBLED,
}


def health_of(error: PlatformError) -> Health:
    return _HEALTH.get(error.reason, Health.UNREACHABLE)
