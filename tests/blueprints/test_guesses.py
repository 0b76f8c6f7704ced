"""Passwords that are guessed: how many are heard, whose they count for, and that the owner gets in all the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.mail import Mail
from huntaze.services.tries import ACCOUNT, ADDRESS, ASKING, DEVICE, PASSWORD
from tests.conftest import Browser, SignIn
from tests.factories import PASSWORD as RIGHT
from tests.factories import MemberFactory, UserFactory

WRONG = "a wrong password"


@pytest.fixture(autouse=True)
def _one_moment() -> Iterator[None]:
    """However slow the machine, no pause passes while a test runs."""
    with time_machine.travel(datetime.now(UTC), tick=False):
        yield


@pytest.fixture
def email(app: Flask) -> str:
    user = UserFactory()
    MemberFactory(user_id=user.id)
    return str(user.email)


@pytest.fixture(params=["valkey", "no valkey"])
def front(request: pytest.FixtureRequest, app: Flask, config: Config) -> Iterator[Flask]:
    """The app, with Valkey and without."""
    if request.param == "valkey":
        yield app
        return
    without = create_app(replace(config, redis_url="unix:///nowhere/valkey"))
    without.test_client_class = Browser
    yield without
    with without.app_context():
        for engine in db.engines.values():
            engine.dispose()


def _browser(app: Flask) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def _log_in(browser: Browser, email: str, password: str, **environ: str) -> TestResponse:
    return browser.post("/login", data={"email": email, "password": password}, environ_overrides=environ)


def test_guesses_at_one_account(front: Flask, email: str) -> None:
    """Ten times as many as are free and from as many addresses; tests/services/test_tries.py goes on for a day."""
    many = ACCOUNT.free * 10
    answers = Counter(
        _log_in(_browser(front), email, WRONG, REMOTE_ADDR=f"192.0.2.{n}").status_code for n in range(many)
    )
    assert answers == {422: ACCOUNT.free, 429: many - ACCOUNT.free}, "from wherever they come"


def test_a_hundred_guesses_from_one_address(front: Flask) -> None:
    browser = _browser(front)
    answers = Counter(_log_in(browser, f"person{n}@guessed.test", WRONG).status_code for n in range(100))
    assert answers == {422: ADDRESS.free, 429: 100 - ADDRESS.free}, "whoever they are for"


def test_a_known_device_gets_in_while_strangers_guess(app: Flask, email: str) -> None:
    known, new = _browser(app), _browser(app)
    assert _log_in(known, email, RIGHT).status_code == 303
    for _ in range(20):
        _log_in(_browser(app), email, WRONG)
    assert _log_in(new, email, RIGHT).status_code == 429, "a device that never was here waits with the strangers"
    known.delete_cookie("huntaze")
    assert _log_in(known, email.upper(), RIGHT).status_code == 303
    known.delete_cookie("huntaze")
    answers = [_log_in(known, email, WRONG).status_code for _ in range(DEVICE.free + 2)]
    assert answers == [422] * DEVICE.free + [429] * 2, "its own tries are counted, too"


def test_a_strangers_cookie_is_no_known_device(app: Flask, email: str) -> None:
    other = UserFactory()
    MemberFactory(user_id=other.id)
    eve = _browser(app)
    assert _log_in(eve, other.email, RIGHT).status_code == 303
    answers = [_log_in(eve, email, WRONG).status_code for _ in range(ACCOUNT.free + 1)]
    assert answers == [422] * ACCOUNT.free + [429]


def test_the_owner_gets_in_by_a_mailed_link_while_strangers_guess(app: Flask, email: str, owner: Session) -> None:
    for _ in range(20):
        _log_in(_browser(app), email, WRONG)
    browser = _browser(app)
    assert _log_in(browser, email, RIGHT).status_code == 429
    browser.post("/password/reset", data={"token": _reset_token(app, email), "password": "quite another one"})
    for _ in range(20):
        _log_in(_browser(app), email, WRONG)
    assert _log_in(browser, email, "quite another one").status_code == 303


def _reset_token(app: Flask, email: str) -> str:
    from huntaze.models.account_link import Purpose
    from huntaze.models.base import UserId
    from huntaze.services.account_links import AccountLinkService
    from huntaze.system import system_session

    with app.app_context(), system_session() as session:
        links = AccountLinkService(session)
        user = links.owner_of(email)
        assert user is not None
        return links.issue(UserId(user.id), Purpose.PASSWORD, email)


def test_it_is_said_when_to_try_again_and_the_e_mail_stays(app: Flask, email: str) -> None:
    browser = _browser(app)
    with time_machine.travel(datetime(2026, 11, 26, 12, tzinfo=UTC), tick=False) as clock:
        for _ in range(ACCOUNT.free):
            _log_in(browser, email, WRONG)
        response = _log_in(browser, email, RIGHT)
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "30"
        assert "Try again in 30 seconds." in response.text
        assert f'value="{email}"' in response.text
        assert RIGHT not in response.text
        french = browser.post("/login", data={"email": email}, headers={"Accept-Language": "fr"})
        assert french.status_code == 422
        clock.shift(timedelta(seconds=30))
        assert _log_in(browser, email, RIGHT).status_code == 303


def test_who_exists_and_who_does_not_wait_alike(app: Flask, email: str) -> None:
    known = {"X-Request-Id": "the-same-for-both"}
    pages = []
    with time_machine.travel(datetime(2026, 11, 27, 12, tzinfo=UTC), tick=False):
        for who in (email, "nobody.waits@huntaze.test"):
            browser = _browser(app)
            for _ in range(ACCOUNT.free):
                _log_in(browser, who, WRONG)
            response = browser.post("/login", data={"email": who, "password": WRONG}, headers=known)
            pages.append(response.text.replace(who, "-"))
    assert pages[0] == pages[1]


def test_an_ipv6_network_is_one_address(app: Flask) -> None:
    def guess(n: int, address: str) -> int:
        return _log_in(_browser(app), f"v6.{address}{n}@guessed.test", WRONG, REMOTE_ADDR=address).status_code

    assert {guess(n, f"2001:db8:1:2:{n:x}::{n:x}") for n in range(ADDRESS.free)} == {422}
    assert guess(98, "2001:db8:1:2:ffff::1") == 429
    assert guess(99, "2001:db8:1:3::1") == 422


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP"])
def test_a_header_does_not_choose_the_address(app: Flask, header: str) -> None:
    browser = _browser(app)
    codes = [
        browser.post(
            "/login",
            data={"email": f"{header}{n}@guessed.test", "password": WRONG},
            headers={header: f"198.51.100.{n}"},
        ).status_code
        for n in range(ADDRESS.free + 1)
    ]
    assert codes == [422] * ADDRESS.free + [429]


def test_behind_a_trusted_proxy_it_is_the_one_that_the_proxy_saw(config: Config) -> None:
    app = create_app(replace(config, trusted_proxies=1))
    app.test_client_class = Browser
    browser = _browser(app)

    def guess(n: int, forwarded: str) -> int:
        data = {"email": f"proxied{n}@guessed.test", "password": WRONG}
        return browser.post("/login", data=data, headers={"X-Forwarded-For": forwarded}).status_code

    assert {guess(n, f"198.51.100.{n}, 203.0.113.7") for n in range(ADDRESS.free)} == {422}, (
        "the client made up the first"
    )
    assert guess(98, "203.0.113.7") == 429
    assert guess(99, "203.0.113.8") == 422
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_a_session_that_was_stolen_has_no_endless_tries_either(as_owner: Browser) -> None:
    codes = [as_owner.post("/confirm", data={"password": WRONG}).status_code for _ in range(PASSWORD.free + 1)]
    assert codes == [422] * PASSWORD.free + [429]
    change = {"current": RIGHT, "password": "quite another one"}
    response = as_owner.post("/settings/password", data=change)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) <= 30
    assert re.search(r"Try again in \d+ seconds", response.text)


def test_nobody_is_flooded_with_mails(app: Flask, owner: Session) -> None:
    owner.execute(delete(Mail))
    codes = {
        _browser(app).post("/password/forgot", data={"email": "flood@huntaze.test"}).status_code for _ in range(30)
    }
    assert codes == {303}, "the same for who asks"
    assert len(list(owner.scalars(select(Mail.id)))) == 1


@pytest.mark.parametrize("path", ["/password/forgot", "/register"])
def test_nor_does_one_address_ask_for_everybody(app: Flask, path: str) -> None:
    browser = _browser(app)
    rest = {"name": "X", "business": "X", "password": "a few words in a row"} if path == "/register" else {}
    name = path.strip("/").replace("/", ".")
    codes = [
        browser.post(path, data={"email": f"asked{n}.{name}@huntaze.test", **rest}).status_code
        for n in range(ASKING.free + 1)
    ]
    assert codes == [303] * ASKING.free + [429]


def test_the_api_says_so_in_its_own_way(sign_in: SignIn, app: Flask) -> None:
    from huntaze.blueprints.errors import answer

    until = datetime.now(UTC) + timedelta(minutes=5)
    with app.test_request_context("/api/onlyfans/subscribers"):
        response = answer(429, until=until)
    assert (response.status_code, response.mimetype) == (429, "application/problem+json")
