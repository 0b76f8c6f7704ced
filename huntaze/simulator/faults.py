"""Faults that are queued over HTTP, and break the next calls that they fit."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web


class FaultKind(StrEnum):
    """Where the call ends. Those that are `after` happen to a call that was accepted: a send was sent."""

    HANG = "hang"
    HANG_AFTER = "hang_after"
    ERROR = "error"
    ERROR_AFTER = "error_after"
    NOT_SENT = "not_sent"
    RESET = "reset"
    RESET_AFTER = "reset_after"
    MALFORMED = "malformed"
    WRONG_SHAPE = "wrong_shape"
    TRUNCATED = "truncated"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"

    @property
    def after(self) -> bool:
        return self in _AFTER


_AFTER = {
    FaultKind.HANG_AFTER,
    FaultKind.ERROR_AFTER,
    FaultKind.RESET_AFTER,
    FaultKind.MALFORMED,
    FaultKind.WRONG_SHAPE,
    FaultKind.TRUNCATED,
}

STATUS = {
    FaultKind.ERROR: (500, {"error": "Server error", "request_outcome": "unknown"}),
    FaultKind.ERROR_AFTER: (500, {"error": "Server error", "request_outcome": "unknown"}),
    FaultKind.NOT_SENT: (500, {"error": "OnlyFans could not be reached", "request_outcome": "not_sent"}),
    FaultKind.RATE_LIMITED: (429, {"error": "Too many requests"}),
    FaultKind.UNAUTHORIZED: (401, {"error": "Unauthorized"}),
    FaultKind.FORBIDDEN: (403, {"error": "The session of this account has expired"}),
    FaultKind.NOT_FOUND: (404, {"error": "Not found"}),
}


@dataclass
class Fault:
    """on: the name of an endpoint ("send", "fans", ...) or "*"; times: how many calls it breaks."""

    kind: FaultKind
    on: str = "*"
    account: str | None = None
    times: int = 1
    skip: int = 0
    """How many fitting calls pass unharmed first."""
    retry_after: float = 1.0
    seconds: float = 600.0
    """How long it hangs, unless the client goes first."""


class Faults:
    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def take(self, endpoint: str, account: str) -> Fault | None:
        """The fault of this call, which is then used up."""
        for fault in self.pending:
            if fault.on in (endpoint, "*") and fault.account in (None, account):
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None


async def hang(request: web.Request, seconds: float) -> None:
    """Keep the connection open and say nothing, until the client goes, the time is over or the server stops."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline and request.transport and not request.transport.is_closing():
        await asyncio.sleep(0.02)


def reset(request: web.Request) -> None:
    """End the connection with a TCP reset."""
    transport = request.transport
    if transport:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def truncate(request: web.Request, body: bytes) -> None:
    """Say how long the answer is, write two thirds of it, and end the connection."""
    transport = request.transport
    if transport:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        transport.write(head.encode() + body[: len(body) * 2 // 3])
        transport.close()
