"""Huntaze as it is served, and Chromium in front of it. What goes wrong beside a test fails it, too."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, Request, expect

from huntaze.config import Config
from huntaze.models.user import Membership, Role
from huntaze.models.workspace import Workspace
from tests.factories import MemberFactory, SignInFactory

ROOT = Path(__file__).parent.parent.parent
REFUSED_BY_US = re.compile(r"the server responded with a status of 4\d\d")
"""Chromium logs every 4xx as an error; ours are answers, and the tests look at them."""

WITHOUT_WORKER = "Service Worker registration blocked by Playwright"
"""What Playwright says where a test asked for it."""

expect.set_options(timeout=10_000)

_numbers = count()

NewContext = Callable[..., BrowserContext]


@dataclass(frozen=True)
class Device:
    """As Playwright's new_context takes it."""

    width: int
    height: int
    touch: bool = False

    def options(self) -> dict[str, Any]:
        viewport = {"width": self.width, "height": self.height}
        return {"viewport": viewport, "has_touch": self.touch, "is_mobile": self.touch}


PHONE = Device(360, 740, touch=True)
DESK = Device(1280, 800)


class OpenAs:
    """Opens a page in which a member is signed in: `open_as(member, locale="fr-FR")`."""

    def __init__(self, new_context: NewContext, base_url: str) -> None:
        self.new_context = new_context
        self.base_url = base_url

    def __call__(self, member: Membership, device: Device = DESK, **options: Any) -> Page:
        token = f"page-{next(_numbers)}"
        SignInFactory(member=member, token=token)
        context = self.new_context(**device.options(), **options)
        context.add_cookies([{"name": "huntaze", "value": token, "url": self.base_url}])
        return context.new_page()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Without any name but the server's own: what asks for another machine fails, and fails its test."""
    closed = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    arguments = [*browser_type_launch_args["args"], closed, "--disable-gpu"]
    return {**browser_type_launch_args, "args": arguments}


@pytest.fixture(scope="session")
def base_url(config: Config) -> Iterator[str]:
    """gunicorn with the app, on this worker's database, as `huntaze up` runs it."""
    with served(config) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def served(config: Config) -> Iterator[int]:
    """Serves the app on a free port of this machine."""
    # The socket listens before there is a server: the first request waits for it, and nothing polls.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"],
            cwd=ROOT,
            env={**os.environ, **_environment(config)},
            pass_fds=[listener.fileno()],
        )
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        connection.close()
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def named_url(base_url: str) -> str:
    """The same server under a name: a passkey is bound to one."""
    return base_url.replace("127.0.0.1", "localhost")


def _environment(config: Config) -> dict[str, str]:
    return {
        "DATABASE_URL": config.database_url,
        "DATABASE_APP_URL": config.app_database_url,
        "REDIS_URL": config.redis_url,
        "SECRET_KEY": config.secret_key,
        "DATA": str(config.data),
        "HOST": config.host,
        "TRUSTED_PROXIES": str(config.trusted_proxies),
        "WEB_CONCURRENCY": "1",
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def troubles() -> list[str]:
    """What the browser complained about. A test that provokes some looks at them and empties the list."""
    return []


@pytest.fixture
def new_context(new_context: NewContext, troubles: list[str], base_url: str, named_url: str) -> Iterator[NewContext]:
    """Contexts that are watched: an error in the console, a refusal by the policy, a foreign request."""
    contexts: list[BrowserContext] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((base_url, named_url, "data:", "blob:", "about:")):
            troubles.append(f"reached for {request.url}")

    def new_watched_context(**options: Any) -> BrowserContext:
        context = new_context(**options)
        contexts.append(context)
        context.on("request", watch)
        context.on("weberror", lambda error: troubles.append(f"uncaught: {error.error}"))
        context.on("console", lambda message: _listen(message.type, message.text, troubles))
        return context

    yield new_watched_context
    for context in contexts:
        context.close()  # what was under way is told before it closes
    assert troubles == []


def _listen(kind: str, text: str, troubles: list[str]) -> None:
    if kind in ("error", "warning") and not REFUSED_BY_US.search(text) and text != WITHOUT_WORKER:
        troubles.append(f"{kind} in the console: {text}")


@pytest.fixture
def open_as(app: Flask, new_context: NewContext, base_url: str) -> OpenAs:
    return OpenAs(new_context, base_url)


@pytest.fixture
def member(workspace: Workspace) -> Membership:
    """The owner of the test's workspace."""
    return MemberFactory(workspace_id=workspace.id, role=Role.OWNER)


@pytest.fixture
def signed_in(open_as: OpenAs, member: Membership) -> Page:
    """A page on a wide screen in which `member` is signed in."""
    return open_as(member)
