"""A phone of 360 px: nothing sticks out, whatever people are called, and everything fits under a thumb."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from huntaze.models.audit import Action
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Membership
from tests.browser.conftest import PHONE, NewContext, OpenAs
from tests.factories import (
    ApiTokenFactory,
    AuditEventFactory,
    ConversationFactory,
    InvitationFactory,
    MemberFactory,
    MessageFactory,
    NoteFactory,
    NotificationFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SavedReplyFactory,
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
    TransactionFactory,
    UserFactory,
    VaultItemFactory,
    WorkspaceFactory,
)

LIST = "/onlyfans/subscribers"
UNBROKEN = "W" * 100
EMOJI = "👩‍👩‍👧‍👦🏳️‍🌈🦄" * 6
RTL = "محمد عبد الرحمن بن علي الطويل الاسم جدا"

# What ends beyond the edge, and is not inside something that scrolls or cuts on purpose.
STICKING_OUT = """() => {
  const cut = (element) => {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") return true;
    return false;
  };
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && getComputedStyle(element).clipPath === "none")
    .filter((element) => !element.closest(".nav"))  // fixed: as wide as the page has become
    .filter((element) => { const box = element.getBoundingClientRect(); return box.right > 361 || box.left < -1; })
    .filter((element) => !cut(element))
    .map((element) => element.cloneNode().outerHTML.slice(0, 90));
}"""

CUT_LABELS = """() => [...document.querySelectorAll(".btn, .b, th, .nav span, label")]
  .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
  .filter((element) => element.clientWidth > 1)
  .map((element) => element.innerText)"""

# What is touched: its box, or that of the ::after that makes it larger.
SMALL_TARGETS = """() => {
  const size = (element) => {
    const box = element.getBoundingClientRect(), more = getComputedStyle(element, "::after");
    const grows = more.content !== "none" && more.position === "absolute";
    return grows
      ? [Math.max(box.width, parseFloat(more.width)), Math.max(box.height, parseFloat(more.height))]
      : [box.width, box.height];
  };
  return [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
    .filter((element) => element.checkVisibility() && !element.closest("p, .vh, .skip"))
    .map((element) => element.closest("label:has(input[type=radio], input[type=checkbox]), .pick") ?? element)
    .filter((element) => getComputedStyle(element).clipPath === "none")
    .filter((element) => Math.min(...size(element)) < 43.9)
    .map((element) => `${size(element)} ${element.cloneNode().outerHTML.slice(0, 90)}`);
}"""


@dataclass(frozen=True)
class Extreme:
    """A workspace in which everything is as long as it may be."""

    member: Membership
    fans: list[Subscriber]
    chat: int


@pytest.fixture
def extreme() -> Extreme:
    workspace = WorkspaceFactory(name=UNBROKEN)
    user = UserFactory(name=UNBROKEN, email=f"{'w' * 64}@{'w' * 60}{UserFactory().id}.test")
    member = MemberFactory(workspace_id=workspace.id, user_id=user.id)
    fans = [
        SubscriberFactory(
            workspace_id=workspace.id,
            username=f"{'w' * 99}{number}",
            display_name=name,
            email=f"{'w' * 64}@{'w' * 60}.test",
            total_spent_cents=12_345_678_90,
            monthly_price_cents=4_999_99,
            tier="premium",
            status="cancelled",
        )
        for number, name in enumerate((UNBROKEN, EMOJI, RTL, ""))
    ]
    for name in ("W" * 40, "🦄" * 40, "علامة طويلة جدا جدا جدا"):
        tag = TagFactory(workspace_id=workspace.id, name=name)
        for fan in fans:
            TaggedFactory(subscriber=fan, tag=tag)
    for text in (UNBROKEN * 3, EMOJI, RTL):
        NotificationFactory(member=member, title=text, body=text, url="/settings")
        for fan in fans:
            NoteFactory(subscriber=fan, body=text, author_id=user.id)
    for fan in fans:
        TransactionFactory(subscriber=fan, gross_cents=1_234_567_89, status="refunded", type="chargeback")
    account = PlatformAccountFactory(workspace_id=workspace.id, username=UNBROKEN)
    for fan in fans:
        chat = ConversationFactory(account=account, subscriber_id=fan.id)
        for text in (UNBROKEN * 3, EMOJI, RTL):
            MessageFactory(conversation=chat, body=text)
            OutgoingFactory(conversation=chat, state="unknown", failure="key_mismatch", body=text, price_cents=20_000)
    SavedReplyFactory(workspace_id=workspace.id, name="W" * 60, body=UNBROKEN * 3)
    VaultItemFactory(account=account, platform_id="9" * 60, kind="video", duration_seconds=36_000)
    return Extreme(member, fans, chat.id)


def problems(page: Page) -> list[str]:
    """What does not fit in the width, and what is too small for a thumb; a line each."""
    width = page.evaluate("document.documentElement.scrollWidth")
    found = [f"scrolls, is {width} px wide"] if width > PHONE.width else []
    found += [f"sticks out: {element}" for element in page.evaluate(STICKING_OUT)[:5]]
    found += [f"cut: {label}" for label in page.evaluate(CUT_LABELS)]
    found += [f"small: {element}" for element in page.evaluate(SMALL_TARGETS)]
    return [f"{page.url[-60:]} {problem}" for problem in found]


@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
def test_nothing_sticks_out(open_as: OpenAs, extreme: Extreme, locale: str) -> None:
    page = open_as(extreme.member, PHONE, locale=locale)
    fans = [f"{LIST}/{fan.id}" for fan in extreme.fans]
    edits = [f"{fans[0]}/edit", f"{fans[0]}/transactions", f"{fans[0]}/notes", f"{fans[0]}/data"]
    search = f"{LIST}?q={UNBROKEN}&tier=premium&status=cancelled&archived=1&tag={'W' * 40}&spent_min=999999999.99"
    days = f"{LIST}?joined_since=2020-01-01&renews_before=2099-01-01"
    for action in Action:
        AuditEventFactory(workspace_id=extreme.member.workspace_id, actor_id=extreme.member.user_id, action=action)
    InvitationFactory(workspace_id=extreme.member.workspace_id, email=f"{'w' * 64}@{'w' * 60}.test")
    ApiTokenFactory(member=extreme.member, name=UNBROKEN)
    settings = [
        f"/settings/{page}"
        for page in (
            "profile", "workspace", "team", f"team/{extreme.member.user_id}", "team/leave", "team/invitations",
            "team/invitations/new", "tokens", "tokens/new", "audit", "data", "security", "password", "email",
        )
    ]  # fmt: skip
    found = []
    dashboards = ["/dashboard", "/dashboard?range=year", "/dashboard?range=all"]
    talk = f"/chatbot/conversations/{extreme.chat}"
    chats = ["/chatbot/conversations", talk, *(f"{talk}/{part}" for part in ("about", "media", "replies"))]
    chats += ["/chatbot/conversations?q=wwww", "/chatbot/replies", "/chatbot/replies/new"]
    others = [*chats, "/notifications", "/settings", *settings, "/nowhere", "/dev/kit"]
    for path in (*dashboards, days, LIST, f"{LIST}/new", *fans, *edits, search, *others):
        page.goto(path)
        found += problems(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
def test_dialog_menu_and_toast_fit(open_as: OpenAs, extreme: Extreme, locale: str) -> None:
    page = open_as(extreme.member, PHONE, locale=locale)
    page.goto(LIST)
    page.locator(".head .go").tap()
    page.locator("[name=username]").fill("!" * 101)
    page.locator("dialog .go").tap()
    expect(page.locator("[name=username]")).to_have_attribute("aria-invalid", "true")
    assert not problems(page), "\n".join(problems(page))
    page.locator("[name=username]").fill("x" * 100)
    page.locator("dialog .go").tap()
    expect(page.locator(".toast")).to_be_visible()
    assert not problems(page), "\n".join(problems(page))
    page.locator(".me").tap()
    expect(page.locator("#me")).to_be_visible()
    assert not problems(page), "\n".join(problems(page))


@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
def test_the_door_fits(new_context: NewContext, locale: str) -> None:
    page = new_context(**PHONE.options(), locale=locale).new_page()
    for path in ("/login", "/register"):
        page.goto(path)
        page.locator("[type=email]").fill("w" * 200 + "@mail.test")
        page.locator("[type=password]").fill("password")
        for field in page.locator("[autocomplete=name], [autocomplete=organization]").all():
            field.fill("W" * 100)
        page.locator(".go").tap()
        expect(page.locator(".err, [role=alert]").first).to_be_visible()
        assert not problems(page), "\n".join(problems(page))
