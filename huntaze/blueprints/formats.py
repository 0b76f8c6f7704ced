"""Money, numbers, days, times and names as the viewer reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale, dates
from babel.dates import format_interval, format_skeleton, format_timedelta
from babel.numbers import format_compact_currency, format_currency, format_percent
from flask import Flask
from flask_babel import format_date, format_decimal, format_time, get_locale, get_timezone
from jinja2 import pass_context
from jinja2.runtime import Context

WEEK, LONGEST_MONTH, MONTHS = 7, 31, 12
HOUR = 3_600  # seconds


class Reader(NamedTuple):
    """Whose language and zone it is written in."""

    locale: Locale
    zone: tzinfo


def reader() -> Reader:
    """Of this request."""
    return Reader(get_locale(), get_timezone())


def money(cents: int, currency: str, by: Reader | None = None) -> str:
    """Minor units of a currency with two decimals (all that a platform pays out in), by locale."""
    return _money(cents, currency, (by or reader()).locale)


@lru_cache(maxsize=10_000)
def _money(cents: int, currency: str, locale: Locale) -> str:
    # A page writes fifty amounts, and prices are the same again and again.
    return str(format_currency(Decimal(cents) / 100, currency, locale=locale))


def money_short(cents: int, currency: str) -> str:
    """The same in a few characters, for the axis of a chart: $1.5K."""
    return str(format_compact_currency(Decimal(cents) / 100, currency, locale=get_locale(), fraction_digits=1))


def change(now: int, past: int) -> str:
    """How much more or less `now` is, as a whole percentage with its sign; "" where that says nothing."""
    if past <= 0 or not -9.995 < now / past - 1 < 9.995:
        return ""
    return str(format_percent((now - past) / past, "+#,##0%;-#,##0%", locale=get_locale()))


def number(value: float) -> str:
    return str(format_decimal(value))


def day(when: date, by: Reader | None = None) -> str:
    """The calendar day: of a moment, in the viewer's zone."""
    by = by or reader()
    return _day(when.astimezone(by.zone).date() if isinstance(when, datetime) else when, by.locale)


@lru_cache(maxsize=10_000)
def _day(when: date, locale: Locale) -> str:
    return dates.format_date(when, "medium", locale=locale)


def moment(when: datetime) -> str:
    """Day and minute in the viewer's zone."""
    return f"{format_date(when, 'medium')}, {format_time(when, 'short')}"


def clock(when: datetime, *, short: bool = False) -> str:
    """The time in the viewer's zone: "14:05" today, "Nov 3, 14:05" of other days, with the year of other years.

    short: of other days without the time.
    """
    zone = reader().zone
    at, now = when.astimezone(zone), datetime.now(zone)
    is_today = at.date() == now.date()
    time = "" if short and not is_today else str(format_time(when, "short"))
    if is_today:
        return time
    day = str(format_skeleton("MMMd" if at.year == now.year else "yMMMd", at, locale=reader().locale))
    return day if short else f"{day}, {time}"


def ago(when: datetime, by: Reader | None = None) -> str:
    """Roughly how long ago: "3 days ago"; "in 2 weeks" for a time to come."""
    seconds = round((when - datetime.now(UTC)).total_seconds())
    # In whole hours where they are all that is told, so that fifty rows and the next page share the answers.
    exact = HOUR if abs(seconds) > 3 * HOUR else 1
    return _ago(round(seconds / exact) * exact, (by or reader()).locale)


@lru_cache(maxsize=10_000)
def _ago(seconds: int, locale: Locale) -> str:
    return format_timedelta(seconds, add_direction=True, locale=locale)


def today() -> date:
    """The calendar day that it is in the viewer's zone."""
    return datetime.now(get_timezone()).date()


def days(first: date, last: date) -> str:
    """Some days in a row of the calendar: "Tue, Nov 3", "Nov 3 – 9", "Nov 2026", "2026"."""
    return _days(first, last, get_locale())


@lru_cache(maxsize=10_000)
def _days(first: date, last: date, locale: Locale) -> str:
    if first == last:
        return str(format_skeleton("MMMEd", first, locale=locale))
    if first.day == (last + timedelta(days=1)).day == 1 and (last - first).days < LONGEST_MONTH:
        return str(format_skeleton("yMMM", first, locale=locale))
    if (last - first).days < LONGEST_MONTH:
        return str(format_interval(first, last, "MMMd", locale=locale))
    return str(first.year)


def mark(first: date, length: int, count: int) -> str:
    """The same as short as it goes, where `count` of them, mostly of `length` days, stand side by side."""
    return _mark(first, length, count, get_locale())


@lru_cache(maxsize=10_000)
def _mark(first: date, length: int, count: int, locale: Locale) -> str:
    if length == 1 and count <= WEEK:
        return str(dates.format_date(first, "ccc", locale=locale))
    if length <= WEEK:
        return str(format_skeleton("MMMd", first, locale=locale))
    if length > LONGEST_MONTH:
        return str(first.year)
    if count > MONTHS:
        return str(format_skeleton("yMMM", first, locale=locale))
    return str(dates.format_date(first, "LLL", locale=locale))


def initials(name: str) -> str:
    """Of the first two words."""
    return "".join(word[0] for word in name.split()[:2]).upper()


def init_app(app: Flask) -> None:
    for write in (number, moment, clock, change, initials):
        app.add_template_filter(write)
    for write_by in (money, day, ago):
        app.add_template_filter(_of_the_page(write_by), write_by.__name__)


def _of_the_page(write: Callable[..., str]) -> Callable[..., str]:
    """The filter that takes the reader from the page: it writes hundreds, and asking for them costs more than each.

    A macro that is imported without the page's context has none.
    """

    @pass_context
    def written(context: Context, *values: Any) -> str:
        return write(*values, by=context.get("reader"))

    return written
