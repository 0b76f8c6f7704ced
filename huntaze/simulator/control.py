"""/_sim/...: what a test or a person tells the simulator, and asks it. docs/simulator.md lists it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from aiohttp import web

from huntaze.simulator.call import SIMULATOR, Json, Simulator, encode, reply
from huntaze.simulator.cast import Cast
from huntaze.simulator.clock import iso
from huntaze.simulator.columns import Kind, fee, vat
from huntaze.simulator.faults import Fault, FaultKind
from huntaze.simulator.world import Account

CAST = web.AppKey("cast", Cast)
LINES = 500
"""Rows of a dump that are written at once."""


async def health(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return reply(
        {
            "ready": True,
            "now": iso(simulator.clock.now()),
            "accounts": simulator.world.ids()[:100],
            "sends": len(simulator.ledger),
            "webhooks_idle": simulator.webhooks.idle(),
        }
    )


async def advance(request: web.Request) -> web.Response:
    """{"advance": seconds}: time passes, and what is due happens."""
    simulator = request.app[SIMULATOR]
    simulator.clock.advance(float((await _body(request)).get("advance", 0)))
    request.app[CAST].advance()
    return reply({"now": iso(simulator.clock.now())})


async def act(request: web.Request) -> web.Response:
    """{"account", "deed", "fan", "cents", "text"}: a fan does something now."""
    body = await _body(request)
    simulator = request.app[SIMULATOR]
    account = simulator.world.account(str(body.get("account", simulator.world.ids()[0])))
    if account is None:
        return reply({"error": "no such account"}, 404)
    fan = account.fans.find(str(body["fan"])) if "fan" in body else None
    if "fan" in body and fan is None:
        return reply({"error": "no such fan"}, 404)
    try:
        done = (
            request.app[CAST]
            .actor(account)
            .act(str(body.get("deed")), simulator.clock.now(), fan, body.get("cents"), body.get("text"))
        )
    except KeyError:
        return reply({"error": "no such deed"}, 422)
    return reply(done)


async def show_faults(request: web.Request) -> web.Response:
    return reply([asdict(fault) for fault in request.app[SIMULATOR].faults.pending])


async def add_fault(request: web.Request) -> web.Response:
    body = await _body(request)
    try:
        fault = Fault(**{**body, "kind": FaultKind(body.get("kind", ""))})
    except (TypeError, ValueError) as error:
        return reply({"error": str(error)}, 422)
    request.app[SIMULATOR].faults.pending.append(fault)
    return reply(asdict(fault))


async def clear_faults(request: web.Request) -> web.Response:
    request.app[SIMULATOR].faults.pending.clear()
    return reply({})


async def show_ledger(request: web.Request) -> web.StreamResponse:
    """?account=&after=: a line of JSON for each accepted send."""
    account, after = request.query.get("account"), int(request.query.get("after", 0))
    return await _stream(request, request.app[SIMULATOR].ledger.read(account, after))


async def clear_ledger(request: web.Request) -> web.Response:
    request.app[SIMULATOR].ledger.clear()
    return reply({})


async def settings(request: web.Request) -> web.Response:
    """{"latency", "nested_messages", "send_rate", "send_burst", "per_minute"}: any of them."""
    simulator, body = request.app[SIMULATOR], await _body(request)
    simulator.latency = float(body.get("latency", simulator.latency))
    simulator.nested_messages = bool(body.get("nested_messages", simulator.nested_messages))
    for account in simulator.world.made():
        account.bucket.rate = float(body.get("send_rate", account.bucket.rate))
        account.bucket.burst = int(body.get("send_burst", account.bucket.burst))
        account.quota.per_minute = int(body.get("per_minute", account.quota.per_minute))
    return reply({"latency": simulator.latency, "nested_messages": simulator.nested_messages})


async def show_webhooks(request: web.Request) -> web.StreamResponse:
    """A line of JSON for each delivery: its key, and what was answered to each attempt."""
    log = request.app[SIMULATOR].webhooks.log
    rows = ({"event": each.event, "key": each.key, "url": each.hook.url, "statuses": each.statuses} for each in log)
    return await _stream(request, rows)


async def tell_webhooks(request: web.Request) -> web.Response:
    """{"url", "secret", "events"} adds one; {"copies", "held", "shuffled", "pause"} say how all are delivered."""
    webhooks, body = request.app[SIMULATOR].webhooks, await _body(request)
    if "url" in body:
        events = frozenset(body["events"]) if body.get("events") else None
        webhooks.subscribe(str(body["url"]), body.get("secret"), events, None)
    webhooks.copies = int(body.get("copies", webhooks.copies))
    webhooks.held = bool(body.get("held", webhooks.held))
    webhooks.shuffled = bool(body.get("shuffled", webhooks.shuffled))
    webhooks.pause = float(body.get("pause", webhooks.pause))
    return reply({"hooks": [hook.url for hook in webhooks.hooks]})


async def flush_webhooks(request: web.Request) -> web.Response:
    return reply({"delivering": request.app[SIMULATOR].webhooks.flush()})


async def emit(request: web.Request) -> web.Response:
    """{"event", "account", "payload"}: any event, also one that does not exist."""
    body = await _body(request)
    request.app[SIMULATOR].webhooks.emit(str(body["event"]), str(body["account"]), body.get("payload", {}))
    return reply({})


async def state(request: web.Request) -> web.StreamResponse:
    """?account=&part=fans|transactions|chargebacks|messages: the whole truth, a line of JSON each; money in cents."""
    simulator: Simulator = request.app[SIMULATOR]
    account = simulator.world.account(request.query.get("account", simulator.world.ids()[0]))
    part = PARTS.get(request.query.get("part", "summary"))
    if account is None or part is None:
        return reply({"error": "no such account or part"}, 404)
    return await _stream(request, part(account))


def _summary(account: Account) -> Iterator[Json]:
    yield {
        "account": account.id,
        "fans": sum(1 for _ in _fans(account)),
        "transactions": len(account.payments),
        "chargebacks": len(account.payments.reversed),
        "net": account.payments.net_total,
    }


def _fans(account: Account) -> Iterator[Json]:
    fans = account.fans
    for fan in range(len(fans)):
        if not fans.deleted(fan):
            yield {
                "id": str(fans.id(fan)),
                "username": fans.username(fan),
                "name": fans.name(fan),
                "active": account.is_active(fan),
                "renews": account.is_active(fan) and fans.rebills(fan),
                "subscribed_at": iso(fans.subscribed[fan]),
                "expires_at": iso(fans.expires[fan]),
                "price": fans.price[fan],
                "spent": fans.total(fan),
            }


def _transactions(account: Account) -> Iterator[Json]:
    payments = account.payments
    for row, cents in enumerate(payments.cents):
        yield {
            "id": payments.id(row),
            "fan": str(account.fans.id(payments.fan[row])),
            "kind": Kind(payments.kind[row]).name.lower(),
            "gross": cents,
            "fee": fee(cents),
            "net": cents - fee(cents),
            "vat": vat(payments.fan[row], cents),
            "at": iso(payments.at[row]),
            "reversed": row in payments.reversed,
        }


def _chargebacks(account: Account) -> Iterator[Json]:
    payments = account.payments
    for row, at in payments.reversed.items():
        yield {"id": str(row + 1), "transaction": payments.id(row), "gross": payments.cents[row], "at": iso(at)}


def _messages(account: Account) -> Iterator[Json]:
    now = account.clock.now()
    for fan in range(len(account.fans)):
        for said in account.chats.messages(fan, now) if not account.fans.deleted(fan) else ():
            yield {
                "id": str(said.id),
                "chat": str(account.fans.id(fan)),
                "mine": said.mine,
                "text": said.text,
                "price": said.price,
                "at": iso(said.at),
            }


PARTS = {
    "summary": _summary,
    "fans": _fans,
    "transactions": _transactions,
    "chargebacks": _chargebacks,
    "messages": _messages,
}


async def _body(request: web.Request) -> Json:
    """Raises web.HTTPBadRequest if it is no object."""
    try:
        body: Any = json.loads(await request.read() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return body


async def _stream(request: web.Request, rows: Iterable[Json]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    lines: list[bytes] = []
    for row in rows:
        lines.append(encode(row))
        if len(lines) == LINES:
            await response.write(b"\n".join(lines) + b"\n")
            lines.clear()
    if lines:
        await response.write(b"\n".join(lines) + b"\n")
    await response.write_eof()
    return response


ROUTES = [
    web.get("/_sim/health", health),
    web.post("/_sim/clock", advance),
    web.post("/_sim/act", act),
    web.get("/_sim/faults", show_faults),
    web.post("/_sim/faults", add_fault),
    web.delete("/_sim/faults", clear_faults),
    web.get("/_sim/ledger", show_ledger),
    web.delete("/_sim/ledger", clear_ledger),
    web.post("/_sim/settings", settings),
    web.get("/_sim/webhooks", show_webhooks),
    web.post("/_sim/webhooks", tell_webhooks),
    web.post("/_sim/webhooks/flush", flush_webhooks),
    web.post("/_sim/webhooks/emit", emit),
    web.get("/_sim/state", state),
]
