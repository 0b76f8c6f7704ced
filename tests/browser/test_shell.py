"""What surrounds each page: language, theme, sidebar, notifications."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from huntaze.models.user import Membership
from tests.browser.conftest import OpenAs
from tests.factories import NotificationFactory

LIGHT, DARK = "rgb(252, 252, 253)", "rgb(16, 16, 19)"


def expect_page_colour(page: Page, colour: str) -> None:
    expect(page.locator("html")).to_have_css("background-color", colour)


def test_the_language_is_chosen_in_the_settings(signed_in: Page) -> None:
    signed_in.goto("/settings")
    signed_in.get_by_role("radio", name="Français").check(force=True)
    expect(signed_in.get_by_role("heading", name="Réglages")).to_be_visible()
    expect(signed_in.locator("html")).to_have_attribute("lang", "fr")
    signed_in.goto("/onlyfans/subscribers")
    expect(signed_in.get_by_role("link", name="Ajouter un fan")).to_be_visible()
    signed_in.goto("/settings")
    signed_in.get_by_role("radio", name="English").check(force=True)
    expect(signed_in.get_by_role("heading", name="Settings")).to_be_visible()


def test_the_language_is_chosen_before_signing_in(page: Page) -> None:
    page.goto("/login?next=/settings")
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("button", name="Se connecter")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/login\?next=(/|%2F)settings$"))


def test_a_theme_applies_at_once_and_stays(signed_in: Page) -> None:
    signed_in.goto("/settings")
    expect_page_colour(signed_in, LIGHT)
    with signed_in.expect_response("**/settings/appearance"):
        signed_in.get_by_role("radio", name="Dark").check(force=True)
    expect_page_colour(signed_in, DARK)
    signed_in.goto("/onlyfans/subscribers")
    expect_page_colour(signed_in, DARK)
    signed_in.goto("/settings")
    expect(signed_in.get_by_role("radio", name="Dark")).to_be_checked()
    with signed_in.expect_response("**/settings/appearance"):
        signed_in.get_by_role("radio", name="Light").check(force=True)
    expect_page_colour(signed_in, LIGHT)
    signed_in.emulate_media(color_scheme="dark")
    expect_page_colour(signed_in, LIGHT)


def test_discreet_mode_is_one_tap(signed_in: Page) -> None:
    signed_in.goto("/settings")
    expect(signed_in).to_have_title("Settings · Huntaze")
    signed_in.get_by_role("radiogroup", name="Discreet mode").get_by_role("radio", name="On").check(force=True)
    expect(signed_in).to_have_title("Settings · Notes")
    expect(signed_in.get_by_role("radiogroup", name="Discreet mode").get_by_role("radio", name="On")).to_be_checked()
    expect(signed_in.locator(".logo")).to_have_css("background-image", "none")
    picture = "document.querySelector('main').insertAdjacentHTML('beforeend', '<img class=thumb alt>')"
    signed_in.evaluate(picture)
    expect(signed_in.locator(".thumb")).to_have_css("filter", "blur(16px)")
    signed_in.get_by_role("radiogroup", name="Discreet mode").get_by_role("radio", name="Off").check(force=True)
    expect(signed_in).to_have_title("Settings · Huntaze")
    signed_in.evaluate(picture)
    expect(signed_in.locator(".thumb")).to_have_css("filter", "none")


@pytest.mark.parametrize(("system", "colour"), [("light", LIGHT), ("dark", DARK)])
def test_without_a_choice_the_theme_is_the_systems(page: Page, system: str, colour: str) -> None:
    page.emulate_media(color_scheme=system)
    page.goto("/login")
    expect_page_colour(page, colour)


def test_the_sidebar_stays_folded(signed_in: Page) -> None:
    signed_in.goto("/notifications")
    wide = signed_in.get_by_role("banner").bounding_box()
    fold = signed_in.get_by_role("checkbox", name="Fold the sidebar")
    button = signed_in.locator("label").filter(has=fold)
    with signed_in.expect_response("**/settings/appearance"):
        button.click(position={"x": 3, "y": 3})
    expect(fold).to_be_checked()
    narrow = signed_in.get_by_role("banner").bounding_box()
    assert wide
    assert narrow
    assert narrow["width"] < wide["width"] / 2
    signed_in.goto("/settings")
    assert signed_in.get_by_role("banner").bounding_box() == narrow
    box = button.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 32, "all of the button works, not the icon alone"
    expect(signed_in.get_by_role("link", name="Notifications")).to_be_visible()
    with signed_in.expect_response("**/settings/appearance"):
        button.click()
    signed_in.reload()
    assert signed_in.get_by_role("banner").bounding_box() == wide


def test_the_bell_counts_and_is_emptied(open_as: OpenAs, member: Membership) -> None:
    for _ in range(3):
        NotificationFactory(member=member, url="/onlyfans/subscribers?status=expired")
    page = open_as(member)
    page.goto("/settings")
    page.get_by_role("link", name="Notifications 3 unread").click()
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_role("link", name="Notifications", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Mark all as read")).to_have_count(0)
    page.get_by_role("link", name="Something happened").first.click()
    expect(page).to_have_url(re.compile(r"\?status=expired$"))
