"""What the bell leads to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import time_machine

from huntaze.services.keyset import PAGE
from tests.conftest import Browser
from tests.factories import NotificationFactory


def test_nothing_yet(as_viewer: Browser) -> None:
    html = as_viewer.get("/notifications").text
    assert "You are all caught up" in html
    assert 'class="count"' not in html


def test_the_bell_counts_what_is_unread_and_reading_the_page_marks_nothing(as_viewer: Browser) -> None:
    for _ in range(2):
        NotificationFactory(
            member=as_viewer.member, title="A payment was <taken> back", body="By Ann", url="/settings"
        )
    for _ in range(2):
        html = as_viewer.get("/notifications").text
        assert 'class="count">2<' in html
        assert '<a href="/settings">A payment was &lt;taken&gt; back</a>' in html
        assert "By Ann" in html
    response = as_viewer.post("/notifications/read")
    assert (response.status_code, response.headers["Location"]) == (303, "/notifications")
    assert 'class="count"' not in as_viewer.get("/notifications").text


def test_marking_is_for_oneself(as_viewer: Browser, as_owner: Browser) -> None:
    NotificationFactory(member=as_owner.member)
    as_viewer.post("/notifications/read")
    assert 'class="count">1<' in as_owner.get("/settings").text


def test_many(as_viewer: Browser) -> None:
    for n in range(PAGE * 2 + 2):
        NotificationFactory(member=as_viewer.member, title=f"Number {n}.")
    page = as_viewer.get("/notifications").text
    assert 'class="count">99+<' in page
    more = re.search(r'href="([^"]*after=[^"]*)"', page)
    assert more is not None
    with time_machine.travel(datetime.now(UTC), tick=False):
        part, next_page = as_viewer.swap(unescape(more[1])), as_viewer.get(unescape(more[1]))
    assert part.text.strip() in next_page.text
    assert set(re.findall(r"Number \d+", page)).isdisjoint(re.findall(r"Number \d+", part.text))


def test_a_cursor_from_elsewhere_is_refused(as_viewer: Browser) -> None:
    assert as_viewer.get("/notifications?after=nonsense").status_code == 422
