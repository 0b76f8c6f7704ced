"""The viewer's API tokens; an owner sees those of the whole team."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.settings import bp
from huntaze.models.base import UserId
from huntaze.models.user import Role
from huntaze.schemas.team import NewToken
from huntaze.services.errors import Invalid
from huntaze.services.tokens import TokenService

HERE = "settings/tokens/"


@bp.get("/tokens")
def tokens() -> Response:
    found = web.people(TokenService).page(_whose(), request.args.get("after", ""))
    return page_or_partial(HERE + "index.html", HERE + "_rows.html", tokens=found, all=_whose() is None)


@bp.get("/tokens/new")
@web.confirmed
def new_token() -> Response:
    return page(HERE + "new.html", form=Form.empty(scope="read", days="90"))


@bp.post("/tokens")
@web.confirmed
@form_page("settings.new_token")
def create_token() -> Response:
    form = Form.typed()
    try:
        new = form.read(NewToken)
        token = web.people(TokenService).create(web.viewer().user_id, new)
    except Invalid as refusal:
        return page(HERE + "new.html", 422, form=form.refused(refusal))
    # Shown this once, in the answer to a POST, which nothing stores (no-store).
    return page(HERE + "created.html", name=new.name, token=token, example=web.absolute("/api/onlyfans/subscribers"))


@bp.post("/tokens/<int:token_id>/revoke")
@form_page("settings.tokens")
def revoke_token(token_id: int) -> Response:
    web.people(TokenService).revoke(web.viewer().user_id, token_id, _whose())
    return go(url_for("settings.tokens"), _("The token is revoked; it opens nothing now."))


def _whose() -> UserId | None:
    viewer = web.viewer()
    return None if viewer.covers(Role.OWNER) else viewer.user_id
