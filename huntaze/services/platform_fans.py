"""Fans as a platform tells them: matched by id, or by name where they came from a file; names may change hands."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huntaze.adapters.platform import Fan, Period
from huntaze.models.domain_event import EventKind
from huntaze.models.subscriber import Status
from huntaze.services.platform_scope import News, Scope, clean

LONGEST_NAME = 100

# By the platform's id; else one without an account, by id or by name, whom a file or a person brought.
# LATERAL with OFFSET 0, and nothing but the name or id in it, has each looked up in its index, whatever the planner
# thinks of a table that is being filled.
KNOWN = """
SELECT f.* FROM unnest(CAST(:ids AS text[])) AS told CROSS JOIN LATERAL (
       SELECT id, account_id, platform_id, username, display_name FROM subscribers
        WHERE workspace_id = :workspace AND platform_id = told OFFSET 0) AS f
 WHERE f.account_id = :account OR f.account_id IS NULL
 UNION
SELECT f.* FROM unnest(CAST(:names AS text[])) AS told CROSS JOIN LATERAL (
       SELECT id, account_id, platform_id, username, display_name FROM subscribers
        WHERE workspace_id = :workspace AND username = told OFFSET 0) AS f
 WHERE f.account_id = :account OR f.account_id IS NULL
"""
ADD = """
INSERT INTO subscribers (workspace_id, account_id, platform_id, username, display_name, status, renews,
                         monthly_price_cents, joined_at, renews_at, last_active_at, listed_at)
SELECT :workspace, :account, platform_id, username, coalesce(display_name, ''), coalesce(status, 'expired'), renews,
       coalesce(price, 0), coalesce(joined_at, now()), renews_at, last_active_at, listed_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (platform_id text, username text, display_name text, status text,
       renews boolean, price bigint, joined_at timestamptz, renews_at timestamptz, last_active_at timestamptz,
       listed_at timestamptz)
"""
# What was not said stays. A sweep touches every row, so that it can tell who is gone.
CHANGE = """
UPDATE subscribers AS s
   SET account_id = :account, platform_id = r.platform_id, username = coalesce(r.username, s.username),
       display_name = coalesce(r.display_name, s.display_name), status = coalesce(r.status, s.status),
       renews = coalesce(r.renews, s.renews), monthly_price_cents = coalesce(r.price, s.monthly_price_cents),
       joined_at = coalesce(r.joined_at, s.joined_at), renews_at = coalesce(r.renews_at, s.renews_at),
       last_active_at = coalesce(r.last_active_at, s.last_active_at),
       listed_at = coalesce(r.listed_at, s.listed_at),
       vanished_at = CASE WHEN r.known THEN NULL ELSE s.vanished_at END, updated_at = now()
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, platform_id text, username text, display_name text,
       status text, renews boolean, price bigint, joined_at timestamptz, renews_at timestamptz,
       last_active_at timestamptz, listed_at timestamptz, known boolean)
 WHERE s.workspace_id = :workspace AND s.id = r.id
   AND (s.account_id IS DISTINCT FROM :account OR s.platform_id IS DISTINCT FROM r.platform_id
        OR s.username <> r.username OR s.display_name <> r.display_name OR s.status <> r.status
        OR (r.renews IS NOT NULL AND s.renews IS DISTINCT FROM r.renews) OR s.monthly_price_cents <> r.price
        OR s.joined_at <> r.joined_at OR (r.renews_at IS NOT NULL AND s.renews_at IS DISTINCT FROM r.renews_at)
        OR (r.last_active_at IS NOT NULL AND s.last_active_at IS DISTINCT FROM r.last_active_at)
        OR r.listed_at IS NOT NULL OR (r.known AND s.vanished_at IS NOT NULL))
"""
# Names are unique at each moment of a statement: who loses theirs gets one that nobody can have, until told anew.
UNNAME = """
UPDATE subscribers SET username = '~' || coalesce(platform_id, id::text), updated_at = now()
 WHERE workspace_id = :workspace AND id = ANY(:ids)
"""
# Those whom we do not know, and those of whom we know no name. A list of 1,000 is sent sooner as JSON than as array.
UNSURE = """
SELECT told AS platform_id, s.id, s.joined_at FROM jsonb_array_elements_text(CAST(:ids AS jsonb)) AS told
  LEFT JOIN LATERAL (
       SELECT id, account_id, username, joined_at FROM subscribers
        WHERE workspace_id = :workspace AND platform_id = told OFFSET 0) AS s ON s.account_id = :account
 WHERE s.id IS NULL OR starts_with(s.username, '~')
"""
# Of a fan whose name nobody told yet we only know by when they were there.
JOINED_EARLIER = """
UPDATE subscribers AS s SET joined_at = r.at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, at timestamptz)
 WHERE s.workspace_id = :workspace AND s.id = r.id
"""
VANISH = """
UPDATE subscribers SET vanished_at = now(), status = 'expired', renews = false, updated_at = now()
 WHERE workspace_id = :workspace AND account_id = :account AND vanished_at IS NULL
   AND platform_id IS NOT NULL AND (listed_at IS NULL OR listed_at < :since) AND created_at < :since
"""
FORGET_PERIODS = """
DELETE FROM subscription_periods AS p USING subscribers AS s
 WHERE p.workspace_id = :workspace AND s.workspace_id = :workspace AND s.id = p.subscriber_id
   AND s.account_id = :account AND s.platform_id = :fan AND NOT p.started_at = ANY(CAST(:starts AS timestamptz[]))
"""
PERIODS = """
INSERT INTO subscription_periods AS p (workspace_id, subscriber_id, started_at, ends_at, price_cents)
SELECT :workspace, s.id, r.started_at, r.ends_at, r.price
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (started_at timestamptz, ends_at timestamptz, price bigint)
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = :fan
    ON CONFLICT (workspace_id, subscriber_id, started_at) DO UPDATE
       SET ends_at = excluded.ends_at, price_cents = excluded.price_cents
     WHERE (p.ends_at, p.price_cents) IS DISTINCT FROM (excluded.ends_at, excluded.price_cents)
"""


@dataclass(slots=True)
class Known:
    """A row of ours that a fan may be."""

    id: int
    account_id: int | None
    platform_id: str | None
    username: str
    display_name: str


def store(scope: Scope, fans: Sequence[Fan], listed_at: datetime | None = None) -> int:
    """Returns how many were added or changed."""
    told = {fan.id: fan for fan in fans}
    names = {fan.id: _folded(fan.username) for fan in told.values()}
    known = _known(scope, told, [name for name in names.values() if name])
    ours = {row.platform_id: row for row in known if row.account_id is not None}
    gone = scope.erased("platform_id", told)
    gone_names = scope.erased("username", [name for id_, name in names.items() if name and id_ not in ours])
    kept = [
        fan
        for fan in told.values()
        if fan.id not in gone and (fan.id in ours or names[fan.id] not in gone_names)
    ]  # fmt: skip
    called = defaultdict(list)  # by the platform's id, or by name where they have none
    for each in known:
        called[each.platform_id is not None, each.platform_id or each.username].append(each)
    found = {fan.id: row for fan in kept if (row := _find(fan.id, names[fan.id], called)) is not None}
    # Of two who claim one name, the later in the page has it.
    bearers = {name: fan.id for fan in kept if (name := names[fan.id])}
    _free_names(scope, known, found, bearers)
    rows: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for fan in kept:
        name = names[fan.id]
        row, mine = found.get(fan.id), name is not None and bearers[name] == fan.id
        said = _row(fan, listed_at)
        said["username"] = name if mine else (None if row else f"~{fan.id}")
        if row:
            said["id"] = row.id
        rows[row is None].append(said)
    changed = scope.run(CHANGE, rows[False]).rowcount if rows[False] else 0
    if rows[True]:
        scope.run(ADD, rows[True])
    scope.tell(_news(kept))
    return changed + len(rows[True])


def add_unknown(scope: Scope, joined: dict[str, datetime]) -> None:
    """Adds those of the fans who are unknown and not erased; each since a time at which they surely were one."""
    unsure = list(scope.run(UNSURE, ids=json.dumps(list(joined))))
    earlier = [
        {"id": row.id, "at": joined[row.platform_id]}
        for row in unsure
        if row.id is not None and row.joined_at > joined[row.platform_id]
    ]
    if earlier:
        scope.run(JOINED_EARLIER, earlier)
    missing = [_nothing(row.platform_id, joined[row.platform_id]) for row in unsure if row.id is None]
    if missing:
        store(scope, missing)


def vanish(scope: Scope, since: datetime) -> int:
    return scope.run(VANISH, since=since).rowcount


def store_periods(scope: Scope, fan_id: str, periods: Sequence[Period]) -> int:
    rows = {each.start: {"started_at": each.start, "ends_at": each.end, "price": each.price} for each in periods}
    forgotten = scope.run(FORGET_PERIODS, fan=fan_id, starts=list(rows)).rowcount
    return forgotten + (scope.run(PERIODS, list(rows.values()), fan=fan_id).rowcount if rows else 0)


def _known(scope: Scope, ids: Iterable[str], names: list[str]) -> list[Known]:
    found = scope.run(KNOWN, ids=list(ids), names=names)
    return [Known(**row) for row in found.mappings()]


def _find(fan_id: str, name: str | None, known: Mapping[tuple[bool, str], list[Known]]) -> Known | None:
    """Whom of the known a fan is: the same id in the account counts most, a mere name least."""
    same = [*known.get((True, fan_id), ()), *(known.get((False, name), ()) if name else ())]
    return min(same, key=lambda row: (row.platform_id is None, row.account_id is None), default=None)


def _free_names(scope: Scope, known: list[Known], found: dict[str, Known], bearers: dict[str, str]) -> None:
    """Takes the names that others are to have from whom has them now."""
    to_bear = {found[fan_id].id: name for name, fan_id in bearers.items() if fan_id in found}
    in_way = [
        row.id
        for row in known
        if row.account_id is not None and row.username in bearers and to_bear.get(row.id) != row.username
    ]
    if in_way:
        scope.run(UNNAME, ids=in_way)


def _row(fan: Fan, listed_at: datetime | None) -> dict[str, Any]:
    name = fan.nickname or fan.name
    status = None if fan.active is None else (Status.ACTIVE if fan.active else Status.EXPIRED)
    return {
        "platform_id": fan.id,
        "display_name": clean(name)[:LONGEST_NAME] if name else None,
        "status": status,
        "renews": False if fan.active is False else fan.renews,
        "price": fan.price if fan.price is None or fan.price >= 0 else None,
        "joined_at": fan.subscribed_at,
        "renews_at": fan.expires_at,
        "last_active_at": fan.last_seen,
        "listed_at": listed_at,
        "known": fan.active is not None,
    }


def _folded(username: str | None) -> str | None:
    return clean(username).lower()[:LONGEST_NAME] or None if username else None


def _news(fans: Iterable[Fan]) -> Iterable[News]:
    for fan in fans:
        if fan.active and fan.subscribed_at:
            cause = f"{fan.id}:{int(fan.subscribed_at.timestamp())}"
            yield News(EventKind.SUBSCRIBED, fan.id, cause, fan.subscribed_at, fan.price)
        if fan.active is False and fan.expires_at:
            cause = f"{fan.id}:{int(fan.expires_at.timestamp())}"
            yield News(EventKind.EXPIRED, fan.id, cause, fan.expires_at)


def _nothing(fan_id: str, joined_at: datetime) -> Fan:
    """A fan of whom only the id is known, and that they were there."""
    return Fan(
        id=fan_id,
        username=None,
        name=None,
        nickname=None,
        active=None,
        renews=None,
        subscribed_at=joined_at,
        expires_at=None,
        price=None,
        spent=None,
        last_seen=None,
        lists=(),
    )
