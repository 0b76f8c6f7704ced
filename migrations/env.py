"""Alembic's entry: migrations run as the owner of the tables, under a lock, with bounded waits."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

from huntaze.models import Base

LOCK = 7_305_224_117
"""Any constant: two starts at once must not migrate at once (pg_advisory_xact_lock)."""


def run() -> None:
    engine = current_app.extensions["sqlalchemy"].engines["system"]
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            # A migration that waits for a lock would make every request wait behind it.
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            context.run_migrations()


run()
