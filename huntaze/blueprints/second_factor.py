"""The second factor: setting it up, and giving its code when signing in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.cookies import APP_SECRET, HALF, SIGN_IN
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, safe_path
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.security import needs_https
from huntaze.models.audit import Action
from huntaze.schemas.second_factor import Code
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.passkeys import PasskeyService, Site
from huntaze.services.recovery_codes import RecoveryCodeService
from huntaze.services.second_step import SecondStepService
from huntaze.services.totp import TotpService, address

bp = Blueprint("second_factor", __name__)


# Setting it up


@bp.get("/settings/second-factor")
def index() -> Response:
    user_id = web.viewer().user_id
    return page(
        "settings/second_factor/index.html",
        on_since=web.personal(TotpService).on_since(user_id),
        codes_left=web.personal(RecoveryCodeService).left(user_id),
        passkeys=web.personal(PasskeyService).all(user_id),
        takes_passkeys=site().takes_passkeys,
    )


@bp.get("/settings/second-factor/app")
@web.confirmed
def new_app() -> Response:
    if web.personal(TotpService).on_since(web.viewer().user_id):
        return go(url_for(".index"))
    return _app_page(Form())


@bp.post("/settings/second-factor/app")
@web.confirmed
@form_page("second_factor.new_app")
def add_app() -> Response:
    form, viewer = Form.typed(), web.viewer()
    try:
        given = form.read(Code)
        codes = web.personal(TotpService).turn_on(viewer.user_id, APP_SECRET.read_bytes(), given.code)
    except Conflict:
        return go(url_for(".index"))
    except Invalid as refusal:
        return _app_page(form.refused(refusal), 422)
    web.audit(Action.SECOND_FACTOR_ON)
    tell(viewer.name, viewer.email, _("Signing in to your account now asks for a code of your authenticator app."))
    response = _codes_page(codes)
    APP_SECRET.clear(response)
    return response


@bp.post("/settings/second-factor/app/remove")
@web.confirmed
@form_page("second_factor.index")
def remove_app() -> Response:
    viewer = web.viewer()
    if web.personal(TotpService).turn_off(viewer.user_id):
        web.audit(Action.SECOND_FACTOR_OFF)
        tell(viewer.name, viewer.email, _("Signing in to your account no longer asks for a code."))
    return go(url_for(".index"), _("Signing in asks for your password alone now."))


@bp.post("/settings/second-factor/recovery-codes")
@web.confirmed
@form_page("second_factor.index")
def renew_codes() -> Response:
    viewer = web.viewer()
    if not web.personal(TotpService).on_since(viewer.user_id):
        return go(url_for(".index"))
    codes = web.personal(RecoveryCodeService).renew(viewer.user_id)
    web.audit(Action.RECOVERY_CODES_RENEWED)
    tell(viewer.name, viewer.email, _("Your account has new recovery codes; the former ones are worth nothing now."))
    return _codes_page(codes)


# Signing in with it


def ask_for_code(half: str, next_path: str) -> Response:
    """After the right password: on to the code. Nobody is signed in yet."""
    response = go(url_for("second_factor.code", next=safe_path(next_path)))
    HALF.write(response, half)
    return response


@bp.get("/login/code")
@web.public
def code() -> Response:
    next_path = request.args.get("next", "")
    if HALF.read() is None:
        return go(url_for("auth.login", next=next_path or None))
    return _code_page(Form(values={"next": next_path}))


@bp.post("/login/code")
@web.public
def check_code() -> Response:
    form, half = Form.typed(), HALF.read() or ""
    if needs_https():
        return _code_page(form, 403)
    try:
        given = form.read(Code)
        with web.apart(SecondStepService) as steps:
            person = steps.count_attempt(half, given.code)
        person = web.personal(SecondStepService).finish(person, given.code)
        token = web.sign_ins().start(person.user_id, request.user_agent.string, given.business)
    except Invalid as refusal:
        return _code_page(form.refused(refusal), 422)
    except NotFound:
        back = url_for("auth.login", next=form.values.get("next") or None)
        response = go(back, _("That took too long, or too many codes were tried. Please log in again."), "bad")
        HALF.clear(response)
        return response
    if person.codes_left is not None:
        what = _(
            "Someone signed in to your account with a recovery code. Codes left: %(num)s.", num=person.codes_left
        )
        tell(person.name, person.email, what)
    response = signed_in(token, given.next)
    HALF.clear(response)
    return response


def signed_in(token: str, next_path: str) -> Response:
    """On to where the person wanted to go, with the session's cookie; the browser's former session ends."""
    if before := SIGN_IN.read():
        web.sign_ins().leave(before)
    response = go(safe_path(next_path))
    SIGN_IN.write(response, token)
    return response


# What both and passkeys share


def site() -> Site:
    """Where people reach us, as their browsers say it."""
    return Site(web.absolute(""))


def tell(name: str, email: str, what: str) -> None:
    """Writes to a person that something about their sign-in has changed: whoever did it, the person will know."""
    link = web.absolute(url_for("account.security"))
    web.mail(
        email, _("Your Huntaze account"), render_template("mail/second_factor.txt", name=name, what=what, link=link)
    )


@dataclass(frozen=True)
class Picture:
    """A QR code for an SVG: its width in modules, the quiet zone included, and the path of the dark ones."""

    size: int
    path: str


QUIET = 4
"""Modules around a QR code (ISO/IEC 18004)."""


def _app_page(form: Form, status: int = 200) -> Response:
    """The secret waits in a cookie: it stays the same when the phone drops the page while its owner is in the app."""
    user_id, totp = web.viewer().user_id, web.personal(TotpService)
    sealed = APP_SECRET.read_bytes()
    if (secret := totp.secret(user_id, sealed)) is None:
        sealed = totp.new_secret(user_id)
        secret = totp.secret(user_id, sealed) or ""
    uri = address(secret, web.viewer().email)
    response = page("settings/second_factor/app.html", status, form=form, secret=secret, uri=uri, qr=_drawn(uri))
    APP_SECRET.write_bytes(response, sealed)
    return _kept_nowhere(response)


def _codes_page(codes: list[str]) -> Response:
    """In the answer to the POST and not after a redirect: they are stored nowhere, so nothing could show them."""
    return _kept_nowhere(page("settings/second_factor/codes.html", codes=codes))


def _code_page(form: Form, status: int = 200) -> Response:
    recovery = "recovery" in request.args
    return _kept_nowhere(page("auth/code.html", status, form=form, recovery=recovery, https_required=needs_https()))


def _kept_nowhere(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _drawn(text: str) -> Picture:
    import segno

    matrix = segno.make(text, error="m", micro=False).matrix
    path = ""
    for y, row in enumerate(matrix):
        x = 0
        for dark, run in groupby(row):
            width = len(list(run))
            path += f"M{x} {y}h{width}" if dark else ""
            x += width
    return Picture(len(matrix) + 2 * QUIET, path)
