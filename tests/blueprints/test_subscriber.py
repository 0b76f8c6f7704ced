"""The page of one fan, and the further pages of payments and notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.services.keyset import PAGE
from tests.conftest import Browser, SignIn
from tests.factories import (
    ConversationFactory,
    MemberFactory,
    MessageFactory,
    NoteFactory,
    PeriodFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    TransactionFactory,
    UserFactory,
    WorkspaceFactory,
)

LIST = "/onlyfans/subscribers"
Fan = Callable[..., Subscriber]


@pytest.fixture
def fan(workspace: Workspace) -> Fan:
    def fan(**values: object) -> Subscriber:
        return SubscriberFactory(workspace_id=workspace.id, **values)

    return fan


def test_the_page_of_a_fan(as_manager: Browser, sign_in: SignIn, fan: Fan) -> None:
    ann = fan(
        username="ann",
        display_name="Ann Lee",
        email="ann@example.test",
        country="FR",
        monthly_price_cents=999,
        total_spent_cents=123456,
        joined_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
        renews_at=datetime.now(UTC) + timedelta(days=40),
    )
    TransactionFactory(subscriber=ann, type="ppv", gross_cents=5000)
    TransactionFactory(subscriber=ann, type="tip", gross_cents=700, status="refunded")
    author = MemberFactory(workspace_id=ann.workspace_id, user_id=UserFactory(name="Cleo").id)
    NoteFactory(subscriber=ann, body="Likes blue\n& <green>", author_id=author.user_id)
    html = as_manager.get(f"{LIST}/{ann.id}").text
    shown = [
        "Ann Lee",
        "@ann",
        "ann@example.test",
        "FR",
        "$9.99",
        "$1,234.56",
        "$50.00",
        "$10.00",
        "$40.00",
        "Paid message",
    ]
    for text_ in [*shown, "Refunded", "Cleo", "Likes blue\n&amp; &lt;green&gt;", "Jan 31, 2026"]:
        assert text_ in html, text_
    assert "$700" not in html


def test_days_are_those_of_the_workspace(sign_in: SignIn) -> None:
    member = MemberFactory(workspace_id=WorkspaceFactory(time_zone="Asia/Tokyo", currency="JPY").id)
    ann = SubscriberFactory(
        workspace_id=member.workspace_id, joined_at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC), username="ann"
    )
    assert "Feb 1, 2026" in sign_in(member).get(f"{LIST}/{ann.id}").text


def test_the_timeline_goes_on(as_viewer: Browser, fan: Fan) -> None:
    ann = fan(username="ann")
    for n in range(PAGE + 3):
        TransactionFactory(subscriber=ann, gross_cents=n * 100 + 1)
    page = as_viewer.get(f"{LIST}/{ann.id}").text
    more = re.search(r'href="([^"]*/transactions\?after=[^"]*)"', page)
    assert more is not None
    rows, rest = as_viewer.swap(unescape(more[1])), as_viewer.get(unescape(more[1]))
    assert rows.text.strip() in rest.text
    assert rows.text.count("<tr") == 3
    assert "after=" not in rows.text


def test_notes_go_on(as_viewer: Browser, fan: Fan) -> None:
    ann = fan(username="ann")
    for n in range(PAGE + 2):
        NoteFactory(subscriber=ann, body=f"Note number {n}.")
    more = re.search(r'href="([^"]*/notes\?after=[^"]*)"', as_viewer.get(f"{LIST}/{ann.id}").text)
    assert more is not None
    rows, page = as_viewer.swap(unescape(more[1])), as_viewer.get(unescape(more[1]))
    assert rows.text.strip() in page.text
    assert rows.text.count("Note number") == 2


@pytest.mark.parametrize("part", ["transactions", "notes"])
def test_a_cursor_from_elsewhere_is_refused(as_viewer: Browser, fan: Fan, part: str) -> None:
    path = f"{LIST}/{fan(username='ann').id}/{part}?after=nonsense"
    assert as_viewer.get(path).status_code == 422
    assert re.search(r">after\b", as_viewer.get(path).text)


@pytest.fixture
def account(workspace: Workspace) -> PlatformAccount:
    return PlatformAccountFactory(workspace_id=workspace.id)


def test_how_the_subscription_stands(as_viewer: Browser, fan: Fan, account: PlatformAccount) -> None:
    now = datetime.now(UTC)
    ann = fan(account_id=account.id, platform_id="1", renews=False, renews_at=now + timedelta(days=20))
    for months in range(9):
        began = now - timedelta(days=10 + 30 * months)
        ends = began + timedelta(days=30)
        PeriodFactory(subscriber=ann, started_at=began, ends_at=ends, price_cents=None if months else 999)
    html = as_viewer.get(f"{LIST}/{ann.id}").text
    card = html.partition('id="subscription-title"')[2].partition("</section>")[0]
    assert "Ends unless the fan renews it." in card
    assert card.count("<li>") == 6
    assert card.count("$") == 1, "what the platform did not say is not made up"
    assert "3 times before" in card
    assert "<dt>Ends</dt>" in html


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        ({"renews": True}, "Renews by itself."),
        ({"status": "expired", "renews": False}, "Not subscribed now."),
        ({"vanished_at": datetime(2026, 1, 1, tzinfo=UTC)}, "has not listed this fan since Jan 1, 2026"),
    ],
)
def test_what_is_said_of_a_subscription(
    as_viewer: Browser, fan: Fan, account: PlatformAccount, stands: dict[str, object], said: str
) -> None:
    ann = fan(account_id=account.id, platform_id="1", **stands)
    PeriodFactory(subscriber=ann)
    assert said in as_viewer.get(f"{LIST}/{ann.id}").text


def test_the_last_messages(as_viewer: Browser, fan: Fan, account: PlatformAccount) -> None:
    ann = fan(account_id=account.id, platform_id="1", display_name="Ann Lee")
    chat = ConversationFactory(account=account, subscriber_id=ann.id)
    now = datetime.now(UTC)
    for minutes, values in enumerate(
        (
            {"body": "taken back", "deleted_at": now},
            {"body": "<b>now</b>"},
            {"body": "x" * 2_000, "direction": "outbound", "price_cents": 500, "media_count": 2, "is_opened": False},
            {"body": "", "direction": "outbound", "price_cents": 700, "is_opened": True},
            {"body": "too old"},
        )
    ):
        MessageFactory(conversation=chat, sent_at=now - timedelta(minutes=minutes), **values)
    html = as_viewer.get(f"{LIST}/{ann.id}").text
    card = html.partition('id="messages-title"')[2].partition("</section>")[0]
    assert card.count("<li>") == card.count("hx-ignore") == 3
    assert "&lt;b&gt;now&lt;/b&gt;" in card
    assert "x" * 300 not in card
    assert "2 files · $5.00, not paid yet" in card
    assert "$7.00, paid" in card
    assert "taken back" not in card
    assert "too old" not in card


def test_a_fan_of_no_platform_has_neither(as_viewer: Browser, fan: Fan) -> None:
    html = as_viewer.get(f"{LIST}/{fan().id}").text
    assert "subscription-title" not in html
    assert "messages-title" not in html
