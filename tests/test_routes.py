"""tests/routes.py knows every route, so that the tests which walk through it miss none."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import Browser
from tests.factories import MemberFactory
from tests.routes import PUBLIC, ROUTES, belongings, call


def test_every_route_is_listed_with_its_method(app: Flask) -> None:
    found = {rule.endpoint: (rule.methods or set()) - {"HEAD", "OPTIONS"} for rule in app.url_map.iter_rules()}
    assert found == {endpoint: {route.method} for endpoint, route in ROUTES.items()}


def test_every_id_that_a_route_takes_is_one_that_the_tests_can_provide(app: Flask) -> None:
    provided = belongings(MemberFactory())
    for rule in app.url_map.iter_rules():
        assert rule.arguments <= provided.keys(), f"{rule}: tests/routes.py, belongings()"


def test_public_is_what_is_listed_as_public(app: Flask) -> None:
    marked = {name for name, view in app.view_functions.items() if getattr(view, "is_public", False)}
    assert marked == PUBLIC


@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, 10**30])
def test_an_id_that_no_row_can_have_is_not_found(app: Flask, as_owner: Browser, number: int) -> None:
    for rule in app.url_map.iter_rules():
        if rule.arguments:
            response = call(app, as_owner, rule.endpoint, dict.fromkeys(rule.arguments, number))
            assert response.status_code == 404, rule
