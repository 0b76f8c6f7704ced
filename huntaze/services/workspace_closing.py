"""The wish to delete a workspace, and the week in which that can be taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.workspace import GRACE, Workspace
from huntaze.services.errors import Conflict, Invalid, Problem


class WorkspaceClosingService:
    """One workspace.

    Until its day everything works as before, writing too: fans go on writing and paying in that week, and a
    workspace that is kept after all must have lost nothing. A read-only week would need a rule in each job.
    """

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def ask_deletion(self, typed_name: str) -> datetime | None:
        """Sets the time of the deletion, a week from now, and returns it; None where it is set already.

        Raises Invalid unless `typed_name` is the workspace's name.
        """
        name = self.session.scalar(select(Workspace.name).where(Workspace.id == self.workspace_id))
        if name is None or typed_name.casefold() != name.casefold():
            raise Invalid({"name": [Problem("other_workspace_name", {"name": name})]})
        return self.session.scalar(
            update(Workspace)
            .where(Workspace.id == self.workspace_id, Workspace.delete_at.is_(None))
            .values(delete_at=func.now() + GRACE)
            .returning(Workspace.delete_at)
        )

    def keep(self) -> bool:
        """Takes the wish back; returns whether there was one. Raises Conflict when its time has come."""
        # The clock and not the transaction's begin: whoever deletes locks the row first, and may have done so since.
        kept = self.session.scalar(
            update(Workspace)
            .where(Workspace.id == self.workspace_id, Workspace.delete_at > func.clock_timestamp())
            .values(delete_at=None)
            .returning(Workspace.id)
        )
        begun = Workspace.id == self.workspace_id, Workspace.delete_at <= func.clock_timestamp()
        if kept is None and self.session.scalar(select(Workspace.id).where(*begun)):
            raise Conflict({"_": [Problem("deletion_began")]})
        return kept is not None
