"""A coarse limit a network address: nobody keeps Huntaze busy alone, or copies it out over the API (ASVS 2.4.1).

It counts what changes something, and every call of the API. Reading pages is free: phones of one provider may share
an address. Passwords are counted apart, in PostgreSQL (guesses.py).
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, Response, request
from flask_limiter import Limiter, RequestLimit

from huntaze.blueprints.errors import answer, try_later
from huntaze.blueprints.guesses import address
from huntaze.blueprints.security import SAFE


def init_app(app: Flask, per_minute: int, redis_url: str) -> None:
    """Counts in Valkey, and in this process while that is away. 0: no limit."""
    Limiter(
        address,
        app=app,
        enabled=bool(per_minute),
        application_limits=[f"{per_minute or 1} per minute"],
        application_limits_exempt_when=_is_free,
        # `limits` has a name of its own for a socket; the pool brings its time-outs.
        storage_uri=redis_url.replace("unix://", "redis+unix://", 1),
        storage_options={"connection_pool": app.extensions["redis"].connection_pool},
        in_memory_fallback_enabled=True,
        on_breach=_too_many,
    )


def _is_free() -> bool:
    # All accounts' webhooks come from the platform's few addresses: nobody may use up what another one's need.
    if request.blueprint == "webhooks":
        return True
    return request.method in SAFE and not request.path.startswith("/api/")


def _too_many(limit: RequestLimit) -> Response:
    until = datetime.fromtimestamp(limit.reset_at, UTC)
    return try_later(answer(429, until=until), until)
