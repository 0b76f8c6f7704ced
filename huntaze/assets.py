"""The built scripts, styles and icons: their fingerprinted addresses, and how they are served.

`make build` writes them to static/dist. Only that folder is served, with a year of cache: a file
that changes gets another name.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from wsgiref.headers import Headers

from flask import Flask, current_app
from whitenoise import WhiteNoise

DIST = Path(__file__).parent / "static" / "dist"
PREFIX = "/static/"


class NotBuilt(RuntimeError):
    """The assets were not built, or not with this file among them; the message names the remedy."""


def asset(name: str) -> str:
    """The address of a built file: `asset("app.css")` is "/static/app-172f850c65.css"; raise NotBuilt."""
    # While developing, `make build` in another terminal takes effect at once.
    version = _changed_at() if current_app.debug else 0
    try:
        return PREFIX + _manifest(version)[name]
    except KeyError:
        raise NotBuilt(f"{name} is not among the built assets: run `make build`.") from None


def serve_assets(app: Flask) -> None:
    """Answer /static/ from static/dist before Flask sees the request; what is not there is Flask's 404."""
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
