"""No answer from the server: it is said, nothing typed is lost, and it works again when it can."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from huntaze.models.workspace import Workspace
from tests.factories import SubscriberFactory

# A worker that is only just being fetched would complain of the network, too; test_worker.py has its own tests.
pytestmark = pytest.mark.browser_context_args(service_workers="block")

LIST = "/onlyfans/subscribers"
NO_ANSWER = "No answer from the server."


def expect_complaints_of_the_network_alone(troubles: list[str]) -> None:
    assert troubles
    assert [text for text in troubles if not re.search("ERR_INTERNET_DISCONNECTED|Failed to fetch", text)] == []
    troubles.clear()


def test_adding_a_fan(signed_in: Page, troubles: list[str]) -> None:
    signed_in.goto(LIST)
    signed_in.get_by_role("link", name="Add fan").click()
    dialog = signed_in.get_by_role("dialog")
    dialog.get_by_label("Username").fill("zoe_l")
    signed_in.context.set_offline(True)
    dialog.get_by_role("button", name="Add fan").click()
    expect(dialog.get_by_text(NO_ANSWER)).to_be_visible()
    expect(dialog.get_by_label("Username")).to_have_value("zoe_l")
    with signed_in.expect_event("requestfailed"):
        dialog.get_by_role("button", name="Add fan").click()
    expect(signed_in.get_by_text(NO_ANSWER)).to_have_count(1)

    signed_in.context.set_offline(False)
    expect(signed_in.get_by_text(NO_ANSWER)).to_have_count(0)
    dialog.get_by_role("button", name="Add fan").click()
    expect(signed_in.get_by_role("heading", name="zoe_l")).to_be_visible()
    expect_complaints_of_the_network_alone(troubles)


def test_searching_and_opening_the_dialog(signed_in: Page, workspace: Workspace, troubles: list[str]) -> None:
    SubscriberFactory(workspace_id=workspace.id, username="zoe_l")
    SubscriberFactory(workspace_id=workspace.id, username="mike")
    signed_in.goto(LIST)
    signed_in.context.set_offline(True)
    signed_in.get_by_role("searchbox").fill("zoe")
    toast = signed_in.get_by_role("status").filter(has_text=NO_ANSWER)
    expect(toast).to_be_visible()
    expect(signed_in.get_by_role("searchbox")).to_have_value("zoe")
    expect(signed_in.get_by_role("link", name="mike")).to_be_visible()
    toast.get_by_role("button", name="Dismiss").click()
    expect(signed_in.get_by_text(NO_ANSWER)).to_have_count(0)
    signed_in.get_by_role("link", name="Add fan").click()
    expect(toast).to_be_visible()
    expect(signed_in.get_by_role("dialog")).to_have_count(0)

    signed_in.context.set_offline(False)
    signed_in.get_by_role("link", name="Add fan").click()
    expect(signed_in.get_by_role("dialog")).to_be_visible()
    signed_in.keyboard.press("Escape")
    signed_in.get_by_role("searchbox").press("Enter")
    expect(signed_in.get_by_role("link", name="mike")).to_have_count(0)
    expect_complaints_of_the_network_alone(troubles)
