"""Payments and chargebacks as a platform tells them: the truth of money, by the platform's id, in whatever order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from huntaze.adapters.platform import Chargeback, Transaction, TransactionKind, TransactionStatus
from huntaze.models.domain_event import EventKind
from huntaze.models.transaction import TransactionStatus as Status
from huntaze.models.transaction import TransactionType
from huntaze.services import platform_fans
from huntaze.services.platform_scope import News, Scope

TYPES = {
    TransactionKind.SUBSCRIPTION: TransactionType.SUBSCRIPTION,
    TransactionKind.RENEWAL: TransactionType.RENEWAL,
    TransactionKind.TIP: TransactionType.TIP,
    TransactionKind.MESSAGE: TransactionType.MESSAGE,
    TransactionKind.POST: TransactionType.POST,
    TransactionKind.STREAM: TransactionType.STREAM,
    TransactionKind.REFERRAL: TransactionType.REFERRAL,
    TransactionKind.OTHER: TransactionType.OTHER,
}
STATUSES = {
    TransactionStatus.PENDING: Status.PENDING,
    TransactionStatus.DONE: Status.COMPLETED,
    TransactionStatus.REVERSED: Status.REFUNDED,
    TransactionStatus.OTHER: Status.PENDING,  # whatever it is, it is not surely earned
}
RANKS = [Status.PENDING, Status.COMPLETED, Status.REFUNDED]
"""A payment only moves on in this order: what is told late does not move it back."""
EVENTS = {
    TransactionKind.TIP: EventKind.TIP,
    TransactionKind.MESSAGE: EventKind.PURCHASE,
    TransactionKind.POST: EventKind.PURCHASE,
    TransactionKind.STREAM: EventKind.PURCHASE,
    TransactionKind.RENEWAL: EventKind.RENEWED,
}
"""A first subscription is news of the fan and not of the payment: it may be free."""
FANS_AT_ONCE = 2_000
TAKEN_BACK = "chargeback:"
"""Before a chargeback's own id: it might be that of a payment."""

# A reversed payment counts nothing, or, where its chargeback is a row of its own, both do. `reverses IS NOT NULL` is
# for the planner, which else reads all payments of the account to find the few that are reversed.
STORE = """
INSERT INTO transactions AS t (workspace_id, account_id, platform_id, reverses, subscriber_id, type, status,
                               gross_cents, fee_cents, net_cents, vat_cents, currency, occurred_at)
SELECT :workspace, :account, r.id, r.reverses, s.id, r.type,
       CASE WHEN r.status = 'refunded' AND EXISTS (SELECT FROM transactions AS b
                  WHERE b.workspace_id = :workspace AND b.account_id = :account AND b.reverses IS NOT NULL
                    AND b.reverses = r.id)
            THEN 'completed' ELSE r.status END,
       r.gross, r.gross - r.net, r.net, r.vat, :currency, r.at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id text, reverses text, fan text, type text, status text,
       gross bigint, net bigint, vat bigint, at timestamptz)
  LEFT JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
 ORDER BY r.at, r.id
    ON CONFLICT (workspace_id, account_id, platform_id) DO UPDATE
       SET status = CASE WHEN t.status = 'refunded' OR (t.status = 'completed' AND excluded.status = 'pending')
                         THEN t.status ELSE excluded.status END,
           subscriber_id = coalesce(t.subscriber_id, excluded.subscriber_id), reverses = excluded.reverses,
           type = excluded.type, gross_cents = excluded.gross_cents, fee_cents = excluded.fee_cents,
           net_cents = excluded.net_cents, vat_cents = excluded.vat_cents, currency = excluded.currency,
           occurred_at = excluded.occurred_at
     WHERE (t.type, t.gross_cents, t.net_cents, t.vat_cents, t.currency, t.occurred_at, t.reverses)
           IS DISTINCT FROM (excluded.type, excluded.gross_cents, excluded.net_cents, excluded.vat_cents,
                             excluded.currency, excluded.occurred_at, excluded.reverses)
        OR (t.subscriber_id IS NULL AND excluded.subscriber_id IS NOT NULL)
        OR (t.status <> excluded.status AND t.status <> 'refunded'
            AND NOT (t.status = 'completed' AND excluded.status = 'pending'))
RETURNING t.platform_id
"""
# What a chargeback takes back was earned before, and is so again in the figures of its own day.
SETTLE = """
UPDATE transactions SET status = 'completed'
 WHERE workspace_id = :workspace AND account_id = :account AND platform_id = ANY(:ids) AND status = 'refunded'
"""
# Whose money a chargeback was may be known only by the payment. (As JSON: platform_fans.UNSURE says why.)
NAME = """
UPDATE transactions AS b SET subscriber_id = t.subscriber_id FROM transactions AS t
 WHERE b.workspace_id = :workspace AND b.account_id = :account AND b.subscriber_id IS NULL
   AND b.reverses = ANY(ARRAY(SELECT jsonb_array_elements_text(CAST(:ids AS jsonb))))
   AND t.workspace_id = :workspace AND t.account_id = :account AND t.platform_id = b.reverses
   AND t.subscriber_id IS NOT NULL
RETURNING b.platform_id
"""
ADD_UP = """
UPDATE subscribers AS s SET total_spent_cents = spent.cents, updated_at = now()
  FROM (SELECT f.id, coalesce(sum(t.gross_cents) FILTER (WHERE t.status = 'completed'), 0) AS cents
          FROM (SELECT DISTINCT subscriber_id AS id FROM transactions
                 WHERE workspace_id = :workspace AND account_id = :account AND platform_id = ANY(:ids)) AS f
          JOIN transactions AS t ON t.workspace_id = :workspace AND t.subscriber_id = f.id
         GROUP BY f.id) AS spent
 WHERE s.workspace_id = :workspace AND s.id = spent.id AND s.total_spent_cents <> spent.cents
"""
# The same of all fans of the account, some at a time.
ADD_UP_NEXT = """
WITH few AS (
    SELECT id FROM subscribers WHERE workspace_id = :workspace AND account_id = :account AND id > :after
     ORDER BY id LIMIT :most
), changed AS (
    UPDATE subscribers AS s SET total_spent_cents = spent.cents, updated_at = now()
      FROM few CROSS JOIN LATERAL (
           SELECT coalesce(sum(gross_cents), 0) AS cents FROM transactions
            WHERE workspace_id = :workspace AND subscriber_id = few.id AND status = 'completed') AS spent
     WHERE s.workspace_id = :workspace AND s.id = few.id AND s.total_spent_cents <> spent.cents
)
SELECT max(id) FROM few
"""
CHARGED_BACK = """
SELECT b.platform_id AS id, s.platform_id AS fan, b.occurred_at, b.gross_cents FROM transactions AS b
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.id = b.subscriber_id
 WHERE b.workspace_id = :workspace AND b.account_id = :account AND b.platform_id = ANY(:ids)
"""


def store_payments(scope: Scope, transactions: Sequence[Transaction], *, add_up: bool = True) -> tuple[int, int]:
    """Returns how many were new or changed, and how many are of another currency than the workspace's.

    add_up: whether to change what the fans spent in all, too; else `add_up_next` does, later.
    """
    told: dict[str, Transaction] = {}
    for each in transactions:
        before = told.get(each.id)
        if before is None or RANKS.index(STATUSES[each.status]) >= RANKS.index(STATUSES[before.status]):
            told[each.id] = each
    kept = [each for each in told.values() if each.currency == scope.currency]
    if not kept:
        return 0, len(told)
    joined: dict[str, datetime] = {}
    for each in kept:
        if each.fan_id:
            joined[each.fan_id] = min(each.at, joined.get(each.fan_id, each.at))
    platform_fans.add_unknown(scope, joined)
    rows = [
        {
            "id": each.id,
            "fan": each.fan_id,
            "type": TYPES[each.kind],
            "status": STATUSES[each.status],
            "gross": each.gross,
            "net": each.net,
            "vat": each.vat,
            "at": each.at,
        }
        for each in kept
    ]
    changed = list(scope.run(STORE, rows, currency=scope.currency).scalars())
    named = list(scope.run(NAME, ids=json.dumps([each.id for each in kept])).scalars()) if changed else []
    if add_up and (changed or named):
        scope.run(ADD_UP, ids=changed + named)
    scope.tell(_news(kept))
    if named:
        _tell_chargebacks(scope, named)
    return len(changed), len(told) - len(kept)


def store_chargebacks(scope: Scope, chargebacks: Sequence[Chargeback]) -> tuple[int, int]:
    """As `store_payments`."""
    told = {each.id: each for each in chargebacks}
    kept = [each for each in told.values() if each.currency == scope.currency]
    if not kept:
        return 0, len(told)
    platform_fans.add_unknown(scope, {each.fan_id: each.at for each in kept if each.fan_id})
    rows = [
        {
            "id": TAKEN_BACK + each.id,
            "reverses": each.transaction_id,
            "fan": each.fan_id,
            "type": TransactionType.CHARGEBACK,
            "status": Status.COMPLETED,
            "gross": -each.gross,
            "net": -each.net,
            "vat": 0,
            "at": each.at,
        }
        for each in kept
    ]
    ids = [row["id"] for row in rows]
    reversed_ids = [each.transaction_id for each in kept if each.transaction_id]
    changed = list(scope.run(STORE, rows, currency=scope.currency).scalars())
    scope.run(SETTLE, ids=reversed_ids)
    scope.run(NAME, ids=json.dumps(reversed_ids))
    scope.run(ADD_UP, ids=ids + reversed_ids)
    _tell_chargebacks(scope, ids)
    return len(changed), len(told) - len(kept)


def add_up_next(scope: Scope, after: int) -> int | None:
    """What each of the next fans spent in all. Returns the last one's id, to go on after; None at the end."""
    last: int | None = scope.run(ADD_UP_NEXT, after=after, most=FANS_AT_ONCE).scalar_one()
    return last


def _tell_chargebacks(scope: Scope, ids: Sequence[object]) -> None:
    found = scope.run(CHARGED_BACK, ids=list(ids))
    scope.tell(News(EventKind.CHARGEBACK, row.fan, row.id, row.occurred_at, row.gross_cents) for row in found)


def _news(transactions: Iterable[Transaction]) -> Iterable[News]:
    for each in transactions:
        if each.fan_id and each.kind in EVENTS:
            yield News(EVENTS[each.kind], each.fan_id, each.id, each.at, each.gross)
