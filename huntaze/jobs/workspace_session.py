"""What `lifecycle.py` is for a request: a job's transaction, in one workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.signals import Signals
from huntaze.extensions import db
from huntaze.models.base import WorkspaceId
from huntaze.services.activity import TOPICS


@contextmanager
def workspace_session(workspace_id: int) -> Iterator[Session]:
    """One transaction as `huntaze_app` in that workspace: committed at the end, rolled back on an exception.

    After the commit those who listen are told of what it wrote down.
    """
    with Session(db.engine) as session, session.begin():
        tenancy.enter(session, WorkspaceId(workspace_id))
        yield session
    signals: Signals = current_app.extensions["huntaze.signals"]
    for topic in session.info.get(TOPICS, ()):
        signals.publish(topic)
