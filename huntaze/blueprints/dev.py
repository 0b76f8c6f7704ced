"""Pages for those who build Huntaze; only where nobody else can reach them."""

from __future__ import annotations

from datetime import date, timedelta
from math import sin
from typing import Any

from flask import Blueprint, Response, current_app

from huntaze.adapters.mail import LocalMailer
from huntaze.blueprints import web
from huntaze.blueprints.charts import Chart, Point, slices, spark
from huntaze.blueprints.formats import days, mark, money, money_short
from huntaze.blueprints.htmx import page

bp = Blueprint("dev", __name__, url_prefix="/dev")


@bp.get("/kit")
@web.public
def kit() -> Response:
    return page("dev/kit.html", charts=_charts())


@bp.get("/mail")
@web.public
def mail() -> Response:
    """The mails that were not sent anywhere, because there is no mail server."""
    mailer = current_app.extensions["huntaze.mailer"]
    return page("dev/mail.html", letters=mailer.letters() if isinstance(mailer, LocalMailer) else [])


def _charts() -> dict[str, Any]:
    """Samples, the awkward ones too."""
    thirty = [12_345 + number * 321 + round(9_000 * sin(number)) for number in range(30)]
    parts = [("Subscriptions", 301_450), ("Tips", 120_099), ("Paid messages", 98_000), ("Chargebacks", -4_999)]
    return {
        "thirty": _chart(thirty),
        "others": [
            ("One point", _chart([4_200])),
            ("Nothing", _chart([0] * 7)),
            ("Negative", _chart([5_000, -2_500, -12_345, 8_000, 0, 3_000])),
            ("Huge", _chart([123_456_789_012_345, 0, 98_765_432_109_876])),
        ],
        "parts": slices(parts),
        "no_parts": slices([("Tips", 0)]),
        "spark": spark(thirty),
        "flat": spark([1]),
        "write": _write,
    }


def _chart(values: list[int]) -> Chart:
    first = date(2026, 11, 26) - timedelta(days=len(values) - 1)
    dates = [first + timedelta(days=number) for number in range(len(values))]
    points = [
        Point(days(day, day), mark(day, 1, len(values)), value) for day, value in zip(dates, values, strict=True)
    ]
    return Chart(points, _write, lambda cents: money_short(cents, "USD"), least=100)


def _write(cents: int) -> str:
    return money(cents, "USD")
