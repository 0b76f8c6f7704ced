"""Keeps the figures of days short: each workspace that has new ones, in a transaction of its own."""

from __future__ import annotations

from sqlalchemy import select, union

from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import WorkspaceId
from huntaze.models.rollup import DailyEarnings, DailySubscribers
from huntaze.services.rollups import RollupService
from huntaze.system import system_session


def fold() -> int:
    """Returns in how many workspaces there was something to fold."""
    rollups = (DailyEarnings, DailySubscribers)
    unfolded = union(*(select(rollup.workspace_id).where(~rollup.folded) for rollup in rollups))
    with system_session() as session:
        workspaces = [WorkspaceId(id_) for id_ in session.scalars(unfolded)]
    for workspace_id in workspaces:
        with workspace_session(workspace_id) as session:
            RollupService(session, workspace_id).fold()
    return len(workspaces)
