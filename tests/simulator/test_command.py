"""`huntaze simulator` as a process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulated import ACCOUNT, Simulated
from tests.waiting import wait_until

COMMAND = [sys.executable, "-m", "huntaze.cli", "simulator"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Simulated, subprocess.Popen[str]]]:
    with subprocess.Popen([*COMMAND, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        try:
            yield Simulated(int(said.rpartition(":")[2])), process
        finally:
            process.terminate()
            process.wait(10)


def test_it_serves_until_it_is_told_to_stop() -> None:
    with started("--fans", "30", "--seed", "3", "--api-key", "other") as (simulator, process):
        assert simulator.ask("GET", "/api/whoami")[0] == 401
        status, _, _ = simulator.ask("GET", f"/api/{ACCOUNT}/me", headers={"Authorization": "Bearer other"})
        assert status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_in_the_demo_something_happens_at_once() -> None:
    with started("--live", "--activity", "36000") as (simulator, _):
        before = simulator.lines("/_sim/state")[0]["transactions"]
        wait_until(lambda: simulator.lines("/_sim/state")[0]["transactions"] > before)


def test_a_taken_port_is_told_in_a_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Port {port} on 127.0.0.1 can't be had")
