"""The queue in a browser: it is up to date without being loaded again, and works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import DeliveryState, Failure, Message
from huntaze.models.delivery import AttemptOutcome, Halt
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.user import Membership
from huntaze.services.delivery_news import delivery_topic
from huntaze.services.platform_policies import POLICIES
from tests.browser.conftest import PHONE, OpenAs
from tests.browser.test_axe import VIEWS, expect_no_violations
from tests.factories import (
    AttemptFactory,
    ConversationFactory,
    LaneFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    session,
)

HERE = "/onlyfans/messages"

Say = Callable[..., Message]


@pytest.fixture
def accounts(member: Membership) -> list[PlatformAccount]:
    version = next(iter(POLICIES.values())).version
    return [
        PlatformAccountFactory(
            workspace_id=member.workspace_id,
            username=name,
            policy_version=version,
            policy_accepted_at=datetime.now(UTC),
        )
        for name in ("jade", "jade_free", "jade_vip")
    ]


@pytest.fixture
def say(member: Membership, accounts: list[PlatformAccount]) -> Say:
    def say(name: str, state: DeliveryState, account: int = 0, **given: object) -> Message:
        here = {"workspace_id": member.workspace_id, "account_id": accounts[account].id}
        fan = SubscriberFactory(**here, display_name=name)
        fan.platform_id = f"{fan.id}"
        chat = ConversationFactory(account=accounts[account], subscriber_id=fan.id)
        message: Message = OutgoingFactory(conversation=chat, state=state, **{"body": "See you on Friday", **given})
        return message

    return say


@pytest.fixture
def busy(say: Say, accounts: list[PlatformAccount], member: Membership) -> Message:
    """Each kind of thing that the page can show; returns the message in doubt."""
    now = datetime.now(UTC)
    LaneFactory(account=accounts[1], paused_at=now, paused_by=member.user_id, halt=Halt.PERSON)
    LaneFactory(account=accounts[2], not_before=now + timedelta(minutes=9), halt=Halt.LIMITED)
    for state in (*DeliveryState, DeliveryState.QUEUED):
        if state is not DeliveryState.UNKNOWN:
            say("Ben Fox", state)
    say("Cat Ray", DeliveryState.QUEUED, 1)
    say("Dan Sun", DeliveryState.QUEUED, 2)
    unsure = say("Ann Lee", DeliveryState.UNKNOWN, failure=Failure.NO_ANSWER)
    AttemptFactory(message=unsure, outcome=AttemptOutcome.UNKNOWN, detail="timed_out")
    return unsure


def test_one_decides_and_pauses_in_place(open_as: OpenAs, member: Membership, busy: Message, app: Flask) -> None:
    page = open_as(member, PHONE)
    page.goto(HERE)
    page.evaluate("document.body.dataset.same = 'page'")
    doubt, lanes = page.locator("#unsure"), page.locator("#lanes")
    expect(doubt).to_contain_text("Ann Lee")
    expect(lanes).to_contain_text("3 left")
    lanes.get_by_role("button", name="Pause").first.click()
    expect(lanes.locator("#lane-title, section").first).to_contain_text("paused it at")
    lanes.get_by_role("button", name="Resume").first.click()
    expect(lanes.locator("section").first).to_contain_text("Done at about")
    doubt.get_by_role("button", name="It went out").click()
    expect(doubt).to_be_empty()
    expect(page.locator("#rows li", has_text="Ann Lee")).to_contain_text("Sent")
    assert page.evaluate("document.body.dataset.same") == "page"


def test_the_way_there_counts_what_is_unsure(open_as: OpenAs, member: Membership, say: Say) -> None:
    for _ in range(2):
        say("Ann Lee", DeliveryState.UNKNOWN)
    say("Ben Fox", DeliveryState.QUEUED)
    page = open_as(member)
    page.goto("/dashboard")
    page.get_by_role("link", name="Queue 2 unsure").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    expect(page.locator(".nav [aria-current=page]")).to_have_text(["Queue2 unsure"])
    expect(page.locator(".nav > button")).to_be_hidden()

    phone = open_as(member, PHONE, locale="fr-FR")
    phone.goto("/dashboard")
    expect(phone.locator("#more")).to_be_hidden()
    phone.get_by_role("button", name="Plus 2 à vérifier").tap()
    phone.get_by_role("link", name="File d’envoi 2 à vérifier").tap()
    expect(phone.get_by_role("heading", name="File d’envoi")).to_be_visible()
    accent = phone.locator("#more [aria-current]").evaluate("link => getComputedStyle(link).color")
    expect(phone.locator(".nav > button")).to_have_css("color", accent)


def test_what_happens_is_told_without_a_reload(
    open_as: OpenAs, member: Membership, accounts: list[PlatformAccount], say: Say, app: Flask
) -> None:
    message = say("Ben Fox", DeliveryState.QUEUED)
    page = open_as(member, PHONE)
    with page.expect_request("**/events*"):
        page.goto(HERE)
    expect(page.locator("#lanes")).to_contain_text("1 left")
    page.evaluate("document.body.dataset.same = 'page'")
    message.state = DeliveryState.UNKNOWN
    session.commit()
    app.extensions["huntaze.signals"].publish(delivery_topic(WorkspaceId(member.workspace_id)))
    expect(page.locator("#unsure")).to_contain_text("Ben Fox")
    expect(page.locator("#lane-" + str(accounts[0].id) + "-title + p")).to_contain_text("All quiet")
    expect(page.locator("#rows li").first).to_contain_text("Unsure")
    assert page.evaluate("document.body.dataset.same") == "page"


def test_a_message_opens_in_the_dialog_and_is_cancelled(
    open_as: OpenAs, member: Membership, accounts: list[PlatformAccount], say: Say
) -> None:
    say("Ben Fox", DeliveryState.QUEUED)
    page = open_as(member, PHONE)
    page.goto(HERE)
    page.get_by_role("link", name="Ben Fox").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the message").click()
    expect(page.locator("#toasts")).to_contain_text("It will not be sent.")
    expect(page.locator("#rows li").first).to_contain_text("Cancelled")


def test_without_javascript(open_as: OpenAs, member: Membership, busy: Message) -> None:
    page = open_as(member, PHONE, java_script_enabled=False)
    page.goto(HERE)
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#toasts")).to_contain_text("as a new message")
    page.get_by_role("button", name="Pause").first.click()
    expect(page.locator("#lanes section").first).to_contain_text("paused it at")
    page.get_by_label("State").select_option("Failed")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#rows li:not(.more)")).to_have_count(1)
    page.get_by_role("link", name="Ben Fox").click()
    expect(page.get_by_role("heading", name="Message")).to_be_visible()
    page.get_by_role("link", name="Queue").click()
    page.get_by_role("link", name="Stop or cancel").first.click()
    page.get_by_role("button", name="Cancel all that wait").click()
    expect(page.locator("#toasts")).to_contain_text("cancelled")


@pytest.mark.parametrize("locale", list(VIEWS))
def test_axe_and_the_narrowest_phone(open_as: OpenAs, member: Membership, busy: Message, locale: str) -> None:
    page = open_as(member, PHONE, locale=locale)
    for path in (HERE, f"{HERE}?state=sent", f"{HERE}/{busy.id}", f"{HERE}/lanes/{busy.account_id}"):
        page.set_viewport_size({"width": PHONE.width, "height": PHONE.height})
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        expect_no_violations(page, locale)
    page.goto(HERE)
    page.locator("#rows a").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect_no_violations(page, locale)


def test_the_page_of_one_who_has_no_account(open_as: OpenAs, member: Membership) -> None:
    page: Page = open_as(member, PHONE)
    page.goto(HERE)
    expect_no_violations(page)
