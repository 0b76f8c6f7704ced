"""The list of fans: what is shown, page or partial, and how many queries it costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape

import pytest
import time_machine
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.services.keyset import PAGE
from tests.conftest import SWAP, Browser
from tests.factories import (
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
)

LIST = "/onlyfans/subscribers"
Fan = Callable[..., Subscriber]


@pytest.fixture
def fan(workspace: Workspace) -> Fan:
    def fan(**values: object) -> Subscriber:
        return SubscriberFactory(workspace_id=workspace.id, **values)

    return fan


@pytest.fixture
def many(owner: Session, workspace: Workspace) -> int:
    """Fans for two pages and a bit."""
    owner.execute(
        text(
            "INSERT INTO subscribers (workspace_id, username, display_name, joined_at, total_spent_cents)"
            " SELECT :workspace, 'fan' || n, 'Fan Number ' || n, now() - n * interval '1 hour', n * 100"
            " FROM generate_series(1, :fans) n"
        ),
        {"workspace": workspace.id, "fans": 2 * PAGE + 3},
    )
    return 2 * PAGE + 3


@contextmanager
def _queries(*engines: Engine) -> Iterator[list[str]]:
    """The statements that run meanwhile, but the one that names the transaction's workspace."""
    seen: list[str] = []

    def note(*arguments: object) -> None:
        if "set_config" not in str(arguments[2]):
            seen.append(str(arguments[2]))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def _names(html: str) -> list[str]:
    return re.findall(r"@([\w.-]+)</bdi><td>", html)


def test_an_empty_list_says_what_to_do(as_manager: Browser, as_viewer: Browser) -> None:
    page = as_manager.get(LIST)
    assert page.status_code == 200
    assert "No fans yet" in page.text
    assert f'href="{LIST}/new"' in page.text
    assert "No fans yet" in as_viewer.get(LIST).text
    assert f'href="{LIST}/new"' not in as_viewer.get(LIST).text


def test_a_row_says_who_what_and_how_much(as_viewer: Browser, fan: Fan) -> None:
    ann = fan(username="ann", display_name="Ann Lee", tier="vip", status="expired", total_spent_cents=1234567)
    for name in ("whale", "kind", "quiet"):
        TaggedFactory(subscriber=ann, tag=TagFactory(workspace_id=ann.workspace_id, name=name))
    html = as_viewer.get(LIST).text
    for shown in (
        "Ann Lee",
        "@ann",
        "VIP",
        "Expired",
        "$12,345.67",
        "kind",
        "quiet",
        "+1",
        f"{LIST}/{ann.id}",
        "1 fan",
    ):
        assert shown in html, shown


def test_the_pages_hold_every_fan_once(as_viewer: Browser, many: int) -> None:
    for headers in ({}, SWAP):
        found: list[str] = []
        path: str | None = f"{LIST}?sort=spent"
        while path:
            html = as_viewer.get(path, headers=headers).text
            found += _names(html)
            assert ("103 fans" in html) == (path == f"{LIST}?sort=spent"), "counted on the first page only"
            more = re.search(r'href="([^"]*after=[^"]*)"', html)
            path = unescape(more[1]) if more else None
        assert found == [f"fan{n}" for n in range(many, 0, -1)]


def test_the_way_on_keeps_the_filter(as_viewer: Browser, many: int) -> None:
    html = as_viewer.get(f"{LIST}?q=number&spent_min=2&sort=username").text
    more = re.search(r'href="([^"]*after=[^"]*)" hx-get="([^"]*)"', html)
    assert more is not None
    assert more[1] == more[2], "a link and a swap to the same place"
    assert "q=number" in more[1]
    assert "spent_min=2" in more[1]
    assert "sort=username" in more[1]


def test_the_form_shows_what_is_filtered(as_viewer: Browser, fan: Fan) -> None:
    ann = fan(username="ann", tier="vip", total_spent_cents=5000)
    fan(username="bob")
    TaggedFactory(subscriber=ann, tag=TagFactory(workspace_id=ann.workspace_id, name="big <whale>"))
    page = as_viewer.get(
        LIST, query_string={"tier": "vip", "tag": "big <whale>", "spent_min": "49.5", "sort": "seen"}
    )
    assert _names(page.text) == ["ann"]
    assert '<option value="vip" selected>' in page.text
    assert "<option selected>big &lt;whale&gt;</option>" in page.text
    assert '<option value="seen" selected>' in page.text
    assert 'name="spent_min"' in page.text
    assert 'value="49.5"' in page.text
    assert "3 filters" in page.text


def test_nothing_found(as_viewer: Browser, fan: Fan) -> None:
    fan(username="ann")
    page = as_viewer.get(f"{LIST}?q=nobody")
    assert "No fan fits this search" in page.text
    assert 'value="nobody"' in page.text
    assert "No fan fits this search" in as_viewer.get(f"{LIST}?tier=vip").text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("tier=gold", "tier"),
        ("tier=VIP", "tier"),
        ("status=gone", "status"),
        ("sort=name", "sort"),
        ("sort=username;--", "sort"),
        ("spent_min=much", "spent_min"),
        ("spent_min=-1", "spent_min"),
        ("spent_max=NaN", "spent_max"),
        ("spent_max=1e30", "spent_max"),
        ("spent_min=1.234", "spent_min"),
        ("archived=perhaps", "archived"),
        ("after=nonsense", "after"),
        ("after=WyJwYWlkIiwiMjAyNi0wNi0wMVQxMjowMDowMCswMDowMCIsMV0", "after"),
        ("q=%00", "q"),
        ("q=" + "x" * 101, "q"),
        ("tag=" + "x" * 41, "tag"),
        ("colour=blue", "colour"),
        ("workspace_id=1", "workspace_id"),
    ],
)
def test_what_makes_no_sense_in_the_url_is_named(as_viewer: Browser, query: str, field: str) -> None:
    answer = as_viewer.get(f"/api{LIST}?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    message = answer.json["errors"][0]["message"]
    page, toast = as_viewer.get(f"{LIST}?{query}"), as_viewer.swap(f"{LIST}?{query}")
    assert toast.headers["HX-Retarget"] == "#toasts"
    for response in (page, toast):
        assert response.status_code == 422
        shown = re.sub(r"<[^>]*>", " ", unescape(response.text))
        assert message in shown
        assert re.search(rf"\b{field}\b", shown)


@pytest.mark.parametrize("payload", ["' OR 1=1 --", "1; DROP TABLE subscribers", "{{config}}", "${7*7}", "%", "\\"])
def test_a_filter_is_data(as_viewer: Browser, fan: Fan, payload: str) -> None:
    """ASVS 1.2.4."""
    fan(username="ann")
    for name in ("q", "tier", "status", "tag", "spent_min", "spent_max", "archived", "sort", "after"):
        response = as_viewer.get(LIST, query_string={name: payload})
        assert response.status_code in (200, 422), name
        assert "@ann" not in response.text, name
    assert _names(as_viewer.get(LIST).text) == ["ann"]


@pytest.mark.parametrize("query", ["", "?q=number", "?tier=free&sort=spent", "?q=nobody", "?archived=1"])
def test_the_list_is_part_of_the_page(as_viewer: Browser, many: int, query: str) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False):
        page, part = as_viewer.get(LIST + query), as_viewer.swap(LIST + query)
    assert part.text.strip() in page.text
    assert "<html" not in part.text
    assert len(part.data) < len(page.data)


def test_the_next_rows_are_part_of_their_page(as_viewer: Browser, many: int) -> None:
    more = re.search(r'href="([^"]*after=[^"]*)"', as_viewer.get(LIST).text)
    assert more is not None
    path = unescape(more[1])
    page, part = as_viewer.get(path), as_viewer.swap(path)
    assert part.text.count(" autofocus") == 1, "the first of the new rows, not on a page of its own"
    assert part.text.replace(" autofocus", "").strip() in page.text
    assert "<table" not in part.text


def test_history_gets_the_whole_page(as_viewer: Browser) -> None:
    """htmx 4 sends HX-Request also when it restores the body."""
    response = as_viewer.get(LIST, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in response.text


def test_what_a_list_costs(as_viewer: Browser, many: int, app_engine: Engine, owner_engine: Engine) -> None:
    as_viewer.get(LIST)
    with _queries(app_engine, owner_engine) as page:
        as_viewer.get(f"{LIST}?tier=free")
    assert [_about(query) for query in page] == [
        "sign_ins",  # who asks, in which workspace, with which role, and how many notifications are unread
        "subscribers",  # the rows with their tags, and how many there are
        "tags",  # the workspace's, for the filter
    ]
    with _queries(app_engine, owner_engine) as search:
        as_viewer.get(f"{LIST}?q=number")
    assert [_about(query) for query in search] == [
        "sign_ins",
        "search_subscribers",  # ids by the trigram index
        "subscribers",
        "tags",
    ]
    with _queries(app_engine, owner_engine) as swap:
        as_viewer.swap(f"{LIST}?q=number")
    assert [_about(query) for query in swap] == ["sign_ins", "search_subscribers", "subscribers"]


def _about(query: str) -> str:
    """What a query is for: its function or its main table."""
    if "search_subscribers" in query:
        return "search_subscribers"
    return re.findall(r"\nFROM (\w+) ?", query)[-1]
