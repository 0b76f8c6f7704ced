"""Child processes that end with us, each in a session of its own: the terminal's Ctrl-C doesn't reach it."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from huntaze import launch

Child = subprocess.Popen[bytes]


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    user: pwd.struct_passwd | None = None,
    output: IO[bytes] | None = None,
    orphaned: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start a program by its full path.

    user: whom to run it as (else as ourselves); output: where its output goes (else where ours goes);
    orphaned: the signal that it gets should we end without having stopped it.
    """
    uid, gid = (user.pw_uid, user.pw_gid) if user else (os.getuid(), os.getgid())
    launcher = [sys.executable, "-I", "-S", launch.__file__, orphaned.value, os.getpid(), uid, gid]
    return subprocess.Popen(
        [str(part) for part in (*launcher, *command)],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def stop(child: Child, *signals: signal.Signals, patience: float) -> None:
    """Ask a child to end with each signal, waiting `patience` seconds after it; then kill its group."""
    for ask in signals:
        if child.poll() is None:
            child.send_signal(ask)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def end_leftovers(program: str, folder: Path) -> None:
    """End what a killed earlier run left behind: the processes of this name that work in this folder."""
    import psutil  # only after a crash, so not in every supervisor's memory

    def works_here(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return process.name() == program and process.cwd() == str(folder)
        return False

    leftovers = [process for process in psutil.process_iter() if works_here(process)]
    for leftover in leftovers:
        with contextlib.suppress(psutil.Error):
            if leftover.parent() not in leftovers:
                leftover.send_signal(signal.SIGINT)
    for stubborn in psutil.wait_procs(leftovers, timeout=10)[1]:
        stubborn.kill()
    psutil.wait_procs(leftovers, timeout=5)
