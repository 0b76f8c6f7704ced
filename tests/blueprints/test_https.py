"""Cookies and passwords over https, over plain http on this machine, and behind a proxy (ASVS 3.3, 4.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from tests.conftest import Browser
from tests.factories import PASSWORD, MemberFactory, UserFactory

HTTPS = "https://huntaze.example"


@pytest.fixture
def email(app: Flask) -> str:
    """Of someone with the password PASSWORD."""
    user = UserFactory()
    MemberFactory(user_id=user.id)
    return str(user.email)


def test_cookies_on_this_machine(nobody: Browser, email: str) -> None:
    """Over plain http, where a browser would not keep a Secure cookie."""
    cookie = _cookie(nobody.post("/login", data={"email": email, "password": PASSWORD}), "huntaze")
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
        "__Host-known",
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


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_a_password_is_not_sent_over_plain_http(nobody: Browser, email: str, path: str) -> None:
    elsewhere = "http://huntaze.example"
    shown = nobody.get(path, base_url=elsewhere)
    assert shown.status_code == 200
    assert "needs https" in shown.text
    assert 'type="password"' not in shown.text
    response = nobody.post(path, base_url=elsewhere, data={"email": email, "password": PASSWORD})
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


def _cookies(response: TestResponse) -> list[Morsel[str]]:
    jars = [SimpleCookie(header) for header in response.headers.getlist("Set-Cookie")]
    return [morsel for jar in jars for morsel in jar.values()]


def _cookie(response: TestResponse, name: str) -> Morsel[str]:
    [found] = [cookie for cookie in _cookies(response) if cookie.key == name]
    return found
