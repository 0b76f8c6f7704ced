"""Whose turn it is to read a platform account: one worker's at a time, whatever their number.

A lease is a number that each worker takes anew, and until when it holds. What a worker stores is stored in a
transaction that checks the number, so that one that was stopped for longer than its lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from huntaze.adapters.platform import PermanentError, PlatformError
from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import LEASE, PlatformAccount, SyncState
from huntaze.services.platform_health import health_of

EVERY = timedelta(minutes=10)
"""How often is looked for news that no webhook told."""
GIVEN_UP_FOR = timedelta(hours=1)
"""A refused key, a missing account: only a person can help, but they may do so at the platform."""
PAUSE = timedelta(minutes=1)
"""After errors that a few retries did not help against, and where a limit does not say how long."""

Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a transaction of the workspace: committed at the end."""


class LeaseLost(Exception):
    """Another worker has the account, or it was disconnected."""


class SyncLease:
    """One worker's hold on one account. began: when it was taken, by the database's clock."""

    began: datetime

    def __init__(self, transaction: Sessions, workspace_id: WorkspaceId, account_id: int) -> None:
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.account_id = account_id
        self._number = 0

    def claim(self) -> PlatformAccount | None:
        """The account, as it was when it was taken; None if it is another's, or not due."""
        with self.transaction() as session:
            claimed: PlatformAccount | None = session.scalar(
                update(PlatformAccount)
                .where(*self._here(), *_due())
                .values(lease=PlatformAccount.lease + 1, leased_until=func.now() + LEASE)
                .returning(PlatformAccount)
            )
            if claimed is None:
                return None
            self._number = claimed.lease
            self.began = session.scalars(select(func.now())).one()
            session.expunge(claimed)
            return claimed

    def hold(self, session: Session) -> PlatformAccount:
        """The account, locked in this transaction, if it is still ours. Raises LeaseLost."""
        account: PlatformAccount | None = session.scalar(
            update(PlatformAccount)
            .where(*self._ours())
            .values(leased_until=func.now() + LEASE)
            .returning(PlatformAccount)
        )
        if account is None:
            raise LeaseLost
        return account

    def fail(self, error: PlatformError) -> None:
        """Says how the account fares and when to try again; what was read so far stays."""
        if isinstance(error, PermanentError):
            pause = GIVEN_UP_FOR
        else:
            pause = timedelta(seconds=error.retry_after) if error.retry_after else PAUSE
        how = {"health": health_of(error), "health_at": func.now(), "retry_at": func.now() + pause}
        with self.transaction() as session:
            session.execute(update(PlatformAccount).where(*self._ours()).values(how))

    def release(self) -> None:
        """Lets the next worker have it."""
        with self.transaction() as session:
            ours = PlatformAccount.lease == self._number
            session.execute(update(PlatformAccount).where(*self._here(), ours).values(leased_until=None))

    def _ours(self) -> tuple[ColumnElement[bool], ...]:
        return *self._here(), PlatformAccount.lease == self._number, PlatformAccount.key_sealed.is_not(None)

    def _here(self) -> tuple[Any, ...]:
        return PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == self.account_id


class SyncUpkeep:
    """Across workspaces: which accounts are due."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def due(self) -> list[tuple[int, int]]:
        """(workspace, account), who waits longest first: wanted, unfinished, or not looked at for a while."""
        query = select(PlatformAccount.workspace_id, PlatformAccount.id).where(*_due())
        waiting = self.session.execute(query.order_by(PlatformAccount.synced_at.nulls_first()))
        return [(row.workspace_id, row.id) for row in waiting]


def _due() -> tuple[ColumnElement[bool], ...]:
    """Of an account that a worker may take, and should: a second job for the same wish finds nothing to do."""
    at, now = PlatformAccount, func.now()
    unfinished = (
        select(SyncState)
        .where(SyncState.workspace_id == at.workspace_id, SyncState.account_id == at.id)
        .where(SyncState.started_at.is_not(None))
        .exists()
    )
    return (
        at.key_sealed.is_not(None),
        or_(at.leased_until.is_(None), at.leased_until < now),
        or_(at.retry_at.is_(None), at.retry_at <= now),
        or_(at.sync_wanted_at.is_not(None), at.synced_at.is_(None), at.synced_at <= now - EVERY, unfinished),
    )
