"""Bearer tokens for the API: made, listed and revoked. sign_in.py finds whom one acts as."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.models.audit import Action
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.sign_in import ApiToken, TokenScope
from huntaze.models.user import Membership, User
from huntaze.schemas.team import NewToken
from huntaze.services.audit import AuditService
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem
from huntaze.services.keyset import Order, Page, read_time

MOST = 50
"""Tokens of one member; a program that makes one at each start would fill the list."""

NEWEST = Order("tokens", ApiToken.created_at, ApiToken.id, lambda row: row.created_at, read_time)


class TokenRow(NamedTuple):
    """A token as the list shows it: the token itself was shown once, when it was made."""

    id: int
    name: str
    scope: TokenScope
    member_name: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


class TokenService:
    """The tokens of one workspace; through the system door, because the app's role can't read their hashes."""

    system_door: ClassVar[Literal[True]] = True

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, of: UserId | None, after: str = "") -> Page[TokenRow]:
        """Those of one member, or with None those of all; the newest first."""
        query: Any = (
            select(
                ApiToken.id,
                ApiToken.name,
                ApiToken.scope,
                User.name,
                ApiToken.created_at,
                ApiToken.last_used_at,
                ApiToken.expires_at,
            )
            .join(User, User.id == ApiToken.user_id)
            .where(ApiToken.workspace_id == self.workspace_id, ApiToken.revoked_at.is_(None))
        )
        if of is not None:
            query = query.where(ApiToken.user_id == of)
        return NEWEST.split([TokenRow(*row) for row in self.session.execute(NEWEST.page(query, after))])

    def create(self, user_id: UserId, new: NewToken) -> str:
        """The token, in the clear for this once. Raises NotFound for someone who is no member, Conflict when they
        have a token of this name (a double tap makes one), Invalid when they have too many."""
        member = select(Membership.role).where(
            Membership.workspace_id == self.workspace_id, Membership.user_id == user_id
        )
        if self.session.scalar(member.with_for_update(key_share=True)) is None:
            raise NotFound(user_id)
        theirs = (
            ApiToken.workspace_id == self.workspace_id,
            ApiToken.user_id == user_id,
            ApiToken.revoked_at.is_(None),
        )
        if self.session.scalar(select(ApiToken.id).where(*theirs, ApiToken.name == new.name).limit(1)):
            raise Conflict({"name": [Problem("token_name_taken")]})
        if (self.session.scalar(select(func.count()).where(*theirs)) or 0) >= MOST:
            raise Invalid({"_": [Problem("too_many_tokens", {"most": MOST})]})
        secret = secrets.token_urlsafe(32)
        token = ApiToken(
            workspace_id=self.workspace_id,
            user_id=user_id,
            name=new.name,
            scope=new.scope,
            token_hash=hashlib.sha256(secret.encode()).digest(),
            expires_at=datetime.now(UTC) + timedelta(days=new.days) if new.days else None,
        )
        self.session.add(token)
        self.session.flush()
        AuditService(self.session, self.workspace_id).record(user_id, Action.TOKEN_CREATED, token.id, scope=new.scope)
        return secret

    def revoke(self, actor_id: UserId, token_id: int, of: UserId | None) -> None:
        """From now on it opens nothing. Only one of `of`, unless that is None. Raises NotFound."""
        mine = update(ApiToken).where(
            ApiToken.workspace_id == self.workspace_id, ApiToken.id == token_id, ApiToken.revoked_at.is_(None)
        )
        if of is not None:
            mine = mine.where(ApiToken.user_id == of)
        if self.session.scalar(mine.values(revoked_at=func.now()).returning(ApiToken.id)) is None:
            raise NotFound(token_id)
        AuditService(self.session, self.workspace_id).record(actor_id, Action.TOKEN_REVOKED, token_id)
