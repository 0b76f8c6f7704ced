"""A job's transaction in one workspace: as the app's role, behind both walls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.extensions import db
from huntaze.models.base import WorkspaceId


@contextmanager
def workspace_session(workspace_id: WorkspaceId) -> Iterator[Session]:
    """One transaction as huntaze_app: committed at the end, rolled back on an exception."""
    with Session(db.engine) as session:
        tenancy.enter(session, workspace_id)
        with session.begin():
            yield session
