"""Folding the figures of days: every workspace that has new ones, however often it runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.jobs.rollups import fold
from huntaze.models.rollup import DailyEarnings
from tests.factories import SubscriberFactory, TransactionFactory


def test_each_workspace_is_folded_and_twice_is_once(app: Flask, owner: Session) -> None:
    here = [_with_payments(), _with_payments()]
    with app.app_context():
        assert fold() >= 2
        assert fold() == 0, "nothing is new"
    for workspace_id in here:
        assert _rows(owner, workspace_id) == [(2000, 2, True)]


def test_two_at_once_do_no_harm(app: Flask, owner: Session) -> None:
    def fold_in_app(_n: int) -> None:
        with app.app_context():
            fold()

    here = [_with_payments() for _ in range(5)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(fold_in_app, range(3)))
    for workspace_id in here:
        assert _rows(owner, workspace_id) == [(2000, 2, True)]


def _with_payments() -> int:
    fan = SubscriberFactory()
    for _ in range(2):
        TransactionFactory(subscriber=fan, gross_cents=1000)
    return int(fan.workspace_id)


def _rows(owner: Session, workspace_id: int) -> list[tuple[object, ...]]:
    columns = (DailyEarnings.gross_cents, DailyEarnings.payments, DailyEarnings.folded)
    return [tuple(row) for row in owner.execute(select(*columns).where(DailyEarnings.workspace_id == workspace_id))]
