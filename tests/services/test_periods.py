"""Which days a range is, which it is compared with, and the steps in which it is drawn."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze.schemas.analytics import Range
from huntaze.services.periods import DAY, Span, before, period, steps

TODAY = date(2026, 11, 26)
dates = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("chosen", "span", "past"),
    [
        (Range.WEEK, (date(2026, 11, 20), TODAY), (date(2026, 11, 13), date(2026, 11, 19))),
        (Range.MONTH, (date(2026, 10, 28), TODAY), (date(2026, 9, 28), date(2026, 10, 27))),
        (Range.QUARTER, (date(2026, 8, 29), TODAY), (date(2026, 5, 31), date(2026, 8, 28))),
        (Range.YEAR, (date(2025, 12, 1), TODAY), (date(2024, 12, 1), date(2025, 11, 26))),
        (Range.ALL, (date(2024, 3, 5), TODAY), None),
    ],
)
def test_a_range_and_the_one_before(chosen: Range, span: tuple[date, date], past: tuple[date, date] | None) -> None:
    found = period(chosen, TODAY, begin=date(2024, 3, 5))
    assert found == span
    assert before(chosen, found) == past


def test_a_leap_day_has_a_year_before_too() -> None:
    leap = date(2028, 2, 29)
    assert before(Range.YEAR, period(Range.YEAR, leap, leap)) == (date(2026, 3, 1), date(2027, 2, 28))


@given(st.sampled_from(Range), dates, dates)
def test_the_steps_are_the_period_without_gaps(chosen: Range, today: date, begin: date) -> None:
    span = period(chosen, today, begin)
    found = list(steps(span))
    assert found[0].first == span.first
    assert found[-1].last == span.last == today
    for left, right in zip(found, found[1:], strict=False):  # noqa: RUF007  lists are short
        assert right.first == left.last + DAY
    assert all(step.first <= step.last for step in found)
    assert len(found) <= 101, "not more than fit on a phone"


@pytest.mark.parametrize(
    ("first", "count", "lengths"),
    [
        (TODAY, 1, {1}),
        (TODAY - 30 * DAY, 31, {1}),
        (TODAY - 89 * DAY, 13, {6, 7}),
        (date(2025, 12, 1), 12, {31, 28, 30, 26}),
        (date(2024, 12, 15), 24, {17, 31, 28, 30, 26}),
        (date(2019, 5, 5), 8, {241, 366, 365, 330}),
    ],
)
def test_steps_are_days_weeks_months_or_years(first: date, count: int, lengths: set[int]) -> None:
    found = list(steps(Span(first, TODAY)))
    assert len(found) == count
    assert {(step.last - step.first + timedelta(days=1)).days for step in found} == lengths
