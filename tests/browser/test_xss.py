"""What people write is shown as they wrote it, on every page, and never runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Membership, User
from huntaze.models.workspace import Workspace
from tests.factories import (
    MemberFactory,
    NoteFactory,
    NotificationFactory,
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
    UserFactory,
    WorkspaceFactory,
)

LIST = "/onlyfans/subscribers"

# Each would set `ran`, open a dialog or ask for /ran. At most 100 characters: as long as a name may be.
PAYLOADS = (
    "<script>ran=1</script>",
    "<ScRiPt>ran=1</sCrIpT>",
    "<script src=/ran></script>",
    "<script>alert`1`</script >",
    "</script><script>ran=1</script>",
    "</title><script>ran=1</script>",
    "</textarea><script>ran=1</script>",
    "</option></select><script>ran=1</script>",
    "</template><script>ran=1</script>",
    "</bdi></a></td></tr></table><script>ran=1</script>",
    "<!--><script>ran=1</script>-->",
    "<![CDATA[<script>ran=1</script>]]>",
    "<<script>ran=1//<</script>",
    "<img src=x onerror=ran=1>",
    '<img src="x" onerror="alert(1)">',
    "<img src=/ran>",
    "<img/src=x/onerror=ran=1>",
    "<image src=/ran onerror=ran=1>",
    '"><img src=x onerror=ran=1>',
    "'><img src=x onerror=ran=1>",
    "`><img src=x onerror=ran=1>",
    '" onmouseover="ran=1" x="',
    "' onfocus='ran=1' autofocus='",
    '" autofocus onfocus=ran=1 x="',
    '" style="background:url(/ran)" x="',
    "<svg onload=ran=1>",
    "<svg/onload=alert(1)>",
    "<svg><script>ran=1</script></svg>",
    "<svg><animate onbegin=ran=1 attributeName=x dur=1s>",
    "<svg><use href=/ran#x></svg>",
    "<math><mtext><script>ran=1</script></math>",
    "<body onload=ran=1>",
    "<iframe src=javascript:parent.ran=1>",
    "<iframe srcdoc='<script>parent.ran=1</script>'>",
    "<object data=/ran></object>",
    "<embed src=/ran>",
    "<link rel=stylesheet href=/ran>",
    "<style>@import '/ran'</style>",
    "<base href=/ran/>",
    "<meta http-equiv=refresh content='0;url=/ran'>",
    "<video src=/ran autoplay onerror=ran=1></video>",
    "<audio src=/ran onerror=ran=1>",
    "<input autofocus onfocus=ran=1>",
    "<details open ontoggle=ran=1>",
    "<marquee onstart=ran=1>x</marquee>",
    "<form action=/ran><button autofocus>x</button></form>",
    "<a href=javascript:ran=1>x</a>",
    "<a href='java&#x09;script:ran=1'>x</a>",
    "javascript:ran=1",
    "data:text/html,<script>ran=1</script>",
    "<div hx-get=/ran hx-trigger=load>x</div>",
    "<div data-hx-get=/ran data-hx-trigger=load>x</div>",
    "<div hx-post=/ran hx-trigger='load delay:1ms'></div>",
    "<div hx-on:htmx:after:init='ran=1'></div>",
    "<div hx-on::load='ran=1' hx-trigger=load></div>",
    "<div hx-get=/x hx-vals='js:{a: ran=1}' hx-trigger=load>",
    "<div hx-get=/ran hx-trigger='load[ran=1]'></div>",
    "<hx-partial hx-target=body><script>ran=1</script></hx-partial>",
    "<template hx type=partial hx-target=body><img src=/ran></template>",
    "<button popovertarget=me autofocus>x</button>",
    "{{ 7 * 7 }}",
    "{{ config }} {% for x in [] %}{{ cycler.__init__ }}",
    "{% include '/etc/passwd' %}",
    "${ran=1} #{ran=1} %(name)s {name} {0}",
    "&lt;script&gt;ran=1&lt;/script&gt;",
    "&#60;script&#62;ran=1&#60;/script&#62;",
    "\\u003cscript\\u003eran=1\\u003c/script\\u003e",
    "%3Cscript%3Eran=1%3C/script%3E",
    "＜script＞ran=1＜/script＞",
    "\u202e<script>ran=1</script>\u202c",
    "<\u200bscript>ran=1</script>",
    "ſcript <ſcript>ran=1</ſcript>",
    "<a\u2028href=javascript:ran=1>x</a>",
    "+ADw-script+AD4-ran=1+ADw-/script+AD4-",
    "' OR 1=1; --",
)  # fmt: skip
assert len(PAYLOADS) >= 60

EVENTS = (
    "onerror", "onload", "onfocus autofocus tabindex=1 onfocus", "onbegin", "ontoggle", "onstart", "onanimationstart",
    "ontransitionend", "onpointerenter", "onmouseover", "onscroll", "oncanplay", "onpageshow", "onhashchange",
    "oncontentvisibilityautostatechange", "onbeforetoggle", "onfocusin", "onwheel", "onresize", "oncut",
)  # fmt: skip
FRAMES = (
    "<img src=x {}=ran=1>", "<svg {}=ran=1>", "<body {}=ran=1>", "<details open {}=ran=1>", "<video src=x {}=ran=1>",
    "<input {}=ran=1>", '" {}="ran=1" x="', "' {}='ran=1' x='", "--><a href=x {}=ran=1>", "<x style=y {}=ran=1>y",
    "<svg><animate attributeName=x dur=1s {}=ran=1>", "<iframe src=/ran {}=ran=1>",
)  # fmt: skip
HANDLERS = [frame.format(event) for frame in FRAMES for event in EVENTS]
"""Each way of running code from an attribute, in each place where a text could turn into one."""
assert len(PAYLOADS) + len(HANDLERS) >= 300


def shown(text: str) -> str:
    """As a reader sees it: white space is one blank."""
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture
def hostile(signed_in: Page) -> Iterator[Page]:
    """A page, at the end of which nothing has run: no dialog, no mark on the window, no request."""
    ran: list[str] = []
    signed_in.on("request", lambda request: "/ran" in request.url.partition("?")[0] and ran.append(request.url))
    signed_in.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    signed_in.add_init_script(
        "const mark = {}; Object.defineProperty(window, 'ran', {get: () => mark.ran, set: (x) => { mark.ran = x; }})"
    )
    yield signed_in
    assert ran == []


def expect_nothing_ran(page: Page) -> None:
    assert page.evaluate("window.ran") is None, page.url


def test_names_of_fans(hostile: Page, workspace: Workspace) -> None:
    for number, payload in enumerate(PAYLOADS):
        SubscriberFactory(workspace_id=workspace.id, username=f"fan{number:02}", display_name=payload)
    hostile.goto(f"{LIST}?sort=username")
    names = hostile.locator(".who a")
    expect(names).to_have_count(50)
    hostile.get_by_role("link", name="Show more fans").click()
    expect(names).to_have_count(len(PAYLOADS))
    assert [shown(name) for name in names.all_inner_texts()] == [shown(payload) for payload in PAYLOADS]
    hostile.get_by_role("searchbox").fill("script")
    expect(names).not_to_have_count(len(PAYLOADS))
    expect_nothing_ran(hostile)


def test_every_handler_of_an_event(hostile: Page, workspace: Workspace) -> None:
    for number, payload in enumerate(HANDLERS):
        SubscriberFactory(workspace_id=workspace.id, username=f"fan{number:03}", display_name=payload)
    names = hostile.locator(".who a")
    for page in range(0, len(HANDLERS), 50):
        if page == 0:
            hostile.goto(f"{LIST}?sort=username")
        else:
            hostile.get_by_role("link", name="Show more fans").click()
        expect(names).to_have_count(min(page + 50, len(HANDLERS)))
    assert [shown(name) for name in names.all_inner_texts()] == [shown(payload) for payload in HANDLERS]
    hostile.mouse.move(200, 400)
    hostile.mouse.wheel(0, 5000)
    hostile.evaluate("location.hash = 'x'")
    expect_nothing_ran(hostile)


@pytest.mark.parametrize("payload", PAYLOADS[::6])
def test_the_page_of_a_fan_and_its_dialog(hostile: Page, workspace: Workspace, payload: str) -> None:
    fan: Subscriber = SubscriberFactory(workspace_id=workspace.id, display_name=payload)
    hostile.goto(f"{LIST}/{fan.id}")
    assert shown(hostile.locator("h1").inner_text()) == shown(payload)
    assert shown(payload) in shown(hostile.title())
    hostile.get_by_role("link", name="Edit").click()
    expect(hostile.get_by_label("Display name")).to_have_value(payload)
    expect_nothing_ran(hostile)


def test_notes_and_tags(hostile: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    short = list({payload.lower(): payload for payload in PAYLOADS if len(payload) <= 40}.values())
    for payload in short:
        TaggedFactory(subscriber=fan, tag=TagFactory(workspace_id=workspace.id, name=payload))
    for payload in PAYLOADS:
        NoteFactory(subscriber=fan, body=payload)
    hostile.goto(f"{LIST}/{fan.id}")
    tags = {shown(name) for name in hostile.locator("#tags .tag bdi").all_inner_texts()}
    assert tags == {shown(payload) for payload in short}
    offered = hostile.locator("#tag-names option").evaluate_all("options => options.map(option => option.value)")
    assert set(offered) == set(short)
    hostile.get_by_role("link", name="Show earlier notes").click()
    notes = hostile.locator("#notes .body")
    expect(notes).to_have_count(len(PAYLOADS))
    assert {shown(note) for note in notes.all_inner_texts()} == {shown(payload) for payload in PAYLOADS}

    hostile.get_by_label("New note").fill(PAYLOADS[0])
    hostile.get_by_role("button", name="Add note").click()
    expect(notes.first).to_have_text(PAYLOADS[0])
    expect_nothing_ran(hostile)

    hostile.goto(LIST)
    filters = hostile.get_by_label("Tag", exact=True).locator("option").all_inner_texts()
    assert {shown(name) for name in filters[1:]} == {shown(payload) for payload in short}
    expect_nothing_ran(hostile)


def test_notifications(hostile: Page, member: Membership) -> None:
    for payload in PAYLOADS[:50]:
        NotificationFactory(member=member, title=payload, body=payload, url=f"{LIST}?q=x")
    for payload in PAYLOADS[50:]:
        NotificationFactory(member=member, title=payload, body=payload)
    hostile.goto("/notifications")
    more = hostile.get_by_role("link", name="Show earlier notifications")
    if more.count():
        more.click()
    items = hostile.locator(".news li:not(.more)")
    expect(items).to_have_count(len(PAYLOADS))
    texts = {shown(text) for text in items.locator(".soft[dir]").all_inner_texts()}
    assert texts == {shown(payload) for payload in PAYLOADS}
    titles = " ".join(shown(text) for text in items.locator("p:first-child").all_inner_texts())
    assert all(shown(payload) in titles for payload in PAYLOADS)
    expect_nothing_ran(hostile)


def test_names_of_people(hostile: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    for payload in PAYLOADS:
        author = MemberFactory(workspace_id=workspace.id, user_id=UserFactory(name=payload).id)
        NoteFactory(subscriber=fan, author_id=author.user_id)
    hostile.goto(f"{LIST}/{fan.id}")
    hostile.get_by_role("link", name="Show earlier notes").click()
    authors = hostile.locator("#notes small bdi")
    expect(authors).to_have_count(len(PAYLOADS))
    assert {shown(name) for name in authors.all_inner_texts()} == {shown(payload) for payload in PAYLOADS}
    expect_nothing_ran(hostile)


def test_names_of_workspaces(hostile: Page, member: Membership) -> None:
    for payload in PAYLOADS:
        MemberFactory(workspace_id=WorkspaceFactory(name=payload).id, user_id=member.user_id)
    hostile.goto("/settings")
    names = hostile.get_by_label("Workspaces").locator("option").all_inner_texts()
    assert {shown(name) for name in names} > {shown(payload) for payload in PAYLOADS}
    expect_nothing_ran(hostile)


@pytest.mark.parametrize("payload", PAYLOADS[1::6])
def test_what_surrounds_each_page(
    hostile: Page, payload: str, member: Membership, workspace: Workspace, owner: Session
) -> None:
    owner.execute(update(User).where(User.id == member.user_id).values(name=payload))
    owner.execute(update(Workspace).where(Workspace.id == workspace.id).values(name=payload))
    hostile.goto("/settings")
    facts = [shown(text) for text in hostile.locator(".facts dd").all_inner_texts()]
    assert facts[0] == facts[2] == shown(payload)
    assert shown(hostile.locator(".brand").inner_text()) == shown(payload)
    assert shown(hostile.locator(".me b").inner_text()) == shown(payload)
    expect_nothing_ran(hostile)


@pytest.mark.parametrize("payload", PAYLOADS[2::6])
def test_what_was_typed_comes_back_as_typed(hostile: Page, payload: str) -> None:
    hostile.goto(f"{LIST}/new")
    username = hostile.get_by_label("Username")
    username.fill(f"{payload} not allowed")
    hostile.get_by_label("Display name").fill(payload)
    hostile.get_by_role("main").get_by_role("button", name="Add fan").click()
    expect(username).to_have_attribute("aria-invalid", "true")
    expect(username).to_have_value(f"{payload} not allowed")
    expect(hostile.get_by_label("Display name")).to_have_value(payload)
    hostile.goto(f"{LIST}?{urlencode({'q': payload})}")
    expect(hostile.get_by_role("searchbox")).to_have_value(payload)
    expect_nothing_ran(hostile)
