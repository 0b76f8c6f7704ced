"""How what a workspace sends gets on: by account, with the pace and the reason of any wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import WAITING, DeliveryState, Message
from huntaze.models.delivery import Halt, Lane
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.user import User
from huntaze.services.errors import NotFound
from huntaze.services.platform_policies import is_accepted

UNDER_WAY = (
    DeliveryState.SCHEDULED,
    DeliveryState.HELD,
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.UNKNOWN,
)
LATELY = timedelta(hours=24)
PACE = 2.0
"""Messages a second and account, where the platform answers at once."""


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """today: in the last 24 hours. pace: a second; eta: when the last that is queued will be out, None where nobody
    can say. paused: until somebody resumes it; paused_by: the name of who paused it; waits_until: a time that the
    platform or an error asked for. connected: there is a key; accepted: the owner accepted the platform's rules."""

    account_id: int
    handle: str
    scheduled: int
    held: int
    queued: int
    sending: int
    unknown: int
    sent_today: int
    failed_today: int
    pace: float
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    halt: Halt | None
    waits_until: datetime | None
    stop_at: datetime | None
    eta: datetime | None
    connected: bool
    accepted: bool

    @property
    def left(self) -> int:
        """What is still to be sent, as far as it may be now."""
        return self.queued + self.sending


class DeliveryStatusService:
    """One workspace's lanes."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def lanes(self) -> list[LaneStatus]:
        """Of each account, also one that never sent. Four queries, all by index: accounts, lanes, two counts."""
        now: datetime = self.session.scalars(select(func.now())).one()
        accounts = self.session.scalars(
            select(PlatformAccount)
            .where(PlatformAccount.workspace_id == self.workspace_id)
            .order_by(PlatformAccount.platform, PlatformAccount.username, PlatformAccount.id)
        ).all()
        query = select(Lane, User.name).outerjoin(User, User.id == Lane.paused_by)
        lanes = {}
        paused_by = {}
        for lane, name in self.session.execute(query.where(Lane.workspace_id == self.workspace_id)):
            lanes[lane.account_id], paused_by[lane.account_id] = lane, name
        counts = {**self._counts(UNDER_WAY, None), **self._counts((DeliveryState.SENT, DeliveryState.FAILED), now)}
        return [
            _status(account, lanes.get(account.id), paused_by.get(account.id), counts, now) for account in accounts
        ]

    def lane(self, account_id: int) -> LaneStatus:
        """Raises NotFound."""
        found = next((lane for lane in self.lanes() if lane.account_id == account_id), None)
        if found is None:
            raise NotFound(account_id)
        return found

    def waiting_for_all(self, account_id: int) -> int:
        """How many of those that wait are of a campaign or an automation."""
        here = Message.workspace_id == self.workspace_id, Message.account_id == account_id
        query = select(func.count()).select_from(Message).where(*here, Message.state.in_(WAITING), Message.bulk)
        return self.session.scalar(query.where(Message.key.is_not(None))) or 0

    def _counts(
        self, states: tuple[DeliveryState, ...], now: datetime | None
    ) -> dict[tuple[int | None, DeliveryState], int]:
        query = (
            select(Message.account_id, Message.state, func.count())
            .where(Message.workspace_id == self.workspace_id, Message.key.is_not(None), Message.state.in_(states))
            .group_by(Message.account_id, Message.state)
        )
        if now is not None:
            query = query.where(Message.sent_at > now - LATELY)
        return {(account_id, state): count for account_id, state, count in self.session.execute(query)}


def _status(
    account: PlatformAccount,
    lane: Lane | None,
    paused_by: str | None,
    counts: Mapping[tuple[int | None, DeliveryState], int],
    now: datetime,
) -> LaneStatus:
    lane = lane or Lane(completed_at=[], failures=0)
    number = {state: counts.get((account.id, state), 0) for state in DeliveryState}
    stopped = lane.stop_at is not None and lane.stop_at <= now
    paused = lane.paused_at is not None or stopped
    waits = lane.not_before if lane.not_before and lane.not_before > now else None
    queued = number[DeliveryState.QUEUED]
    eta = None if paused or not queued else (waits or now) + timedelta(seconds=queued / PACE)
    if eta is not None and lane.stop_at is not None and eta > lane.stop_at:
        eta = None
    return LaneStatus(
        account_id=account.id,
        handle=account.handle,
        scheduled=number[DeliveryState.SCHEDULED],
        held=number[DeliveryState.HELD],
        queued=queued,
        sending=number[DeliveryState.SENDING],
        unknown=number[DeliveryState.UNKNOWN],
        sent_today=number[DeliveryState.SENT],
        failed_today=number[DeliveryState.FAILED],
        pace=PACE,
        paused=paused,
        paused_at=lane.paused_at or (lane.stop_at if stopped else None),
        paused_by=paused_by,
        halt=lane.halt if paused or waits else None,
        waits_until=waits,
        stop_at=lane.stop_at,
        eta=eta,
        connected=account.may_be_called,
        accepted=is_accepted(account),
    )
