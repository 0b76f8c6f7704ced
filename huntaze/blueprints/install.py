"""What makes Huntaze an app of the phone: its manifest, its service worker, and the page for no network."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _

from huntaze.assets import asset, script
from huntaze.blueprints import web
from huntaze.blueprints.htmx import page
from huntaze.blueprints.shell import LOCALES, Look

bp = Blueprint("install", __name__)

PAGE_COLOURS = {"light": "#fcfcfd", "dark": "#101013"}
"""--page of css/tokens.css: what the phone shows while the first page loads, and around it."""


@bp.get("/manifest.webmanifest")
@web.public
def manifest() -> Response:
    """The address says in which language and look: a browser asks for it without cookies."""
    wanted = request.args.get("locale", "")
    locale = wanted if wanted in LOCALES else "en"
    with force_locale(locale):
        response = jsonify(_manifest(Look().changed(request.args), locale))
    response.mimetype = "application/manifest+json"
    # Chrome asks after it on every page: a day is soon enough for a new icon.
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@bp.get("/sw.js")
@web.public
def worker() -> Response:
    """An hour passes until a phone sees a new build's worker, which does no harm: the worker only asks for what
    the pages name. Without it Chromium asked again on every page, which then cost 0.7 KB more (measured).
    """
    response = Response(script("sw.js"), mimetype="text/javascript")
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response


@bp.get("/offline")
@web.public
def offline() -> Response:
    """The worker keeps it. A toast that waits is for the page that comes next, and not for this one."""
    return page("install/offline.html", toasts=list)


def _manifest(look: Look, locale: str) -> dict[str, Any]:
    colour = PAGE_COLOURS.get(look.theme, PAGE_COLOURS["light"])
    found: dict[str, Any] = {
        "id": "/",
        "name": look.app_name,
        "short_name": look.app_name,
        "lang": locale,
        "start_url": url_for("dashboard.home"),
        "scope": "/",
        "display": "standalone",
        "theme_color": colour,
        "background_color": colour,
        "icons": [
            {
                "src": asset(f"{look.icon}-{size}.png"),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": "any maskable",
            }
            for size in (192, 512)
        ],
    }
    if look.discreet == "off":  # what it is for would be in a long press
        found["shortcuts"] = [
            {"name": _("Fans"), "url": url_for("onlyfans.subscribers")},
            {"name": _("Dashboard"), "url": url_for("dashboard.home")},
        ]
    return found
