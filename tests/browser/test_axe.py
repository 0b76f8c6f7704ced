"""No violation that axe knows of, on any page in any state, in both themes, widths and languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from huntaze.models.audit import Action
from huntaze.models.conversation import DeliveryState
from huntaze.models.imports import ImportState
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import TransactionStatus
from huntaze.models.user import Membership, Role
from tests.browser.conftest import DESK, PHONE, ROOT, NewContext, OpenAs
from tests.factories import (
    ApiTokenFactory,
    AuditEventFactory,
    ConversationFactory,
    ImportFactory,
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
    VaultItemFactory,
)

LIST = "/onlyfans/subscribers"
INBOX = "/chatbot/conversations"
_numbers = count()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Two views a language: together they are all of them.
VIEWS = {
    "en-US": [("light", DESK), ("dark", PHONE)],
    "fr-FR": [("light", PHONE), ("dark", DESK)],
}

RUN = """async (rules) => {
  const {violations} = await axe.run({runOnly: rules, resultTypes: ["violations"]});
  const say = (id, node) => `${id}: ${node.target.join(" ")} ${node.html.slice(0, 120)}`;
  return violations.flatMap(({id, nodes}) => nodes.map((node) => say(id, node)));
}"""


@cache
def axe() -> str:
    return (ROOT / "node_modules/axe-core/axe.min.js").read_text()


def violations(page: Page) -> list[str]:
    # Evaluated, and not added as an element: the policy of our pages would refuse it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe())
    found: list[str] = page.evaluate(RUN, RULES)
    return found


@dataclass(frozen=True)
class World:
    """A workspace with something in every state; `alone` is the owner of an empty one."""

    member: Membership
    viewer: Membership
    alone: Membership
    fan: Subscriber
    archived: Subscriber
    files: dict[ImportState, int]
    chat: int


@pytest.fixture(scope="module")
def world(app: object) -> World:
    member = MemberFactory()
    here = {"workspace_id": member.workspace_id}
    tags = [TagFactory(**here, name=name) for name in ("whale", "birthday soon", "سريع")]
    for tier in ("free", "basic", "premium", "vip"):
        for status in ("active", "expired", "cancelled"):
            fan = SubscriberFactory(**here, display_name=f"{tier} {status}", tier=tier, status=status)
            for tag in tags:
                TaggedFactory(subscriber=fan, tag=tag)
    for status in TransactionStatus:
        TransactionFactory(subscriber=fan, status=status)
    NoteFactory(subscriber=fan, author_id=member.user_id)
    NoteFactory(subscriber=fan)
    account = PlatformAccountFactory(**here, policy_version="onlyfans-1", policy_accepted_at=datetime.now(UTC))
    talker = SubscriberFactory(**here, account_id=account.id, platform_id="1", display_name="Talker")
    chat = ConversationFactory(account=account, subscriber_id=talker.id)
    for state in DeliveryState:
        OutgoingFactory(conversation=chat, state=state, price_cents=500, media_count=1)
    MessageFactory(conversation=chat, body="Hello!")
    VaultItemFactory(account=account)
    SavedReplyFactory(**here)
    NotificationFactory(member=member, body="Something to read.", url=LIST)
    NotificationFactory(member=member, read_at=datetime.now(UTC))
    archived = SubscriberFactory(**here, archived_at=datetime.now(UTC))
    for _ in range(50):
        SubscriberFactory(**here)
    wrong = {"column": 0, "kind": "import_date", "detail": {}, "rows": 1, "examples": [2]}
    row = {"row": 2, "cells": ["ann"], "problems": [{"column": 0, "kind": "import_date", "detail": {}}]}
    head = {"rows": 2, "good": 1, "refused": 1, "shown": [row]}
    failure = {"kind": "file_workbook", "detail": {}}
    files = {
        state: ImportFactory(
            **here, state=state, head=head, problems=[wrong], refused=1, added=1, finished_at=datetime.now(UTC),
            failure=failure if state == ImportState.UNREADABLE else None,
        ).id
        for state in ImportState
        if state != ImportState.UPLOADING
    }  # fmt: skip
    viewer = MemberFactory(**here, role=Role.VIEWER)
    InvitationFactory(**here, shown="axe")
    ApiTokenFactory(member=member, expires_at=datetime.now(UTC))
    for action in Action:
        AuditEventFactory(**here, actor_id=member.user_id, action=action, subject_id=viewer.user_id)
    return World(member, viewer, MemberFactory(), fan, archived, files, chat.id)


def open_dialog(page: Page, _world: World) -> None:
    page.goto(f"{LIST}?tier=vip")
    page.locator(".head .go").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def refuse_dialog(page: Page, world: World) -> None:
    open_dialog(page, world)
    page.locator("[name=username]").fill("bad name!")
    page.locator("[name=email]").fill("mike@x")
    page.locator("dialog .go").click()
    expect(page.locator("[name=email]")).to_have_attribute("aria-invalid", "true")


def refuse_tag(page: Page, world: World) -> None:
    page.goto(f"{LIST}/{world.fan.id}")
    page.locator("[name=name]").evaluate("field => field.removeAttribute('maxlength')")
    page.locator("[name=name]").fill("x" * 41)
    page.locator("[name=name]").press("Enter")
    expect(page.locator("#tag-error")).to_be_visible()


def open_price(page: Page, world: World) -> None:
    page.goto(f"{INBOX}/{world.chat}")
    page.locator("details").nth(1).locator("summary").click()
    expect(page.locator("details [name=media]").first).to_be_visible()


def refuse_message(page: Page, world: World) -> None:
    page.goto(f"{INBOX}/{world.chat}")
    page.locator("textarea").fill("x" * 5_001)
    page.locator(".composer .go").click()
    expect(page.get_by_role("alert")).to_be_visible()


def open_menu(page: Page, _world: World) -> None:
    page.goto("/settings")
    page.locator(".me").click()
    expect(page.locator("#me")).to_be_visible()


def open_more(page: Page, _world: World) -> None:
    """A sidebar shows what is in it."""
    page.goto("/onlyfans/messages")
    if not page.locator("#more").is_visible():
        page.locator("[popovertarget=more]").click()
    expect(page.locator("#more .count")).to_be_visible()


def see_toast(page: Page, world: World) -> None:
    page.goto(f"{LIST}/{world.fan.id}/edit")
    page.locator("main .go").click()
    expect(page.locator(".toast")).to_be_visible()


def fold_sidebar(page: Page, _world: World) -> None:
    page.goto(f"{LIST}?tier=vip")
    page.locator("#fold").evaluate("box => { box.checked = true; }")


def create_token(page: Page, _world: World) -> None:
    page.goto("/settings/tokens/new")
    page.locator("[name=name]").fill(f"script {next(_numbers)}")
    page.locator("main .go").click()
    expect(page.locator("#token")).to_be_visible()


def at(path: str) -> Callable[[Page, World], None]:
    def go(page: Page, world: World) -> None:
        ids = {"fan": world.fan.id, "archived": world.archived.id, "viewer": world.viewer.user_id, "chat": world.chat}
        page.goto(path.format(**ids))

    return go


def at_import(state: ImportState, more: str = "") -> Callable[[Page, World], None]:
    def go(page: Page, world: World) -> None:
        page.goto(f"{LIST}/import/{world.files[state]}{more}")

    return go


STATES: dict[str, Callable[[Page, World], None]] = {
    "dashboard": at("/dashboard"),
    "dashboard of a year": at("/dashboard?range=year"),
    "dashboard of all time": at("/dashboard?range=all"),
    "list": at(LIST),
    "list by day": at(f"{LIST}?joined_since=2020-01-01&renews_before=2099-01-01"),
    "filtered": at(f"{LIST}?tier=vip&tag=whale&spent_min=0&sort=spent"),
    "nothing found": at(f"{LIST}?q=nobody"),
    "bad filter": at(f"{LIST}?tier=gold"),
    "archived list": at(f"{LIST}?archived=1"),
    "folded": fold_sidebar,
    "dialog": open_dialog,
    "dialog with errors": refuse_dialog,
    "add": at(f"{LIST}/new"),
    "fan": at(f"{LIST}/{{fan}}"),
    "fan with a wrong tag": refuse_tag,
    "archived fan": at(f"{LIST}/{{archived}}"),
    "edit": at(f"{LIST}/{{fan}}/edit"),
    "payments": at(f"{LIST}/{{fan}}/transactions"),
    "notes": at(f"{LIST}/{{fan}}/notes"),
    "a fan's data": at(f"{LIST}/{{fan}}/data"),
    "imports": at(f"{LIST}/import"),
    "inbox": at(INBOX),
    "inbox, nothing found": at(f"{INBOX}?q=zzqx"),
    "inbox, found": at(f"{INBOX}?q=hello"),
    "conversation": at(f"{INBOX}/{{chat}}"),
    "conversation, price": open_price,
    "conversation, refused": refuse_message,
    "about": at(f"{INBOX}/{{chat}}/about"),
    "vault": at(f"{INBOX}/{{chat}}/media"),
    "replies for a fan": at(f"{INBOX}/{{chat}}/replies"),
    "saved replies": at("/chatbot/replies"),
    "new saved reply": at("/chatbot/replies/new"),
    "import, under way": at_import(ImportState.RUNNING),
    "import, ready": at_import(ImportState.READY),
    "import, unreadable": at_import(ImportState.UNREADABLE),
    "import, done": at_import(ImportState.DONE),
    "import, to be undone": at_import(ImportState.DONE, "/undo"),
    "export": at(f"{LIST}/export?tier=vip"),
    "notifications": at("/notifications"),
    "settings": at("/settings"),
    "profile": at("/settings/profile"),
    "workspace": at("/settings/workspace"),
    "team": at("/settings/team"),
    "member": at("/settings/team/{viewer}"),
    "leaving": at("/settings/team/leave"),
    "invitations": at("/settings/team/invitations"),
    "invite": at("/settings/team/invitations/new"),
    "tokens": at("/settings/tokens"),
    "new token": at("/settings/tokens/new"),
    "created token": create_token,
    "audit": at("/settings/audit"),
    "audit, filtered": at("/settings/audit?action=member.left"),
    "invitation of someone else": at("/join?token=axe"),
    "data": at("/settings/data"),
    "security": at("/settings/security"),
    "password": at("/settings/password"),
    "change of e-mail": at("/settings/email"),
    "menu": open_menu,
    "more": open_more,
    "toast": see_toast,
    "404": at("/nowhere"),
    "offline": at("/offline"),
    "kit": at("/dev/kit"),
}


def expect_no_violations(page: Page, locale: str = "en-US") -> None:
    found = []
    for theme, device in VIEWS[locale]:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # a colour on its way is no colour
        page.set_viewport_size({"width": device.width, "height": device.height})
        found += [f"{theme} {device.width}: {violation}" for violation in violations(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
def test_signed_in(open_as: OpenAs, world: World, state: str, locale: str) -> None:
    page = open_as(world.member, locale=locale)
    STATES[state](page, world)
    expect_no_violations(page, locale)


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard",
        LIST,
        INBOX,
        "/chatbot/replies",
        "/notifications",
        "/settings/team/invitations",
        "/settings/tokens",
        "/settings/audit",
    ],
)
def test_empty(open_as: OpenAs, world: World, path: str) -> None:
    page = open_as(world.alone)
    page.goto(path)
    expect_no_violations(page)


def test_what_a_viewer_sees(open_as: OpenAs, world: World) -> None:
    page = open_as(world.viewer)
    page.goto(f"{LIST}/{world.fan.id}")
    expect_no_violations(page)
    page.goto(f"{LIST}/new")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect_no_violations(page)


@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
@pytest.mark.parametrize("path", ["/login", "/register"])
def test_signed_out(new_context: NewContext, path: str, locale: str) -> None:
    page = new_context(locale=locale).new_page()
    page.goto(path)
    expect_no_violations(page, locale)
    page.locator("[type=email]").fill("nobody@huntaze.test")
    page.locator("[type=password]").fill("password")
    for field in page.locator("[autocomplete=name], [autocomplete=organization]").all():
        field.fill("Ada")
    page.locator(".go").click()
    expect(page.locator(".err, [role=alert]").first).to_be_visible()
    expect_no_violations(page, locale)


@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
@pytest.mark.parametrize("token", ["axe", "nowhere"])
def test_invited(new_context: NewContext, world: World, token: str, locale: str) -> None:
    page = new_context(locale=locale).new_page()
    page.goto(f"/join?token={token}")
    expect_no_violations(page, locale)


def test_without_javascript(open_as: OpenAs, world: World) -> None:
    """axe needs scripts itself; what only those without them see is un-hidden for it."""
    page = open_as(world.member)
    page.goto("/settings")
    page.evaluate("document.querySelectorAll('.no-js').forEach((element) => element.classList.remove('no-js'))")
    expect_no_violations(page)
