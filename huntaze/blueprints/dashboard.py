"""Where a signed-in person lands."""

from __future__ import annotations

from flask import Blueprint, Response, url_for

from huntaze.blueprints.htmx import go

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def home() -> Response:
    return go(url_for("onlyfans.subscribers"))
