"""Workspaces of any size for measurements: the crowd of `huntaze seed` and its talk, without what a running Huntaze
needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import create_engine, func, select, text
from sqlalchemy.orm import Session

from bench.talk import create_talk, sum_up
from huntaze.models.base import WorkspaceId
from huntaze.models.user import Membership, User
from huntaze.schemas.account import Registration
from huntaze.services.crowd import Crowd, create_crowd

PASSWORD = "a password for measuring"
PAYMENTS = 10
"""On average, of each fan."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A workspace with `size` fans; sign in as `email`."""

    workspace_id: WorkspaceId
    email: str
    size: int


def fill(superuser_url: str, sizes: list[int]) -> list[Filled]:
    """One workspace of each size, in a migrated database. Existing ones of the same size are taken as they are."""
    engine = create_engine(superuser_url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session, session.begin():
        missing = [size for size in sizes if not _find(session, size)]
        if missing:
            with _in_a_hurry(session):
                created = [_create(session, size) for size in missing]
            for workspace_id in created:
                sum_up(session, workspace_id)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if missing:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
    with Session(engine) as session:
        found = [_find(session, size) for size in sizes]
    engine.dispose()
    return [filled for filled in found if filled]


def _email(size: int) -> str:
    return f"owner-of-{size}-fans@bench.test"


def _find(session: Session, size: int) -> Filled | None:
    here = select(Membership.workspace_id).join(User, User.id == Membership.user_id).where(User.email == _email(size))
    workspace_id = session.scalar(here)
    return Filled(WorkspaceId(workspace_id), _email(size), size) if workspace_id else None


@contextmanager
def _in_a_hurry(session: Session) -> Iterator[None]:
    """For who is alone and a superuser: no triggers and no checks of foreign keys, which hold by construction, and
    the large tables' indexes are dropped and built anew. A third of the time."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    indexes = session.execute(
        text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix_%'"
            " AND tablename IN ('subscribers', 'transactions', 'conversations', 'messages')"
        )
    ).all()
    for name, _ in indexes:
        session.execute(text(f"DROP INDEX {name}"))
    yield
    for _, definition in indexes:
        session.execute(text(definition))


def _create(session: Session, size: int) -> WorkspaceId:
    owner = Registration(email=_email(size), name="Owner", password=PASSWORD, business=f"{size:,} fans")
    crowd = Crowd(size, size * PAYMENTS, datetime.now(UTC).date())
    workspace_id = create_crowd(session, owner, crowd, lambda what, rows: None)
    session.execute(select(func.rebuild_days(workspace_id)))  # without triggers nobody counted
    create_talk(session, workspace_id, size)
    return workspace_id
