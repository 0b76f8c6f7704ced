"""The list of fans: searching, filtering, sorting, going back, showing more."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from huntaze.models.subscriber import Tier
from huntaze.models.user import Role
from huntaze.models.workspace import Workspace
from tests.browser.conftest import OpenAs
from tests.factories import MemberFactory, SubscriberFactory, TagFactory, TaggedFactory

LIST = "/onlyfans/subscribers"

# Faster than any pause, however slow the machine that runs the tests.
TYPE_FAST = """(field, text) => {
  for (let end = 1; end <= text.length; end++) {
    field.value = text.slice(0, end);
    field.dispatchEvent(new InputEvent("input", {bubbles: true}));
  }
}"""


@pytest.fixture
def fans(workspace: Workspace) -> None:
    """Four fans, from the newest to the oldest."""
    now = datetime.now(UTC)
    for days, (username, name, tier, spent) in enumerate(
        (
            ("zoe_l", "Zoë Lindqvist", Tier.PREMIUM, 20_00),
            ("mike", "Mike", Tier.VIP, 900_00),
            ("quiet", "", Tier.FREE, 0),
            ("hana.s", "佐藤 花", Tier.VIP, 1500_00),
        )
    ):
        SubscriberFactory(
            workspace_id=workspace.id,
            username=username,
            display_name=name,
            tier=tier,
            total_spent_cents=spent,
            joined_at=now - timedelta(days=days),
        )


def names(page: Page) -> Locator:
    return page.locator(".who a")


def test_typing_finds_a_fan(signed_in: Page, fans: None) -> None:
    signed_in.goto(LIST)
    expect(names(signed_in)).to_have_text(["Zoë Lindqvist", "Mike", "quiet", "佐藤 花"])
    visited = signed_in.evaluate("history.length")
    field = signed_in.get_by_role("searchbox")

    field.press_sequentially("zoe", delay=20)
    expect(names(signed_in)).to_have_text(["Zoë Lindqvist"])
    expect(signed_in.get_by_role("status").filter(has_text="1 fan")).to_be_visible()
    expect(signed_in).to_have_url(re.compile(rf"{LIST}\?q=zoe$"))
    expect(field).to_be_focused()
    assert signed_in.evaluate("history.length") == visited, "typing leaves no steps behind"

    asked: list[str] = []
    signed_in.on("request", lambda request: "?q=" in request.url and asked.append(request.url))
    field.evaluate(TYPE_FAST, "nobody")
    expect(signed_in.get_by_role("heading", name="No fan fits this search")).to_be_visible()
    assert len(asked) == 1, "a request for each pause, not for each letter"
    signed_in.get_by_role("link", name="Clear search and filters").click()
    expect(names(signed_in)).to_have_count(4)
    expect(signed_in).to_have_url(re.compile(f"{LIST}$"))


def test_a_filter_and_an_order_are_steps_that_back_takes_back(signed_in: Page, fans: None) -> None:
    signed_in.goto(LIST)
    tier, order = signed_in.get_by_label("Tier"), signed_in.get_by_label("Sort by")

    tier.select_option("VIP")
    expect(names(signed_in)).to_have_text(["Mike", "佐藤 花"])
    expect(signed_in).to_have_url(re.compile(r"\?tier=vip$"))
    order.select_option("Highest spend")
    expect(names(signed_in)).to_have_text(["佐藤 花", "Mike"])
    expect(signed_in).to_have_url(re.compile(r"\?tier=vip&sort=spent$"))

    signed_in.go_back()
    expect(names(signed_in)).to_have_text(["Mike", "佐藤 花"])
    expect(tier).to_have_value("vip")
    expect(order.locator("option:checked")).to_have_text("Newest")
    signed_in.go_back()
    expect(names(signed_in)).to_have_count(4)
    expect(tier).to_have_value("")
    signed_in.go_forward()
    expect(names(signed_in)).to_have_text(["Mike", "佐藤 花"])
    expect(tier).to_have_value("vip")

    # What history brought back works like what was loaded.
    order.select_option("Username")
    expect(names(signed_in)).to_have_text(["佐藤 花", "Mike"])


def test_filters_together_and_out_of_all_of_them(signed_in: Page, fans: None, workspace: Workspace) -> None:
    tag = TagFactory(workspace_id=workspace.id, name="whale & co")
    whale = SubscriberFactory(workspace_id=workspace.id, username="whale", total_spent_cents=2000_00)
    TaggedFactory(subscriber=whale, tag=tag)
    signed_in.goto(LIST)

    signed_in.get_by_label("Spent at least").fill("900")
    signed_in.get_by_label("Spent at least").press("Enter")
    expect(names(signed_in)).to_have_text(["whale", "Mike", "佐藤 花"])
    signed_in.get_by_label("Tag", exact=True).select_option("whale & co")
    expect(names(signed_in)).to_have_text(["whale"])
    expect(signed_in).to_have_url(re.compile(r"tag=whale(\+|%20)%26(\+|%20)co&spent_min=900"))
    signed_in.reload()
    expect(names(signed_in)).to_have_text(["whale"])
    expect(signed_in.get_by_text("2 filters")).to_be_visible()
    signed_in.get_by_role("link", name="Clear").click()
    expect(names(signed_in)).to_have_count(5)


def test_showing_more_appends_and_goes_on_from_there(signed_in: Page, workspace: Workspace) -> None:
    now = datetime.now(UTC)
    for number in range(103):
        joined = now - timedelta(days=number)
        SubscriberFactory(workspace_id=workspace.id, username=f"fan.{number:03}", joined_at=joined)
    signed_in.goto(LIST)
    expect(names(signed_in)).to_have_count(50)
    more = signed_in.get_by_role("link", name="Show more fans")

    more.click()
    expect(names(signed_in)).to_have_count(100)
    expect(signed_in.get_by_role("link", name="fan.050")).to_be_focused()
    expect(signed_in).to_have_url(re.compile(f"{LIST}$"))
    more.click()
    expect(names(signed_in)).to_have_count(103)
    expect(more).to_have_count(0)
    assert names(signed_in).all_text_contents() == [f"fan.{number:03}" for number in range(103)]

    names(signed_in).nth(60).click()
    expect(signed_in.get_by_role("heading", name="fan.060")).to_be_visible()


def test_a_viewer_sees_the_fans_and_nothing_to_change_them_with(
    open_as: OpenAs, workspace: Workspace, fans: None
) -> None:
    page = open_as(MemberFactory(workspace_id=workspace.id, role=Role.VIEWER))
    page.goto(LIST)
    expect(names(page)).to_have_count(4)
    expect(page.get_by_role("link", name="Add fan")).to_have_count(0)

    page.get_by_role("link", name="Mike").click()
    expect(page.get_by_role("heading", name="Mike")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
