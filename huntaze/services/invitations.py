"""Inviting people to a workspace, and joining one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.invitation import VALID, Invitation, State
from huntaze.models.user import Membership, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.account import NewUser
from huntaze.schemas.team import Newcomer, NewInvitation
from huntaze.services.accounts import AccountService
from huntaze.services.audit import AuditService
from huntaze.services.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from huntaze.services.keyset import Order, Page, read_time
from huntaze.services.members import MemberService

MOST_OPEN = 50
"""Invitations of one workspace that wait at a time."""
MOST_A_DAY = 100
"""Mails of one workspace within a day: it must not become a way to write to strangers."""
AGAIN = timedelta(minutes=1)
"""One invitation is not sent again sooner: a double tap is one mail."""

NEWEST = Order("invitations", Invitation.sent_at, Invitation.id, lambda row: row.sent_at, read_time)


class Sent(NamedTuple):
    """An invitation and its two secrets, this once in the clear. locale: the invited person's choice, if known."""

    invitation: Invitation
    shown: str
    mailed: str
    locale: str | None


class InvitationService:
    """The invitations of one workspace; through the system door, because they hold people's addresses."""

    system_door: ClassVar[Literal[True]] = True

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, after: str = "") -> Page[Invitation]:
        """Those that wait or are over without an answer, the last sent first."""
        query = select(Invitation).where(*self._waiting())
        return NEWEST.split(self.session.scalars(NEWEST.page(query, after)).all())

    def invite(self, actor_id: UserId, new: NewInvitation) -> Sent:
        """Raises Conflict for a member and for who is invited already, Invalid where it is too many.

        Whether that address has an account changes nothing that the inviter sees.
        """
        self._one_at_a_time()
        if self.session.scalar(
            select(User.id)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == self.workspace_id, User.email == new.email)
        ):
            raise Conflict({"email": [Problem("member_already")]})
        now = datetime.now(UTC)
        twin = self.session.scalar(select(Invitation).where(*self._waiting(), Invitation.email == new.email))
        if twin and twin.state(now) is State.OPEN:
            raise Conflict({"email": [Problem("invited_already")]})
        if twin:
            twin.revoked_at = now
            self.session.flush()
        open_ones = select(func.count()).where(*self._waiting(), Invitation.sent_at > now - VALID)
        if (self.session.scalar(open_ones) or 0) >= MOST_OPEN:
            raise Invalid({"_": [Problem("too_many_invitations", {"most": MOST_OPEN})]})
        invitation = Invitation(workspace_id=self.workspace_id, email=new.email, role=new.role)
        return self._send(invitation, actor_id, Action.INVITATION_SENT)

    def resend(self, actor_id: UserId, invitation_id: int) -> Sent:
        """With new links, for seven more days; the old ones are over. Raises NotFound, Invalid if too soon."""
        invitation = self._get(invitation_id)
        if invitation.sent_at > datetime.now(UTC) - AGAIN:
            raise Invalid({"_": [Problem("sent_just_now")]})
        return self._send(invitation, actor_id, Action.INVITATION_RESENT)

    def revoke(self, actor_id: UserId, invitation_id: int) -> None:
        """Raises NotFound."""
        invitation = self._get(invitation_id)
        invitation.revoked_at = datetime.now(UTC)
        AuditService(self.session, self.workspace_id).record(actor_id, Action.INVITATION_REVOKED, invitation.id)

    def _send(self, invitation: Invitation, actor_id: UserId, action: Action) -> Sent:
        today = select(func.count()).where(
            AuditEvent.workspace_id == self.workspace_id,
            AuditEvent.created_at > func.now() - timedelta(days=1),
            AuditEvent.action.in_([Action.INVITATION_SENT, Action.INVITATION_RESENT]),
        )
        if (self.session.scalar(today) or 0) >= MOST_A_DAY:
            raise Invalid({"_": [Problem("invitations_today", {"most": MOST_A_DAY})]})
        shown, mailed = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        invitation.shown_hash, invitation.mailed_hash = _hash(shown), _hash(mailed)
        invitation.inviter_id, invitation.sent_at = actor_id, datetime.now(UTC)
        self.session.add(invitation)
        self.session.flush()
        AuditService(self.session, self.workspace_id).record(actor_id, action, invitation.id, role=invitation.role)
        locale = self.session.scalar(select(User.locale).where(User.email == invitation.email))
        return Sent(invitation, shown, mailed, locale)

    def _get(self, invitation_id: int) -> Invitation:
        self._one_at_a_time()
        found = self.session.scalar(select(Invitation).where(*self._waiting(), Invitation.id == invitation_id))
        if found is None:
            raise NotFound(invitation_id)
        return found

    def _one_at_a_time(self) -> None:
        workspace = select(Workspace.id).where(Workspace.id == self.workspace_id).with_for_update(key_share=True)
        self.session.execute(workspace)

    def _waiting(self) -> tuple[Any, ...]:
        return (
            Invitation.workspace_id == self.workspace_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )


class Welcome(NamedTuple):
    """What an invited person is told before they join. proven: the link was in a mail, so the mailbox is theirs.
    homeless: there is an account with that address, but no workspace of its own to sign in to."""

    invitation: Invitation
    state: State
    workspace_name: str
    inviter_name: str | None
    proven: bool
    homeless: bool


class JoinService:
    """Accepting an invitation; through the system door, because who does is no member yet."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, token: str) -> Welcome:
        """Uses nothing up. Raises NotFound."""
        return self._welcome(token)

    def accept(self, token: str, user_id: UserId) -> WorkspaceId:
        """Joins with an account. Raises NotFound, Conflict where the invitation is not open any more, and Forbidden
        where it is for another address: a link that was passed on lets nobody in."""
        welcome = self._open(token)
        email = self.session.scalar(select(User.email).where(User.id == user_id))
        if email != welcome.invitation.email:
            raise Forbidden
        return self._join(welcome.invitation, user_id)

    def accept_by_mail(self, token: str) -> None:
        """Joins with the account of the invited address, which has no workspace and so could not sign in first.

        Only by the link in the mail, and nobody is signed in by it. Raises as `accept` does.
        """
        welcome = self._open(token)
        user_id = self.session.scalar(select(User.id).where(User.email == welcome.invitation.email))
        if user_id is None or not welcome.homeless:
            raise Forbidden
        self._join(welcome.invitation, UserId(user_id))

    def register(self, given: Newcomer) -> tuple[WorkspaceId, UserId]:
        """Joins with a new account for the invited address. Raises NotFound, Conflict, Invalid."""
        welcome = self._open(given.token)
        new = NewUser.model_construct(name=given.name, email=welcome.invitation.email, password=given.password)
        user_id = AccountService(self.session).add_user(new, vouched=welcome.proven)
        return self._join(welcome.invitation, user_id), user_id

    def _join(self, invitation: Invitation, user_id: UserId) -> WorkspaceId:
        MemberService(self.session, invitation.workspace_id).add(user_id, invitation.role)
        invitation.accepted_at = datetime.now(UTC)
        return invitation.workspace_id

    def _open(self, token: str) -> Welcome:
        """Locked until the commit: of two who accept at once, one joins."""
        welcome = self._welcome(token, lock=True)
        if welcome.state is not State.OPEN:
            raise Conflict({"_": [Problem(f"invitation_{welcome.state}")]})
        return welcome

    def _welcome(self, token: str, *, lock: bool = False) -> Welcome:
        sought = _hash(token)
        query: Any = (
            select(Invitation, Workspace.name.label("workspace_name"), User.name.label("inviter_name"))
            .join(Workspace, Workspace.id == Invitation.workspace_id)
            .outerjoin(User, User.id == Invitation.inviter_id)
            .where(or_(Invitation.shown_hash == sought, Invitation.mailed_hash == sought))
        )
        if lock:
            query = query.with_for_update(of=Invitation)
        row: Row[Any] | None = self.session.execute(query).one_or_none()
        if row is None:
            raise NotFound(token[:6])
        invitation: Invitation = row.Invitation
        proven = secrets.compare_digest(invitation.mailed_hash, sought)
        return Welcome(
            invitation,
            invitation.state(datetime.now(UTC)),
            row.workspace_name,
            row.inviter_name,
            proven,
            proven and self._is_homeless(invitation.email),
        )

    def _is_homeless(self, email: str) -> bool:
        has_workspace = select(Membership.user_id).where(Membership.user_id == User.id).exists()
        return self.session.scalar(select(User.id).where(User.email == email, ~has_workspace)) is not None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
