"""Who belongs to a workspace."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.audit import Action
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.invitation import Invitation
from huntaze.models.sign_in import SignIn
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.services.audit import AuditService
from huntaze.services.errors import Conflict, NotFound, Problem
from huntaze.services.keyset import Order, Page, read_time

JOINED = Order("team", Membership.created_at, Membership.user_id, lambda row: row.joined_at, read_time, False)


class Member(NamedTuple):
    """A member, as the team's list shows them. picture: the digest of it."""

    id: UserId
    name: str
    email: str
    picture: str | None
    role: Role
    joined_at: datetime


class MemberService:
    """The members of one workspace; through the system door, because users belong to no workspace."""

    system_door: ClassVar[Literal[True]] = True

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    @classmethod
    def of_owner(cls, session: Session, email: str) -> MemberService:
        """The service of the workspace that this person owns, the first if several. Raises NotFound."""
        return cls.of_member(session, email, Role.OWNER)

    @classmethod
    def of_member(cls, session: Session, email: str, *roles: Role) -> MemberService:
        """The service of the workspace that this person joined first, in one of `roles` if any. Raises NotFound."""
        workspace_id = session.scalar(
            select(Membership.workspace_id)
            .join(User, User.id == Membership.user_id)
            .where(User.email == email.lower(), Membership.role.in_(roles or Role))
            .order_by(Membership.created_at, Membership.workspace_id)
            .limit(1)
        )
        if workspace_id is None:
            raise NotFound(email)
        return cls(session, workspace_id)

    def owners(self) -> list[tuple[str, str | None]]:
        """(e-mail, language) of each."""
        query = (
            select(User.email, User.locale)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == self.workspace_id, Membership.role == Role.OWNER)
            .order_by(User.id)
        )
        return [(row.email, row.locale) for row in self.session.execute(query)]

    def find_user(self, email: str) -> UserId | None:
        found = self.session.scalar(select(User.id).where(User.email == email.lower()))
        return UserId(found) if found else None

    def page(self, after: str = "") -> Page[Member]:
        """Who joined first comes first."""
        rows = self.session.execute(JOINED.page(self._members(), after)).all()
        return JOINED.split([Member(*row) for row in rows])

    def get(self, user_id: int) -> Member:
        """Raises NotFound."""
        row = self.session.execute(self._members().where(Membership.user_id == user_id)).one_or_none()
        if row is None:
            raise NotFound(user_id)
        return Member(*row)

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
        self._record(user_id, Action.MEMBER_JOINED, user_id, role=role)

    def change_role(self, actor_id: UserId, user_id: int, role: Role) -> None:
        """From the member's next request on. Raises NotFound, and Conflict where nobody would own the workspace."""
        was = self._lock(user_id)
        if was == role:
            return
        if was is Role.OWNER:
            self._keep_an_owner("role")
            self._revoke_invitations_of(user_id)
        self.session.execute(
            update(Membership)
            .where(Membership.workspace_id == self.workspace_id, Membership.user_id == user_id)
            .values(role=role)
        )
        self._record(actor_id, Action.ROLE_CHANGED, user_id, was=was, became=role)

    def remove(self, actor_id: UserId, user_id: int) -> None:
        """Takes a member out: their sessions here end, their tokens go, what they wrote stays.

        Raises NotFound, and Conflict where nobody would own the workspace.
        """
        was = self._lock(user_id)
        if was is Role.OWNER:
            self._keep_an_owner("_")
        self._revoke_invitations_of(user_id)
        here = Membership.workspace_id == self.workspace_id, Membership.user_id == user_id
        self.session.execute(delete(Membership).where(*here))
        self.session.execute(
            update(SignIn)
            .where(SignIn.workspace_id == self.workspace_id, SignIn.user_id == user_id, SignIn.ended_at.is_(None))
            .values(ended_at=func.now())
        )
        self._record(
            actor_id, Action.MEMBER_LEFT if actor_id == user_id else Action.MEMBER_REMOVED, user_id, role=was
        )

    def _members(self) -> Any:
        return (
            select(User.id, User.name, User.email, User.picture, Membership.role, Membership.created_at)
            .join(User, User.id == Membership.user_id)
            .where(Membership.workspace_id == self.workspace_id)
        )

    def _lock(self, user_id: int) -> Role:
        """The member's role, which nobody changes until the commit: one change of a team at a time, so that two
        owners can't demote each other at once. Raises NotFound."""
        one_at_a_time = select(Workspace.id).where(Workspace.id == self.workspace_id).with_for_update(key_share=True)
        self.session.execute(one_at_a_time)
        role = self.session.scalar(
            select(Membership.role).where(Membership.workspace_id == self.workspace_id, Membership.user_id == user_id)
        )
        if role is None:
            raise NotFound(user_id)
        return role

    def _keep_an_owner(self, field: str) -> None:
        owners = select(func.count()).where(
            Membership.workspace_id == self.workspace_id, Membership.role == Role.OWNER
        )
        if self.session.scalar(owners) == 1:
            raise Conflict({field: [Problem("last_owner")]})

    def _revoke_invitations_of(self, user_id: int) -> None:
        """Else someone who is about to be taken out could invite themselves back."""
        self.session.execute(
            update(Invitation)
            .where(
                Invitation.workspace_id == self.workspace_id,
                Invitation.inviter_id == user_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
        )

    def _record(self, actor_id: UserId | None, action: Action, user_id: int, **detail: str) -> None:
        AuditService(self.session, self.workspace_id).record(actor_id, action, user_id, **detail)
