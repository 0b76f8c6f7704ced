"""What was done in a workspace, for its owner to read."""

from __future__ import annotations

from sqlalchemy.orm import Session

from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import UserId, WorkspaceId


class AuditService:
    """The audit log of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def record(
        self, actor_id: UserId | None, action: Action, subject_id: int | None = None, **detail: int | str
    ) -> None:
        """One row, in the transaction of what it tells of. `detail`: numbers and words of ours, nothing personal."""
        self.session.add(
            AuditEvent(
                workspace_id=self.workspace_id,
                actor_id=actor_id,
                action=action,
                subject_id=subject_id,
                detail=detail,
            )
        )
