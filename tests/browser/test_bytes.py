"""What pages and swaps weigh on the wire, headers included, and that nothing moves while they load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select, update

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Direction, Message
from huntaze.models.imports import Import, ImportState
from huntaze.models.subscriber import Status, Subscriber, Tier
from huntaze.models.user import Membership, User
from huntaze.models.workspace import Workspace
from huntaze.services.activity import RECENT
from huntaze.services.activity import topic as activity_topic
from huntaze.services.conversation_news import conversation_topics
from huntaze.services.delivery_news import delivery_topic
from huntaze.services.demo import EMAIL, FIRST, LAST, create_demo
from huntaze.services.imports import topic
from tests import factories
from tests.browser.conftest import DESK, PHONE, Device, NewContext, OpenAs
from tests.factories import (
    ConversationFactory,
    ImportFactory,
    MessageFactory,
    NoteFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
    TransactionFactory,
    session,
)
from tests.waiting import wait_until

LIST = "/onlyfans/subscribers"
INBOX = "/chatbot/conversations"
SAID = """
hey how are you today i loved the last set so much when is next one coming can we talk tonight after work missed your
messages this week that video was amazing would you make something for my birthday please thank you
""".split()  # noqa: SIM905  a list would take a page
KB = 1024
STREAM = "/events"
CHUNKED = 9
"""Bytes around a part of a stream: its length and two line breaks. Chromium counts a stream without them."""
WORDS = ("whale", "birthday soon", "custom requests", "win back", "VIP list", "from Twitter", "night owl", "kind")
TIERS, STATUSES = list(Tier), list(Status)

# What a worker answers is no traffic of the page; test_worker.py counts what the worker itself costs.
pytestmark = pytest.mark.browser_context_args(service_workers="block")

Record = Any
"""pytest's record_property: what it is given is in the JUnit report."""


@dataclass
class Traffic:
    """What went over the wire, by URL. Bytes as Chromium's encodedDataLength counts them: headers included."""

    received: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.received.values())

    def of(self, ending: str) -> int:
        return sum(size for url, size in self.received.items() if url.endswith(ending))


@contextmanager
def watched(page: Page) -> Iterator[Traffic]:
    """Counts what the page receives for what it asks within the block."""
    traffic, pending = Traffic(), dict[str, str]()
    cdp = page.context.new_cdp_session(page)

    def sent(event: dict[str, Any]) -> None:
        if urlsplit(event["request"]["url"]).path.endswith(STREAM):  # it does not end, and is counted apart
            return
        if redirect := event.get("redirectResponse"):
            add(f"{redirect['url']} (redirect)", redirect["encodedDataLength"])
        pending[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        if event["requestId"] in pending:
            add(pending.pop(event["requestId"]), event["encodedDataLength"])

    def add(url: str, size: float) -> None:
        if size and not url.startswith("data:"):  # nothing is received of what the cache had
            traffic.received[url] = traffic.received.get(url, 0) + int(size)

    cdp.on("Network.requestWillBeSent", sent)
    cdp.on("Network.loadingFinished", finished)
    cdp.send("Network.enable")
    yield traffic
    while pending:
        page.evaluate("() => new Promise(requestAnimationFrame)")
    cdp.detach()


@pytest.fixture
def fans(workspace: Workspace) -> list[Subscriber]:
    """120 fans as a real workspace has them: each row differs from the others. The same in every run."""
    rng = Random(1)  # noqa: S311  invented people, no secrets
    now = datetime.now(UTC)
    tags = [TagFactory(workspace_id=workspace.id, name=name) for name in WORDS]
    fans = []
    for number in range(120):
        first, last = rng.choice(FIRST), rng.choice(LAST)
        joined = now - timedelta(hours=number * 9 + rng.random() * 9)
        username = re.sub(r"[^a-z0-9._]", "", f"{first}{rng.choice(('', '_', '.'))}{last}{number}".lower())
        fan = SubscriberFactory(
            workspace_id=workspace.id,
            username=username,
            email=f"{username}@mail.test",
            display_name=rng.choices((f"{first} {last}", first, ""), (75, 19, 6))[0],
            tier=rng.choices(TIERS, (35, 34, 22, 9))[0],
            status=rng.choices(STATUSES, (70, 20, 10))[0],
            total_spent_cents=int(rng.lognormvariate(8, 1.6)),
            joined_at=joined,
            last_active_at=joined + (now - joined) * rng.random(),
        )
        for tag in rng.sample(tags, rng.choices((0, 1, 2, 3), (55, 25, 15, 5))[0]):
            TaggedFactory(subscriber=fan, tag=tag)
        fans.append(fan)
    return fans


def test_the_list_cold_and_warm(signed_in: Page, fans: list[Subscriber], record_property: Record) -> None:
    with watched(signed_in) as cold:
        signed_in.goto(LIST)
        # A window would show the icon; without one nothing asks for it, so the page does.
        signed_in.evaluate("fetch(document.querySelector('link[rel=icon]').href).then((answer) => answer.text())")
        signed_in.wait_for_load_state("networkidle")
    expect(signed_in.locator(".who")).to_have_count(50)
    signed_in.goto("/settings")
    SubscriberFactory(workspace_id=fans[0].workspace_id, username="new.since.then")
    with watched(signed_in) as warm:
        signed_in.goto(LIST)
    with watched(signed_in) as unchanged:
        signed_in.reload()

    script, styles = cold.of(".js"), cold.of(".css")
    for name, size in (
        ("list, cold", cold.total),
        ("list, warm", warm.total),
        ("list, unchanged", unchanged.total),
        ("script", script),
        ("styles", styles),
    ):
        record_property(f"bytes: {name}", size)
    assert cold.total <= 30 * KB, cold
    assert len(cold.received) <= 4, cold
    assert 0 < script <= 17 * KB
    assert 0 < styles <= 7.2 * KB
    assert warm.total <= 7 * KB, warm
    assert len(warm.received) == 1, "everything but the page is in the cache"
    assert unchanged.total <= 1 * KB, "the page's ETag has not changed"


@pytest.fixture
def demo(app: Flask) -> Iterator[Membership]:
    """The owner of the demo as it is seeded today; gone afterwards."""
    user = select(User.id).where(User.email == EMAIL).scalar_subquery()
    here = select(Membership.workspace_id).where(Membership.user_id == user)

    def remove() -> None:
        session.execute(delete(Workspace).where(Workspace.id.in_(here)))
        session.execute(delete(User).where(User.email == EMAIL))
        session.commit()

    remove()
    create_demo(session(), datetime.now(UTC).date())
    session.commit()
    yield session.scalars(select(Membership).where(Membership.user_id == user)).one()
    remove()


def test_the_dashboard_of_the_demo(open_as: OpenAs, demo: Membership, record_property: Record) -> None:
    page = open_as(demo, PHONE)
    with watched(page) as cold:
        with page.expect_request(f"**{STREAM}"):  # then all else is there
            page.goto("/dashboard")
        page.evaluate("fetch(document.querySelector('link[rel=icon]').href).then((answer) => answer.text())")
    fan = session.scalars(select(Subscriber).where(Subscriber.workspace_id == demo.workspace_id).limit(1)).one()
    page.goto("/settings")
    TransactionFactory(subscriber=fan)
    with watched(page) as warm:
        page.goto("/dashboard")
    swaps = []
    for name in ("7 days", "90 days", "Year", "All", "30 days"):
        with watched(page) as swap:
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.locator(".seg [aria-current]")).to_have_text(name)
        record_property(f"bytes: dashboard, {name}", swap.total)
        swaps.append(swap.total)
    for name, size in (("cold", cold.total), ("warm", warm.total), ("swap, median", median(swaps))):
        record_property(f"bytes: dashboard, {name}", size)
    assert 0 < cold.total <= 32 * KB, cold
    assert len(cold.received) <= 6, cold
    assert 0 < warm.total <= 8 * KB, warm
    assert len(warm.received) == 1
    assert 0 < median(swaps) <= 2 * KB, swaps


def test_what_happens_is_told_in_a_kilobyte(
    app: Flask, open_as: OpenAs, demo: Membership, record_property: Record
) -> None:
    page = open_as(demo, PHONE)
    fan = SubscriberFactory(workspace_id=demo.workspace_id, display_name="Alexandra Montgomery-Lee")
    TransactionFactory.create_batch(RECENT, subscriber=fan, gross_cents=1_234_500)
    told: list[int] = []
    cdp = page.context.new_cdp_session(page)
    cdp.on("Network.dataReceived", lambda event: told.append(event["dataLength"] + CHUNKED))
    cdp.send("Network.enable")
    page.goto("/dashboard")
    news = page.locator("#news > li")
    expect(news).to_have_count(RECENT)
    # How things are, when the stream opens. Playwright hands over what it heard when it is asked for something.
    wait_until(lambda: page.evaluate("true") and told)
    signals = app.extensions["huntaze.signals"]
    for cents in (123_400, 567_800):
        told.clear()
        TransactionFactory(subscriber=fan, gross_cents=cents)
        signals.publish(activity_topic(WorkspaceId(demo.workspace_id)))
        expect(news.first).to_contain_text(f"${cents * 0.8 / 100:,.2f}")
        record_property("bytes: dashboard, event", max(told))
        assert 0 < max(told) <= 1 * KB, told


@pytest.fixture
def chats(workspace: Workspace, fans: list[Subscriber]) -> list[Conversation]:
    """A conversation with each fan; the first has 60 messages as people write them. The same in every run."""
    rng = Random(2)  # noqa: S311  invented talk, no secrets
    now = datetime.now(UTC)
    account = PlatformAccountFactory(
        workspace_id=workspace.id, policy_version="onlyfans-1", policy_accepted_at=datetime.now(UTC)
    )
    chats = []
    for number, fan in enumerate(fans):
        fan.account_id, fan.platform_id = account.id, str(fan.id)
        chat = ConversationFactory(account=account, subscriber_id=fan.id)
        for each in range(60 if not number else 1):
            MessageFactory(
                conversation=chat,
                body=" ".join(rng.choices(SAID, k=rng.randrange(2, 16))).capitalize()
                + rng.choice((".", "!", "?", " 😊")),
                direction=rng.choices(list(Direction), (60, 40))[0],
                sent_at=now - timedelta(minutes=number * 37 + each * 11 + rng.random() * 9),
                created_at=now - timedelta(days=1),
            )
        chats.append(chat)
    session.commit()
    return chats


def test_the_inbox(
    app: Flask, open_as: OpenAs, member: Membership, chats: list[Conversation], record_property: Record
) -> None:
    page, chat, told = open_as(member, PHONE), chats[0], list[int]()
    cdp = page.context.new_cdp_session(page)
    cdp.on("Network.dataReceived", lambda event: told.append(event["dataLength"] + CHUNKED))
    cdp.send("Network.enable")
    with watched(page) as cold:
        with page.expect_request(f"**{INBOX}{STREAM}*"):  # then all else is there
            page.goto(INBOX)
        page.evaluate("fetch(document.querySelector('link[rel=icon]').href).then((answer) => answer.text())")
    expect(page.locator("#rows > li[id]")).to_have_count(50)
    with watched(page) as opened, page.expect_request(f"**{INBOX}/{chat.id}{STREAM}*"):
        page.locator(f"#c{chat.id} a").click()
    expect(page.locator("#log > li[id]")).to_have_count(30)
    unread = page.locator(f"#u{chat.id}")
    expect(unread).to_have_count(0)  # it was read, and the list's stream said so
    with page.expect_response("**/draft"):
        page.get_by_label("Message to").fill("Thank you, that is so kind of you!")
    with watched(page) as sent:
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#log .out").last).to_contain_text("Queued")
    # The list's stream told it; the conversation's has nothing to tell of what the page sent itself. Both are quiet.
    expect(page.locator("#rows > li").first).to_contain_text("You: Thank you")
    told.clear()
    MessageFactory(conversation=chat, body="So, when will you be back? I have missed you all this week.")
    app.extensions["huntaze.signals"].publish_all(conversation_topics(WorkspaceId(member.workspace_id), [chat.id]))
    expect(page.locator("#log > li").last).to_contain_text("when will you be back")
    expect(page.locator("#rows > li").first).to_contain_text("when will you be back")
    expect(unread).to_have_count(0)  # and that it was read
    for name, size in (
        ("inbox, cold", cold.total),
        ("conversation opened", opened.total),
        ("reply sent", sent.total),
        ("message came", sum(told)),
    ):
        record_property(f"bytes: {name}", size)
    assert 0 < cold.total <= 35 * KB, cold
    assert 0 < opened.total <= 6 * KB, opened
    assert 0 < sent.total <= 1.5 * KB, sent
    assert 0 < sum(told) <= 1 * KB, told


def test_a_search_and_the_next_page(signed_in: Page, fans: list[Subscriber], record_property: Record) -> None:
    signed_in.goto(LIST)
    names = signed_in.locator(".who a")
    with watched(signed_in) as more:
        signed_in.get_by_role("link", name="Show more fans").click()
        expect(names).to_have_count(100)
    with watched(signed_in) as search:
        signed_in.get_by_role("searchbox").fill("mail")
        expect(names).to_have_count(50)
    with watched(signed_in) as order:
        signed_in.get_by_label("Sort by").select_option("Highest spend")
        expect(signed_in).to_have_url(re.compile("sort=spent"))
    for name, traffic in (("next page", more), ("search", search), ("another order", order)):
        record_property(f"bytes: {name}", traffic.total)
        assert 0 < traffic.total <= 5 * KB, (name, traffic)


def test_other_swaps(signed_in: Page, fans: list[Subscriber], record_property: Record) -> None:
    sizes: dict[str, Traffic] = {}
    signed_in.goto(LIST)
    with watched(signed_in) as sizes["dialog"]:
        signed_in.get_by_role("link", name="Add fan").click()
        dialog = signed_in.get_by_role("dialog")
        expect(dialog).to_be_visible()
    dialog.get_by_label("Username").fill("bad name!")
    with watched(signed_in) as sizes["refused"]:
        dialog.get_by_role("button", name="Add fan").click()
        expect(dialog.get_by_label("Username")).to_have_attribute("aria-invalid", "true")

    for number in range(5):
        NoteFactory(subscriber=fans[0], body=f"Prefers voice messages, and answers at night {number}.")
    signed_in.goto(f"{LIST}/{fans[0].id}")
    with watched(signed_in) as sizes["note"]:
        signed_in.get_by_label("New note").fill("Likes blue.")
        signed_in.get_by_role("button", name="Add note").click()
        expect(signed_in.get_by_text("Likes blue.")).to_be_visible()
    with watched(signed_in) as sizes["tag"]:
        signed_in.get_by_label("Add a tag").fill("new tag")
        signed_in.get_by_role("button", name="Add", exact=True).click()
        expect(signed_in.get_by_role("button", name="Remove the tag new tag")).to_be_visible()
    signed_in.goto("/settings")
    with watched(signed_in) as sizes["theme"], signed_in.expect_response("**/appearance"):
        signed_in.get_by_role("radio", name="Dark").check(force=True)

    for name, traffic in sizes.items():
        record_property(f"bytes: swap, {name}", traffic.total)
        assert 0 < traffic.total <= 2 * KB, (name, traffic)


def test_an_import_cold_and_its_progress(
    open_as: OpenAs, app: Flask, member: Membership, record_property: Record
) -> None:
    done = ImportFactory(
        workspace_id=member.workspace_id, state=ImportState.RUNNING, total=100_001, done=0, file_name="fans.csv"
    )
    page = open_as(member, PHONE)
    with watched(page) as cold:
        page.goto(f"{LIST}/import", wait_until="networkidle")
    record_property("bytes: import, cold", cold.total)
    assert 0 < cold.total <= 30 * KB, cold

    ticks: list[int] = []
    cdp = page.context.new_cdp_session(page)
    cdp.on("Network.dataReceived", lambda event: ticks.append(event["dataLength"] + CHUNKED))
    cdp.send("Network.enable")
    page.goto(f"{LIST}/import/{done.id}")
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    signals = app.extensions["huntaze.signals"]
    for percent in (35, 70):
        ticks.clear()
        factories.session.execute(update(Import).where(Import.id == done.id).values(done=percent * 1_000 + 50))
        factories.session.commit()
        signals.publish(topic(WorkspaceId(member.workspace_id), done.id))
        expect(bar).to_have_attribute("value", str(percent))
    record_property("bytes: import, tick", sum(ticks))
    assert 0 < sum(ticks) <= 400, ticks

    factories.session.execute(
        update(Import).where(Import.id == done.id).values(state=ImportState.DONE, added=99_000, refused=1_000)
    )
    factories.session.commit()
    signals.publish(topic(WorkspaceId(member.workspace_id), done.id))
    expect(page.get_by_text("99,000")).to_be_visible()
    expect(page.get_by_role("link", name="Download the refused rows")).to_be_visible()


def test_the_queue(open_as: OpenAs, app: Flask, member: Membership, record_property: Record) -> None:
    account = PlatformAccountFactory(workspace_id=member.workspace_id)
    rng = Random(2)  # noqa: S311  invented people, no secrets
    for number in range(60):
        fan = SubscriberFactory(
            workspace_id=member.workspace_id,
            account_id=account.id,
            platform_id=f"{number}",
            display_name=f"{rng.choice(FIRST)} {rng.choice(LAST)}",
        )
        chat = ConversationFactory(account=account, subscriber_id=fan.id)
        body = " ".join(rng.sample(WORDS, 3))
        doubt = OutgoingFactory(conversation=chat, body=body, bulk=True)
    page = open_as(member, PHONE)
    with watched(page) as cold:
        with page.expect_request("**/messages/events*"):
            page.goto("/onlyfans/messages")
        page.evaluate("fetch(document.querySelector('link[rel=icon]').href).then((answer) => answer.text())")
    lanes, swaps = page.locator("#lanes"), {}
    with watched(page) as swaps["pause"]:
        lanes.get_by_role("button", name="Pause").click()
        expect(lanes).to_contain_text("paused it at")
    with watched(page) as swaps["resume"]:
        lanes.get_by_role("button", name="Resume").click()
        expect(lanes).to_contain_text("Done at about")
    with watched(page) as swaps["message"]:
        page.locator("#rows a").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    with watched(page) as swaps["stop or cancel"]:
        page.get_by_role("link", name="Stop or cancel").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    with watched(page) as swaps["next page"]:
        page.get_by_role("link", name="Show earlier messages").click()
        expect(page.locator("#rows > li")).to_have_count(60)
    told: list[int] = []
    cdp = page.context.new_cdp_session(page)
    cdp.on("Network.dataReceived", lambda event: told.append(event["dataLength"] + CHUNKED))
    cdp.send("Network.enable")
    factories.session.execute(update(Message).where(Message.id == doubt.id).values(state=DeliveryState.SENT))
    factories.session.commit()
    app.extensions["huntaze.signals"].publish(delivery_topic(WorkspaceId(member.workspace_id)))
    expect(lanes).to_contain_text("1 sent in 24 hours")
    with watched(page) as swaps["filter"]:
        page.get_by_label("State").select_option("Failed")
        expect(page.get_by_text("No such message")).to_be_visible()
    record_property("bytes: queue, cold", cold.total)
    record_property("bytes: queue, event", max(told))
    for name, traffic in swaps.items():
        record_property(f"bytes: queue, {name}", traffic.total)
    assert 0 < cold.total <= 32 * KB, cold
    assert 0 < median(traffic.total for traffic in swaps.values()) <= 2 * KB, swaps
    assert 0 < max(told) <= 1.5 * KB, told


def test_the_login_cold(page: Page, record_property: Record) -> None:
    with watched(page) as cold:
        page.goto("/login")
        page.evaluate("fetch(document.querySelector('link[rel=icon]').href).then((answer) => answer.text())")
        page.wait_for_load_state("networkidle")
    record_property("bytes: login, cold", cold.total)
    assert cold.of(".js") > 0
    assert cold.total <= 22.2 * KB, cold


SHIFTS = """() => new Promise((resolve) => {
  const moved = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      for (const { node, previousRect: before, currentRect: after } of entry.sources)
        moved.push([node?.outerHTML ?? node?.textContent, before.toJSON(), after.toJSON()]);
  }).observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(moved)));
})"""


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_moves_while_it_loads(
    open_as: OpenAs, new_context: NewContext, member: Membership, fans: list[Subscriber], screen: Device
) -> None:
    for n in range(20):  # each its own: of rows that say the same a later one is taken for the first
        TransactionFactory(subscriber=fans[0], gross_cents=1_000 + n)
    NoteFactory(subscriber=fans[0])
    stranger = new_context(**screen.options()).new_page()
    page = open_as(member, screen)
    visits = [
        (stranger, "/login"),
        (page, "/dashboard"),
        (page, LIST),
        (page, f"{LIST}?q=nobody"),
        (page, f"{LIST}/{fans[0].id}"),
    ]
    for visitor, path in visits:
        if path == "/dashboard":  # its stream stays open
            with visitor.expect_request(f"**{STREAM}"):
                visitor.goto(path)
        else:
            visitor.goto(path, wait_until="networkidle")
        assert visitor.evaluate(SHIFTS) == [], path
