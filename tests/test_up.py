"""`huntaze up` as a person sees it: real processes, from the first start to Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq import Queue

from huntaze import embedded
from huntaze.embedded import Servers
from huntaze.jobs import schedule
from huntaze.supervisor import QUEUES
from tests.servers import NewDatabase
from tests.waiting import wait_until

UP = [sys.executable, "-m", "huntaze.cli", "up"]


class Huntaze:
    """A running `huntaze up`."""

    def __init__(self, data: Path, **env: str) -> None:
        self.port = free_port()
        environment = {**os.environ, "PORT": str(self.port), "DATA": str(data), "WEB_CONCURRENCY": "1", **env}
        self.process = subprocess.Popen(
            UP, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        assert self.process.stdout
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if "Huntaze is running at" in line:
                return
        raise AssertionError(self.said)

    def get(self, path: str) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path, headers={"Accept-Encoding": "br"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, by: signal.Signals) -> str:
        """Send a signal, wait, and return what was said after the start."""
        self.process.send_signal(by)
        return self.process.communicate(timeout=30)[0]

    def __enter__(self) -> Huntaze:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGINT)


@contextmanager
def data_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="huntaze-test-") as folder:
        data = Path(folder) / "data"
        try:
            yield data
        finally:
            if (data / "servers").is_symlink():
                shutil.rmtree((data / "servers").resolve())


@pytest.fixture
def data() -> Iterator[Path]:
    with data_folder() as data:
        yield data


@pytest.fixture(scope="module")
def huntaze() -> Iterator[Huntaze]:
    """One that the tests which don't end it share."""
    with data_folder() as data, Huntaze(data) as huntaze:
        yield huntaze


def free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        return int(attempt.getsockname()[1])


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run; one that has ended may wait for its new parent, the system's first process, to notice."""

    def runs(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):
            return process.status() != psutil.STATUS_ZOMBIE
        return False

    return [process for process in processes if runs(process)]


def refused(data: Path, **env: str) -> str:
    """What `huntaze up` says when it can't start: it ends with 2."""
    done = subprocess.run(
        UP, env={**os.environ, "DATA": str(data), **env}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_serves(huntaze: Huntaze) -> None:
    assert f"http://127.0.0.1:{huntaze.port}" in huntaze.said
    response, body = huntaze.get("/healthz")
    assert response.status == 200
    assert json.loads(body)["healthy"]
    assert huntaze.get("/login")[0].status == 200


def test_it_serves_the_assets_for_a_year(huntaze: Huntaze) -> None:
    _, manifest = huntaze.get("/static/manifest.json")
    for name in json.loads(manifest).values():
        response, _ = huntaze.get(f"/static/{name}")
        assert response.status == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        if name.endswith((".js", ".css")):
            assert response.headers["Content-Encoding"] == "br"
    for path in ("/static/../manifest.json", "/static/nothing.js", "/static/src/app.js"):
        assert huntaze.get(path)[0].status == 404


def test_a_second_one_on_the_same_data(huntaze: Huntaze) -> None:
    data = Path(psutil.Process(huntaze.process.pid).environ()["DATA"])
    assert "already running on the data folder" in refused(data, PORT=str(free_port()))


def test_a_port_in_use(huntaze: Huntaze, data: Path) -> None:
    said = refused(data, PORT=str(huntaze.port))
    assert f"Port {huntaze.port} on 127.0.0.1 can't be had: Address already in use." in said
    assert f"PORT={huntaze.port + 1}" in said


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "many", "PORT must be a whole number from 1 to 65535"),
        ("HOST", "192.0.2.1", "HOST="),
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 32 characters"),
        ("DATABASE_URL", "mysql://", "DATABASE_URL must start with postgresql://"),
        ("DATABASE_URL", "postgresql://nobody@/none?host=/nowhere", "DATABASE_URL can't be reached"),
    ],
)
def test_a_wrong_variable(data: Path, name: str, value: str, says: str) -> None:
    assert says in refused(data, **{"PORT": str(free_port()), name: value})


def test_a_web_that_can_not_start(data: Path) -> None:
    said = refused(data, PORT=str(free_port()), GUNICORN_CMD_ARGS="--no-such-option")
    assert "The web could not start 3 times; its messages are above." in said


def test_a_worker_that_dies_is_started_again_and_works(huntaze: Huntaze) -> None:
    def workers(*tasks: str) -> list[psutil.Process]:
        """Those of these tasks; those that were forked have the same command."""
        found = []
        for child in huntaze.children():
            with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                if child.cmdline()[-1 - len(tasks) :] == [str(Path("worker.py").resolve()), *tasks]:
                    found.append(child)
        return found

    wait_until(lambda: len(workers(*QUEUES)) == 1 + len(QUEUES) and len(workers("schedule")) == 1)
    nursery, *before = sorted(workers(*QUEUES), key=lambda each: each.create_time())
    before[0].kill()
    wait_until(lambda: before[0] not in workers(*QUEUES) and len(workers(*QUEUES)) == 1 + len(QUEUES))
    nursery.kill()
    wait_until(lambda: nursery not in workers(*QUEUES) and len(workers(*QUEUES)) == 1 + len(QUEUES))

    data = Path(psutil.Process(huntaze.process.pid).environ()["DATA"])
    with embedded.reached(data, with_postgresql=True, with_valkey=True) as servers:
        redis = Redis.from_url(servers.redis_url)
        job, tick = next(iter(schedule.PERIODIC)), datetime.now(UTC).isoformat()
        Queue("default", connection=redis, serializer="json").enqueue(schedule.run, job, tick)
        redis.close()
    wait_until(lambda: json.loads(huntaze.get("/healthz")[1])["schedule_age"] is not None)


def test_ctrl_c_leaves_nothing_and_the_next_start_goes_on(data: Path) -> None:
    with Huntaze(data) as first:
        secret = (data / "secret-key").read_text()
        assert (data / "secret-key").stat().st_mode & 0o777 == 0o600
        assert data.stat().st_mode & 0o777 == 0o700
        children = first.children()
        assert {"postgres", "valkey-server"} <= {child.name() for child in children}
        assert "Huntaze has stopped." in first.end(signal.SIGINT)
        assert first.process.returncode == 0
        wait_until(lambda: alive(children) == [])

    with Huntaze(data) as second:
        assert (data / "secret-key").read_text() == secret
        second.end(signal.SIGTERM)
        assert second.process.returncode == 0


def test_a_killed_one_leaves_nothing_and_the_next_start_recovers(data: Path) -> None:
    with Huntaze(data) as first:
        children = first.children()
        first.end(signal.SIGKILL)
    with Huntaze(data) as second:
        assert second.get("/healthz")[0].status == 200
        wait_until(lambda: not alive(children))


def test_with_servers_of_ones_own(data: Path, new_database: NewDatabase, servers: Servers) -> None:
    own = new_database(migrated=False)
    given = {"DATABASE_URL": own.database_url, "REDIS_URL": servers.redis_url}
    with Huntaze(data, **given) as huntaze:
        assert huntaze.get("/healthz")[0].status == 200
        assert not {"postgres", "valkey-server"} & {child.name() for child in huntaze.children()}
        assert not (data / "servers").exists()
