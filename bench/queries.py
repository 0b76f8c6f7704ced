"""How many statements a view sends to PostgreSQL, counted in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import Engine, event

from bench.client import sign_in
from bench.fill import PASSWORD, Filled
from bench.site import Site
from bench.views import View
from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db


def count_queries(site: Site, filled: Filled, views: list[View]) -> dict[str, list[str]]:
    """The statements of each view, in order. Naming the workspace to row-level security is one of them."""
    app = create_app(Config.from_env(site.env))
    cookie = sign_in(site.port, filled.email, PASSWORD)
    statements: dict[str, list[str]] = {}
    for view in views:
        with _recorded() as seen:
            _ask(app, view, cookie)
        statements[view.name] = seen
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    return statements


def _ask(app: Flask, view: View, cookie: str) -> None:
    headers = {"Cookie": cookie if view.signed_in else ""}
    if view.swap:
        headers |= {"HX-Request": "true", "HX-Request-Type": "partial"}
    response = app.test_client(use_cookies=False).get(view.paths[0], headers=headers)
    assert response.status_code == 200, (view.name, response.status)


@contextmanager
def _recorded() -> Iterator[list[str]]:
    seen: list[str] = []

    def record(*arguments: object) -> None:
        seen.append(" ".join(str(arguments[2]).split()))

    event.listen(Engine, "before_cursor_execute", record)
    yield seen
    event.remove(Engine, "before_cursor_execute", record)
