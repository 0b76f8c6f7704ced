"""Where Huntaze says that it is: links in mails begin there, and a request can't choose another host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from tests.conftest import Browser
from tests.factories import UserFactory
from tests.letters import Letters


@pytest.fixture
def known(config: Config) -> Iterator[Flask]:
    app = create_app(replace(config, public_url="https://app.huntaze.test"))
    app.test_client_class = Browser
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.mark.parametrize("host", ["app.huntaze.test", "localhost", "127.0.0.1:8000"])
def test_its_own_host_and_this_machine_are_answered(known: Flask, host: str) -> None:
    assert known.test_client().get("/login", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "app.huntaze.test.evil.example", "x.app.huntaze.test", ""])
def test_another_is_refused(known: Flask, host: str) -> None:
    for method, path in (("GET", "/login"), ("POST", "/password/forgot")):
        response = known.test_client().open(path, method=method, headers={"Host": host})
        assert response.status_code in (400, 403)
        assert "evil" not in response.text


@pytest.mark.parametrize("host", ["localhost:8000", "app.huntaze.test"])
def test_links_in_mails_begin_with_it(known: Flask, host: str) -> None:
    email = UserFactory().email
    headers = {"Host": host, "Origin": f"http://{host}", "X-Forwarded-Host": "evil.example"}
    assert known.test_client().post("/password/forgot", data={"email": email}, headers=headers).status_code == 303
    assert "\nhttps://app.huntaze.test/password/reset?token=" in Letters(known).newest(email).body
