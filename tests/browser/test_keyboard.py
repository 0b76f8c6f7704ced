"""Everything with the keyboard alone, and where it is can be seen."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from huntaze.models.user import Membership
from huntaze.models.workspace import Workspace
from tests.browser.test_sign_in import email_of
from tests.factories import PASSWORD, SubscriberFactory, TransactionFactory

LIST = "/onlyfans/subscribers"

# The focus shows as an outline or a ring of the element, of what surrounds it, or of its ::after.
FOCUS = """() => {
  const shows = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const element = document.activeElement;
  const seen = shows(element) || shows(element, "::after") || shows(element.parentElement)
    || element.parentElement.parentElement && shows(element.parentElement.parentElement);
  const name = element.getAttribute("aria-label") || element.labels?.[0]?.innerText || element.innerText;
  return [element.tagName.toLowerCase(), name.trim().split("\\n")[0], seen];
}"""


def tab_through(page: Page, most: int = 60) -> list[str]:
    """Press Tab until the focus leaves the page; returns what had it. Fails where it can't be seen."""
    passed: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        tag, name, seen = page.evaluate(FOCUS)
        if tag == "body":
            return passed
        assert seen, f"the focus on {tag} {name!r} can't be seen"
        passed.append(name)
    raise AssertionError(f"no end after {passed}")


def test_signing_in(page: Page, member: Membership) -> None:
    page.goto("/login")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type(email_of(member))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/dashboard$"))


def test_the_way_through_the_list(signed_in: Page, workspace: Workspace) -> None:
    for number in range(3):
        SubscriberFactory(workspace_id=workspace.id, username=f"fan{number}")
    signed_in.goto(LIST)
    passed = tab_through(signed_in)
    assert passed[0] == "Skip to content"
    wanted = ["Fans", "Notifications", "Settings", "Add fan", "Tier", "Status", "Spent at least", "Spent at most"]
    assert [name for name in passed if name in wanted] == wanted
    assert {"Fold the sidebar", "Search name, username or e-mail", "Archived", "Sort by"} < set(passed)
    assert {"fan0", "fan1", "fan2"} < set(passed)


def test_the_way_through_the_dashboard(signed_in: Page, workspace: Workspace) -> None:
    TransactionFactory(subscriber=SubscriberFactory(workspace_id=workspace.id, display_name="Ann Lee"))
    signed_in.goto("/dashboard")
    passed = tab_through(signed_in)
    periods = ["7 days", "30 days", "90 days", "Year", "All"]
    at = passed.index(periods[0])
    assert passed[at : at + 5] == periods
    assert passed[at + 5] == "$8.00", "the chart is one stop, and the arrow keys go through it"
    assert passed[at + 6] == "Who paid most"


def test_the_way_through_a_fan_and_the_settings(signed_in: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    signed_in.goto(f"{LIST}/{fan.id}")
    passed = tab_through(signed_in)
    wanted = ["Edit", "Archive", "Add a tag", "Add", "New note", "Add note"]
    assert [name for name in passed if name in wanted] == wanted
    signed_in.goto("/settings")
    assert {"System", "English"} < set(tab_through(signed_in))


def test_skipping_to_the_content(signed_in: Page) -> None:
    signed_in.goto("/notifications")
    signed_in.keyboard.press("Tab")
    skip = signed_in.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("main")).to_be_focused()


def test_going_somewhere_and_opening_a_fan(signed_in: Page, workspace: Workspace) -> None:
    SubscriberFactory(workspace_id=workspace.id, username="zoe_l")
    signed_in.goto("/settings")
    signed_in.get_by_role("link", name="Fans").focus()
    signed_in.keyboard.press("Enter")
    row = signed_in.get_by_role("link", name="zoe_l")
    row.focus()
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("heading", name="zoe_l")).to_be_visible()


def test_the_dialog_holds_the_focus_and_gives_it_back(signed_in: Page) -> None:
    signed_in.goto(LIST)
    add = signed_in.get_by_role("link", name="Add fan")
    add.focus()
    signed_in.keyboard.press("Enter")
    dialog = signed_in.get_by_role("dialog")
    expect(dialog.get_by_label("Username")).to_be_focused()

    inside = "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
    for key in ["Tab"] * 10 + ["Shift+Tab"] * 12:
        signed_in.keyboard.press(key)
        assert signed_in.evaluate(inside), "the focus left the dialog"

    signed_in.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(add).to_be_focused()

    signed_in.keyboard.press("Enter")
    expect(dialog.get_by_label("Username")).to_be_focused()
    dialog.get_by_role("button", name="Close").press("Space")
    expect(dialog).to_have_count(0)
    expect(add).to_be_focused()

    signed_in.keyboard.press("Enter")
    expect(dialog.get_by_label("Username")).to_be_focused()
    signed_in.keyboard.type("zoe_l")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("heading", name="zoe_l")).to_be_visible()


def test_the_menu_and_the_choices(signed_in: Page) -> None:
    signed_in.goto("/settings")
    signed_in.get_by_role("banner").get_by_role("button", name="Owner").press("Enter")
    signed_in.keyboard.press("Tab")
    expect(signed_in.get_by_role("banner").get_by_role("link", name="Settings").last).to_be_focused()
    signed_in.keyboard.press("Escape")
    expect(signed_in.get_by_role("banner").get_by_role("button", name="Log out")).to_have_count(0)
    expect(signed_in.get_by_role("banner").get_by_role("button", name="Owner")).to_be_focused()

    signed_in.get_by_role("radio", name="System").focus()
    with signed_in.expect_response("**/settings/appearance"):
        signed_in.keyboard.press("ArrowRight")
    expect(signed_in.get_by_role("radio", name="Light")).to_be_checked()


def test_the_focus_stays_where_something_was_taken_away(signed_in: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    signed_in.goto(f"{LIST}/{fan.id}")
    signed_in.get_by_label("Add a tag").focus()
    signed_in.keyboard.type("kind")
    signed_in.keyboard.press("Enter")
    remove = signed_in.get_by_role("button", name="Remove the tag kind")
    remove.press("Enter")
    expect(remove).to_have_count(0)
    assert signed_in.evaluate("document.activeElement.closest('#tags') !== null"), "the focus fell out of the card"
