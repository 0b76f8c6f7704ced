"""What every test may ask for: the app, people who are signed in to it, and sessions of both roles."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from huntaze import create_app, tenancy
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.base import WorkspaceId
from huntaze.models.user import Membership, Role
from huntaze.models.workspace import Workspace
from tests import factories
from tests.factories import MemberFactory, SignInFactory, WorkspaceFactory
from tests.letters import Letters

pytest_plugins = ["tests.servers", "tests.chromium", "tests.simulated", "tests.webhooks"]

# The same examples on every machine and run: a failure is there again.
settings.register_profile("huntaze", derandomize=True, deadline=None, database=None)
settings.load_profile("huntaze")

SWAP = {"HX-Request": "true", "HX-Request-Type": "partial"}
LOOPBACK = ("127.", "::1", "localhost")

_numbers = count()
_refused: list[str] = []


class Browser(FlaskClient):
    """A browser on Huntaze's own pages: its headers say so. `member` is who is signed in."""

    member: Membership

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "http://localhost"}
        # Each at a network address of its own: what one tries does not count for another.
        self.environ_base["REMOTE_ADDR"] = str(ip_address("10.0.0.0") + next(_numbers))

    def swap(self, path: str, *, method: str = "GET", page: str = "/", **kwargs: Any) -> TestResponse:
        """As htmx asks for a part of the page at `page`."""
        return self.open(path, method=method, headers={**SWAP, "HX-Current-URL": f"http://localhost{page}"}, **kwargs)


SignIn = Callable[[Membership], Browser]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright leaves a running event loop behind, and asynchronous tests want none."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def app(config: Config) -> Iterator[Flask]:
    app = create_app(config)
    app.test_client_class = Browser
    with app.app_context():
        engines = list(db.engines.values())
        factories.session.configure(bind=db.engines["system"])
    yield app
    factories.session.remove()
    for engine in engines:
        engine.dispose()
    app.extensions["redis"].close()


@pytest.fixture
def workspace(app: Flask) -> Workspace:
    return WorkspaceFactory()


@pytest.fixture
def sign_in(app: Flask) -> SignIn:
    """A browser in which this member is signed in."""

    def sign_in(member: Membership) -> Browser:
        token = f"browser-{next(_numbers)}"
        SignInFactory(member=member, token=token)
        browser = app.test_client()
        assert isinstance(browser, Browser)
        browser.member = member
        browser.set_cookie("huntaze", token)
        return browser

    return sign_in


@pytest.fixture
def as_owner(sign_in: SignIn, workspace: Workspace) -> Browser:
    return sign_in(MemberFactory(workspace_id=workspace.id, role=Role.OWNER))


@pytest.fixture
def as_manager(sign_in: SignIn, workspace: Workspace) -> Browser:
    return sign_in(MemberFactory(workspace_id=workspace.id, role=Role.MANAGER))


@pytest.fixture
def as_chatter(sign_in: SignIn, workspace: Workspace) -> Browser:
    return sign_in(MemberFactory(workspace_id=workspace.id, role=Role.CHATTER))


@pytest.fixture
def as_viewer(sign_in: SignIn, workspace: Workspace) -> Browser:
    return sign_in(MemberFactory(workspace_id=workspace.id, role=Role.VIEWER))


@pytest.fixture
def stranger(sign_in: SignIn) -> Browser:
    """The owner of another workspace."""
    return sign_in(MemberFactory(role=Role.OWNER))


@pytest.fixture
def nobody(app: Flask) -> Browser:
    """A browser in which nobody is signed in."""
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


@pytest.fixture
def letters(app: Flask) -> Letters:
    """What the app mailed."""
    return Letters(app)


@pytest.fixture
def app_engine(app: Flask) -> Engine:
    """As huntaze_app."""
    with app.app_context():
        return db.engine


@pytest.fixture
def owner_engine(app: Flask) -> Engine:
    """As huntaze_owner."""
    with app.app_context():
        return db.engines["system"]


@pytest.fixture
def session(app_engine: Engine, workspace: Workspace) -> Iterator[Session]:
    """What web.py builds services with: the app's role, in `workspace`. Rolled back at the end."""
    with Session(app_engine) as session:
        tenancy.enter(session, WorkspaceId(workspace.id))
        yield session


@pytest.fixture
def owner(owner_engine: Engine) -> Iterator[Session]:
    """A look behind the second wall; each statement is a transaction."""
    with Session(owner_engine.execution_options(isolation_level="AUTOCOMMIT")) as session:
        yield session


@pytest.fixture
def superuser_url(config: Config) -> str:
    """The address of this worker's database, as PostgreSQL's superuser."""
    return config.database_url.replace("huntaze_owner@", "postgres@")


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """Fails a test that reached for another machine, even where the refusal was swallowed."""
    _refused.clear()
    yield
    assert not _refused, f"reached for {', '.join(_refused)}"


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    address = arguments[1] if event == "socket.connect" else arguments[:2]
    host = address[0] if isinstance(address, tuple) else None  # a unix socket's address is its path
    if isinstance(host, str) and not host.startswith(LOOPBACK):
        _refused.append(host)
        raise ConnectionRefusedError(f"Tests stay on this machine; this one reached for {host}.")


sys.addaudithook(_refuse_network)
