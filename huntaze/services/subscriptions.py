"""The times in which a fan was subscribed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.subscription import SubscriptionPeriod

NEWEST = 6


class Periods(NamedTuple):
    """The newest first; and how many there are before those."""

    rows: Sequence[SubscriptionPeriod]
    earlier: int


class SubscriptionService:
    """The subscriptions of one workspace's fans."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def newest(self, subscriber_id: int) -> Periods:
        """One query."""
        query = (
            select(SubscriptionPeriod, func.count().over())
            .where(
                SubscriptionPeriod.workspace_id == self.workspace_id,
                SubscriptionPeriod.subscriber_id == subscriber_id,
            )
            .order_by(SubscriptionPeriod.started_at.desc())
            .limit(NEWEST)
        )
        found = self.session.execute(query).all()
        return Periods([period for period, _count in found], found[0][1] - len(found) if found else 0)
