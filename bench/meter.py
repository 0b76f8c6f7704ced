"""A page on a cheap phone: Slow 3G (400 kbit/s, 400 ms), a processor slowed down four times, and what it receives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

BITS, LATENCY, SLOWER = 400_000, 400, 4
CHUNKED = 9
"""Bytes around a part of a stream: its length and two line breaks. Chromium counts a stream without them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """milliseconds: until the first paint with content, or until what was asked for is in the page."""

    milliseconds: float
    size: int
    requests: int


class Meter:
    """Counts what a page receives over the network, the cache apart.

    Streams never end: they are blocked unless `streams`, and then counted apart, in `streamed`.
    """

    def __init__(self, page: Page, *, streams: bool = False) -> None:
        self.size = self.requests = self.streamed = 0
        self.cached: set[str] = set()
        self.streams: set[str] = set()
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.on("Network.requestServedFromCache", lambda event: self.cached.add(event["requestId"]))
        self.devtools.on("Network.requestWillBeSent", self._sent)
        self.devtools.on("Network.dataReceived", self._received)
        self.devtools.on("Network.loadingFinished", self._finished)
        self.devtools.send("Network.enable")
        if not streams:
            self.devtools.send("Network.setBlockedURLs", {"urls": ["*/events*"]})
        throughput = BITS / 8
        self.devtools.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": LATENCY, "downloadThroughput": throughput, "uploadThroughput": throughput},
        )
        self.devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})

    def _sent(self, event: dict[str, Any]) -> None:
        if urlsplit(event["request"]["url"]).path.endswith("/events"):
            self.streams.add(event["requestId"])

    def _received(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.streams:
            self.streamed += event["dataLength"] + CHUNKED

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] not in self.cached | self.streams and event["encodedDataLength"]:
            self.size += int(event["encodedDataLength"])
            self.requests += 1


def until(page: Page, ask: Callable[[], float | bool | None]) -> float:
    """What it answers at last. Raises TimeoutError after 5 seconds."""
    for _ in range(100):
        answer = ask()
        if answer:
            return answer
        page.wait_for_timeout(50)
    raise TimeoutError("nothing was painted within 5 seconds")
