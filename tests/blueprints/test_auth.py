"""Signing in, up and out in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.sign_in import SignIn
from huntaze.models.user import User
from tests.conftest import Browser
from tests.factories import PASSWORD, MemberFactory, SubscriberFactory, UserFactory

HTTPS = "https://huntaze.example"
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
    assert nobody.get("/").headers["Location"] == "/onlyfans/subscribers"


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
    first = _cookie(_log_in(nobody, email), "huntaze").value
    second = _cookie(_log_in(nobody, email), "huntaze").value
    assert first != second


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
    token = _cookie(_log_in(nobody, email), "huntaze").value
    response = nobody.post("/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert response.headers["Clear-Site-Data"] == '"cache"'
    assert _cookie(response, "huntaze")["max-age"] == "0"
    assert "You are signed out." in nobody.get("/login").text
    nobody.set_cookie("huntaze", token)
    assert nobody.get("/settings").headers["Location"].startswith("/login"), "the old cookie is worth nothing"
    user_id = owner.scalar(select(User.id).where(User.email == email))
    assert owner.scalar(select(SignIn.ended_at).where(SignIn.user_id == user_id)) is not None


def test_logging_out_without_a_session_is_fine(nobody: Browser) -> None:
    assert nobody.post("/logout").status_code == 303


def test_cookies_on_this_machine(nobody: Browser, email: str) -> None:
    """Over plain http, where a browser would not keep a Secure cookie."""
    cookie = _cookie(_log_in(nobody, email), "huntaze")
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert not cookie["secure"]
    assert not cookie["domain"]
    assert int(cookie["max-age"]) > 86_400 * 90


def test_cookies_under_https(nobody: Browser, email: str) -> None:
    """Every one that we set (ASVS 3.3): who is signed in, how it looks, which language, what was done."""
    responses = [
        nobody.post("/login", base_url=HTTPS, data={"email": email, "password": PASSWORD}),
        nobody.post("/settings/appearance", base_url=HTTPS, data={"theme": "dark"}),
        nobody.post("/settings/language", base_url=HTTPS, data={"locale": "fr"}),
        nobody.post("/onlyfans/subscribers", base_url=HTTPS, data={"username": "ann"}),  # with a toast
        nobody.post("/logout", base_url=HTTPS),
    ]
    cookies = [cookie for response in responses for cookie in _cookies(response)]
    assert {cookie.key for cookie in cookies} == {
        "__Host-huntaze",
        "__Host-look",
        "__Host-language",
        "__Host-toasts",
    }
    for cookie in cookies:
        assert cookie["secure"] is True, cookie.key
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), cookie.key
        assert not cookie["domain"], cookie.key


def test_a_session_of_https_is_no_session_over_http(nobody: Browser, email: str) -> None:
    token = _cookie(
        nobody.post("/login", base_url=HTTPS, data={"email": email, "password": PASSWORD}), "__Host-huntaze"
    ).value
    assert nobody.get("/settings", base_url=HTTPS).status_code == 200
    plain = {"Cookie": f"__Host-huntaze={token}"}
    assert nobody.get("/settings", base_url="http://huntaze.example", headers=plain).status_code == 303


@pytest.mark.parametrize("page", ["/login", "/register"])
def test_a_password_is_not_sent_over_plain_http(nobody: Browser, email: str, page: str) -> None:
    elsewhere = "http://huntaze.example"
    shown = nobody.get(page, base_url=elsewhere)
    assert shown.status_code == 200
    assert "needs https" in shown.text
    assert 'type="password"' not in shown.text
    response = nobody.post(page, base_url=elsewhere, data={"email": email, "password": PASSWORD})
    assert response.status_code == 403
    assert "needs https" in response.text
    assert PASSWORD not in response.text
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000"])
def test_on_this_machine_plain_http_is_fine(nobody: Browser, email: str, host: str) -> None:
    data = {"email": email, "password": PASSWORD}
    assert nobody.post("/login", base_url=f"http://{host}", data=data).status_code == 303


@pytest.mark.parametrize("host", ["localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2.nip.example"])
def test_a_name_that_looks_like_this_machine_is_not_it(nobody: Browser, email: str, host: str) -> None:
    data = {"email": email, "password": PASSWORD}
    assert nobody.post("/login", base_url=f"http://{host}", data=data).status_code == 403


def test_forwarded_headers_are_believed_of_trusted_proxies_only(
    nobody: Browser, behind_proxy: Browser, email: str
) -> None:
    data = {"email": email, "password": PASSWORD}
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "huntaze.example", "X-Forwarded-For": "192.0.2.1"}
    inside = "http://10.0.0.7:8000"
    assert nobody.post("/login", base_url=inside, data=data, headers=forwarded).status_code == 403
    response = behind_proxy.post("/login", base_url=inside, data=data, headers=forwarded)
    assert response.status_code == 303
    assert _cookie(response, "__Host-huntaze")["secure"] is True
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    assert behind_proxy.post("/login", base_url=inside, data=data).status_code == 403, "the proxy speaks http itself"


@pytest.fixture
def behind_proxy(config: Config) -> Iterator[Browser]:
    """Huntaze behind one reverse proxy."""
    app = create_app(replace(config, trusted_proxies=1))
    app.test_client_class = Browser
    browser = app.test_client()
    assert isinstance(browser, Browser)
    yield browser
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    app.extensions["redis"].close()


def test_pages_for_builders_are_for_this_machine_only(behind_proxy: Browser, nobody: Browser) -> None:
    assert nobody.get("/dev/kit").status_code == 200
    assert behind_proxy.get("/dev/kit").status_code == 404


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


def _cookies(response: TestResponse) -> list[Morsel[str]]:
    jars = [SimpleCookie(header) for header in response.headers.getlist("Set-Cookie")]
    return [morsel for jar in jars for morsel in jar.values()]


def _cookie(response: TestResponse, name: str) -> Morsel[str]:
    [found] = [cookie for cookie in _cookies(response) if cookie.key == name]
    return found
