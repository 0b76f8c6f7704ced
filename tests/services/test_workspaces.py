"""The week before a workspace goes, and how it goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.jobs import workspaces as job
from huntaze.models.base import WorkspaceId
from huntaze.models.user import Membership, User
from huntaze.models.workspace import GRACE, Workspace
from huntaze.services import workspace_deletion
from huntaze.services.errors import Conflict, Invalid
from huntaze.services.workspace_closing import WorkspaceClosingService
from huntaze.services.workspace_deletion import WorkspaceDeletionService, tables
from tests.factories import MemberFactory, SubscriberFactory
from tests.routes import TENANTS, belongings, digest
from tests.waiting import wait_until


def due(owner: Session, workspace_id: int, ago: timedelta = timedelta(seconds=1)) -> None:
    owner.execute(update(Workspace).where(Workspace.id == workspace_id).values(delete_at=datetime.now(UTC) - ago))


def test_the_name_is_typed_and_the_first_wish_counts(session: Session, workspace: Workspace) -> None:
    service = WorkspaceClosingService(session, WorkspaceId(workspace.id))
    with pytest.raises(Invalid):
        service.ask_deletion("another")
    delete_at = service.ask_deletion(workspace.name.upper())
    assert delete_at is not None
    assert abs(delete_at - datetime.now(UTC) - GRACE) < timedelta(minutes=1)
    assert service.ask_deletion(workspace.name) is None
    assert service.keep()
    assert not service.keep(), "twice is once"


def test_when_its_time_has_come_it_cannot_be_kept(session: Session, workspace: Workspace, owner: Session) -> None:
    due(owner, workspace.id)
    with pytest.raises(Conflict):
        WorkspaceClosingService(session, WorkspaceId(workspace.id)).keep()


def test_asking_and_taking_back_at_once(app_engine: Engine, workspace: Workspace, owner: Session) -> None:
    here = WorkspaceId(workspace.id)

    def act(number: int) -> bool:
        with Session(app_engine) as session:
            tenancy.enter(session, here)
            service = WorkspaceClosingService(session, here)
            done = service.keep() if number % 2 else service.ask_deletion(workspace.name) is not None
            session.commit()
            return done

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(act, range(20)))
    asked, kept = sum(done[::2]), sum(done[1::2])
    delete_at = owner.scalar(select(Workspace.delete_at).where(Workspace.id == here))
    assert asked - kept == (delete_at is not None), "each effect was one, and the last one stands"


def test_keeping_and_deleting_at_once(app: Flask, app_engine: Engine, owner: Session) -> None:
    """Either it is kept whole, or it goes."""
    for _ in range(10):
        member = MemberFactory()
        belongings(member)
        here = member.workspace_id
        owner.execute(
            update(Workspace)
            .where(Workspace.id == here)
            .values(delete_at=datetime.now(UTC) + timedelta(seconds=0.02))
        )
        before = digest(owner, here)["subscribers"]

        def keep(here: WorkspaceId = here) -> bool:
            with Session(app_engine) as session:
                tenancy.enter(session, here)
                try:
                    kept = WorkspaceClosingService(session, here).keep()
                except Conflict:
                    return False
                session.commit()
                return kept

        with ThreadPoolExecutor(2) as pool:
            kept = pool.submit(keep)
            pool.submit(_run, app).result(60)
        _run(app)
        if kept.result():
            assert digest(owner, here)["subscribers"] == before
            assert owner.scalar(select(Workspace.delete_at).where(Workspace.id == here)) is None
        else:
            wait_until(lambda here=here: _run(app) or owner.get(Workspace, here, populate_existing=True) is None)


def test_all_of_it_goes_and_nothing_else(app: Flask, owner: Session) -> None:
    gone, stays = MemberFactory(), MemberFactory()
    MemberFactory(workspace_id=stays.workspace_id, user_id=gone.user_id)
    for member in (gone, stays):
        belongings(member)
    before = digest(owner, stays.workspace_id)
    due(owner, gone.workspace_id)
    _run(app)
    for table in TENANTS:
        left = text(f"SELECT count(*) FROM {table} WHERE workspace_id = :id")
        assert owner.scalar(left, {"id": gone.workspace_id}) == 0, table
    assert owner.scalar(select(func.count()).where(Workspace.id == gone.workspace_id)) == 0
    assert digest(owner, stays.workspace_id) == before
    assert owner.scalar(select(func.count()).where(User.id == gone.user_id)) == 1, "people keep their account"
    assert owner.scalar(select(func.count()).where(Membership.user_id == gone.user_id)) == 1


def test_before_its_time_nothing_goes(app: Flask, owner: Session) -> None:
    member = MemberFactory()
    belongings(member)
    before = digest(owner, member.workspace_id)
    due(owner, member.workspace_id, ago=-timedelta(hours=1))
    before = digest(owner, member.workspace_id)
    _run(app)
    assert digest(owner, member.workspace_id) == before


def test_it_goes_in_steps_and_can_stop_anywhere(
    app: Flask, owner_engine: Engine, owner: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_deletion, "BATCH", 3)
    member = MemberFactory()
    for _ in range(10):
        SubscriberFactory(workspace_id=member.workspace_id)
    _run(app)  # what other tests left
    due(owner, member.workspace_id)

    def left() -> int:
        return (
            owner.scalar(
                text("SELECT count(*) FROM subscribers WHERE workspace_id = :id"), {"id": member.workspace_id}
            )
            or 0
        )

    counts = []
    while owner.get(Workspace, member.workspace_id, populate_existing=True) is not None:
        with Session(owner_engine) as session, session.begin():
            session.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert WorkspaceDeletionService(session).step()
        with Session(owner_engine) as session:  # one that is killed undoes its step, and no more
            WorkspaceDeletionService(session).step()
        counts.append(left())
    assert all(0 <= before - after <= 3 for before, after in zip([10, *counts], counts, strict=False))
    assert counts[-1] == 0


def test_two_workers_at_once_are_no_trouble(app: Flask, owner: Session) -> None:
    members = [MemberFactory() for _ in range(3)]
    for member in members:
        belongings(member)
        due(owner, member.workspace_id)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _n: _run(app), range(4)))
    _run(app)
    left = select(func.count()).where(Workspace.id.in_([member.workspace_id for member in members]))
    assert owner.scalar(left) == 0


def test_every_table_of_a_workspace_is_emptied() -> None:
    assert {table.name for table in tables()} == {*TENANTS, "sign_ins"}


def _run(app: Flask) -> None:
    with app.app_context():
        job.delete_due()
