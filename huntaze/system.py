"""The system door: sessions as `huntaze_owner`, which row-level security does not hold.

For what crosses workspaces by nature: sign-in look-ups, `load`, sweepers, the schedule.
pyproject.toml lists who may import this module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
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


async def listen(channel: str) -> AsyncIterator[str]:
    """What is notified on a channel of PostgreSQL from now on. Raises OSError where the connection breaks."""
    url = db.engines["system"].url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            async for notification in connection.notifies():
                yield notification.payload
    except psycopg.OperationalError as error:
        raise ConnectionError(type(error).__name__) from None
