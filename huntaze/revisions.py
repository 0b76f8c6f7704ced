"""Whether there is anything to migrate, told without Alembic and the app: 0.3 of 2 seconds of each start."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"


def current(owner_url: str) -> str | None:
    """The revision that the database is at; None if it was never migrated."""
    try:
        with psycopg.connect(owner_url) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row else None


def newest() -> str:
    """The revision of the migration that no other one builds on; raise ValueError if there are several."""
    scripts = [path.read_text() for path in VERSIONS.glob("*.py")]
    revisions, bases = _assigned("revision", scripts), _assigned("down_revision", scripts)
    (head,) = revisions - bases
    return head


def _assigned(name: str, scripts: list[str]) -> set[str]:
    pattern = re.compile(rf"""^{name}\b[^=\n]*=\s*["']([^"']+)["']""", re.MULTILINE)
    return {match[1] for script in scripts if (match := pattern.search(script))}
