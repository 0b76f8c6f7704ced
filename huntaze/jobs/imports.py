"""Imports: one job for whatever is to be done with one, and what keeps them going and tidy."""

from __future__ import annotations

from functools import partial

from flask import current_app

from huntaze.adapters.signals import Signals
from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import WorkspaceId
from huntaze.services.import_work import ImportWork
from huntaze.services.imports import ImportUpkeep, topic
from huntaze.system import system_session


def work(workspace_id: int, import_id: int) -> None:
    """Checks, stores or undoes it, whichever it waits for; nothing if nothing."""
    signals: Signals = current_app.extensions["huntaze.signals"]
    tell = partial(signals.publish, topic(WorkspaceId(workspace_id), import_id))
    key = current_app.config["SECRET_KEY"]
    ImportWork(partial(workspace_session, workspace_id), WorkspaceId(workspace_id), import_id, key, tell).run()


def resume_stalled() -> None:
    """Goes on with those whose worker was killed, or whose job was lost."""
    with system_session() as session:
        stalled = list(ImportUpkeep(session).stalled())
    for workspace_id, import_id in stalled:
        work(workspace_id, import_id)


def purge() -> None:
    """Deletes the files that nobody imported, and what was kept of old imports."""
    with system_session() as session:
        ImportUpkeep(session).purge()
