"""The system door: sessions as `huntaze_owner`, which row-level security does not hold.

For what crosses workspaces by nature: sign-in look-ups, `load`, sweepers, the schedule.
pyproject.toml lists who may import this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from huntaze.extensions import db


def open_system_session() -> Session:
    """A session of the owner's; the caller commits and closes it."""
    return Session(db.engines["system"], expire_on_commit=False)


@contextmanager
def system_session() -> Iterator[Session]:
    """One transaction of the owner's: committed at the end, rolled back on an exception."""
    with open_system_session() as session, session.begin():
        yield session
