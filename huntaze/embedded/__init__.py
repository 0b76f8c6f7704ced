"""PostgreSQL and Valkey from their wheels, for a machine on which neither is installed.

DATA/servers holds their files. They listen on unix sockets only, in a folder that only their own user
can enter. PostgreSQL refuses to run as root, and an unprivileged user can't enter /root: so when we are
root, DATA/servers is a link to a folder of the system user `huntaze` in /var/lib/huntaze, and both
servers run from a copy of their programs there (see `home.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGQUIT, SIGTERM, Signals
from urllib.parse import quote

from huntaze import children
from huntaze.embedded import postgresql, valkey
from huntaze.embedded.home import Home, ServersError, make_home

__all__ = ["AlreadyRunning", "Servers", "ServersError", "reached", "running"]

MB = 1024 * 1024
ROOM = 100 * MB
LONGEST_ADDRESS = 100  # of a unix socket, in bytes: the system's limit is 104 or 108


class AlreadyRunning(ServersError):
    """Another process runs the servers of this data folder."""


@dataclass
class Server:
    """A running server. start: starts it and waits until it answers; signals: ask it to end, in turn."""

    start: Callable[[], children.Child]
    signals: tuple[Signals, ...]

    def __enter__(self) -> Server:
        self.child = self.start()
        return self

    def __exit__(self, *_: object) -> None:
        children.stop(self.child, *self.signals, patience=10)

    def revive(self) -> None:
        """Start it again if it has ended."""
        if self.child.poll() is not None:
            self.child = self.start()


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of the servers, each "" where it was not asked for.

    owner_url: the database as the role that owns the tables; app_url: as the role that row-level security
    holds; superuser_url: the maintenance database as `postgres`. started: those that we started.
    """

    owner_url: str
    app_url: str
    superuser_url: str
    redis_url: str
    started: tuple[Server, ...] = ()


@contextmanager
def running(data: Path, *, with_postgresql: bool, with_valkey: bool, durable: bool = True) -> Iterator[Servers]:
    """Start the servers of a data folder, creating it on the first start; stop them at the end.

    If none is wanted, the folder is not touched.
    Servers that a killed earlier run left behind are stopped first. durable: whether what is committed
    survives a power cut. Raises AlreadyRunning, or ServersError with the reason and the remedy.
    """
    if not (with_postgresql or with_valkey):
        yield Servers("", "", "", "")
        return
    home = make_home(data)
    with _alone(home), contextlib.ExitStack() as stack:
        _require_room(home)
        sockets = stack.enter_context(_sockets(home))
        started = []
        if with_postgresql:
            started.append(Server(partial(postgresql.start, home, sockets, durable), (SIGINT, SIGQUIT)))
        if with_valkey:
            started.append(Server(partial(valkey.start, home, sockets), (SIGTERM,)))
        for server in started:
            stack.enter_context(server)
        yield replace(_addresses(sockets, with_postgresql, with_valkey), started=tuple(started))


@contextmanager
def reached(data: Path, *, with_postgresql: bool, with_valkey: bool) -> Iterator[Servers]:
    """The servers of the `huntaze up` that runs on this data folder, or else our own until the end."""
    with contextlib.ExitStack() as stack:
        try:
            own = running(data, with_postgresql=with_postgresql, with_valkey=with_valkey)
            servers = stack.enter_context(own)
        except AlreadyRunning:
            sockets = (data / "servers" / "run").resolve()
            servers = _addresses(sockets, with_postgresql, with_valkey)
        yield servers


def _addresses(sockets: Path, with_postgresql: bool, with_valkey: bool) -> Servers:
    host = quote(str(sockets))
    return Servers(
        owner_url=f"postgresql://huntaze_owner@/huntaze?host={host}" if with_postgresql else "",
        app_url=f"postgresql://huntaze_app@/huntaze?host={host}" if with_postgresql else "",
        superuser_url=f"postgresql://postgres@/postgres?host={host}" if with_postgresql else "",
        redis_url=f"unix://{quote(str(sockets / valkey.SOCKET))}" if with_valkey else "",
    )


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    # The kernel lets go of the lock however we end, and no child inherits it.
    folder = os.open(home.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AlreadyRunning(
            f"Huntaze is already running on the data folder {home.data}."
            " Stop it first, or choose another folder with DATA=."
        ) from None
    finally:
        os.close(folder)


def _require_room(home: Home) -> None:
    free = shutil.disk_usage(home.folder).free
    if free < ROOM:
        raise ServersError(
            f"The disk is full: {free // MB} MB are free at {home.folder}, and PostgreSQL needs"
            f" {ROOM // MB} MB to start. Make room, or choose another disk with DATA=."
        )


@contextmanager
def _sockets(home: Home) -> Iterator[Path]:
    """The folder of the sockets; a path too long for the address of a socket gets a short stand-in."""
    folder = home.folder / "run"
    if folder.is_symlink():
        _remove_stand_in(home, folder)
    if len(os.fsencode(folder / postgresql.SOCKET)) <= LONGEST_ADDRESS:
        folder.mkdir(mode=0o700, exist_ok=True)
        home.give(folder)
        yield folder
    else:
        # In /tmp, since XDG_RUNTIME_DIR goes away when its user logs out, and the servers may stay.
        stand_in = Path(tempfile.mkdtemp(prefix="huntaze-", dir="/tmp"))
        home.give(stand_in)
        folder.symlink_to(stand_in)
        try:
            yield stand_in
        finally:
            _remove_stand_in(home, folder)


def _remove_stand_in(home: Home, link: Path) -> None:
    stand_in = link.readlink()
    link.unlink()
    # After a restart of the machine the name may be someone else's.
    with contextlib.suppress(FileNotFoundError):
        if stand_in.lstat().st_uid == home.folder.stat().st_uid:
            shutil.rmtree(stand_in)
