"""CSV files of subscribers on their way in: the file, how it is read, and what became of each row."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from huntaze.models.base import Base, CreatedAt, Id, Tenant, UserId, choice


class ImportState(StrEnum):
    """uploading -> checking -> ready -> running -> done -> undoing -> undone; a file may also be unreadable."""

    UPLOADING = "uploading"
    CHECKING = "checking"
    READY = "ready"
    UNREADABLE = "unreadable"
    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


AT_WORK = (ImportState.CHECKING, ImportState.RUNNING, ImportState.UNDOING)
"""A worker is at it, or will be."""


class Outcome(StrEnum):
    """What became of a row. The unchanged ones are only counted."""

    ADDED = "added"
    CHANGED = "changed"
    REFUSED = "refused"


class Import(Tenant, Base):
    """One file. `total` and `done` are bytes while it is checked, and rows while it is stored.

    `revision` grows with each change of `settings`, so that a check of the former ones is not taken for one of
    these. `head` and `problems` are what the check found, `failure` says why a file can't be read.
    """

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint("length(file_name) <= 255", "file_name_length"),
        Index("ix_imports_newest", "workspace_id", "created_at", "id"),
        Index("ix_imports_at_work", "touched_at",
              postgresql_where=text("state IN ('uploading', 'checking', 'running', 'undoing')")),
    )  # fmt: skip

    id: Mapped[Id]
    author_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[ImportState] = mapped_column(choice(ImportState, "state"), server_default=ImportState.UPLOADING)
    locale: Mapped[str] = mapped_column(server_default="en")  # decides between two notations that fit alike
    revision: Mapped[int] = mapped_column(server_default="0")
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    head: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}", deferred=True)
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]", deferred=True)
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    total: Mapped[int] = mapped_column(server_default="0")
    done: Mapped[int] = mapped_column(server_default="0")
    added: Mapped[int] = mapped_column(server_default="0")
    changed: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    touched_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]

    @property
    def is_at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def percent(self) -> int:
        """How far the work is, 0 to 100."""
        return min(100 * self.done // self.total, 100) if self.total else 0


_OF_IMPORT = ["workspace_id", "import_id"]
_IMPORT = ["imports.workspace_id", "imports.id"]


class ImportChunk(Tenant, Base):
    """A part of the file as it came; gone as soon as its rows are stored."""

    __tablename__ = "import_chunks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "import_id"], ["imports.workspace_id", "imports.id"], ondelete="CASCADE"
        ),
    )

    import_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportRow(Tenant, Base):
    """What became of a row: which fan it added or changed (and how they were), or why it was refused.

    `stored_at` is what the fan's `updated_at` was set to, so that a later change shows. The row goes with its fan.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        ForeignKeyConstraint(_OF_IMPORT, _IMPORT, ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["workspace_id", "subscriber_id"],
            ["subscribers.workspace_id", "subscribers.id"],
            ondelete="CASCADE",
        ),
        Index("ix_import_rows_subscriber", "workspace_id", "subscriber_id",
              postgresql_where=text("subscriber_id IS NOT NULL")),
    )  # fmt: skip

    import_id: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(choice(Outcome, "outcome"))
    subscriber_id: Mapped[int | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    cells: Mapped[list[str] | None] = mapped_column(JSONB)
    problems: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    stored_at: Mapped[CreatedAt]
