"""The figures of a workspace, from its rollups: exact and fresh, whatever the number of fans and payments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, cast, func, null, select
from sqlalchemy.orm import Session

from huntaze.models.base import Cents, WorkspaceId
from huntaze.models.rollup import DailyEarnings, DailySubscribers, FanEvent
from huntaze.models.subscriber import Status
from huntaze.schemas.analytics import Range
from huntaze.services.periods import Span, before, period, steps

EXPIRING = timedelta(days=7)
"""Who renews or ends within so many days, today included, is "expiring soon"."""


class Earnings(NamedTuple):
    """Of completed payments, in minor units of the workspace's currency: what fans paid, what is left after fees."""

    gross_cents: Cents
    net_cents: Cents
    payments: int


class Step(NamedTuple):
    """Earnings of a day, or of some days in a row."""

    first: date
    last: date
    gross_cents: Cents
    net_cents: Cents
    payments: int


class Fans(NamedTuple):
    """Without the archived. `new` joined in the period, `expiring` are active and renew or end within EXPIRING."""

    total: int
    active: int
    new: int
    new_before: int | None
    expiring: int


@dataclass(frozen=True)
class Overview:
    """`before` is the period to compare with: None for all time."""

    range: Range
    period: Span
    earnings: Earnings
    before: Span | None
    earnings_before: Earnings | None
    steps: Sequence[Step]
    fans: Fans

    @property
    def is_empty(self) -> bool:
        """Nothing has ever happened here, as far as this period tells."""
        return not self.fans.total and not self.earnings.payments


class AnalyticsService:
    """The figures of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def overview(self, chosen: Range, today: date) -> Overview:
        """The figures of a range up to `today`, the day that it is in the workspace's time zone. Two queries."""
        if chosen is Range.ALL:
            days = self._days(date.min, today)
            span, past = period(chosen, today, days[0].first if days else today), None
        else:
            span = period(chosen, today, today)
            past = before(chosen, span)
            days = self._days((past or span).first, today)
        return Overview(
            range=chosen,
            period=span,
            earnings=_within(days, span),
            before=past,
            earnings_before=_within(days, past) if past else None,
            steps=[Step(step.first, step.last, *_within(days, step)) for step in steps(span)],
            fans=self._fans(span if past else Span(date.min, today), past, today),
        )

    def _days(self, first: date, last: date) -> list[Step]:
        """The days on which there was a payment, in their order."""
        wanted = {"workspace_id": self.workspace_id, "first": first, "last": last}
        found = self.session.connection().execute(_DAYS, wanted)
        return [Step(day, day, *sums) for day, *sums in found]

    def _fans(self, span: Span, past: Span | None, today: date) -> Fans:
        soon = {"today": today, "soon": today + EXPIRING - timedelta(days=1)}
        spans = {"first": span.first, "last": span.last, **soon}
        if past:
            spans |= {"past_first": past.first, "past_last": past.last}
        wanted = {"workspace_id": self.workspace_id, **spans}
        return Fans(*self.session.connection().execute(_fans(bool(past)), wanted).one())


# Both are built once, and read past the ORM, which has nothing to do there: that was two thirds of their time.
_HERE = bindparam("workspace_id", type_=BigInteger)
_DAYS = (
    select(
        DailyEarnings.day,
        *(
            cast(func.sum(column), BigInteger)
            for column in (DailyEarnings.gross_cents, DailyEarnings.net_cents, DailyEarnings.payments)
        ),
    )
    .where(
        DailyEarnings.workspace_id == _HERE,
        DailyEarnings.day.between(bindparam("first"), bindparam("last")),
    )
    .group_by(DailyEarnings.day)
    .having(func.sum(DailyEarnings.payments) > 0)
    .order_by(DailyEarnings.day)
)


@cache
def _fans(has_past: bool) -> Select[*tuple[Any, ...]]:
    joined, active = DailySubscribers.event == FanEvent.JOINED, DailySubscribers.status == Status.ACTIVE
    renews, day = DailySubscribers.event == FanEvent.RENEWS, DailySubscribers.day
    return select(
        _count(joined),
        _count(joined & active),
        _count(joined & day.between(bindparam("first"), bindparam("last"))),
        _count(joined & day.between(bindparam("past_first"), bindparam("past_last"))) if has_past else null(),
        _count(renews & active & day.between(bindparam("today"), bindparam("soon"))),
    ).where(DailySubscribers.workspace_id == _HERE)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(DailySubscribers.fans).filter(condition), 0), BigInteger)


def _within(days: Sequence[Step], span: Span) -> Earnings:
    """The sum of those days that are in the span; `days` are in their order."""
    found = days[bisect_left(days, span.first, key=_first) : bisect_right(days, span.last, key=_first)]
    return Earnings(
        gross_cents=Cents(sum(day.gross_cents for day in found)),
        net_cents=Cents(sum(day.net_cents for day in found)),
        payments=sum(day.payments for day in found),
    )


def _first(day: Step) -> date:
    return day.first
