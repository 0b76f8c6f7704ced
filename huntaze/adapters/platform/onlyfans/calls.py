"""One call of the gateway: its deadline, and what each way of failing means."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import aiohttp
import httpx
import onlyfansapi
from httpx_aiohttp import AiohttpTransport

from huntaze.adapters.platform.errors import Outcome, PermanentError, PlatformError, Reason, RetryableError
from huntaze.adapters.platform.onlyfans.answers import Answer

LONGEST_WAIT = 86_400.0
"""Seconds; a Retry-After that asks for more is taken for this."""
REASONS = {
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    408: Reason.UNAVAILABLE,
    409: Reason.CONFLICT,
    429: Reason.RATE_LIMITED,
}
RETRYABLE = {Reason.UNAVAILABLE, Reason.CONFLICT, Reason.RATE_LIMITED}
DEFINITE = {400, 401, 403, 404, 413, 422, 429}
"""Statuses that say that nothing went out, unless the answer says otherwise."""
KEY_MISMATCH = "IDEMPOTENCY_KEY_MISMATCH"


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to get a connection, for the whole of a call, and for the whole of an upload."""

    connect: float = 5.0
    total: float = 30.0
    upload: float = 300.0


class Response(Protocol):
    """What the client's `with_raw_response` gives: nothing of it has been read into a model."""

    @property
    def http_response(self) -> httpx.Response: ...


def open_http_client(timeouts: Timeouts, connections: int) -> httpx.AsyncClient:
    """Connections for any number of accounts. Cookies are not kept: they would go from one account to the others."""

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ttl_dns_cache=300, ssl=transport.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    transport = AiohttpTransport(client=session)
    client = onlyfansapi.DefaultAioHttpClient(
        transport=transport,
        timeout=httpx.Timeout(timeouts.total, connect=timeouts.connect, pool=timeouts.connect),
        follow_redirects=False,
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


async def call(request: Awaitable[Response], seconds: float) -> Answer:
    """Wait for the answer. Raises PermanentError or RetryableError, and nothing else that a network can cause."""
    try:
        async with asyncio.timeout(seconds):
            response = await request
    except TimeoutError:
        raise RetryableError(Reason.TIMED_OUT, outcome=Outcome.UNKNOWN) from None
    except onlyfansapi.APIConnectionError as error:
        raise _of_connection(error) from error
    except onlyfansapi.APIStatusError as error:
        raise _of_status(error.response, error.body) from None
    return Answer.of(response.http_response)


def is_replay(headers: httpx.Headers) -> bool:
    """Whether it is the kept answer to an earlier request with the same key."""
    return bool(headers.get("Idempotent-Replayed", "").lower() == "true")


def _of_connection(error: onlyfansapi.APIConnectionError) -> RetryableError:
    """The transport names a connection that broke in mid-call a ConnectTimeout, so its own cause is looked at:
    only where no connection came about nothing can have gone out."""
    causes = list(_causes(error))
    connected = not any(
        isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) for cause in causes
    )
    timed_out = any(isinstance(cause, TimeoutError) for cause in causes)
    return RetryableError(
        Reason.TIMED_OUT if timed_out else Reason.DISCONNECTED,
        outcome=Outcome.UNKNOWN if connected else Outcome.NOT_SENT,
    )


def _of_status(response: httpx.Response, body: object) -> PlatformError:
    status = response.status_code
    reason = REASONS.get(status, Reason.UNAVAILABLE if status >= 500 else Reason.REFUSED)
    kind = RetryableError if reason in RETRYABLE else PermanentError
    return kind(
        reason,
        outcome=_outcome(status, body if isinstance(body, dict) else {}),
        status=status,
        raw=body,
        retry_after=_retry_after(response.headers.get("Retry-After")),
        replayed=is_replay(response.headers),
    )


def _outcome(status: int, body: dict[str, Any]) -> Outcome:
    told = body.get("request_outcome")
    if told in ("sent", "not_sent", "unknown"):
        return Outcome(told)
    if body.get("code") == KEY_MISMATCH:  # something went out with this key, if not this
        return Outcome.UNKNOWN
    return Outcome.NOT_SENT if status in DEFINITE else Outcome.UNKNOWN


def _retry_after(header: str | None) -> float | None:
    """Seconds, of a number or a date; None if it is neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        date = email.utils.parsedate_tz(header)
        if date is None:
            return None
        seconds = email.utils.mktime_tz(date) - time.time()
    return min(max(0.0, seconds), LONGEST_WAIT) if seconds == seconds else None


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
