"""A pytest plugin: real PostgreSQL and Valkey for the tests.

One PostgreSQL serves a whole run, started by the process that pytest-xdist's workers have in common. Its
database `huntaze` is migrated once, and each worker clones it. Each worker has a Valkey of its own, so that
a test may flush it or listen to all of its channels.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from huntaze import embedded
from huntaze.config import Config
from huntaze.embedded import Servers
from tests.factories import SECRET_KEY

TEMPLATE = "huntaze"

_stack = pytest.StashKey[ExitStack]()
_cluster = pytest.StashKey[Servers]()

NewDatabase = Callable[..., Config]


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """The servers of this worker: a migrated database of its own, and a Valkey."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    cluster = _the_cluster(request.config)
    _create_database(cluster, name, TEMPLATE)
    with _temporary(postgresql=False, valkey=True) as own:
        yield replace(_of_database(cluster, name), redis_url=own.redis_url)


@pytest.fixture(scope="session")
def config(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """What `create_app` needs to run on this worker's servers."""
    return _config(servers, tmp_path_factory.mktemp("data"))


@pytest.fixture
def new_database(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Iterator[NewDatabase]:
    """Create further databases for one test: `new_database()` is migrated, or `migrated=False`."""
    cluster, names = _the_cluster(request.config), count()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    created: list[str] = []

    def create(*, migrated: bool = True) -> Config:
        name = f"new_{worker}_{next(names)}"
        _create_database(cluster, name, TEMPLATE if migrated else "template0")
        created.append(name)
        return _config(replace(_of_database(cluster, name), redis_url=servers.redis_url), tmp_path)

    yield create
    for name in created:
        _execute(cluster, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist, which is about to start, where the cluster is."""
    node.workerinput["cluster"] = asdict(replace(_the_cluster(node.config), started=()))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _stack in config.stash:
        config.stash[_stack].close()


def _the_cluster(config: pytest.Config) -> Servers:
    """The PostgreSQL of this run, started when first asked for."""
    if hasattr(config, "workerinput"):
        return Servers(**config.workerinput["cluster"])
    if _cluster not in config.stash:
        stack = config.stash[_stack] = ExitStack()
        config.stash[_cluster] = stack.enter_context(_temporary(postgresql=True, valkey=False))
        _migrate(config.stash[_cluster])
    return config.stash[_cluster]


@contextmanager
def _temporary(*, postgresql: bool, valkey: bool) -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="huntaze-tests-") as folder:
        data = Path(folder)
        try:
            with embedded.running(data, with_postgresql=postgresql, with_valkey=valkey, durable=False) as started:
                yield started
        finally:
            # As root it is elsewhere.
            shutil.rmtree((data / "servers").resolve(), ignore_errors=True)


def _migrate(cluster: Servers) -> None:
    # A process of its own: a connection that stays open would forbid cloning.
    environment = {
        **os.environ,
        "DATABASE_URL": cluster.owner_url,
        "DATABASE_APP_URL": cluster.app_url,
        "REDIS_URL": "unix:///nowhere",
        "SECRET_KEY": SECRET_KEY,
    }
    subprocess.run([sys.executable, "-m", "huntaze.cli", "migrate"], env=environment, check=True)


def _create_database(cluster: Servers, name: str, template: str) -> None:
    _execute(cluster, "CREATE DATABASE {} OWNER huntaze_owner TEMPLATE {}", name, template)


def _execute(cluster: Servers, statement: str, *names: str) -> None:
    with psycopg.connect(cluster.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _of_database(cluster: Servers, name: str) -> Servers:
    return replace(
        cluster,
        owner_url=cluster.owner_url.replace("/huntaze?", f"/{name}?"),
        app_url=cluster.app_url.replace("/huntaze?", f"/{name}?"),
    )


def _config(servers: Servers, data: Path) -> Config:
    return Config(
        database_url=servers.owner_url,
        app_database_url=servers.app_url,
        redis_url=servers.redis_url,
        secret_key=SECRET_KEY,
        data=data,
        calls_per_minute=0,  # tests call from one address, as fast as they can
        platform_url="http://127.0.0.1:1",  # nobody answers: a test that wants a platform starts one
    )
