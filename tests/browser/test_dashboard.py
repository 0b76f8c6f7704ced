"""The dashboard under a thumb and on a keyboard: another period, a value of the chart, the way on from a figure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Membership
from huntaze.models.workspace import Workspace
from tests.browser.conftest import PHONE, NewContext, OpenAs
from tests.browser.test_offline import NO_ANSWER, expect_complaints_of_the_network_alone
from tests.factories import SubscriberFactory, TransactionFactory

PAGE = "/dashboard"


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    """Paid something else on each of the last three days: 10, 20 and 30 dollars, of which 8, 16 and 24 are hers."""
    fan = SubscriberFactory(workspace_id=workspace.id, display_name="Ann Lee")
    now = datetime.now(UTC)
    for days in range(3):
        TransactionFactory(subscriber=fan, gross_cents=3_000 - 1_000 * days, occurred_at=now - timedelta(days=days))
    return fan


def _shown(page: Page) -> str:
    """The value that stands above the chart."""
    values: Locator = page.locator(".pts b")
    visible = [text for text in values.all() if text.evaluate("value => getComputedStyle(value).opacity") == "1"]
    assert len(visible) == 1
    return visible[0].inner_text()


def test_another_period(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(PAGE)
    week, year = (signed_in.get_by_role("link", name=name, exact=True) for name in ("7 days", "Year"))
    with signed_in.expect_response("**/dashboard?range=7d") as swap:
        week.click()
    assert swap.value.request.headers["hx-request-type"] == "partial"
    expect(signed_in).to_have_url(re.compile(r"\?range=7d$"))
    expect(week).to_have_attribute("aria-current", "true")
    expect(week).to_be_focused()
    expect(signed_in.locator(".pts tr")).to_have_count(7)
    assert _shown(signed_in) == "$24.00"
    year.click()
    expect(signed_in.locator(".pts tr")).to_have_count(12)
    assert _shown(signed_in) in ("$48.00", "$40.00", "$24.00"), "this month's, early in it less"
    signed_in.go_back()
    expect(signed_in).to_have_url(re.compile(r"\?range=7d$"))
    expect(signed_in.locator(".pts tr")).to_have_count(7)


def test_values_by_the_arrow_keys(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(PAGE)
    last = signed_in.locator(".pts input").last
    last.focus()
    assert _shown(signed_in) == "$24.00"
    signed_in.keyboard.press("ArrowLeft")
    assert _shown(signed_in) == "$16.00"
    signed_in.keyboard.press("ArrowLeft")
    assert _shown(signed_in) == "$8.00"
    signed_in.keyboard.press("Tab")
    expect(signed_in.get_by_role("link", name="Who paid most")).to_be_focused()


def test_values_by_touch(open_as: OpenAs, member: Membership, fan: Subscriber) -> None:
    page = open_as(member, PHONE)
    page.goto(f"{PAGE}?range=7d")
    page.locator(".pts label").nth(4).tap()
    assert _shown(page) == "$8.00"
    page.locator(".pts label").nth(5).tap()
    assert _shown(page) == "$16.00"


def test_values_by_pointing(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(PAGE)
    signed_in.locator(".pts label").nth(28).hover()
    assert _shown(signed_in) == "$16.00"
    signed_in.locator("h1").hover()
    assert _shown(signed_in) == "$24.00"


def test_the_table_of_a_chart_is_read_out(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(f"{PAGE}?range=7d")
    table = signed_in.get_by_role("table", name="Earnings")
    expect(table.get_by_role("row")).to_have_count(7)
    expect(table.get_by_role("rowheader")).to_have_count(7)
    expect(table.get_by_role("row").last).to_contain_text("$24.00")


def test_a_figure_leads_to_its_list(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(PAGE)
    signed_in.get_by_role("link", name="New fans").click()
    expect(signed_in.get_by_role("link", name="Ann Lee")).to_be_visible()
    expect(signed_in.get_by_label("Joined since")).to_be_visible()
    signed_in.get_by_label("Status").select_option("active")
    expect(signed_in).to_have_url(re.compile("status=active.*joined_since=|joined_since=.*status=active"))


@pytest.mark.browser_context_args(service_workers="block")
def test_offline(signed_in: Page, fan: Subscriber, troubles: list[str]) -> None:
    signed_in.goto(PAGE)
    signed_in.context.set_offline(True)
    signed_in.get_by_role("link", name="90 days").click()
    expect(signed_in.get_by_text(NO_ANSWER)).to_be_visible()
    expect(signed_in.locator(".pts tr")).to_have_count(30)
    signed_in.context.set_offline(False)
    signed_in.get_by_role("link", name="90 days").click()
    expect(signed_in.locator(".pts tr")).to_have_count(13)
    expect_complaints_of_the_network_alone(troubles)


def test_without_javascript(new_context: NewContext, open_as: OpenAs, member: Membership, fan: Subscriber) -> None:
    page = open_as(member, PHONE, java_script_enabled=False)
    page.goto("/")
    expect(page).to_have_url(re.compile(f"{PAGE}$"))
    page.get_by_role("link", name="7 days").click()
    expect(page.locator(".pts tr")).to_have_count(7)
    page.get_by_role("link", name="Expiring soon").click()
    expect(page.get_by_label("Renews before")).to_be_visible()
