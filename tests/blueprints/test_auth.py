"""Signing in, up and out in a browser."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze.models.sign_in import SignIn
from huntaze.models.user import User
from tests.conftest import Browser
from tests.factories import PASSWORD, MemberFactory, SubscriberFactory, UserFactory

UNSAFE_TARGETS = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://evil.example/",
    "https:evil.example",
    "http://localhost@evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "onlyfans/subscribers",
    "//[",
    "http://[",
    "?q=1",
    "",
]


@pytest.fixture
def email(app: Flask) -> str:
    """Of someone with the password PASSWORD."""
    user = UserFactory()
    MemberFactory(user_id=user.id)
    return str(user.email)


def _log_in(browser: Browser, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    return browser.post("/login", data={"email": email, "password": password, **more})


def test_there_and_back(nobody: Browser, email: str) -> None:
    response = nobody.get("/onlyfans/subscribers?q=ann&sort=spent")
    login = response.headers["Location"]
    page = nobody.get(login)
    assert page.status_code == 200
    assert 'name="next" value="/onlyfans/subscribers?q=ann&amp;sort=spent"' in page.text
    response = _log_in(nobody, email, next="/onlyfans/subscribers?q=ann&sort=spent")
    assert (response.status_code, response.headers["Location"]) == (303, "/onlyfans/subscribers?q=ann&sort=spent")
    assert nobody.get(response.headers["Location"]).status_code == 200


def test_home_leads_to_the_fans(nobody: Browser, email: str) -> None:
    assert _log_in(nobody, email).headers["Location"] == "/"
    assert nobody.get("/").headers["Location"] == "/dashboard"


@pytest.mark.parametrize("target", UNSAFE_TARGETS)
def test_an_unsafe_target_leads_home(nobody: Browser, as_owner: Browser, target: str) -> None:
    assert nobody.get("/login", query_string={"next": target}).status_code == 200
    assert nobody.post("/settings/language", data={"locale": "en", "next": target}).headers["Location"] == "/"
    assert as_owner.get("/login", query_string={"next": target}).headers["Location"] == "/", (
        "who is signed in already"
    )


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "javascript:alert(1)", "//["])
def test_nor_does_it_after_signing_in(nobody: Browser, email: str, target: str) -> None:
    assert _log_in(nobody, email, next=target).headers["Location"] == "/"


@pytest.mark.parametrize("target", ["/", "/settings", "/onlyfans/subscribers?q=%C3%A9&tag=a+b", "/x//y", "/é"])
def test_a_path_of_ours_is_a_fine_target(as_owner: Browser, target: str) -> None:
    response = as_owner.get("/login", query_string={"next": target})
    assert response.headers["Location"].replace("%C3%A9", "é") == target.replace("%C3%A9", "é")


def test_unknown_user_and_wrong_password_look_the_same(nobody: Browser, email: str) -> None:
    known = {"X-Request-Id": "the-same-for-both"}
    answers = []
    for who in (email, "nobody.here@huntaze.test"):
        data = {"email": who, "password": "a wrong password", "next": "/settings"}
        response = nobody.post("/login", data=data, headers=known)
        assert response.status_code == 422
        assert f'value="{who}"' in response.text, "what was typed is still there"
        assert 'value="/settings"' in response.text
        assert "a wrong password" not in response.text
        assert "Set-Cookie" not in response.headers
        answers.append(response.text.replace(who, "-"))
    assert answers[0] == answers[1]
    assert "The e-mail or the password is not right." in answers[0]


@pytest.mark.parametrize("who", ["", "no e-mail", "a\0b@huntaze.test", "x" * 300, "é@é.test", "' OR 1=1 --"])
def test_a_strange_e_mail_is_refused(nobody: Browser, who: str) -> None:
    assert _log_in(nobody, who).status_code == 422


@pytest.mark.parametrize("password", ["", "\0", "x" * 2000])
def test_a_strange_password_is_refused(nobody: Browser, email: str, password: str) -> None:
    assert _log_in(nobody, email, password).status_code == 422


def test_the_same_cookie_is_not_used_again(nobody: Browser, email: str) -> None:
    tokens = set()
    for _ in range(2):
        _log_in(nobody, email)
        cookie = nobody.get_cookie("huntaze")
        assert cookie is not None
        tokens.add(cookie.value)
    assert len(tokens) == 2


def test_who_is_signed_in_needs_no_login_page(as_owner: Browser) -> None:
    for page in ("/login", "/register"):
        response = as_owner.get(page)
        assert (response.status_code, response.headers["Location"]) == (303, "/")


def test_registering(nobody: Browser, owner: Session) -> None:
    form = {"name": "Zoë <b>", "business": "Zoë's", "email": "Zoe@Huntaze.test", "password": "a few words in a row"}
    response = nobody.post("/register", data={**form, "next": "/settings"})
    assert (response.status_code, response.headers["Location"]) == (303, "/settings")
    page = nobody.get("/settings").text
    assert "Zoë &lt;b&gt;" in page
    assert "zoe@huntaze.test" in page
    assert "Owner" in page
    assert owner.scalar(select(func.count()).where(User.email == "zoe@huntaze.test")) == 1
    assert "No fans yet" in nobody.get("/onlyfans/subscribers").text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Please fill this in."),
        ("name", "x" * 101, "Use at most 100 characters."),
        ("name", "two\nlines", "Write this on one line."),
        ("business", " ", "Please fill this in."),
        ("business", "x" * 10_000, "Use at most 100 characters."),
        ("email", "no e-mail", "Write an e-mail address like name@example.com."),
        ("email", "", "Write an e-mail address like name@example.com."),
        ("password", "short", "Use at least 8 characters."),
        ("password", "x" * 129, "Use at most 128 characters."),
        ("password", "iloveyou", "Many people use this password; choose another one."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(nobody: Browser, field: str, value: str, message: str) -> None:
    form = {"name": "Ann Lee", "business": "Ann's", "email": "ann.wrong@huntaze.test", "password": "a few words here"}
    response = nobody.post("/register", data={**form, field: value})
    assert response.status_code == 422
    assert f'id="f-{field}-error">{message}' in response.text
    for name in form.keys() - {field, "password"}:
        assert f'value="{form[name]}"'.replace("'", "&#39;") in response.text
    assert "a few words here" not in response.text
    assert nobody.get("/settings").status_code == 303, "nobody was signed in"


def test_an_account_that_exists_is_said_to(nobody: Browser, email: str) -> None:
    form = {"name": "Ann", "business": "Ann's", "email": email.upper(), "password": "a few words in a row"}
    response = nobody.post("/register", data=form)
    assert response.status_code == 422
    assert 'id="f-email-error">There is an account with this e-mail' in response.text


def test_logging_out(nobody: Browser, email: str, owner: Session) -> None:
    _log_in(nobody, email)
    cookie = nobody.get_cookie("huntaze")
    assert cookie is not None
    response = nobody.post("/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert response.headers["Clear-Site-Data"] == '"cache"'
    assert nobody.get_cookie("huntaze") is None
    assert "You are signed out." in nobody.get("/login").text
    nobody.set_cookie("huntaze", cookie.value)
    assert nobody.get("/settings").headers["Location"].startswith("/login"), "the old cookie is worth nothing"
    user_id = owner.scalar(select(User.id).where(User.email == email))
    assert owner.scalar(select(SignIn.ended_at).where(SignIn.user_id == user_id)) is not None


def test_logging_out_without_a_session_is_fine(nobody: Browser) -> None:
    assert nobody.post("/logout").status_code == 303


def test_an_expired_session_says_so_in_the_middle_of_a_list(as_owner: Browser, owner: Session) -> None:
    SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    as_owner.post("/logout")
    response = as_owner.swap("/onlyfans/subscribers?q=ann", page="/onlyfans/subscribers?q=an")
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login?next=/onlyfans/subscribers?q%3Dan"


@pytest.mark.parametrize("current", ["http://[", "javascript:alert(1)", "https://evil.example//evil", "", "\\\\evil"])
def test_a_strange_current_url_leads_nowhere_strange(nobody: Browser, current: str) -> None:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": current}
    response = nobody.get("/onlyfans/subscribers", headers=headers)
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login?next=/"
