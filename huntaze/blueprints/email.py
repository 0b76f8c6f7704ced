"""The link in a mail that confirms an address."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import letters, web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, secret
from huntaze.models.account_link import Purpose
from huntaze.models.audit import Action
from huntaze.models.base import UserId
from huntaze.schemas.account import EmailLink
from huntaze.services.errors import Invalid, NotFound

bp = Blueprint("email", __name__, url_prefix="/email")


@bp.get("")
@web.public
def link() -> Response:
    """Opening the link confirms nothing: programs that look into mails open them too."""
    token = request.args.get("token", "")
    try:
        found = web.account_links().find(token, Purpose.EMAIL)
    except NotFound:
        return _over()
    return _page(Form(values={"token": token}), found.email)


@bp.post("")
@web.public
def confirm() -> Response:
    form = Form.typed()
    try:
        user, before = web.account_links().confirm_email(form.read(EmailLink).token)
    except (Invalid, NotFound):
        return _over()
    if user.email != before:
        web.accounts().record(UserId(user.id), Action.EMAIL_CHANGED)
        letters.write("email_changed", before, user.locale, email=user.email)
    return go(url_for("account.security"), _("Your e-mail is confirmed."))


def _over() -> Response:
    return go(url_for("account.security"), _("This link is over. Have another one sent in Settings."), "bad")


def _page(form: Form, email: str, status: int = 200) -> Response:
    return secret(page("auth/confirm_email.html", status, form=form, email=email))
