"""A forgotten password: the link is asked for, mailed, and opened."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import guesses, letters, web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, secret
from huntaze.blueprints.security import needs_https
from huntaze.models.account_link import Purpose
from huntaze.models.audit import Action
from huntaze.models.base import UserId
from huntaze.schemas.account import ForgottenPassword, PasswordReset
from huntaze.services.errors import Invalid, NotFound
from huntaze.services.tries import ACCOUNT, ASKING, TryService

bp = Blueprint("password", __name__, url_prefix="/password")


@bp.get("/forgot")
@web.public
def forgot() -> Response:
    return _forgot_page(Form(values={"email": ""}))


@bp.post("/forgot")
@web.public
def ask() -> Response:
    """The same answer, after the same work, whether or not someone has that e-mail (ASVS 6.3.8): there is always
    one mail, and it tells whoever reads it."""
    form = Form.typed()
    try:
        email = form.read(ForgottenPassword).email
    except Invalid as refusal:
        return _forgot_page(form.refused(refusal), 422)
    web.take_a_try((ASKING, guesses.address()))
    if letters.may_go_to(email):
        links = web.account_links()
        if owner := links.owner_of(email):
            token = links.issue(UserId(owner.id), Purpose.PASSWORD, email)
            letters.write("password", email, owner.locale, token=token)
        else:
            letters.write("no_account", email)
    return go(url_for("password.sent"))


@bp.get("/sent")
@web.public
def sent() -> Response:
    return page("auth/sent.html")


@bp.get("/reset")
@web.public
def link() -> Response:
    token = request.args.get("token", "")
    try:
        web.account_links().find(token, Purpose.PASSWORD)
    except NotFound:
        return _over()
    return _reset_page(Form(values={"token": token}))


@bp.post("/reset")
@web.public
def reset() -> Response:
    form = Form.typed()
    if needs_https():
        return _reset_page(form, 403)
    try:
        given = form.read(PasswordReset)
        user = web.account_links().reset_password(given.token, given.password)
    except Invalid as refusal:
        return _reset_page(form.refused(refusal), 422)
    except NotFound:
        return _over()
    web.accounts().record(UserId(user.id), Action.PASSWORD_RESET)
    web.personal(TryService).forget((ACCOUNT, user.email))
    letters.write("password_changed", user.email, user.locale)
    return guesses.know(user.email, go(url_for("auth.login"), _("Your password is changed. Log in with it.")))


def _over() -> Response:
    return go(
        url_for("password.forgot"), _("This link is over: each works once, for 30 minutes. Ask for a new one."), "bad"
    )


def _forgot_page(form: Form, status: int = 200) -> Response:
    return page("auth/forgot.html", status, form=form)


def _reset_page(form: Form, status: int = 200) -> Response:
    return secret(page("auth/reset.html", status, form=form, https_required=needs_https()))
