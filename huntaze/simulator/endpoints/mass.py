"""Messages to many."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain

from aiohttp import web

from huntaze.simulator import shapes
from huntaze.simulator.call import Call, Json, Refusal, endpoint
from huntaze.simulator.chats import Mass
from huntaze.simulator.clock import DAY
from huntaze.simulator.endpoints.chats import content
from huntaze.simulator.endpoints.fans import members


@endpoint("send_mass")
def send_mass(call: Call) -> Json:
    """Takes no Idempotency-Key: sent twice it goes out twice."""
    account, body = call.account, call.json()
    text, price, media = content(body)
    lists, excluded, ids = (body.get(name) or [] for name in ("userLists", "excludedLists", "userIds"))
    if not lists and not ids:
        raise Refusal(422, "The userLists or the userIds are required.")
    named = [fan for fan in map(account.fans.find, map(str, ids)) if fan is not None]
    fans = set(chain(named, *(members(account, str(each)) for each in lists)))
    fans -= set(chain.from_iterable(members(account, str(each)) for each in excluded))
    if fans and fans == set(range(min(fans), max(fans) + 1)):
        audience: range | frozenset[int] = range(min(fans), max(fans) + 1)
    else:
        audience = frozenset(fans)
    now = account.clock.now()
    number, copies = len(account.chats.masses) + 1, account.chats.new_ids(len(account.fans))
    sent = Mass(number, copies, now, _date(body, now), text, price, media, audience)
    account.chats.masses.append(sent)
    call.simulator.ledger.write(account.id, "mass", sent.id, None, text, price)
    call.simulator.acted(account, "mass", {"mass": sent})
    return {"data": shapes.mass(account, sent)}


@endpoint("list_mass")
def list_mass(call: Call) -> Json:
    return {"data": [shapes.mass(call.account, sent) for sent in reversed(call.account.chats.masses)]}


@endpoint("mass_overview")
def overview(call: Call) -> Json:
    limit = call.number("limit", 10, 1, 100)
    end = call.query.get("endDate")
    masses = [
        mass
        for mass in reversed(call.account.chats.masses)
        if not end or mass.date <= _date({"scheduledDate": end}, 0)
    ]
    page = [shapes.mass_overview(call.account, sent) for sent in masses[:limit]]
    return {"data": {"items": page, "hasMore": len(masses) > limit}}


@endpoint("show_mass")
def show(call: Call) -> Json:
    return {"data": {"queue": shapes.mass_overview(call.account, _find(call))}}


@endpoint("cancel_mass")
def cancel(call: Call) -> Json:
    """Unsends, or cancels what is scheduled."""
    sent = _find(call)
    if call.account.clock.now() >= max(sent.created, sent.date) + DAY:
        raise Refusal(422, "It can be unsent within 24 hours only.")
    sent.canceled = True
    return {"data": {"success": True, "queue": shapes.mass_overview(call.account, sent)}}


@endpoint("buyers")
def list_buyers(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    sent = _find(call)
    buyers = [fan for fan in sent.opened if not call.account.fans.deleted(fan)]
    page = [shapes.fan(call.account, fan) for fan in buyers[offset : offset + limit]]
    more = offset + limit < len(buyers)
    return {
        "data": {"list": page, "hasMore": more, "marker": None},
        "_pagination": call.next_page(more, limit=limit, offset=offset + limit),
    }


def _find(call: Call) -> Mass:
    id_ = call.params["mass"]
    for sent in call.account.chats.masses:
        if str(sent.id) == id_:
            return sent
    raise Refusal(404, "Mass message not found")


def _date(body: Json, now: int) -> int:
    """When to send. Raises Refusal 422 if that is no time."""
    text = body.get("scheduledDate")
    if not text:
        return now
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise Refusal(422, "The scheduledDate is no date.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


ROUTES = [
    web.post("/api/{account}/mass-messaging", send_mass),
    web.get("/api/{account}/mass-messaging", list_mass),
    web.get("/api/{account}/mass-messaging/overview", overview),
    web.get("/api/{account}/mass-messaging/{mass}", show),
    web.delete("/api/{account}/mass-messaging/{mass}", cancel),
    web.get("/api/{account}/engagement/messages/{mass}/buyers", list_buyers),
]
