"""Stretches of days: the period that a range names, the one before it, and the steps of its chart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from huntaze.schemas.analytics import Range

DAY = timedelta(days=1)
DAYS = {Range.WEEK: 7, Range.MONTH: 30, Range.QUARTER: 90}
BY_DAY = 31
"""Up to so many days each has a step of its own."""
BY_WEEK = 92
MOST_MONTHS = 36
"""Beyond it the steps are years: as many as fit on a phone."""


class Span(NamedTuple):
    """From the first to the last day, both included."""

    first: date
    last: date


def period(chosen: Range, today: date, begin: date) -> Span:
    """The days of a range up to today. `begin` is the first day of all, which only Range.ALL looks at."""
    if chosen is Range.ALL:
        return Span(min(begin, today), today)
    if chosen is Range.YEAR:
        return Span(_months_later(today.replace(day=1), -11), today)
    return Span(today - DAY * (DAYS[chosen] - 1), today)


def before(chosen: Range, span: Span) -> Span | None:
    """The days to compare a period with: as many just before it, or the same months a year earlier."""
    if chosen is Range.ALL:
        return None
    if chosen is Range.YEAR:
        return Span(_months_later(span.first, -12), _months_later(span.last, -12))
    length = span.last - span.first + DAY
    return Span(span.first - length, span.first - DAY)


def steps(span: Span) -> Iterator[Span]:
    """The period in days, in weeks that end today (the first may be shorter), in months or in years."""
    days = (span.last - span.first).days + 1
    if days <= BY_DAY:
        yield from (Span(day, day) for day in (span.first + DAY * number for number in range(days)))
    elif days <= BY_WEEK:
        for left in range((days - 1) // 7, -1, -1):
            last = span.last - DAY * 7 * left
            yield Span(max(span.first, last - DAY * 6), last)
    else:
        yield from _calendar(span, 1 if _months(span) <= MOST_MONTHS else 12)


def _calendar(span: Span, months: int) -> Iterator[Span]:
    first = span.first
    while first <= span.last:
        start = first.replace(day=1) if months == 1 else first.replace(month=1, day=1)
        after = _months_later(start, months)
        yield Span(first, min(after - DAY, span.last))
        first = after


def _months(span: Span) -> int:
    return (span.last.year - span.first.year) * 12 + span.last.month - span.first.month + 1


def _months_later(day: date, months: int) -> date:
    """The same day of another month; 29 February becomes the 28th."""
    number = day.year * 12 + day.month - 1 + months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return min(first + DAY * (day.day - 1), following - DAY)
