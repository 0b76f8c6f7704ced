"""JSON lines with a request id: what happened, to whom (ids), how long it took. No text, no secrets."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time

from flask import Flask, Response, g, request
from pythonjsonlogger.json import JsonFormatter

log = logging.getLogger("huntaze.request")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def configure(level: str) -> None:
    """One JSON object a line on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic.runtime.plugins").setLevel("WARNING")  # tells of five plug-ins at each start
    for name in ("httpx", "onlyfansapi"):  # tell the address of each call, with a fan's id, and at DEBUG what is sent
        logging.getLogger(name).setLevel("WARNING")


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    rule = request.url_rule
    viewer = g.get("viewer")
    log.info(
        "request",
        extra={
            "request_id": g.request_id,
            "method": request.method,
            "route": rule.rule if rule else None,  # the rule, not the path: a query may hold a fan's name
            # Numbers alone: the token of a webhook's address opens something.
            "ids": {name: value for name, value in (request.view_args or {}).items() if isinstance(value, int)},
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.began) * 1000, 1),
            "user_id": viewer.user_id if viewer else None,
            "workspace_id": viewer.workspace_id if viewer else None,
        },
    )
    return response
