"""Signing in, up and out. Works through the system door: nobody has a workspace yet."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Row, Select, bindparam, delete, func, literal, or_, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message
from huntaze.models.notification import Notification
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.sign_in import ABSOLUTE, CONFIRMED, IDLE, ApiToken, SignIn, TokenScope
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.account import Credentials, Registration
from huntaze.services.accounts import AccountService
from huntaze.services.errors import Invalid, NotFound, Problem
from huntaze.services.passwords import hash_password, needs_rehash, verify_password

SEEN_EVERY = timedelta(minutes=5)
"""`last_seen_at` is written at most this often, so that reading pages hardly writes."""
COUNTED = 100
"""More unanswered conversations and unsure messages are not counted for the bar of each page: "99+" says it."""
KEPT = timedelta(days=30)
"""How long an ended session's row stays, so that a late form still finds its author."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and in which workspace: read anew for each request, so that a changed role holds at once.

    time_zone: the person's own, else the workspace's. picture: the digest of theirs. scope: of an API token.
    unread: notifications. waiting: conversations in which a fan waits for an answer, up to 100. unsure: messages of
    which a person has to say whether they went out, up to 100.
    """

    user_id: UserId
    name: str
    email: str
    email_confirmed: bool
    locale: str | None
    workspace_id: WorkspaceId
    workspace_name: str
    currency: str
    time_zone: str
    role: Role
    unread: int
    waiting: int
    unsure: int
    picture: str | None = None
    scope: TokenScope | None = None
    delete_at: datetime | None = None
    sign_in_id: int | None = None
    confirmed_at: datetime | None = None

    def covers(self, needed: Role) -> bool:
        return self.role.covers(needed)

    def is_confirmed(self, now: datetime) -> bool:
        """Whether the password was given a moment ago. Never for an API token."""
        return self.confirmed_at is not None and now < self.confirmed_at + CONFIRMED


class SignInService:
    """Sessions and tokens. Tokens leave this class once, in the clear; what is stored is their hash."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def register(self, wanted: Registration, user_agent: str) -> str:
        """A new user, owner of a new workspace; returns the token of their session. Raises Conflict, Invalid."""
        workspace_id, user_id = AccountService(self.session).open(wanted)
        return self.enter(user_id, workspace_id, user_agent)

    def sign_in(self, given: Credentials, user_agent: str) -> str:
        """The token of a new session for a password alone. Raises Invalid as its two halves do."""
        return self.start(self.check_password(given), user_agent)

    def check_password(self, given: Credentials) -> UserId:
        """Whose password it is. Raises Invalid, the same and after the same time, for a wrong
        password and for an unknown user."""
        user = self.session.scalar(select(User).where(User.email == given.email))
        if not verify_password(user.password_hash if user else None, given.password) or user is None:
            raise Invalid({"_": [Problem("credentials")]})
        if needs_rehash(user.password_hash):
            user.password_hash = hash_password(given.password)
            self.session.flush()
        return UserId(user.id)

    def start(self, user_id: UserId, user_agent: str, business: str = "") -> str:
        """The token of a new session of someone who has shown who they are. Raises Invalid for a member of none.

        business: the name of a new workspace, for who has none any more.
        """
        workspace_id = self._first_workspace(user_id)
        if workspace_id is None and business:
            workspace_id = AccountService(self.session).open_workspace(user_id, business)
        if workspace_id is None:
            raise Invalid({"business": [Problem("no_workspace")]})
        return self.enter(user_id, workspace_id, user_agent)

    def viewer(self, token: str) -> Viewer | None:
        """Whose session this is; None when there is none, it is over, or its member has left."""
        now = datetime.now(UTC)
        times = {"seen_after": now - IDLE, "begun_after": now - ABSOLUTE}
        wanted = {"token_hash": hash_token(token), **times}
        found = self.session.connection().execute(_OF_SIGN_IN, wanted).one_or_none()
        if found is None:
            return None
        if found.seen_at < now - SEEN_EVERY:
            seen = update(SignIn).where(SignIn.id == found.sign_in_id).values(last_seen_at=now)
            self.session.execute(seen)
        return _as_viewer(found)

    def token_viewer(self, token: str) -> Viewer | None:
        """Whom an API token acts as; None when it is unknown, revoked or over."""
        now = datetime.now(UTC)
        wanted = {"token_hash": hash_token(token), "now": now}
        found = self.session.connection().execute(_OF_API_TOKEN, wanted).one_or_none()
        if found is None:
            return None
        if found.seen_at is None or found.seen_at < now - SEEN_EVERY:
            this = ApiToken.workspace_id == found.workspace_id, ApiToken.id == found.token_id
            self.session.execute(update(ApiToken).where(*this).values(last_used_at=now))
        return _as_viewer(found)

    def confirm(self, viewer: Viewer, password: str) -> str:
        """Takes the password once more, before what can do great harm: the session's new token (ASVS 7.2.4).

        Raises Invalid for a wrong password.
        """
        stored = self.session.scalar(select(User.password_hash).where(User.id == viewer.user_id))
        if not verify_password(stored, password):
            raise Invalid({"password": [Problem("wrong_password")]})
        return self.renew(viewer)

    def renew(self, viewer: Viewer) -> str:
        """A new token for the session of a viewer who has just shown who they are; the old one is worth nothing."""
        token = secrets.token_urlsafe(32)
        values = {"token_hash": hash_token(token), "confirmed_at": func.now()}
        self.session.execute(update(SignIn).where(SignIn.id == viewer.sign_in_id).values(**values))
        return token

    def leave(self, token: str) -> None:
        """Ends the session that a browser had before it signed in again."""
        before = update(SignIn).where(SignIn.token_hash == hash_token(token), SignIn.ended_at.is_(None))
        self.session.execute(before.values(ended_at=func.now()))

    def sign_out(self, sign_in_id: int) -> None:
        self.session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(ended_at=func.now()))

    def workspaces(self, user_id: UserId) -> list[tuple[int, str]]:
        """(id, name) of each workspace of the user, by name."""
        query = (
            select(Workspace.id, Workspace.name)
            .join(Membership, Membership.workspace_id == Workspace.id)
            .where(Membership.user_id == user_id, Workspace.is_open())
            .order_by(Workspace.name, Workspace.id)
        )
        return [(row.id, row.name) for row in self.session.execute(query)]

    def switch(self, viewer: Viewer, workspace_id: int) -> None:
        """Goes on in another workspace of the viewer's. Raises NotFound for one that is not."""
        if workspace_id not in dict(self.workspaces(viewer.user_id)):
            raise NotFound(workspace_id)
        self.session.execute(update(SignIn).where(SignIn.id == viewer.sign_in_id).values(workspace_id=workspace_id))

    def choose_language(self, user_id: UserId, locale: str) -> None:
        self.session.execute(update(User).where(User.id == user_id).values(locale=locale))

    def former_user(self, token: str) -> UserId | None:
        """Whose session this was, also after its end; None for a token that never was."""
        return self.session.scalar(select(SignIn.user_id).where(SignIn.token_hash == hash_token(token)))

    def purge(self) -> int:
        """Deletes the sessions that ended long ago; returns how many."""
        now = datetime.now(UTC)
        ended = or_(
            SignIn.ended_at < now - KEPT,
            SignIn.last_seen_at < now - IDLE - KEPT,
            SignIn.created_at < now - ABSOLUTE - KEPT,
        )
        return cast("CursorResult[Any]", self.session.execute(delete(SignIn).where(ended))).rowcount

    def _first_workspace(self, user_id: UserId) -> WorkspaceId | None:
        return self.session.scalar(
            select(Membership.workspace_id)
            .join(Workspace, Workspace.id == Membership.workspace_id)
            .where(Membership.user_id == user_id, Workspace.is_open())
            .order_by(Membership.created_at, Membership.workspace_id)
            .limit(1)
        )

    def enter(self, user_id: UserId, workspace_id: WorkspaceId, user_agent: str) -> str:
        """The token of a new session in a workspace of someone who has shown who they are."""
        token = secrets.token_urlsafe(32)
        self.session.add(
            SignIn(
                token_hash=hash_token(token),
                user_id=user_id,
                workspace_id=workspace_id,
                user_agent=user_agent[:200],
            )
        )
        self.session.flush()
        return token


def hash_token(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def _viewer(credential: type[SignIn] | type[ApiToken], *columns: Any) -> Select[*tuple[Any, ...]]:
    """One query for all that a request needs to know of who asks: Viewer's fields by name, and `columns`."""
    unread = (
        select(func.count())
        .where(
            Notification.workspace_id == credential.workspace_id,
            Notification.user_id == credential.user_id,
            Notification.read_at.is_(None),
        )
        .scalar_subquery()
    )
    now = func.now()
    some = (
        select(literal(1))
        .where(
            Conversation.workspace_id == credential.workspace_id,
            Conversation.waiting_since.is_not(None),
            Conversation.closed_at.is_(None),
            or_(Conversation.snoozed_until.is_(None), Conversation.snoozed_until <= now),
        )
        .limit(COUNTED)
        .correlate(credential)
        .subquery()
    )
    waiting = select(func.count()).select_from(some).scalar_subquery()
    # From the accounts, which are few, so that ix_messages_state finds each one's: of millions hardly any is unsure.
    doubts = (
        select(literal(1))
        .select_from(PlatformAccount)
        .join(
            Message,
            (Message.workspace_id == PlatformAccount.workspace_id) & (Message.account_id == PlatformAccount.id),
        )
        .where(
            PlatformAccount.workspace_id == credential.workspace_id,
            Message.state == DeliveryState.UNKNOWN,
            Message.key.is_not(None),
        )
        .limit(COUNTED)
        .correlate(credential)
        .subquery()
    )
    unsure = select(func.count()).select_from(doubts).scalar_subquery()
    return (
        select(
            User.id.label("user_id"),
            User.name,
            User.email,
            User.email_confirmed_at.is_not(None).label("email_confirmed"),
            User.locale,
            User.picture,
            Workspace.id.label("workspace_id"),
            Workspace.name.label("workspace_name"),
            Workspace.currency,
            Workspace.delete_at,
            func.coalesce(User.time_zone, Workspace.time_zone).label("time_zone"),
            Membership.role,
            unread.label("unread"),
            waiting.label("waiting"),
            unsure.label("unsure"),
            *columns,
        )
        .join_from(credential, User, User.id == credential.user_id)
        .join(Workspace, Workspace.id == credential.workspace_id)
        .join(
            Membership,
            (Membership.workspace_id == credential.workspace_id) & (Membership.user_id == credential.user_id),
        )
        .where(Workspace.is_open(), credential.token_hash == bindparam("token_hash"))
    )


# Every request has one of them: they are built once, and read past the ORM, which has nothing to do there.
_OF_SIGN_IN = _viewer(
    SignIn, SignIn.id.label("sign_in_id"), SignIn.confirmed_at, SignIn.last_seen_at.label("seen_at")
).where(
    SignIn.ended_at.is_(None),
    SignIn.last_seen_at > bindparam("seen_after"),
    SignIn.created_at > bindparam("begun_after"),
)
_OF_API_TOKEN = _viewer(
    ApiToken, ApiToken.id.label("token_id"), ApiToken.scope, ApiToken.last_used_at.label("seen_at")
).where(
    ApiToken.revoked_at.is_(None),
    or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")),
)


def _as_viewer(found: Row[*tuple[Any, ...]]) -> Viewer:
    return Viewer(**{name: value for name, value in found._mapping.items() if name in _FIELDS})


_FIELDS = {field.name for field in fields(Viewer)}
