"""One fan: adding, editing, archiving, notes and tags."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Note, Subscriber
from huntaze.models.workspace import Workspace
from tests.factories import SubscriberFactory, TransactionFactory

LIST = "/onlyfans/subscribers"
FAN = re.compile(r"/onlyfans/subscribers/\d+$")


@pytest.fixture
def fan(workspace: Workspace) -> Subscriber:
    return SubscriberFactory(workspace_id=workspace.id, username="mike", display_name="Mike")


def path(fan: Subscriber) -> str:
    return f"{LIST}/{fan.id}"


def test_a_fan_is_added_in_the_dialog(signed_in: Page) -> None:
    signed_in.goto(LIST)
    signed_in.get_by_role("link", name="Add fan").click()
    dialog = signed_in.get_by_role("dialog", name="Add fan")
    username = dialog.get_by_label("Username")
    expect(username).to_be_focused()
    expect(signed_in).to_have_url(re.compile(f"{LIST}$"))
    expect(dialog.get_by_label("Tier")).to_have_value("free")

    username.fill("bad name!")
    dialog.get_by_label("Display name").fill("Zoë 🌊")
    dialog.get_by_label("Tier").select_option("VIP")
    dialog.get_by_role("button", name="Add fan").click()
    expect(username).to_have_accessible_description("Use only letters a to z, digits, dot, dash and underscore.")
    expect(username).to_be_focused()
    expect(username).to_have_value("bad name!")
    expect(dialog.get_by_label("Display name")).to_have_value("Zoë 🌊")
    expect(dialog.get_by_label("Tier")).to_have_value("vip")

    username.fill("@Zoe_L")
    dialog.get_by_role("button", name="Add fan").click()
    expect(signed_in).to_have_url(FAN)
    expect(signed_in.get_by_role("heading", name="Zoë 🌊")).to_be_visible()
    expect(signed_in.get_by_text("@zoe_l")).to_be_visible()
    expect(signed_in.get_by_role("status")).to_contain_text("Zoë 🌊 is among your fans now.")
    signed_in.get_by_role("button", name="Dismiss").click()
    expect(signed_in.get_by_role("button", name="Dismiss")).to_have_count(0)


def test_a_fan_who_is_there_already_is_not_added_again(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(LIST)
    signed_in.get_by_role("link", name="Add fan").click()
    dialog = signed_in.get_by_role("dialog")
    dialog.get_by_label("Username").fill("mike")
    dialog.get_by_label("Username").press("Enter")
    expect(dialog.get_by_label("Username")).to_have_accessible_description("You already have a fan called @mike.")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(signed_in).to_have_url(re.compile(f"{LIST}$"))


def test_two_clicks_add_one_fan(signed_in: Page, workspace: Workspace, owner: Session) -> None:
    signed_in.goto(LIST)
    signed_in.get_by_role("link", name="Add fan").click()
    signed_in.get_by_label("Username").fill("once")
    signed_in.get_by_role("dialog").get_by_role("button", name="Add fan").dblclick()
    expect(signed_in).to_have_url(FAN)
    assert owner.scalar(select(func.count()).where(Subscriber.workspace_id == workspace.id)) == 1


def test_two_clicks_add_one_note(signed_in: Page, fan: Subscriber, owner: Session) -> None:
    signed_in.goto(path(fan))
    signed_in.get_by_label("New note").fill("Once.")
    signed_in.get_by_role("button", name="Add note").dblclick()
    expect(signed_in.get_by_text("Once.")).to_be_visible()
    expect(signed_in.get_by_label("New note")).to_have_value("")
    signed_in.reload()
    expect(signed_in.get_by_text("Once.")).to_have_count(1)
    assert owner.scalar(select(func.count()).where(Note.subscriber_id == fan.id)) == 1


def test_editing(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(path(fan))
    signed_in.get_by_role("link", name="Edit").click()
    dialog = signed_in.get_by_role("dialog", name="Edit fan")
    expect(dialog.get_by_label("Username")).to_have_value("mike")
    dialog.get_by_label("E-mail").fill("mike@x")
    dialog.get_by_role("button", name="Save changes").click()
    expect(dialog.get_by_label("E-mail")).to_have_accessible_description(re.compile("name@example.com"))
    dialog.get_by_label("E-mail").fill("mike@mail.test")
    dialog.get_by_label("Status").select_option("Cancelled")
    dialog.get_by_role("button", name="Save changes").click()
    expect(signed_in.get_by_role("status")).to_contain_text("Saved.")
    expect(signed_in.get_by_text("mike@mail.test")).to_be_visible()
    expect(signed_in.get_by_text("Cancelled")).to_be_visible()


def test_archiving_and_restoring(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(path(fan))
    signed_in.get_by_role("button", name="Archive").dblclick()
    expect(signed_in.get_by_text(re.compile("^Archived on"))).to_be_visible()
    expect(signed_in.get_by_role("link", name="Edit")).to_have_count(0)
    signed_in.goto(LIST)
    expect(signed_in.get_by_role("heading", name="No fans yet")).to_be_visible()
    signed_in.goto(f"{LIST}?archived=1")
    signed_in.get_by_role("link", name="Mike").click()
    signed_in.get_by_role("button", name="Restore").click()
    expect(signed_in.get_by_role("button", name="Archive")).to_be_visible()
    expect(signed_in.get_by_role("status")).to_contain_text("Back among your fans.")


def test_a_note_comes_and_goes(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(path(fan))
    signed_in.get_by_label("New note").fill("Likes blue.\nAnswers at night.")
    signed_in.get_by_role("button", name="Add note").click()
    note = signed_in.get_by_text("Likes blue.")
    expect(note).to_be_visible()
    expect(signed_in.get_by_label("New note")).to_have_value("")

    remove = signed_in.get_by_role("button", name="Remove this note")
    signed_in.once("dialog", lambda dialog: dialog.dismiss())
    remove.click()
    expect(note).to_be_visible()
    signed_in.once("dialog", lambda dialog: dialog.accept())
    remove.click()
    expect(note).to_have_count(0)
    signed_in.reload()
    expect(note).to_have_count(0)


def test_a_tag_comes_and_goes(signed_in: Page, fan: Subscriber) -> None:
    signed_in.goto(path(fan))
    add = signed_in.get_by_label("Add a tag")
    add.fill("birthday soon")
    add.press("Enter")
    remove = signed_in.get_by_role("button", name="Remove the tag birthday soon")
    expect(remove).to_be_visible()
    expect(add).to_have_value("")
    expect(add).to_be_focused()
    add.fill("Birthday SOON")
    signed_in.get_by_role("button", name="Add", exact=True).dblclick()
    expect(add).to_have_value("")
    expect(remove).to_have_count(1)
    remove.click()
    expect(remove).to_have_count(0)


def test_earlier_payments_are_appended(signed_in: Page, fan: Subscriber) -> None:
    for _ in range(60):
        TransactionFactory(subscriber=fan)
    signed_in.goto(path(fan))
    payments = signed_in.get_by_role("table").get_by_role("row").filter(has_text="$10.00")
    expect(payments).to_have_count(50)
    signed_in.get_by_role("link", name="Show earlier payments").click()
    expect(payments).to_have_count(60)
