"""/api/analytics: the figures of the dashboard."""

from __future__ import annotations

from flask import Response, request

from huntaze.blueprints import web
from huntaze.blueprints.api import bp
from huntaze.blueprints.api.endpoint import Endpoint, describe, write_json
from huntaze.blueprints.formats import today
from huntaze.blueprints.forms import read
from huntaze.schemas.analytics import OverviewOut, OverviewQuery
from huntaze.services.analytics import AnalyticsService


@bp.get("/analytics/overview")
@describe(Endpoint("Earnings and fans of a period.", query=OverviewQuery, answer=OverviewOut, refusals=(422,)))
def get_overview() -> Response:
    wanted, viewer = read(OverviewQuery, request.args), web.viewer()
    overview = web.service(AnalyticsService).overview(wanted.range, today())
    figures = {**vars(overview), "currency": viewer.currency, "time_zone": viewer.time_zone}
    return write_json(OverviewOut.model_validate(figures))
