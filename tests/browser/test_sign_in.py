"""Signing up, in and out, as a person does it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from huntaze.models.user import Membership
from tests.factories import PASSWORD, UserFactory, session


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Wait for the log-in page, fill in its form and send it."""
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def email_of(member: Membership) -> str:
    user = session.get(UserFactory._meta.model, member.user_id)
    return str(user.email)


def test_a_new_person_lands_on_an_empty_dashboard_logs_out_and_in_again(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Your name").fill("Ada Laurent")
    page.get_by_label("Name of your business").fill("Studio Ada")
    page.get_by_label("E-mail").fill("ada.laurent@huntaze.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()

    expect(page).to_have_url(re.compile("/dashboard$"))
    expect(page.get_by_role("heading", name="Your business starts here")).to_be_visible()
    expect(page.get_by_role("link", name="Studio Ada")).to_be_visible()

    page.get_by_role("button", name="Ada Laurent").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto("/onlyfans/subscribers")
    expect(page).to_have_url(re.compile(r"/login\?next="))

    sign_in(page, "Ada.Laurent@huntaze.test")
    expect(page.get_by_role("heading", name="No fans yet")).to_be_visible()


def test_a_wrong_password_is_said_and_the_e_mail_stays(page: Page, member: Membership) -> None:
    page.goto("/login")
    sign_in(page, email_of(member), "not the password")
    expect(page.get_by_role("alert")).to_have_text("The e-mail or the password is not right.")
    expect(page.get_by_label("E-mail")).to_have_value(email_of(member))
    expect(page.get_by_label("Password")).to_have_value("")


def test_signing_in_leads_back_to_where_one_wanted_to_go(page: Page, member: Membership) -> None:
    page.goto("/onlyfans/subscribers?tier=vip&sort=spent")
    sign_in(page, email_of(member), "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, email_of(member))
    expect(page).to_have_url(re.compile(r"/onlyfans/subscribers\?tier=vip&sort=spent$"))


def test_a_password_can_be_looked_at(page: Page) -> None:
    page.goto("/login")
    field = page.get_by_label("Password")
    field.fill(PASSWORD)
    expect(field).to_have_attribute("type", "password")
    page.get_by_label("Show what you type").check()
    expect(field).to_have_attribute("type", "text")
    page.get_by_label("Show what you type").uncheck()
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_value(PASSWORD)
