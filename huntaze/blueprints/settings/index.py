"""How Huntaze looks, in which language, and in which of the viewer's workspaces."""

from __future__ import annotations

from flask import Response, request, url_for

from huntaze.blueprints import web
from huntaze.blueprints.cookies import LANGUAGE, LOOK
from huntaze.blueprints.htmx import go, page, safe_path, wants_partial
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.blueprints.shell import LOCALES, Look


@bp.get("")
def index() -> Response:
    workspaces = web.sign_ins().workspaces(web.viewer().user_id)
    return page("settings/index.html", workspaces=workspaces, workspace_id=web.viewer().workspace_id)


@bp.post("/appearance")
@web.public
def appearance() -> Response:
    look = Look.read().changed(request.form)
    # With htmx the page shows the choice already, and stays.
    response = Response(status=204) if wants_partial() else _back()
    LOOK.write(response, str(look))
    return response


@bp.post("/language")
@web.public
def language() -> Response:
    response = _back()
    if (locale := request.form.get("locale", "")) in LOCALES:
        LANGUAGE.write(response, locale)
        if viewer := web.viewer_or_none():
            web.sign_ins().choose_language(viewer.user_id, locale)
    return response


@bp.post("/workspace/switch")
@form_page("settings.index")
def switch_workspace() -> Response:
    chosen = request.form.get("workspace_id", "", type=str)
    web.sign_ins().switch(web.viewer(), int(chosen) if chosen.isdecimal() and len(chosen) < 19 else 0)
    return go(url_for("dashboard.home"))


def _back() -> Response:
    return go(safe_path(request.form.get("next", "/")))
