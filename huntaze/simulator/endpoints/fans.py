"""Fans, profiles and user lists."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from huntaze.simulator import shapes
from huntaze.simulator.call import Call, Json, Refusal, endpoint
from huntaze.simulator.clock import MONTH, iso
from huntaze.simulator.columns import Sum
from huntaze.simulator.world import Account

MOST_PROFILES = 10


@endpoint("fans")
def list_fans(call: Call) -> Json:
    """The newest first. A page may be short, because deleted accounts are taken out of it: hasMore tells the end."""
    account = call.account
    limit, offset = call.number("limit", 10, 1, 20), call.number("offset", 0)
    fans = account.list_of(call.params["which"])
    fits = _filter(call)
    if fits:
        fans = [fan for fan in fans if fits(fan)]
    page = fans[offset : offset + limit]
    data = [shapes.fan(account, fan) for fan in page if not account.fans.deleted(fan)]
    more = offset + limit < len(fans)
    return {
        "data": {"list": data, "hasMore": more},
        "_pagination": call.next_page(more, limit=limit, offset=offset + limit),
    }


def _filter(call: Call) -> Callable[[int], bool] | None:
    """What `query` and `filter[...]` ask for. Raises Refusal 422 for a filter written with a dot."""
    if any(name.startswith("filter.") for name in call.query):
        raise Refusal(422, "Write filter[total_spent], not filter.total_spent.")
    fans = call.account.fans
    tests: list[Callable[[int], bool]] = []
    if query := call.query.get("query", "").lower():
        tests.append(lambda fan: query in fans.name(fan).lower() or query in fans.username(fan))
    if "filter[total_spent]" in call.query:
        least = call.number("filter[total_spent]", 0) * 100
        tests.append(lambda fan: fans.total(fan) >= least)
    if "filter[max_total_spent]" in call.query:
        most = call.number("filter[max_total_spent]", 0) * 100
        tests.append(lambda fan: fans.total(fan) <= most)
    if "filter[tips]" in call.query:
        tips = call.number("filter[tips]", 0) * 100
        tests.append(lambda fan: fans.sums[Sum.TIPS][fan] >= tips)
    if "filter[duration]" in call.query:
        months = call.number("filter[duration]", 0)
        tests.append(lambda fan: fans.expires[fan] - fans.subscribed[fan] >= months * MONTH)
    return (lambda fan: all(test(fan) for test in tests)) if tests else None


@endpoint("subscriptions_history")
def subscriptions_history(call: Call) -> Json:
    fan = call.fan("fan")
    price = shapes.dollars(call.account.fans.price[fan])
    periods = reversed(call.account.fans.periods(fan))
    history = [{"subscribeDate": iso(begin), "expireDate": iso(end), "price": price} for begin, end in periods]
    return {"data": {"list": history, "hasMore": False}}


@endpoint("users")
def list_users(call: Call) -> Json:
    """Profiles by id; those who do not exist are left out."""
    ids = call.query.get("ids", "").split(",")
    if not ids[0] or len(ids) > MOST_PROFILES:
        raise Refusal(422, f"Up to {MOST_PROFILES} ids are needed.")
    found = {id_: call.account.fans.find(id_) for id_ in ids}
    return {"data": {id_: shapes.fan(call.account, fan) for id_, fan in found.items() if fan is not None}}


@endpoint("user")
def show_user(call: Call) -> Json:
    account, wanted = call.account, call.params["user"]
    fan = account.fans.find(wanted)
    if fan is None:
        everyone = range(len(account.fans))
        fan = next((fan for fan in everyone if account.fans.username(fan) == wanted), None)
    if fan is None or account.fans.deleted(fan):
        raise Refusal(404, "User not found")
    return {"data": shapes.fan(account, fan)}


@endpoint("user_lists")
def list_user_lists(call: Call) -> Json:
    return {"data": [_user_list(call.account, *each) for each in LISTS]}


LISTS = (("fans", "Fans", "fans"), ("expired", "Expired", "expired"), ("1001", "Big spenders", "custom"))


def members(account: Account, list_id: str) -> list[int]:
    """The fans of a list. Raises Refusal 422 if there is no such list."""
    match list_id:
        case "fans":
            fans = account.list_of("active")
        case "expired":
            fans = account.list_of("expired")
        case "1001":
            fans = [fan for fan in account.list_of("all") if fan % 25 == 0]
        case _:
            raise Refusal(422, f"There is no list {list_id}.")
    return [fan for fan in fans if not account.fans.deleted(fan)]


def _user_list(account: Account, id_: str, name: str, type_: str) -> Json:
    return {
        "id": id_,
        "type": type_,
        "name": name,
        "usersCount": len(members(account, id_)),
        "postsCount": 0,
        "canUpdate": type_ == "custom",
        "canDelete": type_ == "custom",
        "canManageUsers": type_ == "custom",
        "canAddUsers": type_ == "custom",
        "users": [],
    }


ROUTES = [
    web.get("/api/{account}/fans/{which:active|expired|all}", list_fans),
    web.get("/api/{account}/fans/{fan}/subscriptions-history", subscriptions_history),
    web.get("/api/{account}/users/list", list_users),
    web.get("/api/{account}/users/{user}", show_user),
    web.get("/api/{account}/user-lists", list_user_lists),
]
