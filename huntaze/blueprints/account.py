"""Settings > Security: the e-mail, the password, and where one is signed in."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import guesses, letters, web
from huntaze.blueprints.cookies import SIGN_IN
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.user_agents import describe
from huntaze.models.account_link import Purpose
from huntaze.models.audit import Action
from huntaze.schemas.account import EmailChange, PasswordChange
from huntaze.services.errors import Forbidden, Invalid, Problem
from huntaze.services.tries import LETTER

bp = Blueprint("account", __name__, url_prefix="/settings")


@bp.get("/security")
def security() -> Response:
    devices = web.devices().page(request.args.get("after", ""))
    return page_or_partial(
        "settings/security.html", "settings/_devices.html", devices=devices, here=_sign_in(), describe=describe
    )


@bp.post("/devices/<int:sign_in_id>/sign-out")
@form_page("account.security")
def sign_out_device(sign_in_id: int) -> Response:
    web.devices().sign_out(sign_in_id)
    return go(url_for("account.security"), _("That device is signed out."))


@bp.post("/devices/sign-out")
@form_page("account.security")
def sign_out_others() -> Response:
    web.devices().sign_out_others(_sign_in())
    return go(url_for("account.security"), _("All other devices are signed out."))


@bp.get("/password")
def password() -> Response:
    return _password_page(Form(values={}))


@bp.post("/password")
@form_page("account.password")
def change_password() -> Response:
    """Who else is in has to go, and this session gets a new token. API tokens go on: scripts hang on them."""
    form, viewer, here = Form.typed(), web.viewer(), _sign_in()
    try:
        change = form.read(PasswordChange)
        guesses.take_again()
        web.accounts().change_password(viewer.user_id, change.current, change.password)
    except Invalid as refusal:
        return _password_page(form.refused(refusal), 422)
    guesses.right_again()
    web.devices().sign_out_others(here)
    web.audit(Action.PASSWORD_CHANGED, viewer.user_id)
    letters.write("password_changed", viewer.email, viewer.locale)
    response = go(url_for("account.security"), _("Your password is changed, and your other devices are signed out."))
    SIGN_IN.write(response, web.sign_ins().renew(viewer))
    return response


@bp.get("/email")
@web.confirmed
def email() -> Response:
    return _email_page(Form.empty(email=""))


@bp.post("/email")
@form_page("account.email")
@web.confirmed
def change_email() -> Response:
    """It is changed by the link in the mail to the new address. Nobody is told whether someone has that one."""
    form, viewer = Form.typed(), web.viewer()
    try:
        wanted = form.read(EmailChange).email
        if wanted == viewer.email:
            raise Invalid({"email": [Problem("email_now")]})
    except Invalid as refusal:
        return _email_page(form.refused(refusal), 422)
    if letters.may_go_to(wanted):
        links = web.account_links()
        token, owner = links.issue(viewer.user_id, Purpose.EMAIL, wanted), links.owner_of(wanted)
        if owner:
            letters.write("account_exists", wanted, owner.locale)
        else:
            letters.write("email", wanted, viewer.locale, token=token)
        letters.write("email_asked", viewer.email, viewer.locale, email=wanted)
    return go(
        url_for("account.security"), _("Open the link in the mail to %(email)s: then it is yours.", email=wanted)
    )


@bp.post("/email/link")
@form_page("account.security")
def send_link() -> Response:
    """The link that confirms the address as it is, once more."""
    viewer = web.viewer()
    if not viewer.email_confirmed:
        web.take_a_try((LETTER, viewer.email))
        token = web.account_links().issue(viewer.user_id, Purpose.EMAIL, viewer.email)
        letters.write("email", viewer.email, viewer.locale, token=token)
    return go(url_for("account.security"), _("We wrote to %(email)s.", email=viewer.email))


def _sign_in() -> int:
    """The viewer's session. Raises Forbidden without one."""
    sign_in_id = web.viewer().sign_in_id
    if sign_in_id is None:
        raise Forbidden
    return sign_in_id


def _password_page(form: Form, status: int = 200) -> Response:
    return page("settings/password.html", status, form=form)


def _email_page(form: Form, status: int = 200) -> Response:
    return page("settings/email.html", status, form=form)
