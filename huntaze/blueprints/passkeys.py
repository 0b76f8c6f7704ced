"""Passkeys: adding and removing them, and signing in or confirming with one.

static/src/pages/passkeys.js asks the browser and posts what it answers, so that the answer to it is a page as ever.
"""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.cookies import PASSKEY, SIGN_IN
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, safe_path
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.second_factor import signed_in, site, tell
from huntaze.blueprints.security import needs_https
from huntaze.models.audit import Action
from huntaze.schemas.second_factor import NewPasskey, PasskeyAnswer, PasskeyName
from huntaze.services.errors import Invalid
from huntaze.services.passkeys import PasskeyService

bp = Blueprint("passkeys", __name__)


@bp.get("/settings/passkeys/new")
@web.confirmed
def new() -> Response:
    return _new_page(Form.empty(name=_("My phone")))


@bp.post("/settings/passkeys")
@web.confirmed
@form_page("passkeys.new")
def add() -> Response:
    form, viewer = Form.typed(), web.viewer()
    try:
        wanted = form.read(NewPasskey)
        added = web.personal(PasskeyService).add(viewer.user_id, wanted, PASSKEY.read_bytes(), site())
    except Invalid as refusal:
        return _new_page(form.refused(refusal), 422)
    web.audit(Action.PASSKEY_ADDED, added.id)
    tell(viewer.name, viewer.email, _("A passkey now opens your account: %(name)s.", name=added.name))
    response = go(url_for("second_factor.index"), _("From now on %(name)s can sign you in.", name=added.name))
    PASSKEY.clear(response)
    return response


@bp.get("/settings/passkeys/<int:passkey_id>")
@web.confirmed
def show(passkey_id: int) -> Response:
    passkey = web.personal(PasskeyService).get(web.viewer().user_id, passkey_id)
    return _passkey_page(passkey_id, Form.empty(name=passkey.name))


@bp.post("/settings/passkeys/<int:passkey_id>")
@web.confirmed
@form_page("passkeys.show")
def rename(passkey_id: int) -> Response:
    form, passkeys = Form.typed(), web.personal(PasskeyService)
    try:
        passkeys.rename(web.viewer().user_id, passkey_id, form.read(PasskeyName).name)
    except Invalid as refusal:
        return _passkey_page(passkey_id, form.refused(refusal), 422)
    return go(url_for("second_factor.index"))


@bp.post("/settings/passkeys/<int:passkey_id>/remove")
@web.confirmed
@form_page("passkeys.show")
def remove(passkey_id: int) -> Response:
    viewer = web.viewer()
    name = web.personal(PasskeyService).remove(viewer.user_id, passkey_id)
    web.audit(Action.PASSKEY_REMOVED, passkey_id)
    tell(viewer.name, viewer.email, _("A passkey no longer opens your account: %(name)s.", name=name))
    return go(url_for("second_factor.index"), _("%(name)s no longer signs you in.", name=name))


@bp.post("/login/passkey/challenge")
@web.public
def challenge() -> Response:
    """What the browser asks a passkey. The challenge in it comes back in a cookie."""
    question = web.personal(PasskeyService).ask(site())
    response = Response(question.options, mimetype="application/json")
    PASSKEY.write_bytes(response, question.sealed)
    return response


@bp.post("/login/passkey")
@web.public
def sign_in() -> Response:
    form = Form.typed()
    if needs_https():
        return go(url_for("auth.login"))  # which says so
    try:
        given = form.read(PasskeyAnswer)
        user_id = web.personal(PasskeyService).check(given.credential, PASSKEY.read_bytes(), site())
        token = web.sign_ins().start(user_id, request.user_agent.string)
    except Invalid as refusal:
        return _back("auth.login", form, refusal)
    response = signed_in(token, given.next)
    PASSKEY.clear(response)
    return response


@bp.post("/confirm/passkey")
@form_page("auth.confirm")
def confirm() -> Response:
    form, viewer = Form.typed(), web.viewer()
    try:
        given = form.read(PasskeyAnswer)
        web.personal(PasskeyService).check(given.credential, PASSKEY.read_bytes(), site(), viewer.user_id)
    except Invalid as refusal:
        return _back("auth.confirm", form, refusal)
    response = go(safe_path(given.next))
    SIGN_IN.write(response, web.sign_ins().renew(viewer))
    PASSKEY.clear(response)
    return response


def _back(endpoint: str, form: Form, refusal: Invalid) -> Response:
    """To the page with the button: nothing was typed that could be lost."""
    texts = [text for texts in form.refused(refusal).errors.values() for text in texts]
    return go(url_for(endpoint, next=form.values.get("next") or None), " ".join(texts), "bad")


def _new_page(form: Form, status: int = 200) -> Response:
    viewer = web.viewer()
    question = web.personal(PasskeyService).ask_for_new(viewer.user_id, viewer.name, viewer.email, site())
    response = page("settings/passkeys/new.html", status, form=form, options=question.options)
    PASSKEY.write_bytes(response, question.sealed)
    response.headers["Cache-Control"] = "no-store"
    return response


def _passkey_page(passkey_id: int, form: Form, status: int = 200) -> Response:
    passkey = web.personal(PasskeyService).get(web.viewer().user_id, passkey_id)
    return page("settings/passkeys/show.html", status, passkey=passkey, form=form)
