"""The demo workspace."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from huntaze.models.base import Tenant
from huntaze.models.notification import Notification
from huntaze.models.subscriber import Note, Status, Subscriber, SubscriberTag
from huntaze.models.transaction import Transaction, TransactionType
from huntaze.models.user import Membership, User
from huntaze.services.demo import DISPUTER, EMAIL, FANS, PASSWORD, WHALE, create_demo, write_demo
from huntaze.services.passwords import verify_password
from huntaze.system import system_session

TODAY = date(2026, 5, 31)
START = datetime(2026, 5, 31, tzinfo=UTC)


def written(folder: Path, today: date = TODAY, seed: int = 1) -> dict[str, bytes]:
    folder.mkdir()
    write_demo(folder, today, seed)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_day_and_seed_give_the_same_files(tmp_path: Path) -> None:
    first = written(tmp_path / "first")
    assert written(tmp_path / "again") == first
    assert written(tmp_path / "seed", seed=2)["transactions.csv"] != first["transactions.csv"]
    assert written(tmp_path / "day", date(2026, 6, 1))["transactions.csv"] != first["transactions.csv"]


def test_it_is_of_the_last_24_months_in_order_and_nothing_is_in_the_future(tmp_path: Path) -> None:
    written(tmp_path / "demo")
    with (tmp_path / "demo" / "transactions.csv").open(encoding="utf-8") as file:
        times = [row["created_at"] for row in csv.DictReader(file)]
    assert 7_000 < len(times) < 9_000
    assert times == sorted(times)
    assert times[0] > "2024-05-31"
    assert times[-1] < "2026-05-31"


def test_it_is_there_once_with_something_on_every_page(app: Flask) -> None:
    with app.app_context(), system_session() as session:
        create_demo(session, TODAY)
    with app.app_context(), system_session() as session:
        create_demo(session, TODAY)
        user = session.scalars(select(User).where(User.email == EMAIL)).one()
        assert verify_password(user.password_hash, PASSWORD)
        here = session.scalars(select(Membership.workspace_id).where(Membership.user_id == user.id)).one()

        def count(table: type[Tenant]) -> int:
            return session.scalar(select(func.count()).select_from(table).where(table.workspace_id == here)) or 0

        assert count(Subscriber) == FANS
        assert 7_000 < count(Transaction) < 9_000
        assert count(SubscriberTag) > 10
        assert count(Note) == 6
        assert count(Notification) == 3

        fans = session.scalars(select(Subscriber).where(Subscriber.workspace_id == here)).all()
        whale = max(fans, key=lambda fan: fan.total_spent_cents)
        assert whale.username == WHALE
        assert whale.seen_at < START - timedelta(days=30)
        ended = [fan for fan in fans if fan.status != Status.ACTIVE and fan.seen_at > START - timedelta(days=8)]
        assert len(ended) > 20
        assert any(not fan.display_name.isascii() for fan in fans)
        taken_back = session.scalars(
            select(Transaction).where(
                Transaction.workspace_id == here, Transaction.type == TransactionType.CHARGEBACK
            )
        ).all()
        (disputer,) = (fan for fan in fans if fan.username == DISPUTER)
        assert [row.subscriber_id for row in taken_back] == [disputer.id] * 3
        assert all(row.gross_cents < row.net_cents < 0 for row in taken_back)
        assert disputer.total_spent_cents > 0
