"""Whatever happens to fans and payments, the figures are those that plain Python finds in the raw rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import WorkspaceId
from huntaze.models.rollup import DailyEarnings, DailySubscribers
from huntaze.models.subscriber import Status, Subscriber
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType
from huntaze.models.workspace import Workspace
from huntaze.schemas.analytics import Range
from huntaze.services.analytics import AnalyticsService, Overview
from huntaze.services.periods import before, period
from huntaze.services.rollups import RollupService
from tests.factories import WorkspaceFactory

# Clocks that go forward and back, one of them by half an hour and at another season; and offsets that are no hours.
ZONES = ["UTC", "America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
TODAY = date(2026, 11, 26)
# Around these: midnights and hours that are skipped or come twice, the ends of months and years, late rows, today.
MOMENTS = [
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),  # New York: 1:30 for the first time
    datetime(2026, 3, 8, 6, 59, tzinfo=UTC),  # New York: a minute before 3:00
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # Paris: 2:30 for the first time
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe: from 2:00 to 2:30
    datetime(2025, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 26, 9, 0, tzinfo=UTC),
    datetime(2026, 12, 2, 23, 0, tzinfo=UTC),
]

moments = st.builds(
    lambda moment, minutes: moment + timedelta(minutes=minutes), st.sampled_from(MOMENTS), st.integers(-1500, 1500)
)
cents = st.one_of(st.integers(-20_000, 50_000), st.just(0))
numbers = st.integers(0, 10**6)
payment = st.fixed_dictionaries(
    {
        "type": st.sampled_from(TransactionType),
        "status": st.sampled_from(TransactionStatus),
        "gross_cents": cents,
        "fee_cents": st.integers(0, 5_000),
        "occurred_at": moments,
    }
)
fan = st.fixed_dictionaries(
    {
        "status": st.sampled_from(Status),
        "joined_at": moments,
        "renews_at": st.none() | moments,
        "archived_at": st.none() | moments,
    }
)
happenings = st.one_of(
    st.tuples(st.just("pay"), numbers, st.lists(payment, min_size=1, max_size=4)),
    st.tuples(st.just("join"), st.lists(fan, min_size=1, max_size=3)),
    st.tuples(st.just("reverse"), numbers, st.sampled_from(TransactionStatus)),
    st.tuples(st.just("correct"), numbers, payment),
    st.tuples(st.just("change"), numbers, fan),
    st.tuples(st.just("touch"), numbers),
    st.tuples(st.just("erase payment"), numbers),
    st.tuples(st.just("erase fan"), numbers),
    st.tuples(st.just("fold")),
    st.tuples(st.just("move"), st.sampled_from(ZONES)),
)

_usernames = count()


class Raw:
    """What happens to a workspace, and its figures as plain Python finds them."""

    def __init__(self, session: Session, here: WorkspaceId, move: Callable[[str], None]) -> None:
        self.session, self.here, self._move = session, here, move
        self.is_fan = Subscriber.workspace_id == here
        self.is_payment = Transaction.workspace_id == here

    def happen(self, what: str, *how: object) -> None:
        getattr(self, what.replace(" ", "_"))(*how)
        self.session.commit()

    def join(self, fans: list[dict[str, object]]) -> None:
        self.session.add_all(
            Subscriber(workspace_id=self.here, username=f"random{next(_usernames)}", **fan) for fan in fans
        )

    def pay(self, number: int, payments: list[dict[str, object]]) -> None:
        fan = self._fan(number)
        for values in payments if fan else ():
            self.session.add(
                Transaction(workspace_id=self.here, subscriber_id=fan, currency="USD", **_with_net(values))
            )

    def reverse(self, number: int, status: TransactionStatus) -> None:
        self.session.execute(update(Transaction).where(self.is_payment, self._some(number)).values(status=status))

    def correct(self, number: int, values: dict[str, object]) -> None:
        self.session.execute(
            update(Transaction).where(self.is_payment, self._some(number)).values(**_with_net(values))
        )

    def change(self, number: int, values: dict[str, object]) -> None:
        self.session.execute(
            update(Subscriber).where(self.is_fan, Subscriber.id == self._fan(number)).values(**values)
        )

    def touch(self, _number: int) -> None:
        """What figures do not look at changes, in all rows at once."""
        self.session.execute(update(Subscriber).where(self.is_fan).values(country="FR"))

    def erase_payment(self, number: int) -> None:
        self.session.execute(delete(Transaction).where(self.is_payment, self._some(number)))

    def erase_fan(self, number: int) -> None:
        fan = self._fan(number)
        self.session.execute(delete(Transaction).where(self.is_payment, Transaction.subscriber_id == fan))
        self.session.execute(delete(Subscriber).where(self.is_fan, Subscriber.id == fan))

    def move(self, zone: str) -> None:
        self._move(zone)

    def fold(self) -> None:
        RollupService(self.session, self.here).fold()

    def expected(self, chosen: Range, zone: ZoneInfo) -> tuple[object, ...]:
        """The same as `_told`, the slow way."""
        completed = [
            (row.occurred_at.astimezone(zone).date(), row.gross_cents, row.net_cents)
            for row in self.session.scalars(select(Transaction).where(self.is_payment))
            if row.status is TransactionStatus.COMPLETED
        ]
        listed = [
            (
                row.joined_at.astimezone(zone).date(),
                row.renews_at and row.renews_at.astimezone(zone).date(),
                row.status,
            )
            for row in self.session.scalars(select(Subscriber).where(self.is_fan))
            if row.archived_at is None
        ]
        span = period(chosen, TODAY, min((day for day, *_ in completed), default=TODAY))
        past = before(chosen, span)

        def sums(first: date, last: date) -> tuple[int, int, int]:
            found = [(gross, net) for day, gross, net in completed if first <= day <= last]
            return sum(gross for gross, _ in found), sum(net for _, net in found), len(found)

        def joined(first: date, last: date) -> int:
            return sum(first <= day <= last for day, *_ in listed)

        week = [TODAY + timedelta(days=number) for number in range(7)]
        return (
            span,
            sums(*span),
            past,
            past and sums(*past),
            len(listed),
            sum(status is Status.ACTIVE for *_, status in listed),
            joined(span.first if past else date.min, TODAY),
            past and joined(*past),
            sum(status is Status.ACTIVE and renews in week for _, renews, status in listed),
        )

    def _fan(self, number: int) -> int | None:
        ids = self.session.scalars(select(Subscriber.id).where(self.is_fan).order_by(Subscriber.id)).all()
        return ids[number % len(ids)] if ids else None

    def _some(self, number: int) -> object:
        """A third of the payments, and now and then all of them."""
        return Transaction.id % 3 == number % 4 if number % 4 < 3 else True


def _told(figures: Overview) -> tuple[object, ...]:
    return (
        figures.period,
        tuple(figures.earnings),
        figures.before,
        figures.earnings_before and tuple(figures.earnings_before),
        *figures.fans,
    )


def _with_net(values: dict[str, object]) -> dict[str, object]:
    return {**values, "net_cents": int(str(values["gross_cents"])) - int(str(values["fee_cents"]))}


@contextmanager
def _raw(app_engine: Engine, owner_engine: Engine, zone: str) -> Iterator[Raw]:
    here = WorkspaceId(WorkspaceFactory(time_zone=zone).id)

    def move(zone: str) -> None:
        with Session(owner_engine) as owner, owner.begin():
            owner.execute(update(Workspace).where(Workspace.id == here).values(time_zone=zone))

    with Session(app_engine) as session:
        tenancy.enter(session, here)
        yield Raw(session, here, move)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zone=st.sampled_from(ZONES), story=st.lists(happenings, min_size=3, max_size=14))
def test_figures_are_what_the_raw_rows_say(
    app_engine: Engine, owner_engine: Engine, zone: str, story: list[tuple[object, ...]]
) -> None:
    with _raw(app_engine, owner_engine, zone) as raw:
        raw.happen("join", [{"joined_at": MOMENTS[0]}])
        for what, *how in story:
            raw.happen(str(what), *how)
            zone = str(how[0]) if what == "move" else zone
            analytics = AnalyticsService(raw.session, raw.here)
            for chosen in Range:
                figures = analytics.overview(chosen, TODAY)
                assert _told(figures) == raw.expected(chosen, ZoneInfo(zone)), (what, chosen)
                parts = [sum(step[at] for step in figures.steps) for at in (2, 3, 4)]
                assert parts == list(figures.earnings), "the steps of the chart are the period"


@pytest.mark.parametrize("zone", ZONES)
def test_each_hour_of_three_years_is_on_its_day(app_engine: Engine, owner_engine: Engine, zone: str) -> None:
    with _raw(app_engine, owner_engine, zone) as raw:
        raw.happen("join", [{"joined_at": MOMENTS[0]}])
        hours = text(
            "INSERT INTO transactions (workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents,"
            " currency, occurred_at) SELECT :here, :fan, 'tip', 'completed', 1, 0, 1, 'USD', at"
            " FROM generate_series(timestamptz '2024-01-01 00:30Z', '2026-12-31 23:30Z', interval '30 minutes') at"
        )
        raw.session.execute(hours, {"here": raw.here, "fan": raw._fan(0)})
        days = dict(
            raw.session.execute(
                select(DailyEarnings.day, DailyEarnings.payments).where(DailyEarnings.workspace_id == raw.here)
            ).all()
        )
        expected: dict[date, int] = {}
        at = datetime(2024, 1, 1, 0, 30, tzinfo=UTC)
        while at <= datetime(2026, 12, 31, 23, 30, tzinfo=UTC):
            day = at.astimezone(ZoneInfo(zone)).date()
            expected[day] = expected.get(day, 0) + 1
            at += timedelta(minutes=30)
        assert days == expected
        assert zone in ("UTC", "Asia/Kathmandu", "Pacific/Apia") or set(days.values()) > {48}, (
            "some days are not 24 h"
        )


def test_what_was_folded_is_one_row_a_day_and_nothing_where_nothing_is_left(
    app_engine: Engine, owner_engine: Engine
) -> None:
    with _raw(app_engine, owner_engine, "UTC") as raw:
        tip = {"type": "tip", "status": "completed", "gross_cents": 500, "fee_cents": 100}
        raw.happen("join", [{"joined_at": MOMENTS[0]}])
        for _ in range(3):
            raw.happen("pay", 0, [{**tip, "occurred_at": MOMENTS[8]}])
            raw.happen("fold")
        raw.happen("fold")
        rows = select(DailyEarnings).where(DailyEarnings.workspace_id == raw.here)
        [row] = raw.session.scalars(rows).all()
        assert (row.gross_cents, row.net_cents, row.payments, row.folded) == (1500, 1200, 3, True)
        raw.happen("erase fan", 0)
        raw.happen("fold")
        assert raw.session.scalars(rows).all() == []
        fans = select(func.count()).where(DailySubscribers.workspace_id == raw.here)
        assert raw.session.scalar(fans) == 0
