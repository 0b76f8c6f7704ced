"""New users and their workspaces, and what a user changes about their account."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.account_link import PendingAccount
from huntaze.models.audit import Action
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.account import NewUser, Registration
from huntaze.services.audit import AuditService
from huntaze.services.errors import Conflict, Invalid, Problem
from huntaze.services.passwords import hash_password, is_common, verify_password


class AccountService:
    """Works through the system door: a new user has no workspace yet, and a user's password is in none."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def open(self, wanted: Registration, *, vouched: bool = False) -> tuple[WorkspaceId, UserId]:
        """A new user who owns a new workspace. Raises Conflict, Invalid.

        vouched: an operator says that the e-mail is theirs; otherwise it is not confirmed.
        """
        refuse_common(wanted.password)
        confirmed_at = datetime.now(UTC) if vouched else None
        user_id = self._add(wanted.email, wanted.name, hash_password(wanted.password), confirmed_at)
        return self.open_workspace(user_id, wanted.business), user_id

    def open_registered(self, pending: PendingAccount) -> tuple[WorkspaceId, UserId]:
        """The same for a registration whose e-mail is confirmed. Raises Conflict."""
        user_id = self._add(pending.email, pending.name, pending.password_hash, datetime.now(UTC))
        return self.open_workspace(user_id, pending.business), user_id

    def open_workspace(self, owner_id: UserId, name: str) -> WorkspaceId:
        """A new workspace of someone who has an account."""
        workspace = Workspace(name=name)
        self.session.add(workspace)
        self.session.flush()
        self.session.add(Membership(workspace_id=workspace.id, user_id=owner_id, role=Role.OWNER))
        self.session.flush()
        return WorkspaceId(workspace.id)

    def add_user(self, new: NewUser, *, vouched: bool) -> UserId:
        """Someone without a workspace so far. vouched: it is known that the e-mail is theirs.

        Raises Invalid for a password that many use, Conflict when someone has that e-mail.
        """
        refuse_common(new.password)
        confirmed_at = datetime.now(UTC) if vouched else None
        return self._add(new.email, new.name, hash_password(new.password), confirmed_at)

    def change_password(self, user_id: UserId, current: str, new: str) -> None:
        """Raises Invalid for a wrong current password, and for a new one that many use."""
        user = self.session.scalars(select(User).where(User.id == user_id).with_for_update()).one()
        if not verify_password(user.password_hash, current):
            raise Invalid({"current": [Problem("wrong_password")]})
        refuse_common(new)
        user.password_hash = hash_password(new)

    def record(self, user_id: UserId, action: Action) -> None:
        """Writes down in each of the user's workspaces what its owner may want to know of their account."""
        for workspace_id in self.session.scalars(
            select(Membership.workspace_id).where(Membership.user_id == user_id)
        ):
            AuditService(self.session, workspace_id).record(user_id, action, user_id)

    def _add(self, email: str, name: str, password_hash: str, confirmed_at: datetime | None) -> UserId:
        user_id = self.session.scalar(
            insert(User)
            .values(email=email, name=name, password_hash=password_hash, email_confirmed_at=confirmed_at)
            .on_conflict_do_nothing()
            .returning(User.id)
        )
        if user_id is None:
            raise Conflict({"email": [Problem("email_taken")]})
        return UserId(user_id)


def refuse_common(password: str) -> None:
    """Raises Invalid for a password that many use."""
    if is_common(password):
        raise Invalid({"password": [Problem("common_password")]})
