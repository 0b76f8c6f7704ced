"""Signing in, up and out."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.cookies import SIGN_IN
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, safe_path
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.security import needs_https
from huntaze.schemas.account import Confirmation, Credentials, Registration
from huntaze.services.errors import Invalid

bp = Blueprint("auth", __name__)


@bp.get("/login")
@web.public
def login() -> Response:
    if web.viewer_or_none():
        return go(safe_path(request.args.get("next", "")))
    return _login_page(Form(values={"next": request.args.get("next", "")}))


@bp.post("/login")
@web.public
def sign_in() -> Response:
    form = Form.typed()
    if needs_https():
        return _login_page(form, 403)
    try:
        given = form.read(Credentials)
        token = web.sign_ins().sign_in(given, request.user_agent.string)
    except Invalid as refusal:
        return _login_page(form.refused(refusal), 422)
    return _signed_in(token, given.next)


@bp.get("/register")
@web.public
def register() -> Response:
    if web.viewer_or_none():
        return go(safe_path(request.args.get("next", "")))
    return _register_page(Form(values={"next": request.args.get("next", "")}))


@bp.post("/register")
@web.public
def create_account() -> Response:
    form = Form.typed()
    if needs_https():
        return _register_page(form, 403)
    try:
        wanted = form.read(Registration)
        token = web.sign_ins().register(wanted, request.user_agent.string)
    except Invalid as refusal:
        return _register_page(form.refused(refusal), 422)
    return _signed_in(token, wanted.next)


@bp.get("/confirm")
def confirm() -> Response:
    return _confirm_page(Form(values={"next": request.args.get("next", "")}))


@bp.post("/confirm")
@form_page("auth.confirm")
def confirm_password() -> Response:
    form = Form.typed()
    try:
        given = form.read(Confirmation)
        web.sign_ins().confirm(web.viewer(), given.password)
    except Invalid as refusal:
        return _confirm_page(form.refused(refusal), 422)
    return go(safe_path(given.next))


@bp.post("/logout")
@web.public
def logout() -> Response:
    viewer = web.viewer_or_none()
    if viewer and viewer.sign_in_id:
        web.sign_ins().sign_out(viewer.sign_in_id)
    response = go(url_for("auth.login"), _("You are signed out."))
    SIGN_IN.clear(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _signed_in(token: str, next_path: str) -> Response:
    response = go(safe_path(next_path))
    SIGN_IN.write(response, token)
    return response


def _login_page(form: Form, status: int = 200) -> Response:
    return page("auth/login.html", status, form=form, https_required=needs_https())


def _register_page(form: Form, status: int = 200) -> Response:
    return page("auth/register.html", status, form=form, https_required=needs_https())


def _confirm_page(form: Form, status: int = 200) -> Response:
    return page("auth/confirm.html", status, form=form)
