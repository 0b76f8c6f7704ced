"""How long we wait for the gateway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to get a connection, for the whole of a call, and for the whole of an upload."""

    connect: float = 5.0
    total: float = 30.0
    upload: float = 300.0
