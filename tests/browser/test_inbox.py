"""The inbox in a real browser: seen at once, sent once, and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.models.draft import Draft
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.sign_in import SignIn
from huntaze.models.user import Membership
from huntaze.services.conversation_news import conversation_topics
from tests.browser.conftest import PHONE, OpenAs
from tests.browser.test_offline import expect_complaints_of_the_network_alone
from tests.factories import (
    ConversationFactory,
    MessageFactory,
    PlatformAccountFactory,
    SavedReplyFactory,
    SubscriberFactory,
    VaultItemFactory,
)

INBOX = "/chatbot/conversations"
TEXT = "Thank you, that means a lot!"

# A worker that is only just being fetched would complain of the network, too.
pytestmark = pytest.mark.browser_context_args(service_workers="block")


@pytest.fixture
def account(member: Membership) -> PlatformAccount:
    return PlatformAccountFactory(
        workspace_id=member.workspace_id, policy_version="onlyfans-1", policy_accepted_at=datetime.now(UTC)
    )


@pytest.fixture
def chat(account: PlatformAccount) -> Conversation:
    fan = SubscriberFactory(
        workspace_id=account.workspace_id, account_id=account.id, platform_id="77", display_name="Mike"
    )
    chat = ConversationFactory(account=account, subscriber_id=fan.id)
    for number in range(40):
        at = datetime.now(UTC) - timedelta(hours=number)
        MessageFactory(conversation=chat, body=f"No. {number}", sent_at=at, created_at=at)
    return chat


@pytest.fixture
def phone(open_as: OpenAs, member: Membership) -> Page:
    return open_as(member, PHONE)


def _open(page: Page, chat: Conversation) -> None:
    page.goto(INBOX)
    with page.expect_request(f"**{INBOX}/{chat.id}/events*"):
        page.locator(f"#c{chat.id} a").click()
    expect(page.get_by_role("heading", name="Mike")).to_be_visible()


def _bodies(owner: Session, chat: Conversation) -> list[str]:
    ours = select(Message.body).where(Message.conversation_id == chat.id, Message.key.is_not(None))
    return list(owner.scalars(ours.order_by(Message.id)))


def test_opened_read_answered_and_back(
    app: Flask, phone: Page, chat: Conversation, owner: Session, member: Membership
) -> None:
    with phone.expect_response("**/read"):
        _open(phone, chat)
    expect(phone.locator("#log").get_by_text("No. 0", exact=True)).to_be_in_viewport()
    expect(phone.get_by_text("No. 39", exact=True)).to_have_count(0)
    assert owner.scalar(select(Conversation.unread).where(Conversation.id == chat.id)) == 0
    phone.locator(".log").evaluate("(log) => { log.scrollTop = -log.scrollHeight; }")
    expect(phone.get_by_text("No. 39", exact=True)).to_be_attached()

    phone.get_by_label("Message to Mike").fill(TEXT)
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#log .out")).to_contain_text([TEXT])
    expect(phone.locator("#log .out")).to_contain_text(["Queued"])
    expect(phone.get_by_label("Message to Mike")).to_have_value("")
    assert _bodies(owner, chat) == [TEXT]

    signals = app.extensions["huntaze.signals"]
    MessageFactory(conversation=chat, body="And you?")
    signals.publish_all(conversation_topics(WorkspaceId(member.workspace_id), [chat.id]))
    expect(phone.locator("#log").get_by_text("And you?")).to_be_in_viewport()
    phone.get_by_role("link", name="Inbox").first.click()
    expect(phone.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(phone.locator(f"#c{chat.id}")).to_contain_text("And you?")
    expect(phone.locator(f"#c{chat.id}")).to_have_count(1)
    expect(phone).to_have_url(re.compile(f"{INBOX}$"))


def test_what_is_sent_offline_waits_and_goes_out_once(
    phone: Page, chat: Conversation, owner: Session, troubles: list[str]
) -> None:
    _open(phone, chat)
    phone.context.set_offline(True)
    for text in ("First", "Second"):
        phone.get_by_label("Message to Mike").fill(text)
        phone.get_by_role("button", name="Send", exact=True).click()
    waiting = phone.locator("#log .out")
    expect(waiting).to_contain_text(["First", "Second"])
    expect(waiting).to_contain_text(["Waiting for connection", "Waiting for connection"])
    assert _bodies(owner, chat) == []
    phone.context.set_offline(False)
    expect(waiting).to_contain_text(["Queued", "Queued"])
    assert _bodies(owner, chat) == ["First", "Second"]
    phone.reload()
    expect(waiting).to_contain_text(["First", "Second"])
    assert _bodies(owner, chat) == ["First", "Second"]
    expect_complaints_of_the_network_alone(troubles)


def test_what_is_refused_comes_back_to_be_mended(phone: Page, chat: Conversation, owner: Session) -> None:
    _open(phone, chat)
    field = phone.get_by_label("Message to Mike")
    field.fill("x" * 5_001)
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.get_by_role("alert")).to_have_text("Use at most 5000 characters.")
    expect(field).to_have_value("x" * 5_001)
    field.fill("Short")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#log .out")).to_contain_text(["Queued"])
    expect(phone.get_by_role("alert")).to_have_count(0)
    assert _bodies(owner, chat) == ["Short"]


def test_a_draft_survives_an_expired_session(
    open_as: OpenAs, phone: Page, chat: Conversation, owner: Session, member: Membership
) -> None:
    _open(phone, chat)
    with phone.expect_response("**/draft"):
        phone.get_by_label("Message to Mike").fill("Half a thought")
    assert owner.scalar(select(Draft.body).where(Draft.conversation_id == chat.id)) == "Half a thought"
    elsewhere = open_as(member)
    elsewhere.goto(f"{INBOX}/{chat.id}")
    expect(elsewhere.get_by_label("Message to Mike")).to_have_value("Half a thought")

    mine = SignIn.user_id == member.user_id
    elsewheres = select(func.max(SignIn.id)).where(mine).scalar_subquery()
    owner.execute(update(SignIn).where(mine, SignIn.id != elsewheres).values(ended_at=func.now()))
    with phone.expect_response("**/draft"):
        phone.get_by_label("Message to Mike").fill("Half a thought more")
    expect(phone.get_by_label("Message to Mike")).to_have_value("Half a thought more")


def test_saved_replies_price_and_media(
    phone: Page, chat: Conversation, account: PlatformAccount, owner: Session
) -> None:
    for name, body in (("Hello", "Hello {name}!"), ("Bye", "See you.")):
        SavedReplyFactory(workspace_id=account.workspace_id, name=name, body=body)
    VaultItemFactory(account=account, platform_id="501")
    _open(phone, chat)
    phone.get_by_label("Saved replies").click()
    for name in ("Hello", "Bye"):
        phone.get_by_role("button", name=name).click()
    expect(phone.get_by_label("Message to Mike")).to_have_value("Hello Mike! See you.")
    phone.get_by_label("Price and media").click()
    phone.get_by_label("Price (USD)").fill("2")
    hint = phone.get_by_text("A price is from 3 to 200")
    expect(hint).to_be_visible()
    phone.get_by_label("Price (USD)").fill("12.50")
    expect(hint).to_be_visible()
    phone.get_by_label("Photo 501").check()
    expect(hint).to_be_hidden()
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("#log .out")).to_contain_text(["$12.50 · Queued"])
    row = owner.execute(select(Message.price_cents, Message.media).where(Message.key.is_not(None))).all()[-1]
    assert tuple(row) == (1250, ["501"])


def test_without_javascript(open_as: OpenAs, chat: Conversation, member: Membership, owner: Session) -> None:
    SavedReplyFactory(workspace_id=member.workspace_id, name="Hello", body="Hello {name}!")
    page = open_as(member, PHONE, java_script_enabled=False)
    page.goto(INBOX)
    page.locator(f"#c{chat.id} a").click()
    expect(page.get_by_text("No. 0", exact=True)).to_be_in_viewport()
    page.get_by_role("button", name="Mark as read").click()
    page.get_by_role("link", name="Earlier messages").click()
    expect(page.get_by_text("No. 39", exact=True)).to_be_attached()
    page.get_by_label("Saved replies").click()
    page.get_by_role("link", name="Choose a saved reply").click()
    page.get_by_role("button", name="Hello").click()
    expect(page.get_by_label("Message to Mike")).to_have_value("Hello Mike!")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#log .out")).to_contain_text(["Hello Mike!"])
    assert _bodies(owner, chat) == ["Hello Mike!"]


def test_two_panes_on_a_wide_screen(signed_in: Page, chat: Conversation) -> None:
    signed_in.goto(f"{INBOX}/{chat.id}")
    expect(signed_in.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(signed_in.locator(f"#c{chat.id}")).to_be_visible()
    expect(signed_in.get_by_label("Message to Mike")).to_be_visible()
    signed_in.get_by_role("link", name="About Mike").click()
    dialog = signed_in.get_by_role("dialog")
    dialog.get_by_role("button", name="Pin").click()
    expect(dialog.get_by_role("button", name="Unpin")).to_be_visible()
