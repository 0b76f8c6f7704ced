"""The account itself, its links, and the webhooks of the team."""

from __future__ import annotations

import json

from aiohttp import web

from huntaze.simulator import shapes
from huntaze.simulator.call import Call, Json, Refusal, Simulator, endpoint, team_endpoint
from huntaze.simulator.clock import DAY, iso
from huntaze.simulator.webhooks import EVENTS, Hook


@endpoint("me")
def show_me(call: Call) -> Json:
    account = call.account
    return {
        "data": {
            "id": account.user_id,
            "name": account.username.title(),
            "username": account.username,
            "email": f"{account.username}@example.test",
            "joinDate": iso(account.joined),
            "isAuth": True,
            "isPerformer": True,
            "subscribersCount": sum(not account.fans.deleted(fan) for fan in account.list_of("active")),
            "subscribePrice": 9.99,
            "messageMinPrice": 3,
            "messageMaxPrice": 200,
        }
    }


@endpoint("tracking_links")
def list_tracking_links(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    count = 12
    rows = [_tracking_link(call, n) for n in range(count, 0, -1)][offset : offset + limit]
    more = offset + limit < count
    return {
        "data": {"list": rows, "hasMore": more},
        "_pagination": call.next_page(more, limit=limit, offset=offset + limit),
    }


def _tracking_link(call: Call, n: int) -> Json:
    clicks, subscribers = n * 310 + 7, n * 21
    spenders = subscribers // 3
    return {
        "id": call.account.number * 1_000 + n,
        "campaignCode": n,
        "campaignName": f"Reel {n} & more",
        "campaignUrl": f"https://onlyfans.com/{call.account.username}/c{n}",
        "clicksCount": clicks,
        "subscribersCount": subscribers,
        "createdAt": iso(call.account.joined + n * 30 * DAY),
        "endDate": None,
        "tags": [],
        "revenue": {
            "total": shapes.dollars(spenders * 1_237),
            "spendersCount": spenders,
            "revenuePerSubscriber": 4.12,
            "revenuePerClick": 0.28,
            "chargebacks": 0,
            "isLoading": False,
            "calculatedAt": iso(call.account.clock.now()),
        },
    }


@endpoint("trial_links")
def list_trial_links(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    rows: list[Json] = [
        {
            "id": call.account.number * 1_000 + 500 + n,
            "trialLinkName": f"Trial {n}",
            "url": f"https://onlyfans.com/action/trial/{n}",
            "subscribeDays": 7,
            "subscribeCounts": 50,
            "claimCounts": n * 9,
            "clicksCounts": n * 80,
            "createdAt": iso(call.account.joined + n * 60 * DAY),
            "expiredAt": None,
            "isFinished": False,
            "tags": [],
            "revenue": {"total": n * 31.5, "spendersCount": n, "chargebacks": 0, "isLoading": False},
        }
        for n in (3, 2, 1)
    ]
    return {"data": {"list": rows[offset : offset + limit], "hasMore": False}, "_pagination": {"next_page": None}}


@team_endpoint
def whoami(simulator: Simulator, request: web.Request, body: bytes) -> object:
    return {"team": {"name": "Simulated", "slug": "simulated"}, "api_key": {"name": "sim"}}


@team_endpoint
def list_accounts(simulator: Simulator, request: web.Request, body: bytes) -> object:
    """A bare list, with no envelope around it."""
    return [
        {
            "id": id_,
            "display_name": f"Creator{number}",
            "onlyfans_id": 500_000_000 + number,
            "onlyfans_username": f"creator{number}",
            "onlyfans_email": f"creator{number}@example.test",
            "is_authenticated": True,
            "authentication_progress": "completed",
        }
        for number, id_ in enumerate(simulator.world.ids(), 1)
    ]


@team_endpoint
def create_webhook(simulator: Simulator, request: web.Request, body: bytes) -> object:
    try:
        wanted = json.loads(body)
        events = frozenset(wanted["events"])
        accounts = frozenset(wanted.get("account_ids") or ()) if wanted["account_scope"] == "inclusive" else None
        url, secret = str(wanted["endpoint_url"]), wanted.get("signing_secret")
    except (ValueError, KeyError, TypeError):
        raise Refusal(422, "The account_scope, endpoint_url and events are required.") from None
    if unknown := events - set(EVENTS):
        raise Refusal(422, f"There is no event {min(unknown)}.")
    return {"data": _webhook(simulator.webhooks.subscribe(url, secret, events, accounts))}


@team_endpoint
def list_webhooks(simulator: Simulator, request: web.Request, body: bytes) -> object:
    return {"data": [_webhook(hook) for hook in simulator.webhooks.hooks]}


@team_endpoint
def delete_webhook(simulator: Simulator, request: web.Request, body: bytes) -> object:
    hooks = simulator.webhooks.hooks
    hooks[:] = [hook for hook in hooks if hook.id != request.match_info["webhook"]]
    return {"data": {"success": True}}


def _webhook(hook: Hook) -> Json:
    return {
        "id": hook.id,
        "url": hook.url,
        "enabled": True,
        "events": sorted(hook.events or EVENTS),
        "has_signing_secret": hook.secret is not None,
    }


ROUTES = [
    web.get("/api/whoami", whoami),
    web.get("/api/accounts", list_accounts),
    web.post("/api/webhooks", create_webhook),
    web.get("/api/webhooks", list_webhooks),
    web.delete("/api/webhooks/{webhook}", delete_webhook),
    web.get("/api/{account}/me", show_me),
    web.get("/api/{account}/tracking-links", list_tracking_links),
    web.get("/api/{account}/trial-links", list_trial_links),
]
