"""How far each resource of an account is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import Resource, SyncState
from huntaze.models.transaction import Transaction, TransactionStatus

OVERLAP = timedelta(hours=1)
"""Payments may come into the platform's list a little late."""
BEGINNING = datetime(2016, 1, 1, tzinfo=UTC)
"""Before any platform of ours."""


class SyncStates:
    """Of one account, in the session's transaction."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, account_id: int) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.account_id = account_id

    def all(self) -> dict[Resource, SyncState]:
        here = SyncState.workspace_id == self.workspace_id, SyncState.account_id == self.account_id
        return {state.resource: state for state in self.session.scalars(select(SyncState).where(*here))}

    def of(self, resource: Resource) -> SyncState:
        key = {"workspace_id": self.workspace_id, "account_id": self.account_id, "resource": resource}
        self.session.execute(insert(SyncState).values(key).on_conflict_do_nothing())
        return self.session.get_one(SyncState, tuple(key.values()))

    def begin(self, resource: Resource) -> SyncState:
        """Begins a pass, unless one is under way: that one goes on."""
        state = self.of(resource)
        if state.started_at is None:
            state.started_at = self.session.scalars(select(func.clock_timestamp())).one()
            state.cursor = state.newest_in_pass = None
            state.seen = state.rejected = state.calls = state.credits = 0
            self.session.flush()
        return state

    def end(self, resource: Resource) -> None:
        state = self.of(resource)
        state.newest = max((at for at in (state.newest, state.newest_in_pass) if at), default=None)
        state.cursor = state.started_at = None
        state.finished_at = self.session.scalars(select(func.clock_timestamp())).one()

    def first_sweep(self) -> None:
        """The first import met every fan: it was as good as a sweep, and a sweep will cost what it did."""
        known = self.all()
        sweep = self.of(Resource.SWEEP)
        for fans in (known[Resource.FANS_ACTIVE], known[Resource.FANS_EXPIRED]):
            sweep.seen += fans.seen
            sweep.calls += fans.calls
            sweep.credits += fans.credits
        sweep.finished_at = self.session.scalars(select(func.clock_timestamp())).one()
        self.session.flush()

    def since(self, state: SyncState) -> datetime:
        """From when on a pass reads what has a time. Once a day that is from the oldest payment that was pending."""
        if state.newest is None or state.finished_at is None:
            return BEGINNING
        since = state.newest - OVERLAP
        if state.resource is not Resource.TRANSACTIONS or state.finished_at.date() == datetime.now(UTC).date():
            return since
        oldest = self.session.scalar(
            select(func.min(Transaction.occurred_at)).where(
                Transaction.workspace_id == self.workspace_id,
                Transaction.account_id == self.account_id,
                Transaction.status == TransactionStatus.PENDING,
            )
        )
        return min(since, oldest) if oldest else since
