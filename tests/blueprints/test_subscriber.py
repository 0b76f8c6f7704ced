"""The page of one fan, and the further pages of payments and notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.services.keyset import PAGE
from tests.conftest import Browser, SignIn
from tests.factories import (
    MemberFactory,
    NoteFactory,
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
