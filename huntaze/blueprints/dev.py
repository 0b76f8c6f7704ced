"""Pages for those who build Huntaze; only where nobody else can reach them."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from huntaze.adapters.mail import LocalMailer
from huntaze.blueprints import web
from huntaze.blueprints.htmx import page

bp = Blueprint("dev", __name__, url_prefix="/dev")


@bp.get("/kit")
@web.public
def kit() -> Response:
    return page("dev/kit.html")


@bp.get("/mail")
@web.public
def mail() -> Response:
    """The mails that were not sent anywhere, because there is no mail server."""
    mailer = current_app.extensions["huntaze.mailer"]
    return page("dev/mail.html", letters=mailer.letters() if isinstance(mailer, LocalMailer) else [])
