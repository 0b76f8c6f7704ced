"""The embedded Valkey: its settings, and how it is started."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from signal import SIGTERM

from huntaze import children
from huntaze.embedded.home import Home

SOCKET = "valkey"

SETTINGS = {
    "port": "0",  # nothing on the network
    "unixsocketperm": "700",
    # Nothing lives here alone, but a queue that survives a restart need not wait for the sweeper.
    "appendonly": "yes",
    "save": "",
    "maxmemory": "128mb",
    "maxmemory-policy": "noeviction",  # an evicted key could be a job
    "loglevel": "warning",
}


def start(home: Home, sockets: Path) -> children.Child:
    """Start Valkey and wait until it has read its files and answers."""
    folder, socket_file = home.folder / "valkey", sockets / SOCKET
    folder.mkdir(mode=0o700, exist_ok=True)
    home.give(folder)
    if socket_file.exists():
        children.end_leftovers("valkey-server", folder)
        socket_file.unlink(missing_ok=True)

    def ready() -> bool:
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.settimeout(1)
            connection.connect(str(socket_file))
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        return False

    settings = {**SETTINGS, "unixsocket": str(socket_file), "dir": str(folder)}
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return home.start("Valkey", home.valkey, *options, ready=ready, orphaned=SIGTERM)
