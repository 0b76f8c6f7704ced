"""The built scripts, styles and icons: their fingerprinted addresses, and how they are served.

`make build` writes them to static/dist. Only that folder is served, with a year of cache: a file
that changes gets another name. A page that was open when Huntaze was replaced may ask for the old
name: it is sent on to the file that took its place.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from wsgiref.headers import Headers

from flask import Flask, Response, current_app, redirect, request
from whitenoise import WhiteNoise

DIST = Path(__file__).parent / "static" / "dist"
PREFIX = "/static/"
FINGERPRINT = re.compile(r"-[0-9a-f]{10}(?=\.\w+$)")


class NotBuilt(RuntimeError):
    """The assets were not built, or not with this file among them; the message names the remedy."""


def asset(name: str) -> str:
    """The address of a built file: `asset("app.css")` is "/static/app-172f850c65.css"; raise NotBuilt."""
    try:
        return PREFIX + _names()[name]
    except KeyError:
        raise NotBuilt(f"{name} is not among the built assets: run `make build`.") from None


def script(name: str) -> str:
    """The text of a built script that is served at an address of its own; raise NotBuilt."""
    return (DIST / asset(name).removeprefix(PREFIX)).read_text()


def serve_assets(app: Flask) -> None:
    """Answer /static/ from static/dist before Flask sees the request; what is not there is Flask's 404."""
    app.before_request(_send_on)
    if DIST.is_dir():
        app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
            app.wsgi_app,
            root=DIST,
            prefix=PREFIX,
            autorefresh=app.debug,
            allow_all_origins=False,
            add_headers_function=_headers,
        )


def _headers(headers: Headers, path: str, url: str) -> None:
    headers["Cache-Control"] = "public, max-age=31536000, immutable"
    headers["X-Content-Type-Options"] = "nosniff"


def _send_on() -> Response | None:
    """From the name that an earlier build gave a file to today's."""
    if not request.path.startswith(PREFIX):
        return None
    wanted = FINGERPRINT.sub("", request.path.removeprefix(PREFIX))
    found = next((built for built in _names().values() if FINGERPRINT.sub("", built) == wanted), None)
    return redirect(PREFIX + found) if found else None  # type: ignore[return-value]


def _names() -> dict[str, str]:
    # While developing, `make build` in another terminal takes effect at once.
    return _manifest(_changed_at() if current_app.debug else 0)


@lru_cache(maxsize=1)
def _manifest(version: int) -> dict[str, str]:
    try:
        manifest: dict[str, str] = json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError:
        raise NotBuilt("The assets are not built: run `make build`.") from None
    return manifest


def _changed_at() -> int:
    try:
        return (DIST / "manifest.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0
