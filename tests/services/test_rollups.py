"""The figures of days under writers, folds and moves that come at once, and by every way into the tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import cast

import psycopg
import pytest
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import WorkspaceId
from huntaze.models.rollup import DailyEarnings, DailySubscribers
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction
from huntaze.models.workspace import Workspace
from huntaze.schemas.analytics import Range
from huntaze.services.analytics import AnalyticsService
from huntaze.services.rollups import RollupService
from tests.factories import SubscriberFactory, TransactionFactory
from tests.waiting import wait_until

TODAY = date(2026, 11, 26)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def _net(session: Session, workspace: Workspace) -> int:
    return AnalyticsService(session, WorkspaceId(workspace.id)).overview(Range.MONTH, TODAY).earnings.net_cents


def test_writers_and_folds_at_once_lose_nothing(app_engine: Engine, workspace: Workspace, session: Session) -> None:
    fan, here = SubscriberFactory(workspace_id=workspace.id).id, WorkspaceId(workspace.id)
    pay = text(
        "INSERT INTO transactions (workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents,"
        " currency, occurred_at) VALUES (:here, :fan, 'tip', 'completed', 100, 20, 80, 'USD', :at)"
    )

    def work(number: int) -> None:
        for _ in range(25):
            with Session(app_engine) as own, own.begin():
                tenancy.enter(own, here)
                if number % 2:
                    RollupService(own, here).fold()
                else:
                    own.execute(pay, {"here": here, "fan": fan, "at": NOON})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert _net(session, workspace) == 2 * 25 * 80
    session.rollback()
    RollupService(session, here).fold()
    assert _net(session, workspace) == 2 * 25 * 80


def test_a_fold_that_fails_changes_nothing(session: Session, workspace: Workspace, owner: Session) -> None:
    TransactionFactory(subscriber=SubscriberFactory(workspace_id=workspace.id), occurred_at=NOON)
    RollupService(session, WorkspaceId(workspace.id)).fold()
    session.rollback()
    mine = DailyEarnings.workspace_id == workspace.id
    assert owner.scalars(select(DailyEarnings.folded).where(mine)).all() == [False]


def test_a_move_to_another_zone_waits_for_who_is_writing(
    owner_engine: Engine, session: Session, workspace: Workspace, owner: Session
) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    paid = {"type": "tip", "status": "completed", "gross_cents": 500, "fee_cents": 100, "net_cents": 400}
    here = {"workspace_id": workspace.id, "subscriber_id": fan.id, "currency": "USD"}
    session.execute(Transaction.__table__.insert().values(**here, **paid, occurred_at=late))  # under way

    def move() -> None:
        with Session(owner_engine) as own, own.begin():
            own.execute(update(Workspace).where(Workspace.id == workspace.id).values(time_zone="Europe/Paris"))

    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(1) as pool:
        moved = pool.submit(move)
        wait_until(lambda: owner.scalar(waiting) or moved.done())
        assert not moved.done(), "it did not wait"
        session.commit()
        moved.result()
    days = owner.scalars(select(DailyEarnings.day).where(DailyEarnings.workspace_id == workspace.id)).all()
    assert days == [date(2026, 11, 26)], "in Paris it was half past midnight"


def test_a_copy_is_counted_too(owner_engine: Engine, session: Session, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id).id
    columns = "workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents, currency, occurred_at"
    with owner_engine.begin() as connection:
        driver = cast("psycopg.Connection", connection.connection.driver_connection)
        with driver.cursor().copy(f"COPY transactions ({columns}) FROM STDIN".encode()) as copy:
            for number in range(100):
                at = NOON - timedelta(days=number % 10)
                copy.write_row((workspace.id, fan, "tip", "completed", 500, 100, 400, "USD", at))
    assert _net(session, workspace) == 40_000
    rows = select(func.count()).where(DailyEarnings.workspace_id == workspace.id)
    assert session.scalar(rows) == 10, "one statement notes one row a day and type"


def test_a_change_that_no_figure_knows_notes_nothing(owner: Session, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    noted = select(func.count()).where(DailySubscribers.workspace_id == workspace.id)
    before = owner.scalar(noted)
    owner.execute(update(Subscriber).where(Subscriber.id == fan.id).values(total_spent_cents=5, last_active_at=NOON))
    assert owner.scalar(noted) == before


def test_a_workspace_goes_with_all_that_it_has(owner: Session, workspace: Workspace) -> None:
    TransactionFactory(subscriber=SubscriberFactory(workspace_id=workspace.id))
    owner.execute(delete(Workspace).where(Workspace.id == workspace.id))
    for table in (Subscriber, Transaction, DailyEarnings, DailySubscribers):
        assert not owner.scalar(select(func.count()).where(table.workspace_id == workspace.id))


def test_nothing_is_counted_in_another_workspace(session: Session, stranger_figures: int) -> None:
    assert session.scalar(select(func.count()).select_from(DailyEarnings)) == 0
    smuggled = text(
        "INSERT INTO daily_earnings (workspace_id, day, type, gross_cents, net_cents, payments)"
        " VALUES (:there, '2026-11-26', 'tip', 1, 1, 1)"
    )
    with pytest.raises(ProgrammingError, match="row-level security policy"):
        session.execute(smuggled, {"there": stranger_figures})


def test_a_figure_is_only_added_or_folded(session: Session) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("UPDATE daily_earnings SET net_cents = 0"))


@pytest.fixture
def stranger_figures(app: object) -> int:
    """Another workspace, with earnings."""
    fan = SubscriberFactory()
    TransactionFactory(subscriber=fan)
    return int(fan.workspace_id)
