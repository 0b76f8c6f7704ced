"""What went wrong, told to a person (page or part of one) or to a program (RFC 9457)."""

from __future__ import annotations

import logging
import math
import traceback
from datetime import UTC, datetime

from flask import Flask, Response, g, jsonify, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadHost, HTTPException, MethodNotAllowed, SecurityError

from huntaze.blueprints.htmx import page
from huntaze.blueprints.messages import say
from huntaze.services.errors import Conflict, CrossSite, Forbidden, Invalid, NotFound, TooManyTries

log = logging.getLogger(__name__)

TITLES = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Send JSON",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Not reachable",
}
"""For programs, and so in English; a person reads templates/errors/<status>.html."""


def init_app(app: Flask) -> None:
    app.register_error_handler(NotFound, lambda _e: answer(404))
    app.register_error_handler(Forbidden, lambda _e: answer(403))
    app.register_error_handler(CrossSite, lambda _e: answer(403))
    app.register_error_handler(Conflict, lambda error: answer(409, error))
    app.register_error_handler(Invalid, lambda error: answer(422, error))
    app.register_error_handler(TooManyTries, _too_many)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(Exception, _unexpected)


def try_later(response: Response, until: datetime) -> Response:
    """Tells a program when (RFC 9110, 10.2.3, in seconds)."""
    response.headers["Retry-After"] = str(max(1, math.ceil((until - datetime.now(UTC)).total_seconds())))
    return response


def answer(status: int, invalid: Invalid | None = None, until: datetime | None = None) -> Response:
    """The error as the asker can use it: a page, a toast for a swap, or problem+json."""
    status = status if status in TITLES else 400
    errors = invalid.errors if invalid else {}
    fields = [(name, say(problem)) for name, problems in errors.items() for problem in problems]
    if request.path.startswith("/api/"):
        return _problem(status, fields)
    template = f"errors/{status if status not in (405, 413, 415) else 400}.html"
    partial = bool(request.headers.get("HX-Request"))
    response = page(template, status, partial=partial, fields=fields, until=until, request_id=g.get("request_id", ""))
    if partial:
        response.headers["HX-Retarget"] = "#toasts"
        response.headers["HX-Reswap"] = "beforeend"
    return response


def _problem(status: int, fields: list[tuple[str, str]]) -> Response:
    response = jsonify(
        type="about:blank",
        title=TITLES[status],
        status=status,
        errors=[{"field": name, "message": message} for name, message in fields],
        request_id=g.get("request_id", ""),
    )
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def _too_many(error: TooManyTries) -> Response:
    return try_later(answer(429, until=error.until), error.until)


def _http(error: HTTPException) -> Response:
    if error.response is not None:  # limits.py has its answer
        return error.response  # type: ignore[return-value]
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, BadHost | SecurityError):  # a Host that is none: no page of ours could have links
        return Response("Bad host", 400)
    response = answer(error.code)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _database_away(error: OperationalError) -> Response:
    _log("database not reachable", error)
    g.failing = True
    return answer(503)


def _unexpected(error: Exception) -> Response:
    _log("unexpected error", error)
    g.failing = True
    return answer(500)


def _log(message: str, error: Exception) -> None:
    """Where it happened, and of what kind; not the error's own text, which may quote a row ("DETAIL: ...")."""
    stack = traceback.format_tb(error.__traceback__)
    log.error(message, extra={"error": type(error).__name__, "stack": stack, "request_id": g.get("request_id")})
