"""One URL, two answers: the whole page, or the part of it that htmx swaps in."""

from __future__ import annotations

from typing import Any

from flask import (
    Response,
    after_this_request,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _

PARTIAL = "HX-Request-Type"
"""The header that tells a swap from a page. HX-Request alone also comes when history wants a whole page."""


def wants_partial() -> bool:
    return request.headers.get(PARTIAL) == "partial"


def saves_data() -> bool:
    """Whether the browser asks for fewer bytes (Save-Data); what asks this here varies on it."""

    @after_this_request
    def vary(response: Response) -> Response:
        response.vary.add("Save-Data")
        return response

    return request.headers.get("Save-Data") == "on"


def page_or_partial(page: str, partial: str, status: int = 200, **context: Any) -> Response:
    """The page, or the partial that the page includes, by what was asked for."""
    return _render(partial if wants_partial() else page, status, context)


def page(template: str, status: int = 200, **context: Any) -> Response:
    """A page that is never swapped in."""
    return _render(template, status, context)


def secret(response: Response) -> Response:
    """Such a page is kept nowhere: a link that opens something led to it."""
    response.headers["Cache-Control"] = "no-store"
    return response


def go(path: str, toast: str = "", kind: str = "good") -> Response:
    """After something was done: on to another page, which shows the toast. 303, or the same for htmx."""
    if toast:
        flash(toast, kind)
    if not request.headers.get("HX-Request"):
        return make_response(redirect(path, 303))
    return make_response("", 204, {"HX-Redirect": path})


def sign_in_first(next_path: str) -> Response:
    """What a stranger gets: a page redirects and comes back, htmx is told to, the API says 401."""
    if request.path.startswith("/api/"):
        response = jsonify(type="about:blank", title="Sign in, or send a bearer token.", status=401)
        response.status_code = 401
        response.mimetype = "application/problem+json"
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if request.headers.get("HX-Request"):
        if request.method == "GET":
            next_path = request.headers.get("HX-Current-URL", "").removeprefix(request.host_url.rstrip("/"))
        return make_response("", 401, {"HX-Redirect": url_for("auth.login", next=safe_path(next_path))})
    return make_response(redirect(url_for("auth.login", next=safe_path(next_path)), 303))


def confirm_first(next_path: str) -> Response:
    """What a signed-in person gets before what can do great harm: the password once more, then on to `next_path`."""
    return go(url_for("auth.confirm", next=safe_path(next_path)))


def email_first() -> Response:
    """What a person gets whose e-mail is not confirmed, before what waits for that."""
    return go(
        url_for("account.security"), _("Please confirm your e-mail first: open the link that we sent you."), "bad"
    )


def safe_path(target: str) -> str:
    """`target` if it is a path of this site, else the home page. Backslashes and // lead elsewhere in browsers."""
    inside = target.startswith("/") and not target.startswith("//")
    return target if inside and target.isprintable() and "\\" not in target else "/"


def _render(template: str, status: int, context: dict[str, Any]) -> Response:
    response = make_response(render_template(template, **context), status)
    response.vary.add(PARTIAL)
    return response
