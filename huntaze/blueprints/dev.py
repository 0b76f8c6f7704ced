"""Pages for those who build Huntaze; only where nobody else can reach them."""

from __future__ import annotations

from flask import Blueprint, Response

from huntaze.blueprints import web
from huntaze.blueprints.htmx import page

bp = Blueprint("dev", __name__, url_prefix="/dev")


@bp.get("/kit")
@web.public
def kit() -> Response:
    return page("dev/kit.html")
