"""What holds for every answer: who may post here from where, and the headers that browsers obey."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from huntaze.blueprints.cookies import SIGN_IN
from huntaze.services.errors import CrossSite

SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def init_app(app: Flask) -> None:
    app.before_request(_refuse_cross_site)
    app.after_request(_add_headers)


def needs_https() -> bool:
    """Plain http is for this machine only: elsewhere a password or a session could be read on the way."""
    return not request.is_secure and (urlsplit(request.host_url).hostname or "") not in LOOPBACK


def _refuse_cross_site() -> None:
    """Raises CrossSite for an unsafe request that another site's page may have sent.

    Browsers of the last years say where a request comes from (Sec-Fetch-Site), older ones send Origin.
    With neither, it is no browser, or a very old one: fine as long as no session cookie is used.
    """
    if request.method in SAFE:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        allowed = site in ("same-origin", "none")
    elif origin is not None:
        allowed = origin == request.host_url.rstrip("/")
    else:
        allowed = SIGN_IN.read() is None
    if not allowed:
        raise CrossSite


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if "Cache-Control" not in response.headers:
        if request.method == "GET" and response.status_code == 200:
            response.headers["Cache-Control"] = "private, no-cache"
            response.add_etag(weak=True)
            response.make_conditional(request)
        else:
            response.headers["Cache-Control"] = "no-store"
    return response
