"""Workspaces whose week is over go, some thousand rows at a time."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Table, delete, func, literal_column, select
from sqlalchemy.orm import Session

from huntaze.models.base import Base
from huntaze.models.workspace import Workspace

BATCH = 5_000
"""Rows of a transaction: few, so that nobody waits long for a lock of it."""


class WorkspaceDeletionService:
    """Works through the system door: nobody is a member of what goes any more."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def step(self) -> bool:
        """Deletes at most BATCH rows of a workspace whose time has come. False when there is none (left).

        Begins anywhere: what an earlier run deleted is not there. The workspace's own row is the last to go, and is
        locked meanwhile: nobody keeps it, or adds to it, in the middle of a step.
        """
        due = select(Workspace.id).where(Workspace.delete_at <= func.now()).order_by(Workspace.id).limit(1)
        workspace_id = self.session.scalar(due.with_for_update(skip_locked=True))
        if workspace_id is None:
            return False
        for table in tables():
            if self._delete_some(table, workspace_id):
                return True
        self.session.execute(delete(Workspace).where(Workspace.id == workspace_id))
        return True

    def _delete_some(self, table: Table, workspace_id: int) -> int:
        place: ColumnElement[Any] = literal_column("ctid")  # where a row lies: the quickest way back to it
        some = select(place).select_from(table).where(table.c.workspace_id == workspace_id).limit(BATCH)
        chosen = delete(table).where(place == func.any(func.array(some.scalar_subquery())))
        return cast("CursorResult[Any]", self.session.execute(chosen)).rowcount


def tables() -> list[Table]:
    """Those with rows of workspaces; what points at others comes before them."""
    return [table for table in reversed(Base.metadata.sorted_tables) if "workspace_id" in table.c]
