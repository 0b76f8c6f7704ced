"""What was typed and has not reached the server stays in the browser for its author, and not beyond a log-out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from huntaze.models.conversation import Conversation
from huntaze.models.user import Membership
from tests.browser.conftest import PHONE, OpenAs
from tests.browser.test_sign_in import email_of
from tests.factories import (
    PASSWORD,
    ConversationFactory,
    MemberFactory,
    PlatformAccountFactory,
    SignInFactory,
    SubscriberFactory,
)
from tests.waiting import wait_until

INBOX = "/chatbot/conversations"
KEYS = "Object.keys(localStorage).sort()"

# A worker that is only just being fetched would complain of the network.
pytestmark = pytest.mark.browser_context_args(service_workers="block")


@pytest.fixture
def chat(member: Membership) -> Conversation:
    account = PlatformAccountFactory(
        workspace_id=member.workspace_id, policy_version="onlyfans-1", policy_accepted_at=datetime.now(UTC)
    )
    fan = SubscriberFactory(
        workspace_id=member.workspace_id, account_id=account.id, platform_id="77", display_name="Mike"
    )
    return ConversationFactory(account=account, subscriber_id=fan.id)


@pytest.fixture
def unsent(open_as: OpenAs, member: Membership, chat: Conversation) -> Page:
    """A phone with a reply and a draft that the server was too busy to take."""
    phone = open_as(member, PHONE)
    phone.goto(f"{INBOX}/{chat.id}")
    for path in ("messages", "draft"):
        phone.route(f"**/{chat.id}/{path}", lambda route: route.fulfill(status=429))
    field = phone.get_by_label("Message to Mike")
    field.fill("A reply")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#log .out")).to_contain_text(["A reply"])
    field.fill("Half a draft")
    mine = member.user_id
    assert phone.evaluate(KEYS) == sorted([f"{mine}:{INBOX}/{chat.id}/draft", f"outbox:{mine}"])
    return phone


def test_who_logs_out_is_asked_and_leaves_nothing(unsent: Page) -> None:
    unsent.once("dialog", lambda dialog: dialog.dismiss())
    with unsent.expect_event("dialog") as asked:
        _press_log_out(unsent)
    assert "has not been sent" in asked.value.message
    assert len(unsent.evaluate(KEYS)) == 2, "it is kept as long as its author is there"
    unsent.once("dialog", lambda dialog: dialog.accept())
    _log_out(unsent)
    wait_until(lambda: unsent.evaluate(KEYS) == [])


def test_another_person_finds_nothing(unsent: Page, base_url: str) -> None:
    """Who signs in where a session had ended by itself."""
    token = "of-another-person"
    SignInFactory(member=MemberFactory(), token=token)
    unsent.context.add_cookies([{"name": "huntaze", "value": token, "url": base_url}])
    unsent.goto("/dashboard")
    wait_until(lambda: unsent.evaluate(KEYS) == [])


def test_what_the_server_has_is_there_again(open_as: OpenAs, member: Membership, chat: Conversation) -> None:
    phone = open_as(member, PHONE)
    phone.goto(f"{INBOX}/{chat.id}")
    with phone.expect_response("**/draft"):
        phone.get_by_label("Message to Mike").fill("Half a draft")
    _log_out(phone)
    phone.get_by_label("E-mail").fill(email_of(member))
    phone.get_by_label("Password", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Log in").click()
    expect(phone.get_by_role("heading", name="Home")).to_be_visible()
    phone.goto(f"{INBOX}/{chat.id}")
    expect(phone.get_by_label("Message to Mike")).to_have_value("Half a draft")


def _log_out(phone: Page) -> None:
    _press_log_out(phone)
    expect(phone.get_by_text("You are signed out.")).to_be_visible()


def _press_log_out(phone: Page) -> None:
    phone.goto("/settings")
    phone.locator(".me").click()
    phone.locator("#me").get_by_role("button", name="Log out").click()
