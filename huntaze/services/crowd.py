"""Workspaces of any size: an invented crowd of fans and what they paid, made by PostgreSQL itself.

Each value is a hash of the seed, the row's number and what it is for. So the same arguments make the same rows,
whatever the batches and the plan; what a fan spends is known before the payments are there; and no row passes
through this process: a million fans and ten million payments need no more memory than a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, cast

import psycopg
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.schemas.account import Registration
from huntaze.services.accounts import AccountService
from huntaze.services.demo import FIRST, LAST
from huntaze.services.rollups import RollupService

BATCH = 200_000
"""Rows of one statement: what PostgreSQL keeps of them for its checks and triggers, and how often we hear of it."""

Progress = Callable[[str, int], None]
"""Called with what is being done and how many rows of it are done."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many fans of three years and payments of the last 24 months, all before the beginning of `until` (UTC)."""

    fans: int
    payments: int
    until: date
    seed: int = 1


def create_crowd(session: Session, owner: Registration, crowd: Crowd, on_progress: Progress) -> WorkspaceId:
    """A new workspace with this owner and crowd, in the session's transaction. Raises Conflict for a taken e-mail.

    Works through the system door: the workspace is only just being made.
    """
    workspace_id, _ = AccountService(session).open(owner, vouched=True)
    connection = cast("psycopg.Connection", session.connection().connection.driver_connection)
    with connection.cursor() as cursor:
        _fill(cursor, workspace_id, crowd, on_progress)
    RollupService(session, workspace_id).fold()
    return workspace_id


def _fill(cursor: psycopg.Cursor, workspace_id: WorkspaceId, crowd: Crowd, on_progress: Progress) -> None:
    cursor.execute("SET LOCAL gin_pending_list_limit = '32MB'")  # the trigram index grows in few large steps
    cursor.execute(DICE)
    cursor.execute(SPENT)
    given: dict[str, Any] = {
        "workspace": workspace_id,
        "fans": crowd.fans,
        "payments": crowd.payments,
        "until": datetime.combine(crowd.until, time(), UTC),
        "day": crowd.until.timetuple().tm_yday,
        "seed": crowd.seed,
        "first": FIRST,
        "last": LAST,
    }
    (given["base"],) = cursor.execute(BASE, given).fetchone() or (0,)
    on_progress("Adding up what each fan will have spent", 0)
    cursor.execute(STORE_SPENT, {**given, "low": 1, "high": crowd.payments})
    cursor.execute("ANALYZE spent")
    for what, statement, rows in (
        ("Storing fans", STORE_FANS, crowd.fans),
        ("Storing payments", STORE_PAYMENTS, crowd.payments),
    ):
        for low, high in batches(rows):
            cursor.execute(statement, {**given, "low": low, "high": high})
            on_progress(what, high)
    for statement in (STORE_TAGS, STORE_TAGGED, STORE_NOTES):
        cursor.execute(statement, given)
    cursor.execute("SELECT gin_clean_pending_list(to_regclass('ix_subscribers_search'))")
    cursor.execute("DROP TABLE spent")
    cursor.execute("ANALYZE subscribers, transactions, subscriber_tags, notes, daily_earnings, daily_subscribers")


def batches(rows: int) -> Iterator[tuple[int, int]]:
    """The first and the last number of each."""
    for low in range(1, rows + 1, BATCH):
        yield low, min(low + BATCH - 1, rows)


# A number from 0 up to 1, of a row and of what is asked; hashint8extended is the same since PostgreSQL 11.
DICE = """
CREATE OR REPLACE FUNCTION pg_temp.dice(number bigint, salt bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(number, salt) & 4503599627370495)::float8 / 4503599627370496 $$
"""


def dice(number: str, what: int) -> str:
    """An SQL expression: DICE of a row's number, and of what is asked of it, with the parameter `seed`."""
    return f"pg_temp.dice({number}, %(seed)s::bigint * 100 + {what})"


# Ids in a row. Were a fan added elsewhere in just this moment, the id would be in two workspaces: no key minds.
BASE = """
SELECT setval(sequence, nextval(sequence) + %(fans)s) - %(fans)s
  FROM pg_get_serial_sequence('subscribers', 'id') AS sequence
"""
SPENT = "CREATE TEMPORARY TABLE spent (number bigint PRIMARY KEY, cents bigint NOT NULL)"

# Of a fan's tier and price there is no table: both follow from the number. 45 % are free, 30 % basic, 18 % premium.
TIER = dice("number", 1)
PRICE = f"CASE WHEN {TIER} < 0.45 THEN 0 WHEN {TIER} < 0.75 THEN 999 WHEN {TIER} < 0.93 THEN 1999 ELSE 4999 END"

# More and more of them as time goes by, most in July (9 days' worth of a year's are pushed there), and on week-ends,
# where one in seven is moved. 22 % are by one fan in 97, whose bank now and then takes a payment back. Only by fans
# who had joined by then.
PAYMENTS = f"""
SELECT i, number, type, CASE WHEN other BETWEEN 0.97 AND 0.985 THEN 'refunded' ELSE 'completed' END AS status,
       (CASE type WHEN 'subscription' THEN price WHEN 'ppv' THEN 799 + 500 * floor(dice * 5)
                  WHEN 'chargeback' THEN -999 - 500 * floor(dice * 8)
                  ELSE 300 + 100 * floor(dice * dice * 60) END)::bigint AS gross,
       at + CASE WHEN {dice("i", 8)} < 0.14 AND at + later < %(until)s THEN later ELSE interval '0' END AS at
  FROM (SELECT *, {PRICE} AS price, {dice("i", 2)} AS dice,
               (6 + floor({dice("i", 9)} * 2) - extract(dow FROM at AT TIME ZONE 'UTC')) * interval '1 day' AS later,
               CASE WHEN heavy AND other >= 0.99 THEN 'chargeback'
                    WHEN {TIER} >= 0.45 AND kind < 0.52 THEN 'subscription' WHEN kind < 0.7 THEN 'tip'
                    WHEN kind < 0.86 THEN 'ppv' WHEN kind < 0.95 THEN 'message' ELSE 'stream' END AS type
          FROM (SELECT i, heavy, {dice("i", 3)} AS other, {dice("i", 4)} AS kind,
                       date_trunc('second', %(until)s - interval '1 second' - interval '1 day' * age) AS at,
                       CASE WHEN heavy THEN 1 + 97 * floor(power(which, 1.15) * (joined - 1) / 97)
                            ELSE 1 + floor(which * joined) END::bigint AS number
                  FROM (SELECT i, age, {dice("i", 5)} < 0.22 AS heavy, {dice("i", 6)} AS which,
                               greatest(1, floor(%(fans)s * power(1 - age / 1095, 1.25))) AS joined
                          FROM (SELECT i, age + 9 * (1 - exp(-age / 30))
                                              * sin(2 * pi() * (%(day)s - age - 195) / 365.25) AS age
                                  FROM (SELECT i, 720 * (1 - power(i / %(payments)s::float8, 0.8)) AS age
                                          FROM generate_series(%(low)s::bigint, %(high)s) AS i
                                       ) AS even) AS aged) AS whom) AS what) AS paid
"""
STORE_SPENT = f"""
INSERT INTO spent SELECT number, sum(gross) FROM ({PAYMENTS}) AS paid WHERE status = 'completed' GROUP BY number
"""
STORE_PAYMENTS = f"""
INSERT INTO transactions (workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents, currency,
                          occurred_at)
SELECT %(workspace)s, %(base)s + number, type, status, gross, (gross * 20 + 50) / 100,
       gross - (gross * 20 + 50) / 100, 'USD', at FROM ({PAYMENTS}) AS paid ORDER BY i
"""

# Over three years and growing; numbers are in the order of joining. One in five has a double family name, so that
# there are names which hardly anyone shares, however many fans there are. Four in five of those who came in one week
# a month ago had a discount for a month, and ran out this week.
STORE_FANS = f"""
INSERT INTO subscribers (workspace_id, id, username, display_name, email, tier, status, monthly_price_cents,
                         total_spent_cents, country, joined_at, last_active_at, renews_at)
SELECT %(workspace)s, %(base)s + number, username, name, username || '@mail.test',
       CASE price WHEN 0 THEN 'free' WHEN 999 THEN 'basic' WHEN 1999 THEN 'premium' ELSE 'vip' END, status, price,
       coalesce(cents, 0), (ARRAY['US', 'US', 'US', 'US', 'GB', 'CA', 'AU', 'DE', 'FR', 'ES'])[1 + floor(dice * 10)],
       date_trunc('second', %(until)s - interval '1 day' * age),
       date_trunc('second', %(until)s - interval '1 second' - interval '1 day'
         * CASE WHEN status = 'active' THEN least(age, power(dice, 3) * 60) WHEN age < 38 THEN age - 30
                ELSE 30 + dice * (age - 30) END),
       CASE WHEN status = 'active' AND price > 0 THEN date_trunc('second', %(until)s + interval '30 days' * dice) END
  FROM (SELECT number, age, {dice("number", 11)} AS dice, {PRICE} AS price, first || ' ' || last AS name,
               translate(lower(first || (ARRAY['', '_', '.', 'x'])[1 + floor({dice("number", 12)} * 4)] || last
                               || number), 'èéíü', 'eeiu') AS username,
               CASE WHEN age BETWEEN 31 AND 37 AND {dice("number", 13)} < 0.8 THEN 'expired'
                    WHEN age < 38 OR {dice("number", 13)} < 0.68 THEN 'active'
                    WHEN {dice("number", 13)} < 0.88 THEN 'expired' ELSE 'cancelled' END AS status
          FROM (SELECT i AS number, 1095 * (1 - power(i / %(fans)s::float8, 0.8)) AS age,
                       (%(first)s::text[])[1 + floor({dice("i", 14)} * cardinality(%(first)s::text[]))] AS first,
                       (%(last)s::text[])[1 + floor({dice("i", 15)} * cardinality(%(last)s::text[]))]
                       || CASE WHEN {dice("i", 16)} < 0.2 THEN '-' ||
                          (%(last)s::text[])[1 + floor({dice("i", 17)} * cardinality(%(last)s::text[]))] ELSE '' END
                          AS last
                  FROM generate_series(%(low)s::bigint, %(high)s) AS i) AS a) AS b
  LEFT JOIN spent USING (number)
 ORDER BY number
"""
STORE_TAGS = """
INSERT INTO tags (workspace_id, name)
SELECT %(workspace)s, name
  FROM unnest(ARRAY['VIP list', 'whale', 'birthday soon', 'custom requests', 'win back']) AS name
"""
# One fan in ten has a tag, some have two.
STORE_TAGGED = """
INSERT INTO subscriber_tags (workspace_id, subscriber_id, tag_id)
SELECT %(workspace)s, %(base)s + i, id
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS nth FROM tags WHERE workspace_id = %(workspace)s) AS tag,
       generate_series(1, %(fans)s) AS i
 WHERE mod(i, 50) = nth * 7 OR mod(i, 50) = nth * 6
"""
STORE_NOTES = """
INSERT INTO notes (workspace_id, subscriber_id, body)
SELECT %(workspace)s, %(base)s + i, 'Likes the beach photos, answers at night.'
  FROM generate_series(1, %(fans)s, 20) AS i
"""
