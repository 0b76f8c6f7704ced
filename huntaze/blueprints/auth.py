"""Signing in, up and out."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import guesses, letters, web
from huntaze.blueprints.cookies import SIGN_IN
from huntaze.blueprints.errors import try_later
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, safe_path, secret
from huntaze.blueprints.messages import say
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.second_factor import ask_for_code, signed_in, site
from huntaze.blueprints.security import needs_https
from huntaze.schemas.account import Confirmation, Credentials, Opening, Registration
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem, TooManyTries
from huntaze.services.passkeys import PasskeyService
from huntaze.services.second_step import SecondStepService
from huntaze.services.tries import ASKING

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
        guesses.take(given.email)
        user_id = web.sign_ins().check_password(given)
        if half := web.personal(SecondStepService).start(user_id):
            return guesses.right(given.email, ask_for_code(half, given.next))
        token = web.sign_ins().start(user_id, request.user_agent.string, given.business)
    except Invalid as refusal:
        return _login_page(form.refused(refusal), 422)
    except TooManyTries as early:
        form.errors["_"] = [say(Problem("too_many_tries", {"until": early.until}))]
        return try_later(_login_page(form, 429), early.until)
    return guesses.right(given.email, signed_in(token, given.next))


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
        web.take_a_try((ASKING, guesses.address()))
        if web.mails_arrive():
            return _register_by_mail(wanted)
        token = web.sign_ins().register(wanted, request.user_agent.string)
    except Invalid as refusal:
        return _register_page(form.refused(refusal), 422)
    return guesses.know(wanted.email, signed_in(token, wanted.next))


@bp.get("/register/sent")
@web.public
def registration_sent() -> Response:
    return page("auth/sent.html")


@bp.get("/register/open")
@web.public
def registration() -> Response:
    token = request.args.get("token", "")
    try:
        pending = web.account_links().pending(token)
    except NotFound:
        return _registration_is_over()
    return _open_page(Form(values={"token": token, "email": pending.email}))


@bp.post("/register/open")
@web.public
def open_account() -> Response:
    form = Form.typed()
    try:
        if needs_https():
            return _open_page(form, 403)
        given = form.read(Opening)
        pending = web.account_links().pending(given.token)
        form.values["email"] = pending.email
        workspace_id, user_id = web.account_links().open_account(given.token, given.password)
    except NotFound:
        return _registration_is_over()
    except Conflict:
        return go(url_for("auth.login"), _("You have an account already: log in."), "info")
    except Invalid as refusal:
        return _open_page(form.refused(refusal), 422)
    token = web.sign_ins().enter(user_id, workspace_id, request.user_agent.string)
    return guesses.know(form.values["email"], signed_in(token, ""))


@bp.get("/confirm")
def confirm() -> Response:
    return _confirm_page(Form(values={"next": request.args.get("next", "")}))


@bp.post("/confirm")
@form_page("auth.confirm")
def confirm_password() -> Response:
    form = Form.typed()
    try:
        given = form.read(Confirmation)
        guesses.take_again()
        token = web.sign_ins().confirm(web.viewer(), given.password)
    except Invalid as refusal:
        return _confirm_page(form.refused(refusal), 422)
    guesses.right_again()
    response = go(safe_path(given.next))
    SIGN_IN.write(response, token)
    return response


@bp.post("/logout")
@web.public
def logout() -> Response:
    viewer = web.viewer_or_none()
    if viewer and viewer.sign_in_id:
        web.sign_ins().sign_out(viewer.sign_in_id)
    response = go(url_for("auth.login"), _("You are signed out."), "good left")  # left: app.js forgets what was typed
    SIGN_IN.clear(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _register_by_mail(wanted: Registration) -> Response:
    """The same answer, after the same work, whether or not someone has that e-mail: the mail tells its owner."""
    may_write, links = letters.may_go_to(wanted.email), web.account_links()
    token, owner = links.register(wanted), links.owner_of(wanted.email)
    if may_write and owner:
        letters.write("account_exists", wanted.email, owner.locale)
    elif may_write:
        letters.write("registration", wanted.email, token=token)
    return go(url_for("auth.registration_sent"))


def _registration_is_over() -> Response:
    return go(
        url_for("auth.register"), _("This link is over. Register again, or log in if you have an account."), "bad"
    )


def _login_page(form: Form, status: int = 200) -> Response:
    return page(
        "auth/login.html", status, form=form, https_required=needs_https(), takes_passkeys=site().takes_passkeys
    )


def _register_page(form: Form, status: int = 200) -> Response:
    return page("auth/register.html", status, form=form, https_required=needs_https())


def _open_page(form: Form, status: int = 200) -> Response:
    return secret(page("auth/open.html", status, form=form, https_required=needs_https()))


def _confirm_page(form: Form, status: int = 200) -> Response:
    has_passkey = site().takes_passkeys and web.personal(PasskeyService).all(web.viewer().user_id)
    return page("auth/confirm.html", status, form=form, has_passkey=has_passkey)
