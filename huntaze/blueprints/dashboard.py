"""Where a signed-in person lands: how her business does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.charts import Chart, Point
from huntaze.blueprints.formats import days, mark, money, money_short, today
from huntaze.blueprints.forms import read
from huntaze.blueprints.htmx import go, page, wants_partial
from huntaze.blueprints.streams import News, stream
from huntaze.schemas.analytics import OverviewQuery, Range
from huntaze.services.activity import ActivityService, topic
from huntaze.services.analytics import EXPIRING, AnalyticsService, Overview

bp = Blueprint("dashboard", __name__)

ACTIVITY = "dashboard/_activity.html"
PACE = 3.0
"""Seconds between two looks at what happened: in a busy hour that is at most a megabyte."""


@bp.get("/")
def home() -> Response:
    return go(url_for("dashboard.index"))


@bp.get("/dashboard")
def index() -> Response:
    wanted = read(OverviewQuery, request.args)
    analytics, now = web.service(AnalyticsService), today()
    overview = analytics.overview(wanted.range, now)
    context: dict[str, Any] = {
        "overview": overview,
        "chart": _chart(overview),
        "ranges": _ranges(),
        "joined_since": overview.period.first if overview.before else None,
        "renews_before": now + EXPIRING,
    }
    if wants_partial():
        return page("dashboard/_overview.html", **context)
    return page("dashboard/index.html", activity=web.service(ActivityService).newest(), **context)


@bp.get("/dashboard/activity")
def activity() -> Response:
    """The list alone, for a page that is open and hears no stream."""
    if not wants_partial():
        return go(url_for("dashboard.index"))
    return page(ACTIVITY, activity=web.service(ActivityService).newest())


@bp.get("/dashboard/events")
def events() -> Response:
    def news() -> News:
        with web.own_session() as session:
            newest = ActivityService(session, web.viewer().workspace_id).newest()
            return News(render_template(ACTIVITY, activity=newest), is_last=False)

    return stream(topic(web.viewer().workspace_id), news, pace=PACE)


def _chart(overview: Overview) -> Chart:
    currency = web.viewer().currency
    steps = overview.steps
    usual = steps[len(steps) // 2]
    length = (usual.last - usual.first + timedelta(days=1)).days
    points = [
        Point(days(step.first, step.last), mark(step.first, length, len(steps)), step.net_cents) for step in steps
    ]
    return Chart(points, lambda cents: money(cents, currency), lambda cents: money_short(cents, currency), least=100)


def _ranges() -> list[tuple[Range, str, str]]:
    """Each range, its name, and what it is compared with."""
    return [
        (Range.WEEK, _("7 days"), _("in the 7 days before")),
        (Range.MONTH, _("30 days"), _("in the 30 days before")),
        (Range.QUARTER, _("90 days"), _("in the 90 days before")),
        (Range.YEAR, _("Year"), _("in the same months a year ago")),
        (Range.ALL, _("All"), ""),
    ]
