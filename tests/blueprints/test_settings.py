"""How Huntaze looks, in which language, and in which workspace."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.user import User
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import MemberFactory, SubscriberFactory, WorkspaceFactory


def test_what_is_set_is_shown(as_owner: Browser) -> None:
    html = as_owner.get("/settings").text
    for shown in ("System", "Light", "Dark", "English", "Français", "Owner"):
        assert shown in html
    assert '<html lang="en">' in html


@pytest.mark.parametrize(("theme", "attribute"), [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"')])
def test_the_first_byte_has_the_right_colours(as_owner: Browser, theme: str, attribute: str) -> None:
    response = as_owner.post("/settings/appearance", data={"theme": theme, "next": "/settings"})
    assert (response.status_code, response.headers["Location"]) == (303, "/settings")
    assert f'<html lang="en"{attribute}>' in as_owner.get("/settings").text
    as_owner.post("/settings/appearance", data={"theme": "system"})
    assert '<html lang="en">' in as_owner.get("/settings").text


def test_each_choice_leaves_the_other(as_owner: Browser) -> None:
    as_owner.post("/settings/appearance", data={"theme": "dark"})
    response = as_owner.post("/settings/appearance", data={"sidebar": "closed"}, headers=SWAP)
    assert (response.status_code, response.data) == (204, b"")
    assert "HX-Redirect" not in response.headers, "the page shows it already, and stays"
    html = as_owner.get("/settings").text
    assert 'data-theme="dark"' in html
    assert 'name="sidebar" value="closed"' in html
    assert " checked" in html.partition('id="fold"')[2].partition(">")[0]


def test_discreet_mode_has_another_name_and_icon_everywhere(as_owner: Browser) -> None:
    as_owner.post("/settings/appearance", data={"theme": "dark"})
    response = as_owner.post("/settings/appearance", data={"discreet": "on", "next": "/settings"})
    assert (response.status_code, response.headers["Location"]) == (303, "/settings")
    for path in ("/settings", "/onlyfans/subscribers", "/nowhere", "/offline"):
        _assert_discreet(as_owner.get(path).text)
    as_owner.post("/logout")
    login = as_owner.get("/login").text
    _assert_discreet(login)
    assert "Huntaze" not in login
    as_owner.post("/settings/appearance", data={"discreet": "off"})
    assert '<html lang="en" data-theme="dark">' in as_owner.get("/login").text
    assert "· Huntaze</title>" in as_owner.get("/login").text


def _assert_discreet(html: str) -> None:
    head = html.partition("</head>")[0]
    assert '<html lang="en" data-theme="dark" data-discreet>' in head
    assert "· Notes</title>" in head
    assert "Huntaze" not in head
    assert "/static/icon-" not in head
    assert head.count("/static/notes-") == 2
    assert "discreet=on" in head


@pytest.mark.parametrize(
    "cookie", ["", "dark", "dark.closed.more", "dark.closed.on.more", "<script>.open", "x" * 4000, "é.é", "."]
)
def test_a_strange_cookie_is_no_failure(as_owner: Browser, cookie: str) -> None:
    for name in ("look", "language", "toasts"):
        as_owner.set_cookie(name, cookie)
    response = as_owner.get("/settings")
    assert response.status_code == 200
    assert "<script>." not in response.text


def test_what_is_no_choice_changes_nothing(as_owner: Browser, owner: Session) -> None:
    as_owner.post("/settings/appearance", data={"theme": "<b>", "sidebar": "half"})
    as_owner.post("/settings/language", data={"locale": "xx"})
    assert '<html lang="en">' in as_owner.get("/settings").text
    assert owner.scalar(select(User.locale).where(User.id == as_owner.member.user_id)) is None


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr-CA, en;q=0.5", "fr"),
        ("de, fr;q=0.8, en;q=0.7", "fr"),
        ("en-GB, fr", "en"),
        ("de", "en"),
        ("", "en"),
        ("??;;", "en"),
    ],
)
def test_the_browsers_language(nobody: Browser, accepted: str, language: str) -> None:
    html = nobody.get("/login", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}"' in html
    assert ("Se connecter" in html) == (language == "fr")


def test_a_choice_beats_the_browser_and_outlasts_the_session(nobody: Browser) -> None:
    english = {"Accept-Language": "en"}
    response = nobody.post("/settings/language", data={"locale": "fr", "next": "/login?next=%2Fsettings"})
    assert response.headers["Location"] == "/login?next=%2Fsettings"
    assert '<html lang="fr"' in nobody.get("/login", headers=english).text


def test_a_members_choice_follows_them(as_owner: Browser, sign_in: SignIn, owner: Session) -> None:
    as_owner.post("/settings/language", data={"locale": "fr"})
    assert owner.scalar(select(User.locale).where(User.id == as_owner.member.user_id)) == "fr"
    elsewhere = sign_in(as_owner.member)
    assert '<html lang="fr">' in elsewhere.get("/settings", headers={"Accept-Language": "en"}).text


def test_money_numbers_and_messages_by_locale(sign_in: SignIn) -> None:
    member = MemberFactory(workspace_id=WorkspaceFactory(currency="EUR").id)
    SubscriberFactory(workspace_id=member.workspace_id, username="ann", total_spent_cents=123456789)
    browser = sign_in(member)
    assert "€1,234,567.89" in browser.get("/onlyfans/subscribers").text
    browser.post("/settings/language", data={"locale": "fr"})
    assert "1\u202f234\u202f567,89\xa0€" in browser.get("/onlyfans/subscribers").text
    refused = browser.post("/onlyfans/subscribers", data={"username": "ann", "tier": "vip"})
    assert refused.status_code == 422
    assert "You already" not in refused.text
    assert "@ann" in refused.text


def test_the_workspaces_of_a_member(sign_in: SignIn) -> None:
    here = MemberFactory(workspace_id=WorkspaceFactory(name="Here & Co").id)
    there = MemberFactory(user_id=here.user_id, workspace_id=WorkspaceFactory(name="There").id)
    browser = sign_in(here)
    html = browser.get("/settings").text
    assert "Here &amp; Co" in html
    assert "There" in html
    response = browser.post("/settings/workspace/switch", data={"workspace_id": there.workspace_id})
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert '<b class="cut">There</b>' in browser.get("/settings").text


@pytest.mark.parametrize("number", ["", "0", "-1", "abc", "9" * 30, "²"])
def test_what_is_no_workspace_is_not_found(as_owner: Browser, number: str) -> None:
    assert as_owner.post("/settings/workspace/switch", data={"workspace_id": number}).status_code == 404
