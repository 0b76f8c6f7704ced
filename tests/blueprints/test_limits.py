"""The coarse limit a network address, with Valkey and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex

import pytest
from flask import Flask
from flask.testing import FlaskClient

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from tests.conftest import Browser
from tests.factories import MemberFactory, SignInFactory

MOST = 10


@pytest.fixture(params=["valkey", "no valkey"])
def limited(request: pytest.FixtureRequest, app: Flask, config: Config) -> Iterator[Flask]:
    url = config.redis_url if request.param == "valkey" else "unix:///nowhere/valkey"
    app = create_app(replace(config, redis_url=url, calls_per_minute=MOST))
    app.test_client_class = Browser
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def signed_in(limited: Flask) -> FlaskClient:
    token = token_hex(8)
    SignInFactory(member=MemberFactory(), token=token)
    browser = limited.test_client()
    browser.set_cookie("huntaze", token)
    return browser


def test_changes_and_calls_of_the_api_are_counted_together(signed_in: FlaskClient) -> None:
    codes = [signed_in.post("/settings/appearance", data={"theme": "dark"}).status_code for _ in range(MOST - 1)]
    codes.append(signed_in.get("/api/onlyfans/subscribers").status_code)
    assert codes == [303] * (MOST - 1) + [200]
    page = signed_in.post("/settings/appearance", data={"theme": "dark"})
    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 61
    assert "Too many tries" in page.text
    call = signed_in.get("/api/onlyfans/subscribers")
    assert (call.status_code, call.mimetype) == (429, "application/problem+json")
    assert "Retry-After" in call.headers


def test_reading_is_free(signed_in: FlaskClient) -> None:
    assert {signed_in.get("/settings").status_code for _ in range(MOST + 5)} == {200}


def test_webhooks_are_not_counted(limited: Flask) -> None:
    """All accounts' come from the platform's few addresses: one must not use up what another one's need."""
    browser = limited.test_client()
    codes = {browser.post("/webhooks/onlyfans/nobody", json={}).status_code for _ in range(MOST + 5)}
    assert codes == {404}


def test_another_address_is_another(limited: Flask) -> None:
    for _ in range(2):
        browser = limited.test_client()
        codes = {browser.post("/settings/appearance", data={}).status_code for _ in range(MOST)}
        assert codes == {303}


def test_a_header_does_not_choose_the_address(limited: Flask) -> None:
    browser = limited.test_client()
    for n in range(MOST):
        browser.post("/settings/appearance", headers={"X-Forwarded-For": f"198.51.100.{n}"})
    assert browser.post("/settings/appearance", headers={"X-Forwarded-For": "203.0.113.1"}).status_code == 429
