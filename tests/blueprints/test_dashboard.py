"""The dashboard: what it says in each of its states, in whose days, and how many queries it costs."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine

from huntaze.adapters.signals import Signals
from huntaze.blueprints import dashboard
from huntaze.jobs.rollups import fold
from huntaze.models.base import WorkspaceId
from huntaze.models.domain_event import EventKind
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Role
from huntaze.models.workspace import Workspace
from huntaze.services.activity import topic
from tests.blueprints.test_subscribers import _queries
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import DomainEventFactory, MemberFactory, SubscriberFactory, TransactionFactory, WorkspaceFactory

PAGE = "/dashboard"
RANGES = ("7d", "30d", "90d", "year", "all")
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    """Joined 40 days ago, renews in 3, and paid in this period and in the one before."""
    fan = SubscriberFactory(
        workspace_id=workspace.id,
        display_name="Ann Lee",
        joined_at=NOON - timedelta(days=40),
        renews_at=NOON + timedelta(days=3),
    )
    for days, cents in ((0, 2_000), (3, 3_000), (35, 10_000)):
        TransactionFactory(subscriber=fan, gross_cents=cents, occurred_at=NOON - timedelta(days=days))
    return fan


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def _at_noon() -> time_machine.travel:
    return time_machine.travel(NOON, tick=False)


def test_home_leads_here(as_viewer: Browser) -> None:
    response = as_viewer.get("/")
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    html = as_viewer.get(PAGE).text
    assert f'<a href="{PAGE}" aria-current="page">' in html


def test_an_empty_workspace_says_what_to_do(as_manager: Browser, as_viewer: Browser) -> None:
    html = as_manager.get(PAGE).text
    assert "Your business starts here" in html
    assert 'href="/onlyfans/subscribers/new"' in html
    assert "/onlyfans/subscribers/import" in html
    assert "Earnings" not in html
    assert 'href="/onlyfans/subscribers/new"' not in as_viewer.get(PAGE).text


def test_money_fans_and_what_happened(as_viewer: Browser, fan: Subscriber) -> None:
    with _at_noon():
        text = _text(as_viewer.get(PAGE).text)
    for said in (
        "Earnings $40.00 -50%",
        "of $50.00 paid",
        "$80.00 in the 30 days before",
        "Active fans 1 Active fans of 1",
        "New fans 0 New fans 1 before",
        "Expiring soon 1",
        "Ann Lee Tip",
        "Thu, Nov 26 $16.00",
        "Mon, Nov 23 $24.00",
        "$30",
    ):
        assert said in text, said


def test_one_day_of_data(as_viewer: Browser, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id, joined_at=NOON)
    TransactionFactory(subscriber=fan, occurred_at=NOON)
    with _at_noon():
        pages = {chosen: _text(as_viewer.get(f"{PAGE}?range={chosen}").text) for chosen in RANGES}
    for chosen, text in pages.items():
        assert "Earnings $8.00" in text
        assert ("before" in text) == (chosen != "all")
    assert "Thu, Nov 26 $8.00" in pages["all"]


def test_a_taken_back_payment_and_a_loss_are_shown(as_viewer: Browser, fan: Subscriber) -> None:
    TransactionFactory(subscriber=fan, type="chargeback", gross_cents=-9_000, occurred_at=NOON)
    TransactionFactory(subscriber=fan, status="refunded", gross_cents=7_000, occurred_at=NOON)
    with _at_noon():
        text = _text(as_viewer.get(PAGE).text)
    assert "Earnings -$32.00" in text
    assert "Refunded" in text
    assert "Chargeback" in text


@pytest.mark.parametrize("chosen", RANGES)
def test_the_period_is_in_the_url(as_viewer: Browser, fan: Subscriber, chosen: str) -> None:
    with _at_noon():
        page, part = as_viewer.get(f"{PAGE}?range={chosen}"), as_viewer.swap(f"{PAGE}?range={chosen}")
    assert part.text.strip() in page.text
    assert "<html" not in part.text
    assert re.findall(r'range=(\w+)"[^>]* aria-current="true"', part.text) == [chosen]


def test_a_range_that_there_is_not(as_viewer: Browser) -> None:
    for path in (f"{PAGE}?range=century", f"{PAGE}?colour=blue"):
        assert as_viewer.get(path).status_code == 422
        assert as_viewer.swap(path).headers["HX-Retarget"] == "#toasts"
    assert as_viewer.get(f"{PAGE}?range=").status_code == 200


def test_each_figure_leads_to_its_list(as_viewer: Browser, fan: Subscriber, workspace: Workspace) -> None:
    SubscriberFactory(workspace_id=workspace.id, status="expired", joined_at=NOON - timedelta(days=2))
    SubscriberFactory(
        workspace_id=workspace.id, joined_at=NOON - timedelta(days=9), renews_at=NOON - timedelta(days=1)
    )
    SubscriberFactory(
        workspace_id=workspace.id, joined_at=NOON - timedelta(days=90), renews_at=NOON + timedelta(days=7)
    )
    with _at_noon():
        html = as_viewer.get(PAGE).text
        stats = re.findall(r'<a href="(/onlyfans[^"]*)">(\d+)<span class="vh"> ([^<]*)', html)
        assert [(count, name) for _, count, name in stats] == [
            ("3", "Active fans"),
            ("2", "New fans"),
            ("1", "Expiring soon"),
        ]
        for href, count, _name in stats:
            listed = as_viewer.get(unescape(href)).text
            assert f"{count} fan{'s' if count != '1' else ''}<" in listed
            assert "Clear" in listed, "the filter is seen, and can be taken off"


@pytest.mark.parametrize(
    ("zone", "today"),
    [("America/New_York", "Wed, Nov 25"), ("UTC", "Thu, Nov 26"), ("Pacific/Kiritimati", "Thu, Nov 26")],
)
def test_days_are_the_workspaces(sign_in: SignIn, zone: str, today: str) -> None:
    here = WorkspaceFactory(time_zone=zone, currency="EUR")
    fan = SubscriberFactory(workspace_id=here.id)
    at = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
    TransactionFactory(subscriber=fan, occurred_at=at)
    browser = sign_in(MemberFactory(workspace_id=here.id))
    with time_machine.travel(at, tick=False):
        assert f"{today} €8.00" in _text(browser.get(f"{PAGE}?range=7d").text)
        answer = browser.get("/api/analytics/overview?range=7d").json
    assert answer is not None
    assert (answer["time_zone"], answer["currency"]) == (zone, "EUR")
    assert answer["steps"][-1]["net_cents"] == 800


def test_a_new_payment_is_seen_at_once(app: Flask, as_viewer: Browser, fan: Subscriber) -> None:
    """Folded or not: nothing is cached but by what it says."""
    with _at_noon():
        with app.app_context():
            fold()
        first = as_viewer.get(PAGE)
        same = as_viewer.get(PAGE, headers={"If-None-Match": first.headers["ETag"]})
        TransactionFactory(subscriber=fan, gross_cents=100, occurred_at=NOON)
        new = as_viewer.get(PAGE, headers={"If-None-Match": first.headers["ETag"]})
        with app.app_context():
            fold()
        folded = as_viewer.get(PAGE, headers={"If-None-Match": new.headers["ETag"]})
    assert (same.status_code, new.status_code, folded.status_code) == (304, 200, 304)
    assert "$40.80" in new.text


def test_a_teammate_sees_the_same_and_a_stranger_nothing(
    as_owner: Browser, stranger: Browser, sign_in: SignIn, fan: Subscriber
) -> None:
    teammate = sign_in(MemberFactory(workspace_id=fan.workspace_id, role=Role.CHATTER))
    with _at_noon():
        assert "$40.00" in as_owner.get(PAGE).text
        assert "$40.00" in teammate.get(PAGE).text
        for path in (PAGE, "/api/analytics/overview"):
            answer = stranger.get(path).text
            assert "40.00" not in answer
            assert "Ann Lee" not in answer


def test_what_it_costs(as_viewer: Browser, fan: Subscriber, app_engine: Engine, owner_engine: Engine) -> None:
    as_viewer.get(PAGE)
    with _queries(app_engine, owner_engine) as page:
        as_viewer.get(PAGE)
    assert [re.findall(r"\nFROM (\w+)", query)[-1] for query in page] == [
        "sign_ins",  # who asks, in which workspace, zone and currency
        "daily_earnings",  # each day of the period, and of the one before
        "daily_subscribers",  # how many are active, new, expiring
        "transactions",  # the newest, with who paid
        "subscribers",  # the newest
        "domain_events",  # the newest, with whose they are
    ]
    with _queries(app_engine, owner_engine) as swap:
        as_viewer.swap(f"{PAGE}?range=year")
    assert len(swap) == 3, "another period is figures alone"


def _happened(fan: Subscriber, *kinds: EventKind) -> None:
    for minutes, kind in enumerate(kinds):
        DomainEventFactory(subscriber=fan, kind=kind, occurred_at=NOON - timedelta(minutes=minutes))


def test_what_no_payment_stands_for_is_in_words(as_viewer: Browser, fan: Subscriber) -> None:
    _happened(fan, EventKind.MESSAGE, EventKind.EXPIRED, EventKind.TIP)
    with _at_noon():
        html = as_viewer.swap("/dashboard/activity").text
    assert [_text(row) for row in html.strip().split("</li>")[:-1]] == [
        "Ann Lee Tip · in 0 seconds $16.00",
        "Ann Lee Wrote to you · in 0 seconds",
        "Ann Lee Subscription ended · 1 minute ago",
        "Ann Lee Tip · 3 days ago $24.00",
        "Ann Lee Tip · 1 month ago $80.00",
    ]
    assert html.count(f'<a href="/onlyfans/subscribers/{fan.id}">') == 4
    assert html.count(f'<a href="/chatbot/with/{fan.id}">') == 1, "what was written leads to the conversation"


def test_the_list_alone_is_for_a_page_that_is_open(as_viewer: Browser, fan: Subscriber) -> None:
    response = as_viewer.get("/dashboard/activity")
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    first = as_viewer.swap("/dashboard/activity")
    again = as_viewer.get("/dashboard/activity", headers={**SWAP, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_page_listens_and_has_a_list_to_poll(as_viewer: Browser, fan: Subscriber) -> None:
    html = as_viewer.get(PAGE).text
    assert 'data-events="/dashboard/events"' in html
    assert 'hx-get="/dashboard/activity"' in html
    assert re.search(r'<script src="/static/stream-\w+\.js" defer', html)


def test_whoever_looks_hears_what_happens(
    app: Flask, as_viewer: Browser, stranger: Browser, fan: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "PACE", 0.0)
    signals: Signals = app.extensions["huntaze.signals"]
    with (
        closing(as_viewer.get("/dashboard/events", buffered=False)) as response,
        closing(stranger.get("/dashboard/events", buffered=False)) as elsewhere,
    ):
        events = response.iter_encoded()
        assert b"Wrote to you" not in next(events)
        _happened(fan, EventKind.MESSAGE)
        signals.publish(topic(WorkspaceId(fan.workspace_id)))
        assert b"Wrote to you" in next(events)
        assert next(elsewhere.iter_encoded()) == b"retry: 1000\ndata:\n\n"
