"""`huntaze seed --fans`: the same rows each time, with figures and totals that plain sums give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import cast

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.rollup import DailyEarnings
from huntaze.models.subscriber import Status, Subscriber
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType
from huntaze.schemas.account import Registration
from huntaze.schemas.analytics import Range
from huntaze.services import crowd
from huntaze.services.analytics import AnalyticsService
from huntaze.services.crowd import Crowd, create_crowd
from huntaze.services.errors import Conflict
from huntaze.system import system_session

TODAY = date(2026, 11, 26)
SMALL = Crowd(fans=300, payments=3_000, until=TODAY)

_numbers = count()


def owner_of(number: int) -> Registration:
    return Registration(email=f"crowd{number}@huntaze.test", name="Owner", password="a-good-password", business="C")


@contextmanager
def created(app: Flask, of: Crowd = SMALL) -> Iterator[tuple[Session, WorkspaceId]]:
    """A crowd, gone at the end."""
    with app.app_context(), system_session() as session:
        yield session, create_crowd(session, owner_of(next(_numbers)), of, lambda what, rows: None)
        session.expunge_all()  # what was read stays
        session.rollback()


def digest(session: Session, workspace_id: WorkspaceId) -> str:
    """Of all that was made; ids count from the first fan's."""
    query = """
      SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
        SELECT concat_ws(',', id - base, username, display_name, email, tier, status, monthly_price_cents,
                         total_spent_cents, country, joined_at, last_active_at, renews_at) AS line
          FROM subscribers, first WHERE workspace_id = :here
        UNION ALL
        SELECT concat_ws(',', subscriber_id - base, type, status, gross_cents, fee_cents, net_cents, occurred_at)
          FROM transactions, first WHERE workspace_id = :here
        UNION ALL
        SELECT concat_ws(',', subscriber_id - base, name)
          FROM first, subscriber_tags JOIN tags ON tags.workspace_id = :here AND tags.id = tag_id
         WHERE subscriber_tags.workspace_id = :here) AS lines"""
    first = "WITH first AS (SELECT min(id) AS base FROM subscribers WHERE workspace_id = :here)"
    return cast("str", session.scalar(text(first + query), {"here": workspace_id}))


def test_the_same_arguments_make_the_same_rows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for seed, batch in ((1, crowd.BATCH), (1, 1_000), (2, crowd.BATCH)):
        monkeypatch.setattr(crowd, "BATCH", batch)
        with created(app, Crowd(300, 3_000, TODAY, seed)) as (session, here):
            digests.append(digest(session, here))
    assert digests[0] == digests[1], "in batches of whatever size"
    assert digests[0] != digests[2]


@pytest.mark.parametrize("of", [SMALL, Crowd(1, 1, TODAY), Crowd(2, 500, TODAY), Crowd(500, 1, TODAY)])
def test_figures_and_totals_are_the_sums_of_the_rows(app: Flask, of: Crowd) -> None:
    with created(app, of) as (session, here):
        fans = session.scalars(select(Subscriber).where(Subscriber.workspace_id == here)).all()
        paid = session.scalars(select(Transaction).where(Transaction.workspace_id == here)).all()
        assert (len(fans), len(paid)) == (of.fans, of.payments)
        completed = [row for row in paid if row.status == TransactionStatus.COMPLETED]
        spent = dict.fromkeys((fan.id for fan in fans), 0)
        for row in completed:
            assert row.subscriber_id is not None
            spent[row.subscriber_id] += row.gross_cents
        assert {fan.id: fan.total_spent_cents for fan in fans} == spent

        overview = AnalyticsService(session, here).overview(Range.ALL, TODAY)
        assert overview.earnings.gross_cents == sum(row.gross_cents for row in completed)
        assert overview.earnings.net_cents == sum(row.net_cents for row in completed)
        assert overview.earnings.payments == len(completed)
        assert overview.fans.total == len(fans)
        assert overview.fans.active == sum(fan.status == Status.ACTIVE for fan in fans)
        unfolded = select(func.count()).where(DailyEarnings.workspace_id == here, ~DailyEarnings.folded)
        assert session.scalar(unfolded) == 0


def test_it_is_a_living_business(app: Flask) -> None:
    with created(app, Crowd(2_000, 20_000, TODAY)) as (session, here):
        fans = {f.id: f for f in session.scalars(select(Subscriber).where(Subscriber.workspace_id == here))}
        paid = session.scalars(select(Transaction).where(Transaction.workspace_id == here)).all()
    end = datetime.combine(TODAY, datetime.min.time(), UTC)
    times = [row.occurred_at for row in paid]
    assert end - timedelta(days=735) < min(times) < end - timedelta(days=700)
    assert end - timedelta(days=1) < max(times) < end
    assert all(row.occurred_at >= fans[row.subscriber_id or 0].joined_at for row in paid), "fans first come, then pay"
    taken_back = [row for row in paid if row.type == TransactionType.CHARGEBACK]
    assert 10 < len(taken_back) < 100
    assert all(row.gross_cents < 0 and row.net_cents == row.gross_cents - row.fee_cents for row in taken_back)

    def of_month(*months: int) -> int:
        return sum(row.net_cents for row in paid if row.occurred_at.month in months and row.occurred_at.year == 2026)

    assert of_month(7) > of_month(2) * 1.3
    assert of_month(7) > of_month(10), "summer is better, though the business grows"
    weekend = sum(row.occurred_at.isoweekday() > 5 for row in paid)
    assert weekend > 0.35 * len(paid)
    ran_out = [fan for fan in fans.values() if fan.status == Status.EXPIRED and fan.seen_at > end - timedelta(days=8)]
    assert len(ran_out) > 10, "a wave"
    best = sorted((fan.total_spent_cents for fan in fans.values()), reverse=True)
    assert sum(best[:20]) > 0.15 * sum(best), "few pay much"


def test_a_name_is_taken_once(app: Flask) -> None:
    owner = owner_of(next(_numbers))
    with app.app_context(), system_session() as session:
        create_crowd(session, owner, SMALL, lambda what, rows: None)
        with pytest.raises(Conflict):
            create_crowd(session, owner, SMALL, lambda what, rows: None)
        session.rollback()
