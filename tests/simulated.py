"""Servers in a thread of the test's process, spoken to over HTTP: the simulator, and a gateway that says anything."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
from aiohttp import web

from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts
from huntaze.simulator.options import Options
from huntaze.simulator.server import create_app

ACCOUNT = "acct_000001"
Json = dict[str, Any]


class Simulated:
    """A simulator, as one speaks to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        all_headers = {"Host": "sim", "Authorization": "Bearer sim-key", **(headers or {})}
        connection.request(method, path, sent, all_headers)
        response = connection.getresponse()
        answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        connection.close()
        return answer

    def get(self, path: str) -> Any:
        status, _, body = self.ask("GET", path)
        assert status == 200, body
        return json.loads(body)

    def lines(self, path: str) -> list[Json]:
        status, _, body = self.ask("GET", path)
        assert status == 200, body
        return [json.loads(line) for line in body.splitlines()]

    def tell(self, what: str, **body: object) -> Json:
        """POST /_sim/`what`."""
        status, _, answer = self.ask("POST", f"/_sim/{what}", body)
        assert status == 200, answer
        return json.loads(answer)

    def send(self, chat: str, body: object, key: str | None = None) -> tuple[int, dict[str, str], Json]:
        headers = {"Idempotency-Key": key} if key is not None else {}
        status, given, answer = self.ask("POST", f"/api/{ACCOUNT}/chats/{chat}/messages", body, headers)
        return status, given, json.loads(answer)

    def ledger(self) -> list[Json]:
        return self.lines("/_sim/ledger")

    def fan(self, n: int = 0) -> str:
        """The platform id of one of the newest fans."""
        return str(self.get(f"/api/{ACCOUNT}/fans/all?limit=20")["data"]["list"][n]["id"])


@contextmanager
def simulated(**options: Any) -> Iterator[Simulated]:
    options = {"fans": 60, "transactions": 700, "send_rate": 1e6, "send_burst": 1_000, "per_minute": 0, **options}
    with serving(create_app(Options(**options))) as port:
        yield Simulated(port)


@contextmanager
def serving(app: web.Application) -> Iterator[int]:
    """Serve `app` on a free port of this machine."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Gateway:
    """Answers every call with the same."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: object = {}
        """Bytes as they are, anything else as JSON."""
        self.asked: list[str] = []


@contextmanager
def gateway_that_says() -> Iterator[Gateway]:
    gateway = Gateway()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        gateway.asked.append(f"{request.method} {request.path_qs}")
        body = gateway.body if isinstance(gateway.body, bytes) else json.dumps(gateway.body).encode()
        return web.Response(
            body=body, status=gateway.status, headers=gateway.headers, content_type="application/json"
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    with serving(app) as port:
        gateway.url = f"http://127.0.0.1:{port}"
        yield gateway


class Listener:
    """A server that webhooks are sent to. statuses: what it answers to the first ones; then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.heard: list[tuple[dict[str, str], bytes]] = []

    def events(self) -> list[Json]:
        return [json.loads(body) for _, body in self.heard]


@contextmanager
def listener() -> Iterator[Listener]:
    listening = Listener()

    async def hear(request: web.Request) -> web.Response:
        listening.heard.append((dict(request.headers), await request.read()))
        return web.Response(status=listening.statuses.pop(0) if listening.statuses else 200)

    app = web.Application()
    app.router.add_post("/hook", hear)
    with serving(app) as port:
        listening.url = f"http://127.0.0.1:{port}/hook"
        yield listening


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def simulator() -> Iterator[Simulated]:
    with simulated() as simulator:
        yield simulator


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with gateway_that_says() as gateway:
        yield gateway


@pytest.fixture
async def onlyfans(simulator: Simulated) -> AsyncIterator[OnlyFans]:
    """The adapter, with the real client, on the simulator."""
    timeouts = Timeouts(connect=2, total=5, upload=10)
    async with OnlyFans("sim-key", ACCOUNT, base_url=simulator.url, timeouts=timeouts) as onlyfans:
        yield onlyfans


@pytest.fixture
async def told(gateway: Gateway) -> AsyncIterator[OnlyFans]:
    """The adapter on a gateway that says anything."""
    async with OnlyFans("key", ACCOUNT, base_url=gateway.url, timeouts=Timeouts(total=5)) as onlyfans:
        yield onlyfans


async def everything(ask: Callable[[str | None], Awaitable[Any]]) -> list[Any]:
    """The rows of all pages; no row may be unreadable."""
    rows: list[Any] = []
    cursor = None
    while True:
        page = await ask(cursor)
        assert page.rejected == ()
        rows += page.rows
        cursor = page.next
        if cursor is None:
            return rows
