"""Payments, chargebacks and payouts."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from huntaze.simulator import shapes
from huntaze.simulator.call import Call, Json, Refusal, endpoint
from huntaze.simulator.clock import DAY, iso
from huntaze.simulator.columns import Kind, fee
from huntaze.simulator.world import PENDING_DAYS, Account


@endpoint("transactions")
def list_transactions(call: Call) -> Json:
    """The newest first, from 30 days ago on unless `startDate` says otherwise; `marker` continues a page."""
    payments = call.account.payments
    limit = call.number("limit", 10, 1, 100)
    row = call.number("marker", len(payments), 0, len(payments))
    start = _date(call, "startDate", call.account.clock.now() - 30 * DAY)
    wanted = call.query.get("type")
    first = bisect_left(payments.at, start)
    rows: list[int] = []
    while row > first and len(rows) < limit:
        row -= 1
        if not wanted or shapes.TYPE_OF[Kind(payments.kind[row])] == wanted:
            rows.append(row)
    more = row > first
    data = {
        "list": [shapes.payment(call.account, each) for each in rows],
        "hasMore": more,
        "marker": rows[0] if rows else None,
        "nextMarker": row if more else None,
    }
    return {"data": data, "_pagination": call.next_page(more, limit=limit, marker=row)}


@endpoint("chargebacks")
def list_chargebacks(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    start, end = _date(call, "startDate", 0), _date(call, "endDate", 2**40)
    reversals = reversed(call.account.payments.reversed.items())
    rows = [row for row, at in reversals if start <= at <= end]
    page = [shapes.chargeback(call.account, row) for row in rows[offset : offset + limit]]
    return {"data": {"list": page, "marker": offset + limit if offset + limit < len(rows) else None}}


@endpoint("balances")
def show_balances(call: Call) -> Json:
    pending = _net(call.account, call.account.clock.now() - PENDING_DAYS * DAY, 2**40)
    paid = sum(payout["cents"] for payout in _payouts(call.account))
    available = call.account.payments.net_total - pending - paid
    return {
        "data": {
            "currency": "USD",
            "payoutAvailable": shapes.dollars(available),
            "payoutPending": shapes.dollars(pending),
            "minPayoutSumm": 20,
            "maxPayoutSumm": shapes.dollars(available),
            "withdrawalPeriod": "manual",
            "manualPayoutPendingDays": PENDING_DAYS,
            "withdrawalPeriodOptions": [{"code": "manual", "name": "Manual"}],
        }
    }


@endpoint("payouts")
def list_payouts(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    payouts = _payouts(call.account)[::-1]
    page = [
        {
            "amount": shapes.dollars(payout["cents"]),
            "currency": "USD",
            "createdAt": iso(payout["at"]),
            "invoiceId": f"INV-{payout['at'] // DAY}",
            "state": "approved",
            "rejectReason": None,
        }
        for payout in payouts[offset : offset + limit]
    ]
    return {"data": {"list": page, "marker": offset + limit if offset + limit < len(payouts) else None}}


@endpoint("earning_statistics")
def earning_statistics(call: Call) -> Json:
    totals: dict[str, list[int]] = {}
    payments = call.account.payments
    for kind, cents in zip(payments.kind, payments.cents, strict=True):
        for name in ("all", shapes.TYPE_OF[Kind(kind)]):
            total = totals.setdefault(name, [0, 0])
            total[0] += cents
            total[1] += cents - fee(cents)
    shown = {
        name: {"total_gross": shapes.dollars(gross), "total_net": shapes.dollars(net)}
        for name, (gross, net) in totals.items()
    }
    return {"data": {"list": {"total": shown, "months": {}}}}


def _net(account: Account, start: int, end: int) -> int:
    """Cents that were earned from `start` until `end`, fee and reversals off."""
    payments = account.payments
    rows = range(bisect_left(payments.at, start), bisect_left(payments.at, end))
    return sum(payments.cents[row] - fee(payments.cents[row]) for row in rows if row not in payments.reversed)


def _payouts(account: Account) -> list[dict[str, Any]]:
    """One every 30 days since the account is there, of what was earned until a week before it; kept once made."""
    known = account.payouts
    last = known[-1]["at"] if known else account.joined
    while last + 30 * DAY <= account.clock.now():
        cents = _net(account, last - PENDING_DAYS * DAY, last + (30 - PENDING_DAYS) * DAY)
        last += 30 * DAY
        known.append({"at": last, "cents": cents})
    return [payout for payout in known if payout["cents"] > 0]


def _date(call: Call, name: str, default: int) -> int:
    text = call.query.get(name)
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(422, f"The {name} is no date.") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


ROUTES = [
    web.get("/api/{account}/transactions", list_transactions),
    web.get("/api/{account}/chargebacks", list_chargebacks),
    web.get("/api/{account}/payouts/balances", show_balances),
    web.get("/api/{account}/payouts/payout-requests", list_payouts),
    web.get("/api/{account}/payouts/earning-statistics", earning_statistics),
]
