"""What holds for every answer: who may post from where, and the headers that browsers obey (ASVS 3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import ApiTokenFactory, MemberFactory
from tests.routes import NEEDS_MORE, ROUTES, SIGNED, UNSAFE, belongings, call, digest

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something-new"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:8000"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost/"},
    {"Origin": "http://evil.example", "Referer": "http://localhost/"},
]
OWN = [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}]


@pytest.fixture
def bare(app: Flask, as_owner: Browser) -> FlaskClient:
    """The owner's browser, that says of a request only what the test says."""
    return _bare(app, as_owner)


def _bare(app: Flask, browser: Browser) -> FlaskClient:
    bare = FlaskClient(app, app.response_class)
    cookie = browser.get_cookie("huntaze")
    assert cookie is not None
    bare.set_cookie("huntaze", cookie.value)
    return bare


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_sites_page_can_do_nothing(
    app: Flask, bare: FlaskClient, as_owner: Browser, owner: Session, headers: dict[str, str]
) -> None:
    ids = belongings(as_owner.member)
    before = digest(owner, as_owner.member.workspace_id)
    for endpoint in sorted(UNSAFE):
        response = call(app, bare, endpoint, ids, headers)
        assert response.status_code == 403, endpoint
        assert "Set-Cookie" not in response.headers, endpoint
        assert "Location" not in response.headers, endpoint
    assert digest(owner, as_owner.member.workspace_id) == before
    assert bare.get("/settings").status_code == 200, "still signed in"


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_our_own_pages_can(app: Flask, sign_in: SignIn, headers: dict[str, str]) -> None:
    elsewhere = {"settings.switch_workspace", "settings.leave", "join.accept", "join.register", "auth.logout"}
    elsewhere |= {"settings.delete_workspace"}  # wants the workspace's own name
    for endpoint in sorted(UNSAFE - NEEDS_MORE - SIGNED - elsewhere):
        member = MemberFactory()
        response = call(app, _bare(app, sign_in(member)), endpoint, belongings(member), headers)
        assert response.status_code < 400, endpoint


def test_nor_with_the_headers_of_htmx(app: Flask, bare: FlaskClient, as_owner: Browser) -> None:
    ids = belongings(as_owner.member)
    for endpoint in sorted(UNSAFE):
        response = call(app, bare, endpoint, ids, {"Sec-Fetch-Site": "cross-site", **SWAP})
        assert response.status_code == 403, endpoint


def test_without_either_header_a_session_is_not_enough(app: Flask, bare: FlaskClient, as_owner: Browser) -> None:
    ids = belongings(as_owner.member)
    for endpoint in sorted(UNSAFE):
        assert call(app, bare, endpoint, ids).status_code == 403, endpoint


def test_a_program_without_a_session_may(app: Flask) -> None:
    """curl can sign in, and use a token."""
    curl = FlaskClient(app, app.response_class)
    member = MemberFactory()
    ApiTokenFactory(member=member, token="curl's token")
    assert curl.post("/login", data={"email": "a@huntaze.test", "password": "wrong"}).status_code == 422
    bearer = {"Authorization": "Bearer curl's token"}
    response = curl.post("/api/onlyfans/subscribers", json={"username": "ann"}, headers=bearer)
    assert response.status_code == 201


def test_what_is_safe_writes_nothing(app: Flask, as_owner: Browser, owner: Session) -> None:
    """So that a link from anywhere does no harm (3.5.3)."""
    ids = belongings(as_owner.member)
    as_owner.get("/")
    before = digest(owner, as_owner.member.workspace_id)
    for endpoint, route in ROUTES.items():
        for headers in ({}, SWAP, {"Sec-Fetch-Site": "cross-site"}) if route.is_safe else ():
            assert call(app, as_owner, endpoint, ids, headers).status_code in (200, 204, 303), endpoint
    assert digest(owner, as_owner.member.workspace_id) == before


POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def _assert_headers(response: object, what: str) -> None:
    headers = response.headers  # type: ignore[attr-defined]
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy.items() >= POLICY.items(), what
    assert "unsafe" not in headers["Content-Security-Policy"], what
    assert headers["X-Content-Type-Options"] == "nosniff", what
    assert headers["Referrer-Policy"] == "same-origin", what
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", what
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin", what
    assert headers["Cache-Control"], what
    assert "X-Request-Id" in headers, what
    assert "Access-Control-Allow-Origin" not in headers, what
    assert headers.get("Server", "") in ("", "gunicorn"), what


def test_every_answer_has_its_headers(app: Flask, as_owner: Browser, nobody: Browser) -> None:
    ids = belongings(as_owner.member)
    for endpoint in ROUTES:
        for browser in (nobody, as_owner):
            for headers in ({}, SWAP):
                _assert_headers(call(app, browser, endpoint, ids, headers), endpoint)


@pytest.mark.parametrize("prefix", ["/", "/api/"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nowhere", 404),
        ("POST", "nowhere", 404),
        ("PUT", "onlyfans/subscribers", 405),
        ("GET", "onlyfans/subscribers/9999999999", 404),
        ("GET", "onlyfans/subscribers?sort=none", 422),
        ("GET", "onlyfans/subscribers/%00", 404),
        ("GET", "onlyfans/../../etc/passwd", 404),
        ("POST", "onlyfans/subscribers?", 422),
    ],
)
def test_errors_too(as_owner: Browser, prefix: str, method: str, path: str, status: int) -> None:
    for headers in ({}, SWAP):
        body = {"json": {}} if prefix == "/api/" else {}
        response = as_owner.open(prefix + path, method=method, headers=headers, **body)
        assert response.status_code == status
        _assert_headers(response, path)
        assert "no-store" in response.headers["Cache-Control"]
        assert "Traceback" not in response.text
        expected = "application/problem+json" if prefix == "/api/" else "text/html"
        assert response.mimetype == expected


@pytest.mark.parametrize("path", ["/onlyfans/subscribers", "/api/onlyfans/subscribers"])
def test_a_wrong_method_names_the_right_ones(as_owner: Browser, path: str) -> None:
    """RFC 9110, 15.5.6."""
    response = as_owner.open(path, method="PUT")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_https_stays_https(as_owner: Browser) -> None:
    assert "Strict-Transport-Security" not in as_owner.get("/").headers, "this machine has no certificate"
    secure = as_owner.get("/login", base_url="https://huntaze.example")
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    missing = as_owner.get("/nowhere", base_url="https://huntaze.example")
    assert "Strict-Transport-Security" in missing.headers


@pytest.mark.parametrize("host", ["", "[", "a b", "evil.example\\@x", "x" * 300, "a:b:c", "[::1", "%00"])
def test_a_strange_host_is_no_failure(nobody: Browser, host: str) -> None:
    for method in ("GET", "POST"):
        response = nobody.open("/login", method=method, headers={"Host": host, "Origin": f"http://{host}"})
        assert response.status_code < 500


@pytest.fixture
def away(config: Config) -> Iterator[Browser]:
    """Huntaze while PostgreSQL and Valkey are away."""
    nowhere = "postgresql://nobody@/nothing?host=/nowhere"
    app = create_app(
        replace(config, database_url=nowhere, app_database_url=nowhere, redis_url="unix:///nowhere/valkey")
    )
    app.test_client_class = Browser
    browser = app.test_client()
    assert isinstance(browser, Browser)
    yield browser
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.mark.parametrize("headers", [{}, SWAP], ids=["page", "swap"])
def test_without_the_database_it_says_so_and_lets_nobody_in(away: Browser, headers: dict[str, str]) -> None:
    away.set_cookie("huntaze", "anything")
    for path in ("/onlyfans/subscribers", "/settings", "/login", "/api/onlyfans/subscribers"):
        response = away.get(path, headers=headers)
        assert response.status_code == 503, path
        _assert_headers(response, path)
        assert "Traceback" not in response.text
    response = away.get("/healthz")
    assert response.status_code == 503
    assert response.json == {
        "healthy": False,
        "database": False,
        "valkey": False,
        "schedule_age": None,
        "queue_length": None,
        "queue_age": None,
    }
