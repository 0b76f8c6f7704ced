"""What the bell shows."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.notification import Notification
from huntaze.services.keyset import Order, Page, read_time

NEWEST = Order("bell", Notification.created_at, Notification.id, lambda row: row.created_at, read_time)


class NotificationService:
    """The notifications of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, user_id: UserId, after: str = "") -> Page[Notification]:
        """Those of one member, newest first. Reading the list marks nothing: GET is safe."""
        query = select(Notification).where(
            Notification.workspace_id == self.workspace_id, Notification.user_id == user_id
        )
        return NEWEST.split(self.session.scalars(NEWEST.page(query, after)).all())

    def mark_read(self, user_id: UserId) -> None:
        """All of the member's."""
        self.session.execute(
            update(Notification)
            .where(
                Notification.workspace_id == self.workspace_id,
                Notification.user_id == user_id,
                Notification.read_at.is_(None),
            )
            .values(read_at=func.now())
        )
