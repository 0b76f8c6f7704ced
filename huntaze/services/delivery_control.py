"""What a person does to all that an account sends: pause, resume, stop at a time, cancel what waits.

Whatever changes messages that wait takes the lane's row first: the worker that claims the next one passes over a lane
that is locked, and so sees all of a change or nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import WAITING, DeliveryState, Message
from huntaze.models.delivery import Halt, Lane
from huntaze.models.platform_account import PlatformAccount
from huntaze.services.activity import TOPICS
from huntaze.services.delivery_news import topics
from huntaze.services.errors import NotFound

CHANNEL = "delivery"
"""Of PostgreSQL's NOTIFY: what is queued wakes a worker up, with the workspace and the account."""


class Cancelled(NamedTuple):
    """How many will not go out, and of how many that can't be said any more: their call is under way."""

    cancelled: int
    sending: int


class LaneService:
    """The lanes of one workspace: one for each account that sends."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def pause(self, account_id: int, user_id: UserId) -> None:
        """Once this is committed at most one call of the account is still under way. Raises NotFound."""
        lane = self.hold(account_id)
        if lane.paused_at is None:
            lane.paused_at, lane.paused_by, lane.halt = self.now(), user_id, Halt.PERSON
            self.tell()

    def resume(self, account_id: int) -> None:
        """Goes on at once, also where an error or the platform asked to wait. Twice is once. Raises NotFound."""
        lane = self.hold(account_id)
        lane.paused_at = lane.paused_by = lane.halt = lane.not_before = None
        if lane.stop_at is not None and lane.stop_at <= self.now():
            lane.stop_at = None
        lane.failures = 0
        self.wake(account_id)
        self.tell()

    def stop_at(self, account_id: int, at: datetime | None) -> None:
        """From that time on nothing more goes out until somebody resumes it; None: no such time. Raises NotFound."""
        self.hold(account_id).stop_at = at
        self.wake(account_id)
        self.tell()

    def cancel_all(self, account_id: int, *, bulk_only: bool = False) -> Cancelled:
        """All that waits will not go out. Raises NotFound."""
        self.hold(account_id)
        here = Message.workspace_id == self.workspace_id, Message.account_id == account_id
        kind = (Message.bulk,) if bulk_only else ()
        cancelled = (
            update(Message)
            .where(*here, *kind, Message.state.in_(WAITING))
            .values(state=DeliveryState.CANCELLED)
            .returning(Message.conversation_id)
        )
        chats = list(self.session.scalars(cancelled))
        sending = (
            select(func.count()).select_from(Message).where(*here, *kind, Message.state == DeliveryState.SENDING)
        )
        self.tell(chats[:100])
        return Cancelled(len(chats), self.session.scalar(sending) or 0)

    # What also concerns single messages --------------------------------------------------------------

    def open(self, account_id: int) -> None:
        new = {"workspace_id": self.workspace_id, "account_id": account_id}
        self.session.execute(insert(Lane).values(new).on_conflict_do_nothing())

    def hold(self, account_id: int) -> Lane:
        """Held until the commit. Raises NotFound."""
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == account_id
        if self.session.scalar(select(PlatformAccount.id).where(*here)) is None:
            raise NotFound(account_id)
        self.open(account_id)
        lane = select(Lane).where(Lane.workspace_id == self.workspace_id, Lane.account_id == account_id)
        return self.session.scalars(lane.with_for_update().execution_options(populate_existing=True)).one()

    def wake(self, account_id: int) -> None:
        """With the commit a worker looks at the lane, if one runs: whoever calls this asks for the job, too."""
        self.session.execute(select(func.pg_notify(CHANNEL, f"{self.workspace_id}:{account_id}")))

    def tell(self, conversation_ids: Iterable[int] = ()) -> None:
        """With the commit, those who look at the queue, and into these conversations."""
        self.session.info.setdefault(TOPICS, set()).update(topics(self.workspace_id, conversation_ids))

    def now(self) -> datetime:
        """By the database's clock, which goes on within a transaction."""
        now: datetime = self.session.scalars(select(func.clock_timestamp())).one()
        return now
