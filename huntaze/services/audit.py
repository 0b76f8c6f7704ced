"""What was done in a workspace, for its owner to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session, aliased

from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Membership, User
from huntaze.schemas.team import AuditFilter
from huntaze.services.keyset import Order, Page, read_time

MOST_MEMBERS = 200
"""Names in the filter."""

NEWEST = Order("audit", AuditEvent.created_at, AuditEvent.id, lambda row: row.created_at, read_time)


class Done(NamedTuple):
    """One thing that was done. actor_name: None when they have no account any more, or it was the operator.
    subject_name: None for what has no name. subject_is_here: whether there still is a page of it."""

    id: int
    actor_name: str | None
    action: str
    subject_id: int | None
    subject_name: str | None
    subject_is_here: bool
    detail: dict[str, Any]
    created_at: datetime


class AuditService:
    """The audit log of one workspace. It records in any session, and reads through the system door: it has the names
    of those who left, too."""

    system_door: ClassVar[Literal[True]] = True

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

    def page(self, wanted: AuditFilter) -> Page[Done]:
        """The newest first. Raises Invalid for a cursor of another list."""
        actor, member = aliased(User), aliased(User)
        fan = func.coalesce(func.nullif(Subscriber.display_name, ""), Subscriber.username)
        subject = case(
            (AuditEvent.action.like("member.%"), member.name),
            (AuditEvent.action.like("platform.%"), PlatformAccount.username),
            else_=fan,
        )
        query = (
            select(
                AuditEvent.id,
                actor.name,
                AuditEvent.action,
                AuditEvent.subject_id,
                subject,
                func.coalesce(Membership.user_id, Subscriber.id, PlatformAccount.id).is_not(None),
                AuditEvent.detail,
                AuditEvent.created_at,
            )
            .outerjoin(actor, actor.id == AuditEvent.actor_id)
            .outerjoin(member, and_(AuditEvent.action.like("member.%"), member.id == AuditEvent.subject_id))
            .outerjoin(
                Membership,
                and_(Membership.workspace_id == AuditEvent.workspace_id, Membership.user_id == member.id),
            )
            .outerjoin(
                Subscriber,
                and_(
                    AuditEvent.action.like("fan.%"),
                    Subscriber.workspace_id == AuditEvent.workspace_id,
                    Subscriber.id == AuditEvent.subject_id,
                ),
            )
            .outerjoin(
                PlatformAccount,
                and_(
                    AuditEvent.action.like("platform.%"),
                    PlatformAccount.workspace_id == AuditEvent.workspace_id,
                    PlatformAccount.id == AuditEvent.subject_id,
                ),
            )
            .where(AuditEvent.workspace_id == self.workspace_id)
        )
        if wanted.action:
            query = query.where(AuditEvent.action == wanted.action)
        if wanted.member:
            query = query.where(AuditEvent.actor_id == wanted.member)
        return NEWEST.split([Done(*row) for row in self.session.execute(NEWEST.page(query, wanted.after))])

    def members(self) -> list[tuple[int, str]]:
        """(id, name) of the members, by name: the choices of the filter."""
        query = (
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == self.workspace_id)
            .order_by(User.name, User.id)
            .limit(MOST_MEMBERS)
        )
        return [(row.id, row.name) for row in self.session.execute(query)]
