"""Where a person is signed in, and how they sign out elsewhere: their sessions, in whatever workspace."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.sign_in import ABSOLUTE, IDLE, SignIn
from huntaze.models.user import Membership
from huntaze.services.errors import NotFound
from huntaze.services.keyset import Order, Page, read_time

LAST_SEEN = Order("devices", SignIn.last_seen_at, SignIn.id, lambda row: row.last_seen_at, read_time)


class DeviceService:
    """The live sessions of one user; through the system door, because they are of several workspaces."""

    def __init__(self, session: Session, user_id: UserId) -> None:
        self.session = session
        self.user_id = user_id

    def page(self, after: str = "") -> Page[SignIn]:
        """The latest seen first."""
        query = select(SignIn).where(self._live())
        return LAST_SEEN.split(self.session.scalars(LAST_SEEN.page(query, after)).all())

    def sign_out(self, sign_in_id: int) -> None:
        """Ends one, at once: each request asks for its session. Raises NotFound for one that is not theirs."""
        ended = update(SignIn).where(self._live(), SignIn.id == sign_in_id).values(ended_at=func.now())
        if self.session.scalar(ended.returning(SignIn.id)) is None:
            raise NotFound(sign_in_id)

    def sign_out_others(self, sign_in_id: int) -> int:
        """Ends all but this one; returns how many."""
        others = update(SignIn).where(self._live(), SignIn.id != sign_in_id)
        return len(self.session.scalars(others.values(ended_at=func.now()).returning(SignIn.id)).all())

    def _live(self) -> ColumnElement[bool]:
        now = datetime.now(UTC)
        return and_(
            SignIn.user_id == self.user_id,
            SignIn.ended_at.is_(None),
            SignIn.last_seen_at > now - IDLE,
            SignIn.created_at > now - ABSOLUTE,
            exists().where(Membership.user_id == SignIn.user_id, Membership.workspace_id == SignIn.workspace_id),
        )
