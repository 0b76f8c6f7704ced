"""Server-sent events: a page that stays open hears of what changed, and costs a greenlet and no database connection.

A signal says that something changed; a short transaction reads what, after the session was checked again. A
stream ends after five minutes, and the client opens it anew. Where signals can't be had it ends at once, having
told how things are, and asks to be opened again only after a while: that is polling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flask import Response, current_app, stream_with_context

from huntaze.adapters.signals import Signals, SignalsAway
from huntaze.blueprints import web
from huntaze.models.user import Role

LIFE = 300.0
"""Seconds."""
HEARTBEAT = 20.0
"""Seconds of silence after which a comment is sent, so that nobody in between takes the stream for dead."""
PACE = 0.7
"""Seconds between two events at least: what changes faster is told together."""
REOPEN = 1_000
"""Milliseconds after which the client opens a stream again that was cut."""
POLL = 30_000
"""The same where there are no signals."""


class News(NamedTuple):
    """What to swap in, and whether nothing will follow."""

    html: str
    is_last: bool


def stream(topic: str, needed: Role, read: Callable[[], News]) -> Response:
    """Events for a viewer of this role: how things are now, and again after each signal.

    `read` opens a session of its own, and closes it.
    """
    signals: Signals = current_app.extensions["huntaze.signals"]
    response = Response(stream_with_context(_events(signals, topic, needed, read)), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"  # and so it has no ETag
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect it
    return response


def _events(signals: Signals, topic: str, needed: Role, read: Callable[[], News]) -> Iterator[str]:
    end = time.monotonic() + LIFE
    try:
        with signals.listen(topic) as listener:
            news = read()
            yield from _tell(news, REOPEN)
            while not news.is_last and time.monotonic() < end:
                if not listener.wait(min(HEARTBEAT, max(end - time.monotonic(), 0))):
                    yield ":\n\n"
                elif not web.still_covers(needed):
                    return
                else:
                    listener.drain()
                    news = read()
                    yield from _tell(news, None)
                    time.sleep(PACE)
    except SignalsAway:
        if web.still_covers(needed):
            yield from _tell(read(), POLL)


def _tell(news: News, retry: int | None) -> Iterator[str]:
    lines = "".join(f"data: {line}\n" for line in news.html.splitlines() if line.strip())
    yield (f"retry: {retry}\n" if retry else "") + lines + "\n"
    if news.is_last:
        yield "event: end\ndata:\n\n"
