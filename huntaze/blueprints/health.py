"""For whoever watches over the server: is each part there, and does it keep up?"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from huntaze.blueprints import web
from huntaze.services.health import HealthService
from huntaze.system import system_session

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@web.public
def healthz() -> Response:
    with system_session() as session:
        report = HealthService(session, current_app.extensions["redis"]).report()
    response = jsonify(report.as_dict())
    response.status_code = 200 if report.healthy else 503
    response.headers["Cache-Control"] = "no-store"
    return response
