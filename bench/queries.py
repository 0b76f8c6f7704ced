"""What a view asks of PostgreSQL: its statements, counted and timed in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import Engine, event

from bench.site import Site
from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db


@dataclass(slots=True)
class Query:
    """seconds: until PostgreSQL had answered, its rows apart."""

    statement: str
    seconds: float = 0.0


class Asked:
    """An app of our own on the site's servers, and someone who is signed in there."""

    def __init__(self, app: Flask, cookie: str) -> None:
        self.client = app.test_client(use_cookies=False)
        self.cookie = cookie

    def get(self, path: str, *, swap: bool = False, signed_in: bool = True) -> list[Query]:
        """The queries of a page, in order. Naming the workspace to row-level security is one of them."""
        headers = {"Cookie": self.cookie if signed_in else ""}
        if swap:
            headers |= {"HX-Request": "true", "HX-Request-Type": "partial"}
        with _recorded() as seen:
            response = self.client.get(path, headers=headers)
        if response.status_code != 200:
            raise RuntimeError(f"{path} was answered with {response.status}.")
        return seen


@contextmanager
def asking(site: Site, cookie: str) -> Iterator[Asked]:
    app = create_app(Config.from_env(site.env))
    yield Asked(app, cookie)
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@contextmanager
def _recorded() -> Iterator[list[Query]]:
    seen: list[Query] = []

    def begin(*arguments: object) -> None:
        seen.append(Query(" ".join(str(arguments[2]).split()), -time.perf_counter()))

    def end(*_: object) -> None:
        seen[-1].seconds += time.perf_counter()

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    yield seen
    event.remove(Engine, "before_cursor_execute", begin)
    event.remove(Engine, "after_cursor_execute", end)
