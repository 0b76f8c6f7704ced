"""Messages that are taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from flask import current_app

from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import WorkspaceId
from huntaze.services.unsending import UnsendUpkeep, UnsendWork
from huntaze.system import system_session


def unsend(workspace_id: int, message_id: int) -> None:
    """Asks the platform to take a message back, unless that is done or nobody wants it."""
    UnsendWork(
        partial(workspace_session, workspace_id),
        WorkspaceId(workspace_id),
        message_id,
        current_app.config["SECRET_KEY"],
        current_app.extensions["huntaze.platforms"],
    ).run()


def unsend_lost() -> None:
    """Goes on where a job was lost, or the platform could not be reached."""
    with system_session() as session:
        lost = UnsendUpkeep(session).lost(datetime.now(UTC))
    for workspace_id, message_id in lost:
        unsend(workspace_id, message_id)
