"""Server-sent events: a page that stays open hears of what changed, and costs a greenlet and no database connection.

A signal says that something changed; a short transaction reads what, after the session was checked again. A
stream ends after five minutes, and the client opens it anew. Where signals can't be had, or events do not get through
to the client (`once`, which stream.js asks for), it ends at once, having told how things are, and asks to be opened
again only after a while: that is polling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flask import Response, current_app, request

from huntaze.adapters.signals import Signals, SignalsAway
from huntaze.blueprints import web

LIFE = 300.0
"""Seconds."""
HEARTBEAT = 20.0
"""Seconds of silence after which a comment is sent, so that nobody in between takes the stream for dead."""
PACE = 0.7
"""Seconds between two events at least: what changes faster is told together."""
REOPEN = 1_000
"""Milliseconds after which the client opens a stream again that was cut."""
POLL = 30_000
"""The same where it can only be polled."""
ONCE = "once"
"""The parameter that asks for that."""


class News(NamedTuple):
    """What to swap in, and whether nothing will follow. id: the client says it when it opens a stream again that was
    cut (Last-Event-ID)."""

    html: str
    is_last: bool
    id: str = ""


def stream(topic: str, read: Callable[[], News], pace: float | None = None) -> Response:
    """How things are now, and again after each signal. `read` opens a session of its own, and closes it.

    pace: seconds between two events at least, where it is not PACE.
    """
    signals: Signals = current_app.extensions["huntaze.signals"]
    read_later = web.later(read)
    if ONCE in request.args:
        events = _poll(read_later)
    else:
        events = _events(signals, topic, read_later, PACE if pace is None else pace)
    response = Response(events, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"  # and so it has no ETag
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect it
    return response


def _events(signals: Signals, topic: str, read: Callable[[], News | None], pace: float) -> Iterator[str]:
    end = time.monotonic() + LIFE
    try:
        with signals.listen(topic) as listener:
            news = read()
            if news is not None:
                yield _event(news, REOPEN)
            while news is not None and not news.is_last:
                time.sleep(pace)
                while not listener.wait(min(HEARTBEAT, max(end - time.monotonic(), 0))):
                    if time.monotonic() > end:
                        return
                    yield ":\n\n"
                listener.drain()
                news = read()
                # A signal may be of nothing that is to be seen here: then nothing is told.
                if news is not None and (news.html.strip() or news.is_last):
                    yield _event(news, REOPEN)
    except SignalsAway:
        yield from _poll(read)


def _poll(read: Callable[[], News | None]) -> Iterator[str]:
    news = read()
    if news is not None:
        yield _event(news, POLL)


def _event(news: News, reopen: int) -> str:
    # Without data htmx does not look at `retry`.
    lines = "".join(f"data: {line}\n" for line in news.html.splitlines() if line.strip()) or "data:\n"
    end = "event: end\ndata:\n\n" if news.is_last else ""
    place = f"id: {news.id}\n" if news.id else ""
    return f"retry: {reopen}\n{place}{lines}\n{end}"
