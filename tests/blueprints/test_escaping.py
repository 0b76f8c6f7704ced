"""Whatever people type comes back as text, wherever it is shown (ASVS 1.2.1, 1.3.1, 1.3.7)."""

from __future__ import annotations

from html import unescape
from html.parser import HTMLParser

import pytest

from tests.conftest import SignIn
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

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><script>x</script>",
    "{{ 7*7 }}{% raw %}{{config}}",
    "<div hx-get=/x hx-trigger=load>",
    '" hx-on:click="alert(1)',
    "javascript:alert(1)",
    "&lt;b&gt;",
    "%(name)s %s {0}",
    "--><!--",
]
LIST = "/onlyfans/subscribers"


class _Elements(HTMLParser):
    """The elements of a page with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _value in attrs)))


def _elements(html: str) -> list[tuple[str, ...]]:
    reader = _Elements()
    reader.feed(html)
    return reader.found


def _pages(sign_in: SignIn, text: str) -> dict[str, str]:
    """Every page of a workspace in which all that people can write says `text`."""
    short = text[:40]
    user = UserFactory(name=text)
    member = MemberFactory(workspace_id=WorkspaceFactory(name=text).id, user_id=user.id)
    here = {"workspace_id": member.workspace_id}
    fan = SubscriberFactory(**here, username="ann", display_name=text, country=text, email=f"{short.lower()}@x.test")
    TaggedFactory(subscriber=fan, tag=TagFactory(**here, name=short))
    NoteFactory(subscriber=fan, body=text, author_id=user.id)
    NotificationFactory(member=member, title=text, body=text)
    browser = sign_in(member)
    page = f"{LIST}/{fan.id}"
    answers = {
        "dashboard": browser.get("/dashboard"),
        "list": browser.get(LIST),
        "filtered": browser.get(LIST, query_string={"tag": short}),
        "search": browser.get(LIST, query_string={"q": text}),
        "refused": browser.get(LIST, query_string={"sort": text}),
        "fan": browser.get(page),
        "notes": browser.get(f"{page}/notes"),
        "edit": browser.get(f"{page}/edit"),
        "edit refused": browser.post(f"{page}/edit", data={"username": text, "display_name": text, "email": text}),
        "add refused": browser.post(LIST, data={"username": text, "display_name": text, "email": text}),
        "tag refused": browser.post(f"{page}/tags", data={"name": text + "x" * 41}),
        "note refused": browser.post(f"{page}/notes", data={"body": text + "x" * 5001}),
        "settings": browser.get("/settings"),
        "notifications": browser.get("/notifications"),
        "missing": browser.get("/" + text.replace("/", "").replace("\\", "")),
    }
    browser.post(f"{page}/edit", data={"username": "ann", "display_name": text})
    answers["toast"] = browser.get(page)
    browser.post("/logout")
    answers["login"] = browser.get("/login", query_string={"next": "/" + text})
    answers["login refused"] = browser.post("/login", data={"email": text, "password": "", "next": "/" + text})
    answers["register refused"] = browser.post("/register", data={"email": text, "name": text, "business": text})
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code >= 500} == {}
    return {name: answer.text for name, answer in answers.items()}


@pytest.fixture(scope="module")
def harmless() -> dict[str, str]:
    return {}


SHOWN = (
    "dashboard",
    "list",
    "fan",
    "notes",
    "edit",
    "edit refused",
    "add refused",
    "note refused",
    "settings",
    "toast",
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_text_stays_a_text(sign_in: SignIn, harmless: dict[str, str], payload: str) -> None:
    if not harmless:
        harmless.update(_pages(sign_in, "harm less words"))
    pages = _pages(sign_in, payload)
    for name, html in pages.items():
        assert _elements(html) == _elements(harmless[name]), f"{name}: no element and no attribute comes of it"
        assert html.count("<script") == harmless[name].count("<script"), name
        if "<" in payload:
            assert payload not in html, name
    for name in SHOWN:
        assert payload in unescape(pages[name]), f"{name}: it is shown as it was written"
