"""A workspace as one zip file, written while it is sent: memory stays flat however many fans there are.

Rows are read in key order, some thousand in a transaction of their own: a phone that takes half an hour for the
download keeps no connection and no snapshot meanwhile. The directory that makes a zip a zip comes at the very end,
behind manifest.json: what broke off does not open.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, select, tuple_
from sqlalchemy.orm import Session

from huntaze.models.base import Base, Tenant
from huntaze.services.load_files import USERS
from huntaze.services.sign_in import Viewer

BATCH = 5_000
"""Rows in memory at a time."""

LEFT_OUT = {
    "api_tokens": "A key to this Huntaze opens nothing elsewhere.",
    "daily_earnings": "Sums of what is in transactions.",
    "daily_subscribers": "Sums of what is in subscribers.",
    "import_chunks": "A file that waits to be imported; who sent it has it.",
    "import_rows": "How a file became subscribers, so that it can be undone here.",
    "attempts": "How this Huntaze tried to send what is in messages.",
    "lanes": "How fast this Huntaze sends for an account says nothing elsewhere.",
    "invitations": "An invitation leads into this Huntaze.",
    "tombstones": "Digests under this workspace's key say nothing elsewhere.",
    "platform_checks": "Questions to a platform, with keys, that are answered within minutes.",
    "sync_states": "How far this Huntaze has read an account says nothing elsewhere.",
    "webhook_refusals": "How often a stranger knocked at this Huntaze says nothing elsewhere.",
    "webhook_deliveries": "What a platform posted is in the rows that were made of it.",
}
"""Tables of a workspace that are not in its export, and why. All others are, also those that come later."""
LEFT_OUT_COLUMNS: dict[tuple[str, str], str] = {
    ("messages", "key"): "It tells two attempts of this Huntaze from two messages.",
    ("messages", "place"): "A place in the line of this Huntaze.",
    ("platform_accounts", "key_sealed"): "A sealed key opens nothing elsewhere.",
    ("platform_accounts", "webhook_hash"): "Webhooks come to this Huntaze only.",
    ("platform_accounts", "webhook_secret_sealed"): "Webhooks come to this Huntaze only.",
}
"""Columns (table, column) that are not, and why. What the database computes is left out anyway."""

# What `huntaze load` calls things: renamed columns, and the id of the owner in each row.
RENAMED = {("transactions", "occurred_at"): "created_at"}
LOADED = ("subscribers", "transactions", "conversations", "messages")

Sessions = Callable[[], AbstractContextManager[Session]]
Rows = Iterator[tuple[Any, ...]]

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class WorkspaceExport:
    """Everything of the workspace of `owner`, with `readme` in front."""

    def __init__(self, open_session: Sessions, owner: Viewer, readme: str, now: datetime) -> None:
        self.open_session = open_session
        self.owner = owner
        self.readme = readme
        self.now = now

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the zip, as they come."""
        out = _Out()
        counts: dict[str, int] = {}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.writestr(self._entry("README.txt"), self.readme)
            for name, header, rows in self._files():
                counts[name] = 0
                with archive.open(self._entry(name), "w", force_zip64=True) as file:
                    file.write("\ufeff".encode())  # a spreadsheet then takes it for UTF-8
                    for batch in _batched([header], rows):
                        counts[name] += len(batch)
                        file.write(_csv(batch))
                        yield out.taken()
                counts[name] -= 1  # the header
            manifest = {"workspace": self.owner.workspace_name, "made_at": self.now.isoformat(), "rows": counts}
            archive.writestr(self._entry("manifest.json"), json.dumps(manifest, indent=2, ensure_ascii=False))
        yield out.taken()

    def _files(self) -> Iterator[tuple[str, list[str], Rows]]:
        """Each file's name, header and rows."""
        owner = self.owner
        yield "users.csv", list(USERS), iter([(owner.user_id, owner.email, owner.name, "", self.now)])
        workspaces, users = (Base.metadata.tables[name] for name in ("workspaces", "users"))
        workspace = [column for column in workspaces.c if column.name != "id"]
        yield "workspace.csv", _names(workspace), self._rows(workspace, [workspaces.c.id])
        yield "people.csv", ["id", "name"], self._rows([users.c.id, users.c.name], [users.c.id])
        for table in exported_tables():
            columns = exported_columns(table)
            header, rows = _names(columns), self._rows(columns, list(table.primary_key.columns))
            if table.name in LOADED:
                header, rows = ["user_id", *header], ((owner.user_id, *row) for row in rows)
            yield f"{table.name}.csv", header, rows

    def _rows(self, columns: list[Column[Any]], key: list[Column[Any]]) -> Rows:
        """The rows of a table in the order of its key; row-level security adds its condition to ours."""
        table = key[0].table
        position: ColumnElement[Any] = tuple_(*key)
        query = select(*key, *columns).order_by(*key).limit(BATCH)
        if "workspace_id" in table.c:
            query = query.where(table.c.workspace_id == self.owner.workspace_id)
        last: tuple[Any, ...] | None = None
        while True:
            with self.open_session() as session:
                after = query if last is None else query.where(position > tuple_(*last))
                batch = session.execute(after).all()
            for row in batch:
                yield tuple(row[len(key) :])
            if len(batch) < BATCH:
                return
            last = tuple(batch[-1][: len(key)])

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, self.now.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        return entry


def exported_tables() -> list[Table]:
    """Parents before children."""
    tenants = {mapper.local_table for mapper in Base.registry.mappers if issubclass(mapper.class_, Tenant)}
    return [table for table in Base.metadata.sorted_tables if table in tenants and table.name not in LEFT_OUT]


def exported_columns(table: Table) -> list[Column[Any]]:
    """Without the workspace's number, which every row would repeat."""
    return [
        column
        for column in table.c
        if column.name != "workspace_id"
        and column.computed is None
        and (table.name, column.name) not in LEFT_OUT_COLUMNS
    ]


class _Out(io.RawIOBase):
    """Where zipfile writes; it can't go back, so what was written can be sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _names(columns: Iterable[Column[Any]]) -> list[str]:
    return [RENAMED.get((column.table.name, column.name), column.name) for column in columns]


def _batched(first: Iterable[Any], rows: Rows) -> Iterator[list[Any]]:
    batch = list(first)
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """As PostgreSQL and a spreadsheet read it. A text that a spreadsheet would run gets an apostrophe in front."""
    if isinstance(value, str):
        return "'" + value if _FORMULA.match(value) else str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return _cell(json.dumps(value, ensure_ascii=False))
    return value
