"""A session that ends while someone is typing: what was typed is there after signing in."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlalchemy.orm import Session

from huntaze.models.sign_in import SignIn
from huntaze.models.user import Membership
from huntaze.models.workspace import Workspace
from tests.browser.conftest import OpenAs
from tests.browser.test_sign_in import email_of, sign_in
from tests.factories import MemberFactory, SubscriberFactory

LIST = "/onlyfans/subscribers"


def end_sessions(owner: Session, member: Membership) -> None:
    owner.execute(update(SignIn).where(SignIn.user_id == member.user_id).values(ended_at=SignIn.created_at))


@pytest.mark.parametrize("javascript", [True, False])
def test_a_fan_being_added(open_as: OpenAs, member: Membership, owner: Session, javascript: bool) -> None:
    page = open_as(member, java_script_enabled=javascript)
    page.goto(LIST)
    page.get_by_role("link", name="Add fan").click()
    page.get_by_label("Username").fill("zoe_l")
    page.get_by_label("Display name").fill("Zoë 🌊 <b>")
    page.get_by_label("Tier").select_option("VIP")
    end_sessions(owner, member)
    page.get_by_role("button", name="Add fan").click()

    expect(page).to_have_url(re.compile("/login"))
    sign_in(page, email_of(member), "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, email_of(member))

    expect(page.get_by_role("heading", name="Add fan")).to_be_visible()
    expect(page.get_by_label("Username")).to_have_value("zoe_l")
    expect(page.get_by_label("Display name")).to_have_value("Zoë 🌊 <b>")
    expect(page.get_by_label("Tier")).to_have_value("vip")
    page.get_by_role("main").get_by_role("button", name="Add fan").click()
    expect(page.get_by_role("heading", name="Zoë 🌊 <b>")).to_be_visible()


def test_a_fan_being_edited(signed_in: Page, member: Membership, workspace: Workspace, owner: Session) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id, display_name="Before", email="before@mail.test")
    signed_in.goto(f"{LIST}/{fan.id}")
    signed_in.get_by_role("link", name="Edit").click()
    signed_in.get_by_label("Display name").fill("After")
    signed_in.get_by_label("E-mail").fill("")
    end_sessions(owner, member)
    signed_in.get_by_role("button", name="Save changes").click()
    sign_in(signed_in, email_of(member))
    expect(signed_in.get_by_label("Display name")).to_have_value("After")
    expect(signed_in.get_by_label("E-mail")).to_have_value("")


def test_a_note_and_a_tag(signed_in: Page, member: Membership, workspace: Workspace, owner: Session) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    signed_in.goto(f"{LIST}/{fan.id}")
    signed_in.get_by_label("New note").fill("Likes blue.\nAnswers at night.")
    end_sessions(owner, member)
    signed_in.get_by_role("button", name="Add note").click()
    sign_in(signed_in, email_of(member))
    expect(signed_in.get_by_label("New note")).to_have_value("Likes blue.\nAnswers at night.")

    signed_in.get_by_label("Add a tag").fill("kind")
    end_sessions(owner, member)
    signed_in.get_by_label("Add a tag").press("Enter")
    sign_in(signed_in, email_of(member))
    expect(signed_in.get_by_label("Add a tag")).to_have_value("kind")


def test_what_was_typed_is_for_its_author_alone(signed_in: Page, member: Membership, owner: Session) -> None:
    colleague = MemberFactory(workspace_id=member.workspace_id)
    signed_in.goto(f"{LIST}/new")
    signed_in.get_by_label("Username").fill("zoe_l")
    end_sessions(owner, member)
    signed_in.get_by_role("button", name="Add fan").click()
    sign_in(signed_in, email_of(colleague))
    expect(signed_in.get_by_role("heading", name="Add fan")).to_be_visible()
    expect(signed_in.get_by_label("Username")).to_have_value("")


def test_a_search(signed_in: Page, member: Membership, workspace: Workspace, owner: Session) -> None:
    SubscriberFactory(workspace_id=workspace.id, username="zoe_l", tier="vip")
    signed_in.goto(f"{LIST}?tier=vip")
    end_sessions(owner, member)
    signed_in.get_by_role("searchbox").fill("zoe")
    expect(signed_in).to_have_url(re.compile("/login"))
    sign_in(signed_in, email_of(member))
    expect(signed_in).to_have_url(re.compile(rf"{LIST}\?tier=vip"))
    expect(signed_in.get_by_role("link", name="zoe_l")).to_be_visible()
