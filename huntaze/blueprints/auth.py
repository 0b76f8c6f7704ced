"""Signing in, up and out."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.cookies import SIGN_IN
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, safe_path
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.second_factor import ask_for_code, signed_in, site
from huntaze.blueprints.security import needs_https
from huntaze.schemas.account import Confirmation, Credentials, Registration
from huntaze.services.errors import Invalid
from huntaze.services.passkeys import PasskeyService
from huntaze.services.second_step import SecondStepService

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
        user_id = web.sign_ins().check_password(given)
        if half := web.personal(SecondStepService).start(user_id):
            return ask_for_code(half, given.next)
        token = web.sign_ins().start(user_id, request.user_agent.string, given.business)
    except Invalid as refusal:
        return _login_page(form.refused(refusal), 422)
    return signed_in(token, given.next)


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
    return signed_in(token, wanted.next)


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


def _login_page(form: Form, status: int = 200) -> Response:
    return page(
        "auth/login.html", status, form=form, https_required=needs_https(), takes_passkeys=site().takes_passkeys
    )


def _register_page(form: Form, status: int = 200) -> Response:
    return page("auth/register.html", status, form=form, https_required=needs_https())


def _confirm_page(form: Form, status: int = 200) -> Response:
    has_passkey = site().takes_passkeys and web.personal(PasskeyService).all(web.viewer().user_id)
    return page("auth/confirm.html", status, form=form, has_passkey=has_passkey)
