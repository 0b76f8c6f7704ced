"""The life of a call: who asks, which fault it meets, what it costs, and how it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from hashlib import blake2b
from math import ceil
from typing import Any

from aiohttp import web

from huntaze.simulator import faults
from huntaze.simulator.clock import Clock
from huntaze.simulator.faults import Fault, FaultKind, Faults
from huntaze.simulator.keys import Kept
from huntaze.simulator.ledger import Ledger
from huntaze.simulator.options import Options
from huntaze.simulator.webhooks import Webhooks
from huntaze.simulator.world import Account, World

Json = dict[str, Any]


@dataclass
class Simulator:
    """Everything there is. What /_sim/settings may change is here, and not in the options."""

    options: Options
    clock: Clock
    world: World
    webhooks: Webhooks
    faults: Faults = field(default_factory=Faults)
    ledger: Ledger = field(default_factory=Ledger)
    latency: float = 0.0
    nested_messages: bool = False
    """The older shape of a list of messages: `data.list`."""
    acted: Callable[[Account, str, Json], None] = lambda *_: None
    """Tells the fans of an account what happened: they may answer, or buy."""


SIMULATOR = web.AppKey("simulator", Simulator)


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, error: str, *, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body: Json = {"error": error, **more}
        self.retry_after = retry_after


@dataclass(slots=True)
class Call:
    """What an endpoint is handed."""

    simulator: Simulator
    account: Account
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    request: web.Request
    key: str | None = None

    def number(self, name: str, default: int, at_least: int = 0, at_most: int = 2**62) -> int:
        """A number of the query. Raises Refusal 422 if it is none, or out of bounds."""
        text = self.query.get(name, "")
        value = int(text) if text.isdecimal() else default if not text else -1
        if not at_least <= value <= at_most:
            raise Refusal(422, f"The {name} must be from {at_least} to {at_most}.")
        return value

    def fan(self, name: str) -> int:
        """The fan whose platform id is in the path. Raises Refusal 404."""
        fan = self.account.fans.find(self.params[name])
        if fan is None:
            raise Refusal(404, "User not found")
        return fan

    def json(self) -> Json:
        try:
            body = json.loads(self.body)
        except ValueError:
            raise Refusal(400, "The body is no JSON.") from None
        if not isinstance(body, dict):
            raise Refusal(422, "The body must be an object.")
        return body

    def next_page(self, more: bool, **query: object) -> Json:
        """`_pagination`: the address of the next page, with the query of this one."""
        if not more:
            return {"next_page": None}
        url = self.request.url.update_query({name: str(value) for name, value in query.items()})
        return {"next_page": str(url)}


Endpoint = Callable[[Call], Json | Awaitable[Json]]
"""Returns the envelope without its `_meta`."""


def endpoint(name: str, *, keyed: bool = False, buffered: bool = True) -> Callable[[Endpoint], Any]:
    """Make a route's handler of an endpoint. `name` is what faults know it by."""

    def decorate(function: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        @wraps(function)
        async def handle(request: web.Request) -> web.StreamResponse:
            simulator = request.app[SIMULATOR]
            try:
                account = _account(simulator, request)
                body = await request.read() if buffered else b""
                call = Call(simulator, account, request.match_info, request.query, body, request)
                if keyed and (key := request.headers.get("Idempotency-Key")) is not None:
                    return await _keyed(call, key, name, function)
                return await _answer(call, name, function)
            except Refusal as refusal:
                return _refused(refusal)

        return handle

    return decorate


def team_endpoint(function: Callable[[Simulator, web.Request, bytes], object]) -> Any:
    """Make a route's handler of an endpoint that is not about one account."""

    @wraps(function)
    async def handle(request: web.Request) -> web.StreamResponse:
        simulator = request.app[SIMULATOR]
        try:
            _check_key(simulator, request)
            return reply(function(simulator, request, await request.read()))
        except Refusal as refusal:
            return _refused(refusal)

    return handle


async def _answer(call: Call, name: str, function: Endpoint) -> web.StreamResponse:
    fault = call.simulator.faults.take(name, call.account.id) if call.simulator.faults.pending else None
    if fault and not fault.kind.after:
        await _break_before(call.request, fault)
    envelope = await _accept(call, function)
    if fault:
        return await _break_after(call.request, fault, envelope)
    return reply(envelope)


async def _keyed(call: Call, key: str, name: str, function: Endpoint) -> web.StreamResponse:
    keys, now = call.account.keys, call.account.clock.now()
    fingerprint = blake2b(call.request.path.encode() + b"\0" + call.body, digest_size=16).digest()
    found = keys.look(key, fingerprint, now)
    if isinstance(found, str):
        raise Refusal(*KEY_ERRORS[found], code=found)
    if found:
        return _replay(call, found)
    keys.begin(key, fingerprint, now)
    call.key = key
    status, kept = 0, b""
    try:
        fault = call.simulator.faults.take(name, call.account.id) if call.simulator.faults.pending else None
        if fault and not fault.kind.after:
            await _break_before(call.request, fault)
        envelope = await _accept(call, function)
        # An answer of 500 is not kept, although the message went out: the same key sends it once more.
        status = 500 if fault and fault.kind is FaultKind.ERROR_AFTER else 200
        kept = encode({"data": envelope["data"]})
    except Refusal as refusal:
        status, kept = refusal.status, encode(refusal.body)
        raise
    finally:
        keys.finish(key, status, kept, call.account.clock.now())
    if fault:
        return await _break_after(call.request, fault, envelope)
    return _with_meta(kept, envelope["_meta"])


KEY_ERRORS = {
    "IDEMPOTENCY_KEY_INVALID": (400, "The Idempotency-Key must be 1 to 255 printable ASCII characters."),
    "IDEMPOTENCY_CONFLICT": (409, "A request with this Idempotency-Key is still running."),
    "IDEMPOTENCY_KEY_MISMATCH": (422, "This Idempotency-Key was used with another body or chat."),
}


def _replay(call: Call, kept: Kept) -> web.Response:
    meta = call.account.quota.meta(0)
    response = _with_meta(kept.body, meta) if kept.status == 200 else reply(kept.body, kept.status)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _with_meta(body: bytes, meta: Json) -> web.Response:
    return reply(b'%s,"_meta":%s}' % (body[:-1], encode(meta)))


async def _accept(call: Call, function: Endpoint) -> Json:
    wait = call.account.quota.take()
    if wait:
        raise Refusal(429, "Too many calls in this minute", retry_after=wait)
    if call.simulator.latency:
        await asyncio.sleep(call.simulator.latency)
    envelope = function(call)
    if not isinstance(envelope, dict):
        envelope = await envelope
    envelope["_meta"] = call.account.quota.meta()
    return envelope


def _account(simulator: Simulator, request: web.Request) -> Account:
    _check_key(simulator, request)
    account = simulator.world.account(request.match_info["account"])
    if account is None:
        raise Refusal(404, "Account not found")
    return account


def _check_key(simulator: Simulator, request: web.Request) -> None:
    """Raises Refusal 401."""
    if request.headers.get("Authorization") != f"Bearer {simulator.options.api_key}":
        raise Refusal(401, "Unauthorized. Create a key in the console.")


async def _break_before(request: web.Request, fault: Fault) -> None:
    if fault.kind is FaultKind.HANG:
        await faults.hang(request, fault.seconds)
        faults.reset(request)
        raise Refusal(504, "It took too long", request_outcome="unknown")
    if fault.kind is FaultKind.RESET:
        faults.reset(request)
        raise Refusal(500, "The connection is gone")
    status, body = faults.STATUS[fault.kind]
    raise Refusal(status, **body, retry_after=fault.retry_after if status == 429 else None)


async def _break_after(request: web.Request, fault: Fault, envelope: Json) -> web.StreamResponse:
    match fault.kind:
        case FaultKind.HANG_AFTER:
            await faults.hang(request, fault.seconds)
        case FaultKind.RESET_AFTER:
            faults.reset(request)
        case FaultKind.TRUNCATED:
            faults.truncate(request, encode(envelope))
        case FaultKind.MALFORMED:
            return web.Response(body=b'{"data": {"id": 12, <html>', content_type="application/json")
        case FaultKind.WRONG_SHAPE:
            return reply({"data": {"id": {"no": "id"}, "list": {"0": None}}, "_meta": []})
        case _:
            status, body = faults.STATUS[fault.kind]
            return reply(body, status)
    return reply(envelope)


def _refused(refusal: Refusal) -> web.Response:
    response = reply(refusal.body, refusal.status)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(ceil(refusal.retry_after))
    return response


_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(body: object) -> bytes:
    return _to_json(body).encode()


def reply(body: object, status: int = 200) -> web.Response:
    """body: what to encode, or bytes that are JSON already."""
    body = body if isinstance(body, bytes) else encode(body)
    return web.Response(body=body, status=status, content_type="application/json")
