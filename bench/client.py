"""A cheap HTTP client for load: keep-alive connections that ask again as soon as they are answered."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlencode

HOST = "127.0.0.1"


@dataclass
class Answers:
    """What came back. seconds: of each request; elapsed: from the first request to the last answer."""

    seconds: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    head_bytes: int = 0
    body_bytes: int = 0

    def add(self, more: Answers) -> None:
        self.seconds += more.seconds
        self.elapsed += more.elapsed
        self.head_bytes += more.head_bytes
        self.body_bytes += more.body_bytes


def sign_in(port: int, email: str, password: str) -> str:
    """The session's cookie, as a browser gets it from the log-in form."""
    connection = http.client.HTTPConnection(HOST, port)
    connection.request(
        "POST",
        "/login",
        urlencode({"email": email, "password": password}),
        {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"},
    )
    response = connection.getresponse()
    cookie = response.headers.get("Set-Cookie", "")
    if response.status != 303 or not cookie:
        raise RuntimeError(f"Signing in as {email} was answered with {response.status}.")
    return cookie.partition(";")[0]


def load(port: int, requests: Sequence[bytes], *, concurrency: int, seconds: float) -> Answers:
    """Sends the requests in turn, `concurrency` at a time, for that long. Raises RuntimeError unless all get 200."""
    return asyncio.run(_load(port, requests, concurrency, seconds))


def get(path: str, cookie: str, *, swap: bool = False) -> bytes:
    """A request as a browser on the site sends it."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Cookie: {cookie}",
        "Accept-Encoding: gzip, deflate, br",
        "Accept-Language: en",
        "Sec-Fetch-Site: same-origin",
        *(["HX-Request: true", "HX-Request-Type: partial"] if swap else []),
    ]
    return "\r\n".join((*lines, "", "")).encode()


async def _load(port: int, requests: Sequence[bytes], concurrency: int, seconds: float) -> Answers:
    answers, turn, begin = Answers(), count(), time.perf_counter()

    async def visitor() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        while (asked := time.perf_counter()) - begin < seconds:
            writer.write(requests[next(turn) % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            answers.seconds.append(time.perf_counter() - asked)
            answers.head_bytes += len(head)
            answers.body_bytes += len(body)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{head[:200]!r} {body[:200]!r}")
        writer.close()

    await asyncio.gather(*(visitor() for _ in range(concurrency)))
    answers.elapsed = time.perf_counter() - begin
    return answers
