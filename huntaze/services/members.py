"""Who belongs to a workspace."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.services.errors import Conflict, NotFound, Problem


class MemberService:
    """The members of one workspace; through the system door, because users belong to no workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    @classmethod
    def of_owner(cls, session: Session, email: str) -> MemberService:
        """The service of the workspace that this person owns, the first if several. Raises NotFound."""
        workspace_id = session.scalar(
            select(Workspace.id)
            .join(Membership, Membership.workspace_id == Workspace.id)
            .join(User, User.id == Membership.user_id)
            .where(User.email == email.lower(), Membership.role == Role.OWNER)
            .order_by(Workspace.id)
            .limit(1)
        )
        if workspace_id is None:
            raise NotFound(email)
        return cls(session, WorkspaceId(workspace_id))

    def find_user(self, email: str) -> UserId | None:
        found = self.session.scalar(select(User.id).where(User.email == email.lower()))
        return UserId(found) if found else None

    def add(self, user_id: UserId, role: Role) -> None:
        """Raises Conflict for someone who is a member already."""
        added = self.session.scalar(
            insert(Membership)
            .values(workspace_id=self.workspace_id, user_id=user_id, role=role)
            .on_conflict_do_nothing()
            .returning(Membership.user_id)
        )
        if added is None:
            raise Conflict({"email": [Problem("member_already")]})
