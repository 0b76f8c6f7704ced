"""Calls of the gateway: their deadline, and what each way of failing means.

Importing this takes 2 s and 60 MB, for the client's 500 modules: it is done at the first call, so that a process
that only reads webhooks does without.
"""

from __future__ import annotations

import asyncio
import email.utils
import gc
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import aiohttp
import httpx
import onlyfansapi
import onlyfansapi.resources.chats  # or the first send would wait 0.8 s for it (5 s on a busy machine)
from httpx_aiohttp import AiohttpTransport

from huntaze.adapters.platform.errors import Outcome, PermanentError, PlatformError, Reason, RetryableError
from huntaze.adapters.platform.onlyfans.answers import Answer, is_replay
from huntaze.adapters.platform.onlyfans.timeouts import Timeouts

# The modules stay: each full collection looked at all of them, for 0.2 s (a tenth of a busy delivery worker's time).
gc.freeze()

TLS = httpx.create_ssl_context()
"""Shared by all clients of a process: to read the authorities' certificates takes 60 ms."""
CONNECTIONS = 100
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


NOT_AFTER: ContextVar[float | None] = ContextVar("not_after", default=None)
"""time.monotonic() from which on the request of this task is not written any more."""


class TooLate(Exception):
    """Nothing was written: it was too late for that."""


class Response(Protocol):
    """What the client's `with_raw_response` gives: nothing of it has been read into a model."""

    @property
    def http_response(self) -> httpx.Response: ...


class Calls:
    """The client, and how it is waited for."""

    def __init__(
        self, api_key: str, base_url: str | None, timeouts: Timeouts, http_client: httpx.AsyncClient | None
    ) -> None:
        """http_client: None for one of its own."""
        self._own = None if http_client else open_http_client(timeouts, CONNECTIONS)
        self.client = onlyfansapi.AsyncOnlyFansAPI(
            api_key=api_key, base_url=base_url, max_retries=0, http_client=http_client or self._own
        )

    async def aclose(self) -> None:
        if self._own:
            await self._own.aclose()


def open_http_client(timeouts: Timeouts, connections: int) -> httpx.AsyncClient:
    """Connections for any number of accounts. Cookies are not kept: they would go from one account to the others."""

    trace = aiohttp.TraceConfig()
    # Despite their names they are called before anything is written (aiohttp 3.14, http_writer.py); a test says so.
    # Headers wait for the body, whose turn comes later where the loop is busy, or the process stands still.
    trace.on_request_headers_sent.append(_refuse_if_late)
    trace.on_request_chunk_sent.append(_refuse_if_late)

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ttl_dns_cache=300, ssl=transport.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
        )

    transport = AiohttpTransport(verify=TLS, client=session)
    client = onlyfansapi.DefaultAioHttpClient(
        transport=transport,
        timeout=httpx.Timeout(timeouts.total, connect=timeouts.connect, pool=timeouts.connect),
        follow_redirects=False,
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


async def call(request: Awaitable[Response], seconds: float, not_after: float | None = None) -> Answer:
    """Wait for the answer. Raises PermanentError or RetryableError, and nothing else that a network can cause."""
    NOT_AFTER.set(not_after)
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


async def _refuse_if_late(*_: object) -> None:
    not_after = NOT_AFTER.get()
    if not_after is not None and time.monotonic() >= not_after:
        raise TooLate


def _of_connection(error: onlyfansapi.APIConnectionError) -> RetryableError:
    """The transport names a connection that broke in mid-call a ConnectTimeout, so its own cause is looked at:
    only where no connection came about nothing can have gone out."""
    causes = list(_causes(error))
    unwritten = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | TooLate
    connected = not any(isinstance(cause, unwritten) for cause in causes)
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
