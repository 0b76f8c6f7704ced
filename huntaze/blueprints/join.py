"""Accepting an invitation. Looking at it uses nothing up: mail programs open links by themselves."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.cookies import SIGN_IN
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page
from huntaze.blueprints.security import needs_https
from huntaze.models.invitation import State
from huntaze.schemas.team import Newcomer
from huntaze.services.errors import Conflict, Forbidden, Invalid, NotFound

bp = Blueprint("join", __name__, url_prefix="/join")


@bp.get("")
@web.public
def invitation() -> Response:
    return _page(Form(values={"token": request.args.get("token", "")}))


@bp.post("")
@web.public
def accept() -> Response:
    """With the account that is signed in, or, by the link in the mail, with one that can't sign in yet."""
    token, viewer = request.form.get("token", ""), web.viewer_or_none()
    try:
        if viewer is None:
            web.joining().accept_by_mail(token)
            return go(url_for("auth.login"), _("You have joined. Log in to begin."))
        workspace_id = web.joining().accept(token, viewer.user_id)
    except (Forbidden, NotFound):
        return _page(Form(values={"token": token}), 422)
    except Conflict as refusal:
        return _page(Form(values={"token": token}).refused(refusal), 422)
    if viewer.sign_in_id:
        web.sign_ins().switch(viewer, workspace_id)
    return go("/", _("Welcome to the team."))


@bp.post("/register")
@web.public
def register() -> Response:
    form = Form.typed()
    if needs_https():
        return _page(form, 403)
    try:
        workspace_id, user_id = web.joining().register(form.read(Newcomer))
    except NotFound:
        return _page(form, 422)
    except Invalid as refusal:
        return _page(form.refused(refusal), 422)
    response = go("/", _("Welcome to the team."))
    SIGN_IN.write(response, web.sign_ins().enter(user_id, workspace_id, request.user_agent.string))
    return response


def _page(form: Form, status: int = 200) -> Response:
    """Whatever there is to say of the invitation; a page of its own for each reason not to join."""
    token, viewer = form.values.get("token", ""), web.viewer_or_none()
    try:
        welcome = web.joining().find(token) if token else None
    except NotFound:
        welcome = None
    if token and status == 200 and (welcome is None or welcome.state is not State.OPEN):
        status = 410 if welcome else 404
    response = page(
        "join/show.html",
        status,
        form=form,
        welcome=welcome,
        here=url_for("join.invitation", token=token),
        https_required=needs_https(),
        same=bool(viewer and welcome and viewer.email == welcome.invitation.email),
    )
    response.headers["Cache-Control"] = "no-store"  # its address opens a workspace
    return response
