"""What each fan of an account spent, added up after a first import: page by page a fan would be written ten times."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import PlatformAccount, Resource, SyncState
from huntaze.services.platform_store import PlatformStore
from huntaze.services.sync_lease import Sessions, SyncLease
from huntaze.services.sync_states import SyncStates


class SyncTotals:
    """Of one account. Adding up twice changes nothing, whoever does it."""

    def __init__(self, transaction: Sessions, workspace_id: WorkspaceId, account_id: int, secret_key: str) -> None:
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.account_id = account_id
        self.secret_key = secret_key

    def add_up(self, lease: SyncLease | None = None) -> None:
        """Some fans in each transaction, so that nobody waits for them; each renews the lease, where one is held.

        Raises NotFound if the account is gone, and LeaseLost.
        """
        after: int | None = 0
        while after is not None:
            with self.transaction() as session:
                if lease:
                    lease.hold(session)
                after = PlatformStore(session, self.workspace_id, self.account_id, self.secret_key).add_up(after)

    def add_up_so_far(self, lease: SyncLease) -> None:
        """As `add_up`, if the first payments are not all read: what comes next may take long, or never come."""
        with self.transaction() as session:
            state = SyncStates(session, self.workspace_id, self.account_id).all().get(Resource.TRANSACTIONS)
            is_open = state is not None and state.started_at is not None and state.finished_at is None
        if is_open:
            self.add_up(lease)

    def add_up_abandoned(self) -> None:
        """As `add_up`; then the import that was broken off begins anew, if the account is ever connected again."""
        self.add_up()
        with self.transaction() as session:
            here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == self.account_id
            account = session.scalars(select(PlatformAccount).where(*here).with_for_update()).one_or_none()
            if account is not None and account.key_sealed is None:
                state = SyncStates(session, self.workspace_id, self.account_id).of(Resource.TRANSACTIONS)
                state.started_at = state.cursor = None


class SyncTotalsUpkeep:
    """Across workspaces: accounts that were disconnected while their first payments were being read."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def abandoned(self) -> list[tuple[int, int]]:
        """(workspace, account)"""
        of_state = (SyncState.workspace_id == PlatformAccount.workspace_id) & (
            SyncState.account_id == PlatformAccount.id
        )
        query = (
            select(PlatformAccount.workspace_id, PlatformAccount.id)
            .join(SyncState, of_state)
            .where(PlatformAccount.key_sealed.is_(None), PlatformAccount.erase_asked_at.is_(None))
            .where(SyncState.resource == Resource.TRANSACTIONS, SyncState.started_at.is_not(None))
            .where(SyncState.finished_at.is_(None))
        )
        return [(row.workspace_id, row.id) for row in self.session.execute(query)]
