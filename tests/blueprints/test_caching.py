"""What a browser may keep, and what it need not fetch again (DESIGN §4)."""

from __future__ import annotations

import gzip

import brotli
import pytest
from flask import Flask

from huntaze.assets import asset
from tests.conftest import SWAP, Browser
from tests.factories import SubscriberFactory
from tests.routes import ROUTES, belongings, call

LIST = "/onlyfans/subscribers"


def test_a_page_is_kept_and_asked_after(as_owner: Browser) -> None:
    first = as_owner.get(LIST)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = as_owner.get(LIST, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
        assert again.headers[name] == first.headers[name], name


def test_a_changed_page_is_sent(as_owner: Browser) -> None:
    first = as_owner.get(LIST)
    SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    again = as_owner.get(LIST, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.headers["ETag"] != first.headers["ETag"]


def test_page_and_part_of_one_url_are_told_apart(as_owner: Browser) -> None:
    SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    page, part = as_owner.get(LIST), as_owner.swap(LIST)
    for response in (page, part):
        assert "HX-Request-Type" in response.headers["Vary"]
    assert page.headers["ETag"] != part.headers["ETag"]
    assert as_owner.get(LIST, headers={**SWAP, "If-None-Match": page.headers["ETag"]}).status_code == 200
    assert as_owner.get(LIST, headers={**SWAP, "If-None-Match": part.headers["ETag"]}).status_code == 304


def test_the_next_person_on_this_browser_sees_nothing_of_the_last(as_owner: Browser, stranger: Browser) -> None:
    SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    mine = as_owner.get(LIST)
    assert stranger.get(LIST, headers={"If-None-Match": mine.headers["ETag"]}).status_code == 200
    as_owner.post("/logout")
    assert as_owner.get(LIST, headers={"If-None-Match": mine.headers["ETag"]}).status_code == 303


FOR_A_WHILE = {"install.manifest": "public, max-age=86400", "install.worker": "private, max-age=3600"}
"""What a browser would ask after on every page."""


NEVER = {"health.healthz", "join.invitation", "second_factor.new_app"}
"""Of the moment, or with a secret in it."""


def test_only_pages_that_were_read_are_kept(app: Flask, as_owner: Browser) -> None:
    for endpoint, route in ROUTES.items():
        response = call(app, as_owner, endpoint, belongings(as_owner.member))
        if endpoint in FOR_A_WHILE:
            assert response.headers["Cache-Control"] == FOR_A_WHILE[endpoint]
            continue
        kept = route.is_safe and response.status_code == 200 and endpoint not in NEVER
        assert response.headers["Cache-Control"] == ("private, no-cache" if kept else "no-store"), endpoint
        assert ("ETag" in response.headers) == kept, endpoint


@pytest.mark.parametrize(("accepted", "encoding"), [("br, gzip", "br"), ("gzip", "gzip"), ("", None), ("zstd", None)])
@pytest.mark.parametrize("path", [LIST, "/api/onlyfans/subscribers", "/settings"])
def test_what_is_sent_is_small(as_owner: Browser, path: str, accepted: str, encoding: str | None) -> None:
    for _ in range(30):
        SubscriberFactory(workspace_id=as_owner.member.workspace_id)
    plain = as_owner.get(path)
    packed = as_owner.get(path, headers={"Accept-Encoding": accepted} if accepted else {})
    assert packed.headers.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in packed.headers["Vary"]
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert unpack(packed.data) == plain.data
    if encoding:
        assert len(packed.data) < len(plain.data) / 2
        again = as_owner.get(path, headers={"Accept-Encoding": accepted, "If-None-Match": packed.headers["ETag"]})
        assert again.status_code == 304, "its ETag is known whatever the encoding"


def test_built_files_are_kept_for_a_year(nobody: Browser) -> None:
    html = nobody.get("/login").text
    script = html.partition('<script src="')[2].partition('"')[0]
    with nobody.get(script, headers={"Accept-Encoding": "br"}) as response:
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Encoding"] == "br"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("name", ["app.js", "app.css", "icon.svg"])
def test_a_page_of_the_build_before_finds_the_file_of_this_one(nobody: Browser, app: Flask, name: str) -> None:
    stem, _, ending = name.rpartition(".")
    response = nobody.get(f"/static/{stem}-0123456789.{ending}")
    with app.app_context():
        assert (response.status_code, response.headers["Location"]) == (302, asset(name))
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/manifest.json/..",
        "/static/../config.py",
        "/static/%2e%2e/config.py",
        "/static/no.js",
        "/static/no-0123456789.js",
    ],
)
def test_nothing_else_is_a_file(nobody: Browser, path: str) -> None:
    assert nobody.get(path).status_code == 404
