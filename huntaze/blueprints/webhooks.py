"""Where platforms post what happens. There is no session here: a signature says who it is from."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from huntaze.blueprints import web
from huntaze.models.platform_account import Platform
from huntaze.services.webhook_inbox import LARGEST, Verdict, WebhookInbox

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")

STATUS = {Verdict.STORED: 204, Verdict.IGNORED: 204, Verdict.FORGED: 401, Verdict.NOBODYS: 404}
"""2xx also for what we have no use for: the platform would only repeat it."""


@bp.post("/onlyfans/<token>")
@web.public
@web.uploads(LARGEST)
def onlyfans(token: str) -> Response:
    return _receive(Platform.ONLYFANS, token)


@bp.errorhandler(HTTPException)
def refuse(error: HTTPException) -> Response:
    """Too large, or broken off: a program asked, and nobody reads a page."""
    return Response(status=error.code or 400)


def _receive(platform: Platform, token: str) -> Response:
    """Stored, committed and answered; what it says is the business of a job."""
    reader = current_app.extensions["huntaze.webhook_readers"][platform]
    body = request.get_data(cache=False)
    with web.apart(WebhookInbox) as inbox:  # what is refused is counted, and an answer of ours comes after the commit
        receipt = inbox.take(platform, token, dict(request.headers), body, reader)
    if receipt.account:
        web.enqueue("huntaze.jobs.webhooks.process", *receipt.account)
    return Response(status=STATUS[receipt.verdict])
