"""Storing a batch of rows in a few statements: copy into a temporary table, match, refuse, add, change, record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.services.erasure import ErasureService, erased_sql
from huntaze.services.import_rows import STORED, CellProblem, Row, storable

# In the order of STORED, with the column that each is stored in, and PostgreSQL's type.
COLUMNS = {
    "username": "text",
    "platform_id": "text",
    "display_name": "text",
    "email": "text",
    "tier": "text",
    "status": "text",
    "monthly_price_cents": "bigint",
    "country": "text",
    "joined_at": "timestamptz",
    "last_active_at": "timestamptz",
    "renews_at": "timestamptz",
}
assert len(COLUMNS) == len(STORED)  # noqa: S101  a row's values are told apart by their place
DEFAULTS = {
    "display_name": "''",
    "tier": "'free'",
    "status": "'active'",
    "monthly_price_cents": "0",
    "country": "''",
    "joined_at": "now()",
}
TIMES = [name for name, type_ in COLUMNS.items() if type_ == "timestamptz"]
_NAMES = ", ".join(COLUMNS)

STAGE = f"""
CREATE TEMPORARY TABLE staged (
  row bigint PRIMARY KEY, {", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())},
  subscriber_id bigint, is_new boolean NOT NULL DEFAULT false, problem text, place text, other text
) ON COMMIT DROP
"""
COPY = f"COPY staged (row, {_NAMES}) FROM STDIN"

# The platform's id says who it is; else the user name does. A file names no account: of a fan of two it means the
# first whom we knew.
MATCH = (
    """
    UPDATE staged AS r SET subscriber_id = s.id
      FROM (SELECT min(id) AS id, platform_id FROM subscribers
             WHERE workspace_id = %(workspace)s AND platform_id IN (SELECT platform_id FROM staged)
             GROUP BY platform_id) AS s
     WHERE s.platform_id = r.platform_id
    """,
    """
    UPDATE staged AS r SET subscriber_id = s.id,
           problem = CASE WHEN s.platform_id <> r.platform_id THEN 'import_another_id' END,
           place = 'platform_id', other = s.platform_id
      FROM (SELECT DISTINCT ON (username) id, username, platform_id FROM subscribers
             WHERE workspace_id = %(workspace)s AND username IN (SELECT username FROM staged)
             ORDER BY username, id) AS s
     WHERE r.subscriber_id IS NULL AND s.username = r.username
    """,
)

# Each marks rows that can't be stored.
REFUSE = (
    f"""
    UPDATE staged AS r SET problem = 'import_erased', place = 'username'
     WHERE problem IS NULL
       AND ({erased_sql("username", "r.username")} OR {erased_sql("platform_id", "r.platform_id")})
    """,
    """
    UPDATE staged SET problem = 'import_no_username', place = 'username'
     WHERE problem IS NULL AND subscriber_id IS NULL AND username IS NULL
    """,
    """
    UPDATE staged AS r SET problem = 'import_name_taken', place = 'username', other = s.username
      FROM subscribers AS s, subscribers AS meant
     WHERE r.problem IS NULL
       AND meant.workspace_id = %(workspace)s AND meant.id = r.subscriber_id
       AND s.workspace_id = %(workspace)s AND s.username = r.username AND s.id <> r.subscriber_id
       AND s.account_id IS NOT DISTINCT FROM meant.account_id
    """,
    """
    UPDATE staged AS r SET problem = 'import_twice', place = NULL, other = f.row::text
      FROM (SELECT subscriber_id, min(row) AS row FROM staged
             WHERE problem IS NULL GROUP BY subscriber_id HAVING count(*) > 1) AS f
     WHERE r.problem IS NULL AND r.subscriber_id = f.subscriber_id AND r.row > f.row
    """,
)

ADD = (
    f"""
    WITH added AS (
      INSERT INTO subscribers (workspace_id, {_NAMES})
      SELECT %(workspace)s, {", ".join(f"coalesce({n}, {DEFAULTS[n]})" if n in DEFAULTS else n for n in COLUMNS)}
        FROM staged WHERE problem IS NULL AND subscriber_id IS NULL ORDER BY row
      ON CONFLICT DO NOTHING RETURNING id, username
    )
    UPDATE staged AS r SET subscriber_id = added.id, is_new = true FROM added WHERE added.username = r.username
       AND r.problem IS NULL AND r.subscriber_id IS NULL
    """,
    # Someone added that fan while this statement ran.
    """
    UPDATE staged SET problem = 'import_added_meanwhile', place = 'username'
     WHERE problem IS NULL AND subscriber_id IS NULL
    """,
    """
    INSERT INTO import_rows (workspace_id, import_id, row, outcome, subscriber_id)
    SELECT %(workspace)s, %(import)s, row, 'added', subscriber_id FROM staged WHERE is_new
    """,
)


def _differs(name: str) -> str:
    # A file's times are of whole seconds.
    stored = f"date_trunc('second', s.{name})" if name in TIMES else f"s.{name}"
    return f"(r.{name} IS NOT NULL AND r.{name} IS DISTINCT FROM {stored})"


# What the file names wins, and an empty cell leaves alone.
CHANGE = f"""
WITH wanted AS (
  SELECT r.*, jsonb_build_object({", ".join(f"'{n}', s.{n}" for n in (*COLUMNS, "updated_at"))}) AS before
    FROM staged AS r JOIN subscribers AS s ON s.workspace_id = %(workspace)s AND s.id = r.subscriber_id
   WHERE r.problem IS NULL AND NOT r.is_new AND ({" OR ".join(map(_differs, COLUMNS))})
     FOR UPDATE OF s
), changed AS (
  UPDATE subscribers AS s
     SET {", ".join(f"{n} = coalesce(w.{n}, s.{n})" for n in COLUMNS)}, updated_at = now()
    FROM wanted AS w WHERE s.workspace_id = %(workspace)s AND s.id = w.subscriber_id
)
INSERT INTO import_rows (workspace_id, import_id, row, outcome, subscriber_id, before)
SELECT %(workspace)s, %(import)s, row, 'changed', subscriber_id, before FROM wanted
"""
REFUSED = "SELECT row, problem, place, other FROM staged WHERE problem IS NOT NULL"
WRITE_REFUSED = """
INSERT INTO import_rows (workspace_id, import_id, row, outcome, cells, problems)
VALUES (%s, %s, %s, 'refused', %s, %s)
"""


class Stored(NamedTuple):
    """How many rows of a batch became what."""

    added: int
    changed: int
    unchanged: int
    refused: int


def store(
    session: Session, erasures: ErasureService, import_id: int, batch: Sequence[Row], places: dict[str, int]
) -> Stored:
    """Stores a batch in the session's transaction, but for who asked to be erased.

    `places`: the file's column (from 0) of each of ours.
    """
    workspace_id = erasures.workspace_id
    erasures.hold()
    ids = {"workspace": workspace_id, "import": import_id, **erasures.parameters()}
    good = {row.number: row for row in batch if not row.problems}
    refused = [(row, row.problems) for row in batch if row.problems]
    connection = session.connection().connection.driver_connection
    with cast("psycopg.Connection", connection).cursor() as cursor:
        cursor.execute(STAGE.encode())
        with cursor.copy(COPY.encode()) as copy:
            for row in good.values():
                copy.write_row((row.number, *row.values))
        cursor.execute(b"ANALYZE staged")
        for statement in (*MATCH, *REFUSE, *ADD):
            cursor.execute(statement.encode(), ids)
        added = cursor.rowcount
        cursor.execute(CHANGE.encode(), ids)
        changed = cursor.rowcount
        for number, kind, place, other in cursor.execute(REFUSED.encode()):
            detail = {"row": int(other)} if kind == "import_twice" else {"other": other}
            refused.append((good[number], [CellProblem(places.get(place), kind, detail)]))
        cursor.executemany(WRITE_REFUSED.encode(), _refused_rows(workspace_id, import_id, refused))
    return Stored(added, changed, len(batch) - added - changed - len(refused), len(refused))


def _refused_rows(
    workspace_id: WorkspaceId, import_id: int, refused: list[tuple[Row, list[CellProblem]]]
) -> Iterator[tuple[Any, ...]]:
    for row, problems in refused:
        cells = Jsonb([storable(cell) for cell in row.cells])
        yield workspace_id, import_id, row.number, cells, Jsonb([problem.as_json() for problem in problems])
