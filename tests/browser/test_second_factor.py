"""Passkeys with a device that Chromium plays, and codes with JavaScript off."""

from __future__ import annotations

import re
from typing import Any

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import CDPSession, Page, expect

from huntaze.models.base import UserId
from huntaze.models.user import Membership
from tests.browser.conftest import PHONE, NewContext, OpenAs
from tests.browser.test_axe import expect_no_violations
from tests.browser.test_bytes import watched
from tests.browser.test_narrow import problems
from tests.browser.test_sign_in import email_of, sign_in
from tests.factories import PasskeyFactory

SETTINGS = "/settings/second-factor"
LOCALES = pytest.mark.parametrize("locale", ["en-US", "fr-FR"])


class Device:
    """An authenticator of the page's own, like a phone's: it knows its owner, and keeps passkeys."""

    def __init__(self, page: Page) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def passkeys(self) -> list[dict[str, Any]]:
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    def knows_its_owner(self, known: bool) -> None:
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": known})


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any], named_url: str) -> dict[str, Any]:
    return {**browser_context_args, "base_url": named_url}


@pytest.fixture
def open_as(app: Flask, new_context: NewContext, named_url: str) -> OpenAs:
    return OpenAs(new_context, named_url)


@pytest.fixture
def page(open_as: OpenAs, member: Membership) -> Page:
    """A phone in which `member` is signed in."""
    return open_as(member, PHONE)


def add_passkey(page: Page, name: str) -> None:
    page.goto(SETTINGS)
    page.get_by_role("link", name="Add a passkey").tap()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Go on").tap()
    expect(page.get_by_role("status")).to_contain_text(f"From now on {name} can sign you in.")


def test_a_passkey_signs_in_by_one_tap(page: Page) -> None:
    device = Device(page)
    add_passkey(page, "Ann's phone")
    [passkey] = device.passkeys()
    assert (passkey["rpId"], passkey["isResidentCredential"]) == ("localhost", True)

    page.context.clear_cookies()
    page.goto("/onlyfans/subscribers?tier=vip")
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_role("button", name="Use a passkey").tap()
    expect(page).to_have_url(re.compile(r"/onlyfans/subscribers\?tier=vip$"))

    page.goto("/confirm?next=/settings/second-factor")
    page.get_by_role("button", name="Use a passkey").tap()
    expect(page.get_by_text("Last used")).to_be_visible()

    page.get_by_role("link", name="Edit Ann's phone").tap()
    page.get_by_role("button", name="Remove").tap()
    expect(page.get_by_role("status")).to_contain_text("Ann's phone no longer signs you in.")
    page.context.clear_cookies()
    page.goto("/login")
    page.get_by_role("button", name="Use a passkey").tap()
    expect(page.get_by_role("status")).to_contain_text("This passkey does not open an account here.")


def test_a_device_has_one_passkey(page: Page) -> None:
    device = Device(page)
    add_passkey(page, "Ann's phone")
    page.get_by_role("link", name="Add a passkey").tap()
    page.get_by_role("button", name="Go on").tap()
    expect(page.get_by_role("alert")).to_have_text(
        "No passkey was made. Try again; this device may have one already."
    )
    expect(page.get_by_role("button", name="Go on")).to_be_enabled()
    assert len(device.passkeys()) == 1


def test_a_device_that_does_not_know_its_owner_signs_nobody_in(page: Page) -> None:
    device = Device(page)
    add_passkey(page, "Ann's phone")
    page.context.clear_cookies()
    device.knows_its_owner(False)
    page.goto("/login")
    page.get_by_role("button", name="Use a passkey").tap()
    expect(page.get_by_role("alert")).to_have_text("No passkey was used. Try again, or use your password.")
    device.knows_its_owner(True)
    page.get_by_role("button", name="Use a passkey").tap()
    expect(page).to_have_url(re.compile("/dashboard$"))


def test_without_network_the_button_says_so(page: Page, troubles: list[str]) -> None:
    page.context.clear_cookies()
    page.goto("/login")
    page.context.set_offline(True)
    page.get_by_role("button", name="Use a passkey").tap()
    expect(page.locator("#unreachable")).to_be_visible()
    page.context.set_offline(False)
    troubles.clear()


def test_the_button_weighs_little_until_it_is_pressed(new_context: NewContext, base_url: str, named_url: str) -> None:
    """The budget is 600 bytes."""
    totals = []
    for url in (base_url, named_url):
        page = new_context().new_page()
        with watched(page) as traffic:
            page.goto(f"{url}/login")
            page.wait_for_load_state("networkidle")
        assert not traffic.of("passkeys.js")
        totals.append(traffic.total)
    assert 0 < totals[1] - totals[0] < 300


def test_codes_without_javascript(open_as: OpenAs, new_context: NewContext, member: Membership) -> None:
    plain = open_as(member, PHONE, java_script_enabled=False)
    plain.goto(SETTINGS)
    plain.get_by_role("link", name="Set it up").tap()
    app = pyotp.TOTP(plain.locator("main code").inner_text().replace(" ", ""))
    plain.get_by_label("Six digits").fill("1")
    plain.get_by_role("button", name="Turn on").tap()
    expect(plain.get_by_label("Six digits")).to_have_accessible_description(re.compile("^This code is not right"))
    plain.get_by_label("Six digits").fill(app.now())
    plain.get_by_role("button", name="Turn on").tap()
    expect(plain.locator("li code")).to_have_count(10)
    codes = plain.locator("li code").all_inner_texts()
    plain.get_by_role("link", name="I have written them down").tap()
    expect(plain.get_by_role("button", name="Turn off")).to_be_visible()

    other = new_context(**PHONE.options(), java_script_enabled=False).new_page()
    other.goto("/settings")
    expect(other.get_by_role("button", name="Use a passkey")).to_be_hidden()
    sign_in(other, email_of(member))
    expect(other.get_by_role("heading", name="Your code, please")).to_be_visible()
    other.get_by_role("link", name="Use a recovery code").tap()
    other.get_by_label("Recovery code").fill("wrong")
    other.get_by_role("button", name="Log in").tap()
    expect(other.get_by_label("Recovery code")).to_have_value("wrong")
    other.get_by_label("Recovery code").fill(codes[0])
    other.get_by_role("button", name="Log in").tap()
    expect(other.get_by_role("heading", name="Settings")).to_be_visible()

    plain.goto("/settings/passkeys/new")
    expect(plain.get_by_text("Passkeys need JavaScript.")).to_be_visible()
    expect(plain.get_by_role("button", name="Go on")).to_be_hidden()
    plain.goto(SETTINGS)
    plain.get_by_role("button", name="Turn off").tap()
    expect(plain.get_by_role("status")).to_contain_text("Signing in asks for your password alone now.")


@LOCALES
def test_every_page_of_it_is_fine(open_as: OpenAs, new_context: NewContext, member: Membership, locale: str) -> None:
    """For axe in both themes, and at 360 px."""
    passkey = PasskeyFactory(user_id=UserId(member.user_id), name="W" * 50)
    page = open_as(member, PHONE, locale=locale)

    def is_fine() -> None:
        page.set_viewport_size({"width": PHONE.width, "height": PHONE.height})
        assert not problems(page), "\n".join(problems(page))
        expect_no_violations(page, locale)

    for path in (
        SETTINGS,
        "/settings/passkeys/new",
        f"/settings/passkeys/{passkey.id}",
        "/confirm",
        f"{SETTINGS}/app",
    ):
        page.goto(path)
        is_fine()
    app = pyotp.TOTP(page.locator("main code").inner_text().replace(" ", ""))
    page.locator("[name=code]").fill("1")
    page.locator("main .go").click()
    expect(page.locator(".err")).to_be_visible()
    is_fine()
    page.locator("[name=code]").fill(app.now())
    page.locator("main .go").click()
    expect(page.locator("li code")).to_have_count(10)
    is_fine()
    page.goto(SETTINGS)
    expect(page.locator("main .no")).to_be_visible()
    is_fine()

    page.context.clear_cookies()
    page.goto("/login")
    is_fine()
    page.locator("[type=email]").fill(email_of(member))
    page.locator("[type=password]").fill("a password of the tests")
    page.locator(".go").click()
    for _ in range(2):
        expect(page.locator("[name=code]")).to_be_visible()
        is_fine()
        page.locator("[name=code]").fill("wrong")
        page.locator(".go").click()
        expect(page.locator(".err")).to_be_visible()
        is_fine()
        page.locator("form a.bare").click()
