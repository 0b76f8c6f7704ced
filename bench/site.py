"""A Huntaze to measure: its own embedded servers, migrated, filled, and served by gunicorn as `huntaze up` does."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

import psutil

from bench.fill import Filled, fill
from huntaze import children, embedded, environment

ROOT = Path(__file__).parent.parent
START = 30.0  # seconds in which gunicorn must answer


@dataclass(frozen=True)
class Site:
    """A running site. processes: "web", "PostgreSQL" and "Valkey", the parent of each."""

    port: int
    env: dict[str, str]
    workspaces: list[Filled]
    superuser_url: str
    processes: dict[str, psutil.Process]

    def processor_seconds(self) -> dict[str, float]:
        """What each part has used so far, its children that have ended included."""
        return {name: used(process) for name, process in self.processes.items()}


@contextmanager
def site(folder: Path, sizes: list[int]) -> Iterator[Site]:
    """Serves from `folder`; what it was filled with before stays."""
    with embedded.running(folder, with_postgresql=True, with_valkey=True) as servers:
        port = free_port()
        outside = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        # Everybody calls from one address here, and as fast as they can.
        given = {**outside, "DATA": str(folder), "PORT": str(port), "HOST": "127.0.0.1", "CALLS_PER_MINUTE": "0"}
        env = environment.complete(given, servers)
        subprocess.run([sys.executable, "-m", "huntaze.cli", "migrate"], env=env, cwd=ROOT, check=True)
        superuser_url = servers.superuser_url.replace("/postgres?", "/huntaze?")
        workspaces = fill(superuser_url, sizes)
        with (folder / "web.log").open("wb") as log:
            command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")]
            web = children.start(command, env=env, cwd=ROOT, output=log)
            try:
                _wait(port, web, folder / "web.log")
                postgresql, valkey = (psutil.Process(server.child.pid) for server in servers.started)
                processes = {"web": psutil.Process(web.pid), "PostgreSQL": postgresql, "Valkey": valkey}
                yield Site(port, env, workspaces, superuser_url, processes)
            finally:
                children.stop(web, SIGTERM, patience=5)


def free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        return int(attempt.getsockname()[1])


def _wait(port: int, web: children.Child, log: Path) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if web.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"The web did not start:\n{log.read_text()}")
            time.sleep(0.05)


def used(process: psutil.Process) -> float:
    seconds = 0.0
    # The parent last: what a child used moves there when it ends.
    for each in (*process.children(recursive=True), process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds
