"""What the bell leads to."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from huntaze.blueprints import web
from huntaze.blueprints.htmx import go, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.services.notifications import NotificationService

bp = Blueprint("notifications", __name__, url_prefix="/notifications")


@bp.get("")
def index() -> Response:
    found = web.service(NotificationService).page(web.viewer().user_id, request.args.get("after", ""))
    return page_or_partial("notifications/index.html", "notifications/_rows.html", notifications=found)


@bp.post("/read")
@form_page("notifications.index")
def mark_read() -> Response:
    web.service(NotificationService).mark_read(web.viewer().user_id)
    return go(url_for("notifications.index"))
