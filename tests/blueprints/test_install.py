"""An app of the phone: its name, icons and colours there, its worker, and the page for no network."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest

from huntaze.blueprints.install import PAGE_COLOURS
from tests.browser.conftest import ROOT
from tests.conftest import Browser
from tests.factories import PASSWORD, MemberFactory, UserFactory


def manifest(browser: Browser, query: str = "") -> dict[str, Any]:
    response = browser.get(f"/manifest.webmanifest{query}")
    assert response.status_code == 200
    assert response.mimetype == "application/manifest+json"
    found: dict[str, Any] = response.get_json(force=True)
    return found


def linked(html: str, kind: str) -> str:
    found = re.search(rf'<link rel="{kind}" href="([^"]+)"', html)
    assert found
    return found[1].replace("&amp;", "&")


def test_a_page_names_the_manifest_of_its_language_and_look(nobody: Browser) -> None:
    english = manifest(nobody, linked(nobody.get("/login").text, "manifest").partition("webmanifest")[2])
    assert (english["name"], english["lang"], english["display"]) == ("Huntaze", "en", "standalone")
    assert (english["id"], english["start_url"], english["scope"]) == ("/", "/", "/")
    assert [each["name"] for each in english["shortcuts"]] == ["Fans", "Dashboard"]
    assert english["theme_color"] == english["background_color"] == "#fcfcfd"

    nobody.post("/settings/language", data={"locale": "fr"})
    nobody.post("/settings/appearance", data={"theme": "dark"})
    french = manifest(nobody, linked(nobody.get("/login").text, "manifest").partition("webmanifest")[2])
    assert [each["name"] for each in french["shortcuts"]] == ["Fans", "Tableau de bord"]
    assert (french["lang"], french["background_color"]) == ("fr", "#101013")

    nobody.post("/settings/appearance", data={"discreet": "on"})
    discreet = manifest(nobody, linked(nobody.get("/login").text, "manifest").partition("webmanifest")[2])
    assert (discreet["name"], discreet["short_name"], discreet["id"]) == ("Notes", "Notes", "/")
    assert "shortcuts" not in discreet
    assert "untaze" not in str(discreet)
    assert "/icon-" not in str(discreet)


@pytest.mark.parametrize("query", ["", "?locale=xx&theme=pink&discreet=maybe", "?locale=%00&theme="])
def test_a_strange_address_gets_the_plain_manifest(nobody: Browser, query: str) -> None:
    assert manifest(nobody, query) == manifest(nobody, "?locale=en")


def test_shortcuts_and_icons_are_there(as_owner: Browser) -> None:
    for query in ("?discreet=off", "?discreet=on"):
        found = manifest(as_owner, query)
        assert [icon["sizes"] for icon in found["icons"]] == ["192x192", "512x512"]
        for icon in found["icons"]:
            assert icon["purpose"] == "any maskable"
            assert size(as_owner, icon["src"]) == icon["sizes"]
        for shortcut in found.get("shortcuts", []):
            assert as_owner.get(shortcut["url"]).status_code in (200, 303)
    assert size(as_owner, linked(as_owner.get("/settings").text, "apple-touch-icon")) == "192x192"


def size(browser: Browser, address: str) -> str:
    with browser.get(address) as response:
        assert response.mimetype == "image/png"
        start = response.data[:24]
    assert start.startswith(b"\x89PNG\r\n\x1a\n")
    return "{}x{}".format(*struct.unpack(">II", start[16:]))


def test_its_colours_are_those_of_the_pages(nobody: Browser) -> None:
    tokens = (ROOT / "huntaze/static/src/css/tokens.css").read_text()
    assert "--page: light-dark({light}, {dark});".format(**PAGE_COLOURS) in tokens
    html = nobody.get("/login").text
    assert f'<meta name="theme-color" content="{PAGE_COLOURS["dark"]}" media="(prefers-color-scheme:dark)">' in html
    nobody.post("/settings/appearance", data={"theme": "dark"})
    assert f'<meta name="theme-color" content="{PAGE_COLOURS["dark"]}">' in nobody.get("/login").text
    nobody.post("/settings/appearance", data={"theme": "light"})
    assert "theme-color" not in nobody.get("/login").text


def test_the_worker_is_a_script_for_the_whole_site(nobody: Browser) -> None:
    response = nobody.get("/sw.js")
    assert response.status_code == 200
    assert response.mimetype == "text/javascript"
    assert "worker-src 'self'" in response.headers["Content-Security-Policy"]
    html = nobody.get("/login").text
    script = html.partition('<script src="')[2].partition('"')[0]
    for built in (script, linked(html, "stylesheet")):
        assert built in response.text, "it keeps what this build's pages ask for"
    again = nobody.get("/sw.js?fr,dark", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "private, max-age=3600")


def test_the_offline_page_holds_nothing_of_anyone(as_owner: Browser, nobody: Browser) -> None:
    mine = as_owner.get("/offline")
    assert "No network right now" in mine.text
    assert mine.text == nobody.get("/offline").text
    as_owner.post("/settings/language", data={"locale": "fr"})
    as_owner.post("/settings/appearance", data={"theme": "dark"})
    assert '<html lang="fr" data-theme="dark">' in as_owner.get("/offline").text
    assert "Pas de réseau" in as_owner.get("/offline").text


def test_a_toast_waits_for_the_next_page(as_owner: Browser) -> None:
    """The worker fetches the offline page whenever it likes."""
    assert as_owner.post("/onlyfans/subscribers", data={"username": "ann"}).status_code == 303
    assert "ann" not in as_owner.get("/offline").text
    assert "is among your fans now" in as_owner.get("/onlyfans/subscribers").text


def test_only_the_door_is_for_search_engines(as_owner: Browser, nobody: Browser) -> None:
    for path in ("/login", "/register"):
        html = nobody.get(path).text
        assert '<meta name="description" content="Your fans,' in html
        assert "noindex" not in html
    for path in ("/settings", "/onlyfans/subscribers", "/offline"):
        assert '<meta name="robots" content="noindex">' in as_owner.get(path).text


@pytest.mark.parametrize(("sent", "live"), [(None, True), ("off", True), ("on", False)])
def test_where_data_is_saved_a_search_waits_for_enter(as_owner: Browser, sent: str | None, live: bool) -> None:
    as_owner.post("/onlyfans/subscribers", data={"username": "ann"})
    page = as_owner.get("/onlyfans/subscribers", headers={"Save-Data": sent} if sent else {})
    assert ("input changed delay" in page.text) == live
    assert 'name="q"' in page.text
    assert "Save-Data" in page.headers["Vary"]
    assert "Save-Data" not in as_owner.get("/settings").headers["Vary"]


def test_signing_out_clears_what_the_browser_kept(nobody: Browser) -> None:
    user = UserFactory()
    MemberFactory(user_id=user.id)
    nobody.post("/login", data={"email": user.email, "password": PASSWORD})
    assert nobody.post("/logout").headers["Clear-Site-Data"] == '"cache"'
