"""What `make run` takes of a machine, idle: memory of all its processes, and the seconds of a second start."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

import psutil

from bench.client import HOST
from bench.site import ROOT, free_port
from huntaze import children

PATIENCE = 120.0
"""Seconds in which it must answer, the demo of the first start included."""
SETTLED = 10.0
"""Seconds after which a start's own work is over."""


def measure(folder: Path) -> dict[str, Any]:
    """Starts it on an empty folder, and again: that one is measured. Memory is PSS: shared pages count in part."""
    with _running(folder) as (_, first):
        pass
    with _running(folder) as (process, second):
        time.sleep(SETTLED)
        parts = _memory(process)
    return {
        "first_start_seconds": round(first, 2),
        "second_start_seconds": round(second, 2),
        "pss_bytes": sum(parts.values()),
        "pss_bytes_by_part": parts,
    }


def show(found: dict[str, Any]) -> None:
    parts = found["pss_bytes_by_part"]
    listed = ", ".join(
        f"{name} {size / 2**20:.0f}" for name, size in sorted(parts.items(), key=lambda each: -each[1])
    )
    print(f"\nmake run, idle: {sum(parts.values()) / 2**20:.0f} MB PSS ({listed})")
    print(
        f"first start, demo included {found['first_start_seconds']} s, second start {found['second_start_seconds']} s"
    )


@contextmanager
def _running(folder: Path) -> Iterator[tuple[psutil.Process, float]]:
    """`make run`, and the seconds until it answered."""
    port = free_port()
    outside = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    env = {**outside, "DATA": str(folder), "PORT": str(port), "HOST": HOST}
    make = shutil.which("make") or "make"
    with (folder / "run.log").open("ab") as log:
        began = time.monotonic()
        child = children.start([make, "-s", "run"], env=env, cwd=ROOT, output=log)
        try:
            while not _answers(port):
                if child.poll() is not None or time.monotonic() - began > PATIENCE:
                    raise RuntimeError((folder / "run.log").read_text())
                time.sleep(0.02)
            yield psutil.Process(child.pid), time.monotonic() - began
        finally:
            children.stop(child, SIGTERM, patience=20)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    return False


def _memory(process: psutil.Process) -> dict[str, int]:
    parts: dict[str, int] = {}
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            name = _part(each)
            parts[name] = parts.get(name, 0) + each.memory_full_info().pss
    return parts


def _part(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    for name, sign in (
        ("PostgreSQL", "postgres"),
        ("Valkey", "valkey"),
        ("web", "gunicorn"),
        ("workers", "worker.py default"),
        ("schedule", "worker.py schedule"),
    ):
        if sign in command:
            return name
    return "supervisor"
