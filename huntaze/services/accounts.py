"""New users and their workspaces."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.account import NewUser, Registration
from huntaze.services.errors import Conflict, Invalid, Problem
from huntaze.services.passwords import hash_password, is_common


class AccountService:
    """Works through the system door: a new user has no workspace yet."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def open(self, wanted: Registration) -> tuple[WorkspaceId, UserId]:
        """A new user who owns a new workspace. Raises Conflict, Invalid."""
        user_id = self.add_user(wanted)
        return self.open_workspace(user_id, wanted.business), user_id

    def open_workspace(self, owner_id: UserId, name: str) -> WorkspaceId:
        """A new workspace of someone who has an account."""
        workspace = Workspace(name=name)
        self.session.add(workspace)
        self.session.flush()
        self.session.add(Membership(workspace_id=workspace.id, user_id=owner_id, role=Role.OWNER))
        self.session.flush()
        return WorkspaceId(workspace.id)

    def add_user(self, new: NewUser) -> UserId:
        """Raises Invalid for a password that many use, Conflict when someone has that e-mail."""
        if is_common(new.password):
            raise Invalid({"password": [Problem("common_password")]})
        user_id = self.session.scalar(
            insert(User)
            .values(email=new.email, name=new.name, password_hash=hash_password(new.password))
            .on_conflict_do_nothing()
            .returning(User.id)
        )
        if user_id is None:
            raise Conflict({"email": [Problem("email_taken")]})
        return UserId(user_id)
