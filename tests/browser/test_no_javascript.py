"""Everything that is core, with JavaScript off."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from huntaze.models.subscriber import Tier
from huntaze.models.user import Membership
from huntaze.models.workspace import Workspace
from tests.browser.conftest import NewContext, OpenAs
from tests.browser.test_sign_in import email_of, sign_in
from tests.factories import NoteFactory, SubscriberFactory, TransactionFactory

LIST = "/onlyfans/subscribers"


@pytest.fixture
def plain(open_as: OpenAs, member: Membership) -> Page:
    return open_as(member, java_script_enabled=False)


def test_signing_in_and_out(new_context: NewContext, member: Membership) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/settings")
    sign_in(page, email_of(member), "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, email_of(member))
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_finding_a_fan_and_turning_the_page(plain: Page, workspace: Workspace) -> None:
    for number in range(52):
        SubscriberFactory(workspace_id=workspace.id, username=f"fan.{number:02}")
    SubscriberFactory(workspace_id=workspace.id, username="zoe", display_name="Zoë", tier=Tier.VIP)
    plain.goto(LIST)
    plain.get_by_role("link", name="Show more fans").click()
    expect(plain.locator(".who a")).to_have_count(3)
    expect(plain.get_by_role("heading", name="Fans", exact=True)).to_be_visible()

    plain.goto(LIST)
    plain.get_by_role("searchbox").fill("zoe")
    plain.get_by_label("Tier").select_option("VIP")
    plain.get_by_label("Sort by").select_option("Highest spend")
    plain.get_by_role("button", name="Apply").click()
    expect(plain.locator(".who a")).to_have_text(["Zoë"])
    expect(plain.get_by_role("searchbox")).to_have_value("zoe")
    expect(plain.get_by_label("Sort by")).to_have_value("spent")
    plain.get_by_role("link", name="Zoë").click()
    expect(plain.get_by_role("heading", name="Zoë")).to_be_visible()


def test_adding_and_editing_a_fan(plain: Page) -> None:
    plain.goto(LIST)
    plain.get_by_role("link", name="Add fan").click()
    expect(plain).to_have_url(re.compile(f"{LIST}/new$"))
    plain.get_by_label("Username").fill("bad name!")
    plain.get_by_label("Display name").fill("Zoë 🌊")
    plain.get_by_role("button", name="Add fan").click()
    expect(plain.get_by_label("Username")).to_have_accessible_description(re.compile("^Use only letters"))
    expect(plain.get_by_label("Display name")).to_have_value("Zoë 🌊")
    plain.get_by_label("Username").fill("zoe_l")
    plain.get_by_role("button", name="Add fan").click()
    expect(plain.get_by_role("status")).to_contain_text("Zoë 🌊 is among your fans now.")

    plain.get_by_role("link", name="Edit").click()
    plain.get_by_label("Display name").fill("Zoë")
    plain.get_by_role("button", name="Save changes").click()
    expect(plain.get_by_role("heading", name="Zoë", exact=True)).to_be_visible()

    plain.get_by_role("button", name="Archive").click()
    expect(plain.get_by_text("Archived on")).to_be_visible()
    plain.get_by_role("button", name="Restore").click()
    expect(plain.get_by_role("button", name="Archive")).to_be_visible()


def test_notes_and_tags(plain: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    plain.goto(f"{LIST}/{fan.id}")
    plain.get_by_label("New note").fill("Likes blue.")
    plain.get_by_role("button", name="Add note").click()
    expect(plain.get_by_text("Likes blue.")).to_be_visible()
    plain.get_by_role("button", name="Remove this note").click()
    expect(plain.get_by_text("Likes blue.")).to_have_count(0)

    plain.get_by_label("Add a tag").fill("kind")
    plain.get_by_role("button", name="Add", exact=True).click()
    plain.get_by_role("button", name="Remove the tag kind").click()
    expect(plain.get_by_role("heading", name=fan.username)).to_be_visible()
    expect(plain.get_by_role("button", name="Remove the tag kind")).to_have_count(0)


def test_earlier_notes_and_payments(plain: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    for number in range(51):
        TransactionFactory(subscriber=fan, gross_cents=100 + number)
        NoteFactory(subscriber=fan, body=f"Note {number}.")
    plain.goto(f"{LIST}/{fan.id}")
    plain.get_by_role("link", name="Show earlier payments").click()
    expect(plain.get_by_role("table").get_by_role("row")).to_have_count(2)
    plain.get_by_role("link", name=fan.username).click()
    plain.get_by_role("link", name="Show earlier notes").click()
    expect(plain.get_by_text("Note 0.", exact=True)).to_be_visible()


def test_theme_and_language(plain: Page) -> None:
    plain.goto("/settings")
    plain.get_by_role("radio", name="Dark").check(force=True)
    plain.get_by_role("button", name="Save").first.click()
    expect(plain.locator("html")).to_have_css("background-color", "rgb(16, 16, 19)")
    plain.goto(LIST)
    expect(plain.locator("html")).to_have_css("background-color", "rgb(16, 16, 19)")
    plain.goto("/settings")
    plain.get_by_role("radio", name="Français").check(force=True)
    plain.get_by_role("button", name="Save").last.click()
    expect(plain.get_by_role("heading", name="Réglages")).to_be_visible()


def test_the_menu_and_the_notifications(plain: Page) -> None:
    plain.goto(LIST)
    plain.locator(".me").click()
    expect(plain.get_by_role("banner").get_by_role("button", name="Log out")).to_be_visible()
    plain.get_by_role("link", name="Notifications").click()
    expect(plain.get_by_role("heading", name="You are all caught up")).to_be_visible()
