"""Money, numbers, days and times as the viewer reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from babel.dates import format_timedelta
from flask import Flask
from flask_babel import format_currency, format_date, format_decimal, format_time, get_locale


def money(cents: int, currency: str) -> str:
    """Minor units of a currency with two decimals (all that a platform pays out in), by locale."""
    return str(format_currency(Decimal(cents) / 100, currency))


def number(value: float) -> str:
    return str(format_decimal(value))


def day(when: datetime) -> str:
    """The calendar day in the viewer's zone."""
    return str(format_date(when, "medium", rebase=True))


def moment(when: datetime) -> str:
    """Day and minute in the viewer's zone."""
    return f"{format_date(when, 'medium')}, {format_time(when, 'short')}"


def ago(when: datetime) -> str:
    """Roughly how long ago: "3 days ago"; "in 2 weeks" for a time to come."""
    return format_timedelta(when - datetime.now(UTC), add_direction=True, locale=get_locale())


def init_app(app: Flask) -> None:
    for name in (money, number, day, moment, ago):
        app.add_template_filter(name)
