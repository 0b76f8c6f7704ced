"""Workspaces of any size for measurements, written by PostgreSQL itself: a million fans in a few minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from huntaze.models.base import WorkspaceId
from huntaze.services.demo import FIRST, LAST
from huntaze.services.passwords import hash_password

PASSWORD = "a password for measuring"
TRANSACTIONS = 10
"""On average, of each fan."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A workspace with `size` fans; sign in as `email`."""

    workspace_id: WorkspaceId
    email: str
    size: int


def fill(superuser_url: str, sizes: list[int]) -> list[Filled]:
    """One workspace of each size, in a migrated database. Existing ones of the same size are taken as they are."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        found = {size: _find(connection, size) for size in sizes}
        if not all(found.values()):
            with connection.transaction(), _without_indexes(connection):
                # Foreign keys hold by construction, and checking them takes longer than all the rest.
                connection.execute("SET LOCAL session_replication_role = replica")
                connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
                connection.execute("SET LOCAL work_mem = '256MB'")
                found = {size: _find(connection, size) or _create(connection, size) for size in sizes}
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
    return [filled for filled in found.values() if filled]


def _email(size: int) -> str:
    return f"owner-of-{size}@bench.test"


def _find(connection: psycopg.Connection, size: int) -> Filled | None:
    row = connection.execute(
        "SELECT workspace_id FROM memberships JOIN users ON users.id = user_id WHERE email = %s", [_email(size)]
    ).fetchone()
    return Filled(row[0], _email(size), size) if row else None


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Drops the large tables' indexes that carry no constraint, and builds them again: a third of the time."""
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('subscribers', 'transactions')"
        " AND indexname LIKE 'ix_%'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    yield
    for _, definition in indexes:
        connection.execute(definition.encode())


def _create(connection: psycopg.Connection, size: int) -> Filled:
    row = connection.execute(OWNER, {"email": _email(size), "hash": hash_password(PASSWORD)}).fetchone()
    base = connection.execute("SELECT coalesce(max(id), 0) FROM subscribers").fetchone()
    assert row
    assert base
    values = {
        "workspace": row[0], "base": base[0], "fans": size, "payments": size * TRANSACTIONS,
        "first": FIRST, "last": LAST,
    }  # fmt: skip
    connection.execute("SELECT setseed(0.5)")
    for statement in (TRANSACTIONS_OF, SUBSCRIBERS_OF, TAGS_OF, TAGGED_OF, NOTES_OF):
        connection.execute(statement, values)
    connection.execute("SELECT rebuild_days(%(workspace)s)", values)  # without triggers nobody counted
    for table in ("subscribers", "tags", "notes"):
        connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}".encode())
    return Filled(row[0], _email(size), size)


OWNER = """
WITH owner AS (INSERT INTO users (email, name, password_hash) VALUES (%(email)s, 'Owner', %(hash)s) RETURNING id),
     home AS (INSERT INTO workspaces (name) VALUES (%(email)s) RETURNING id)
INSERT INTO memberships (workspace_id, user_id, role) SELECT home.id, owner.id, 'owner' FROM home, owner
RETURNING workspace_id
"""

# A fan's tier follows from their number alone, so that payments can be made before fans: the sum of the former
# is written once. 45 % are free, 30 % basic, 18 % premium, 7 % vip.
TIER = "mod(hashint4(number)::bigint + 2147483648, 100)"
PRICE = f"CASE WHEN {TIER} < 45 THEN 0 WHEN {TIER} < 75 THEN 999 WHEN {TIER} < 93 THEN 1999 ELSE 4999 END"

# Over two years and growing; 22 % of it by one fan in 97, and only by fans who had joined by then.
TRANSACTIONS_OF = f"""
INSERT INTO transactions (workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents, currency,
                          occurred_at)
SELECT %(workspace)s, %(base)s + number, type, status, gross, (gross * 20 + 50) / 100,
       gross - (gross * 20 + 50) / 100, 'USD', date_trunc('second', now() - interval '1 day' * age)
  FROM (SELECT *, CASE WHEN type = 'subscription' THEN price WHEN type = 'ppv' THEN 799 + 500 * floor(dice * 5)::int
                       ELSE 300 + 100 * floor(dice * dice * 60)::int END AS gross,
               CASE WHEN other < 0.985 THEN 'completed' ELSE 'refunded' END AS status
          FROM (SELECT *, {PRICE} AS price, random() AS dice,
                       CASE WHEN {TIER} >= 45 AND kind < 0.52 THEN 'subscription' WHEN kind < 0.7 THEN 'tip'
                            WHEN kind < 0.86 THEN 'ppv' WHEN kind < 0.95 THEN 'message' ELSE 'stream' END AS type
                  FROM (SELECT age, kind, random() AS other,
                               CASE WHEN heavy < 0.22 THEN 1 + 97 * floor(power(which, 1.15) * joined / 97)::int
                                    ELSE 1 + floor(which * joined)::int END AS number
                          FROM (SELECT age, greatest(1, floor(%(fans)s * power(1 - age / 1095, 1.25))) AS joined,
                                       random() AS heavy, random() AS which, random() AS kind
                                  FROM (SELECT 730 * (1 - power(i / %(payments)s::float, 0.8)) AS age
                                          FROM generate_series(1, %(payments)s) AS i) AS a) AS b) AS c) AS d) AS e
"""

# Over three years and growing; numbers are in the order of joining. One in five has a double family name, so that
# there are names which hardly anyone shares, however many fans there are.
SUBSCRIBERS_OF = f"""
INSERT INTO subscribers (workspace_id, id, username, display_name, email, tier, status, monthly_price_cents,
                         total_spent_cents, country, joined_at, last_active_at, renews_at)
SELECT %(workspace)s, %(base)s + number, username, name, username || '@mail.test',
       CASE price WHEN 0 THEN 'free' WHEN 999 THEN 'basic' WHEN 1999 THEN 'premium' ELSE 'vip' END, status, price,
       coalesce(cents, 0), (ARRAY['US', 'US', 'US', 'US', 'GB', 'CA', 'AU', 'DE', 'FR', 'ES'])[ceil(dice * 10)],
       date_trunc('second', now() - interval '1 day' * age),
       date_trunc('second', now() - interval '1 day' * least(age, CASE status WHEN 'active' THEN power(dice, 3) * 60
                                                                  ELSE 30 + dice * greatest(age - 30, 0) END)),
       CASE WHEN status = 'active' AND price > 0 THEN date_trunc('second', now() + interval '30 days' * dice) END
  FROM (SELECT number, age, dice, {PRICE} AS price, first || ' ' || last AS name,
               translate(lower(first || (ARRAY['', '_', '.', 'x'])[ceil(sep * 4)] || last || number),
                         'èéíü', 'eeiu') AS username,
               CASE WHEN state < 0.68 OR age < 25 THEN 'active' WHEN state < 0.88 THEN 'expired'
                    ELSE 'cancelled' END AS status
          FROM (SELECT i AS number, 1095 * (1 - power(i / %(fans)s::float, 0.8)) AS age, random() AS dice,
                       random() AS state, random() AS sep,
                       (%(first)s::text[])[ceil(random() * cardinality(%(first)s::text[]))] AS first,
                       (%(last)s::text[])[ceil(random() * cardinality(%(last)s::text[]))]
                       || CASE WHEN random() < 0.2
                          THEN '-' || (%(last)s::text[])[ceil(random() * cardinality(%(last)s::text[]))] ELSE '' END
                          AS last
                  FROM generate_series(1, %(fans)s) AS i) AS a) AS b
  LEFT JOIN (SELECT subscriber_id, sum(gross_cents) AS cents FROM transactions
              WHERE workspace_id = %(workspace)s AND status = 'completed' GROUP BY 1) AS spent
         ON spent.subscriber_id = %(base)s + number
"""
TAGS_OF = """
INSERT INTO tags (workspace_id, name)
SELECT %(workspace)s, name
  FROM unnest(ARRAY['VIP list', 'whale', 'birthday soon', 'custom requests', 'win back']) AS name
"""
# One fan in ten has a tag, some have two.
TAGGED_OF = """
INSERT INTO subscriber_tags (workspace_id, subscriber_id, tag_id)
SELECT %(workspace)s, %(base)s + i, id
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS nth FROM tags WHERE workspace_id = %(workspace)s) AS tag,
       generate_series(1, %(fans)s) AS i
 WHERE mod(i, 50) = nth * 7 OR mod(i, 50) = nth * 6
"""
NOTES_OF = """
INSERT INTO notes (workspace_id, subscriber_id, body)
SELECT %(workspace)s, %(base)s + i, 'Likes the beach photos, answers at night.'
  FROM generate_series(1, %(fans)s, 20) AS i
"""
