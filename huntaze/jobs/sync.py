"""Syncs: one job reads an account for a while, and asks for the next one as long as there is more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from flask import current_app
from rq import Queue

from huntaze.adapters.signals import Signals
from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import WorkspaceId
from huntaze.services.errors import NotFound
from huntaze.services.platform_accounts import topic
from huntaze.services.sync import SyncService
from huntaze.services.sync_lease import SyncUpkeep
from huntaze.services.sync_totals import SyncTotals, SyncTotalsUpkeep
from huntaze.system import system_session

QUEUE = "sync"
"""It may read for a minute: others have a queue in which they need not wait for that."""


def run(workspace_id: int, account_id: int) -> None:
    """Reads the account; nothing if another worker does, or it is not to be called now."""
    here = WorkspaceId(workspace_id)
    signals: Signals = current_app.extensions["huntaze.signals"]
    service = SyncService(
        partial(workspace_session, workspace_id),
        here,
        account_id,
        current_app.config["SECRET_KEY"],
        current_app.extensions["huntaze.platforms"],
        tell=partial(signals.publish, topic(here, account_id)),
    )
    if service.run():
        _enqueue(run, workspace_id, account_id)


def due() -> None:
    """Asks for a run of each account that is due: wanted, unfinished, or not looked at for ten minutes; and for the
    totals of those whose first import was broken off."""
    with system_session() as session:
        waiting = SyncUpkeep(session).due()
        abandoned = SyncTotalsUpkeep(session).abandoned()
    for workspace_id, account_id in waiting:
        _enqueue(run, workspace_id, account_id)
    for workspace_id, account_id in abandoned:
        _enqueue(add_up, workspace_id, account_id)


def add_up(workspace_id: int, account_id: int) -> None:
    """What the fans of a disconnected account spent."""
    transaction = partial(workspace_session, workspace_id)
    totals = SyncTotals(transaction, WorkspaceId(workspace_id), account_id, current_app.config["SECRET_KEY"])
    with suppress(NotFound):  # erased meanwhile
        totals.add_up_abandoned()


def _enqueue(job: Callable[[int, int], None], workspace_id: int, account_id: int) -> None:
    queue = Queue(QUEUE, connection=current_app.extensions["redis"], serializer="json")
    queue.enqueue(job, workspace_id, account_id, result_ttl=0)
