"""Money, numbers, days and times as the viewer reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale, dates
from babel.dates import format_interval, format_skeleton, format_timedelta
from babel.numbers import format_compact_currency, format_currency, format_percent
from flask import Flask
from flask_babel import format_date, format_decimal, format_time, get_locale, get_timezone

WEEK, LONGEST_MONTH, MONTHS = 7, 31, 12


def money(cents: int, currency: str) -> str:
    """Minor units of a currency with two decimals (all that a platform pays out in), by locale."""
    return _money(cents, currency, get_locale())


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


def day(when: datetime) -> str:
    """The calendar day in the viewer's zone."""
    return str(format_date(when, "medium", rebase=True))


def moment(when: datetime) -> str:
    """Day and minute in the viewer's zone."""
    return f"{format_date(when, 'medium')}, {format_time(when, 'short')}"


def clock(when: datetime) -> str:
    """The time in the viewer's zone: "14:05" today, "Nov 3, 14:05" of other days, with the year of other years."""
    zone = get_timezone()
    at, now = when.astimezone(zone), datetime.now(zone)
    time = str(format_time(when, "short"))
    if at.date() == now.date():
        return time
    skeleton = "MMMd" if at.year == now.year else "yMMMd"
    return f"{format_skeleton(skeleton, at, locale=get_locale())}, {time}"


def ago(when: datetime) -> str:
    """Roughly how long ago: "3 days ago"; "in 2 weeks" for a time to come."""
    return format_timedelta(when - datetime.now(UTC), add_direction=True, locale=get_locale())


def today() -> date:
    """The calendar day that it is in the viewer's zone."""
    return datetime.now(get_timezone()).date()


def days(first: date, last: date) -> str:
    """Some days in a row of the calendar: "Tue, Nov 3", "Nov 3 – 9", "Nov 2026", "2026"."""
    if first == last:
        return str(format_skeleton("MMMEd", first, locale=get_locale()))
    if first.day == (last + timedelta(days=1)).day == 1 and (last - first).days < LONGEST_MONTH:
        return str(format_skeleton("yMMM", first, locale=get_locale()))
    if (last - first).days < LONGEST_MONTH:
        return str(format_interval(first, last, "MMMd", locale=get_locale()))
    return str(first.year)


def mark(first: date, length: int, count: int) -> str:
    """The same as short as it goes, where `count` of them, mostly of `length` days, stand side by side."""
    if length == 1 and count <= WEEK:
        return str(dates.format_date(first, "ccc", locale=get_locale()))
    if length <= WEEK:
        return str(format_skeleton("MMMd", first, locale=get_locale()))
    if length > LONGEST_MONTH:
        return str(first.year)
    if count > MONTHS:
        return str(format_skeleton("yMMM", first, locale=get_locale()))
    return str(dates.format_date(first, "LLL", locale=get_locale()))


def init_app(app: Flask) -> None:
    for name in (money, number, day, moment, clock, ago, change):
        app.add_template_filter(name)
