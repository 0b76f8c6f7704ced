"""The service worker: what it keeps, what it leaves alone, what it costs, and what a new build does to it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserType, Page, Worker, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Membership
from huntaze.models.workspace import Workspace
from tests.browser.conftest import ROOT, OpenAs
from tests.browser.test_bytes import KB, Record, watched
from tests.factories import SubscriberFactory
from tests.waiting import wait_until

LIST = "/onlyfans/subscribers"
ACTIVE = "() => navigator.serviceWorker.ready.then(({active}) => active.scriptURL)"
KEPT = """async () => (await (await caches.open("built")).keys()).map(({url}) => new URL(url).pathname)"""
OFFLINE_PAGE_HAS = "async (words) => (await (await caches.match('/offline')).text()).includes(words)"
RECEIVED = """() => performance.getEntriesByType("resource")
  .filter(({transferSize}) => transferSize > 0)
  .map(({name}) => new URL(name).pathname)"""


@pytest.fixture
def kept(signed_in: Page) -> Page:
    """A page that a worker controls."""
    signed_in.goto("/settings")
    signed_in.evaluate(ACTIVE)
    signed_in.reload()
    assert signed_in.evaluate("navigator.serviceWorker.controller !== null")
    return signed_in


def only_cache(page: Page) -> list[str]:
    assert page.evaluate("caches.keys()") == ["built"]
    return sorted(page.evaluate(KEPT))


def worker(page: Page) -> Worker:
    return page.context.service_workers[0]


def test_without_network_a_page_says_so_and_can_be_tried_again(kept: Page) -> None:
    kept.context.set_offline(True)
    kept.goto(f"{LIST}?tier=vip")
    expect(kept.get_by_role("heading", name="No network right now")).to_be_visible()
    expect(kept.locator("body")).to_have_css("font-size", "15px")  # it has its styles
    kept.go_back()
    expect(kept.get_by_role("heading", name="Settings")).to_be_visible()
    kept.go_forward()
    again = kept.get_by_role("link", name="Try again")
    again.click()
    expect(kept.get_by_role("heading", name="No network right now")).to_be_visible()
    kept.context.set_offline(False)
    again.click()
    expect(kept.get_by_role("heading", name="Fans", exact=True)).to_be_visible()
    expect(kept).to_have_url(f"{kept.url.partition('/onlyfans')[0]}{LIST}?tier=vip")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_offline_page_is_in_the_language_and_look_that_were_chosen(
    kept: Page, troubles: list[str], scheme: str
) -> None:
    with kept.expect_response("**/appearance"):
        kept.get_by_role("radio", name=scheme.title()).check(force=True)
    kept.get_by_role("radio", name="Français").check(force=True)
    expect(kept.get_by_role("heading", name="Réglages")).to_be_visible()
    chosen = f'<html lang="fr" data-theme="{scheme}">'
    wait_until(lambda: kept.evaluate(OFFLINE_PAGE_HAS, chosen))
    kept.context.set_offline(True)
    kept.goto(LIST)
    expect(kept.get_by_role("heading", name="Pas de réseau pour l’instant")).to_be_visible()
    colour = {"light": "rgb(252, 252, 253)", "dark": "rgb(16, 16, 19)"}[scheme]
    expect(kept.locator("html")).to_have_css("background-color", colour)


def test_it_keeps_built_files_and_nothing_of_anyone(kept: Page, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id, display_name="Zoë Laurent")
    kept.goto(LIST)
    kept.goto(f"{LIST}/{fan.id}")
    kept.evaluate("fetch('/api/onlyfans/subscribers').then((answer) => answer.text())")
    kept.evaluate("fetch('/static/app-0123456789.css').then((answer) => answer.text())")
    paths = only_cache(kept)
    assert paths[0] == "/offline"
    assert all(path.startswith("/static/") for path in paths[1:]), paths
    assert not [path for path in paths if "0123456789" in path], "another build's address is not kept"

    kept.locator(".me").click()
    kept.get_by_role("button", name="Log out").click()
    expect(kept.get_by_text("You are signed out.")).to_be_visible()
    kept.context.set_offline(True)
    kept.goto(LIST)
    expect(kept.get_by_role("heading", name="No network right now")).to_be_visible()
    for _ in range(2):
        kept.go_back()
        expect(kept.get_by_text("Zoë Laurent")).to_have_count(0)


def test_what_is_sent_passes_untouched(kept: Page, owner: Session, member: Membership) -> None:
    kept.goto(f"{LIST}/new")
    kept.get_by_label("Username").fill("bad name!")
    add = kept.get_by_role("main").get_by_role("button", name="Add fan")
    with kept.expect_response(lambda answer: answer.request.method == "POST") as refused:
        add.click()
    assert refused.value.status == 422
    assert not refused.value.from_service_worker
    expect(kept.get_by_label("Username")).to_have_value("bad name!")
    kept.get_by_label("Username").fill("zoe_l")
    with kept.expect_response(lambda answer: answer.request.method == "POST") as accepted:
        add.click()
    assert not accepted.value.from_service_worker
    expect(kept.get_by_role("heading", name="zoe_l")).to_be_visible()
    mine = select(func.count()).where(Subscriber.workspace_id == member.workspace_id)
    assert owner.scalar(mine) == 1


def test_a_page_that_did_not_change_is_not_sent_again(kept: Page) -> None:
    with kept.expect_response("**/settings") as page:
        kept.reload()
    assert page.value.from_service_worker
    sizes = worker(kept).evaluate(
        "performance.getEntriesByType('resource').filter(({name}) => name.endsWith('/settings'))"
        ".map((entry) => [entry.transferSize, entry.encodedBodySize])"
    )
    transferred, body = sizes[-1]
    assert 0 < transferred < body, "a 304"


def test_what_it_costs(open_as: OpenAs, member: Membership, record_property: Record) -> None:
    """Once for a build and a look. The files that it keeps, the page has fetched: they are not received twice."""
    page = open_as(member)
    page.goto(LIST)
    page.evaluate(ACTIVE)
    assert set(worker(page).evaluate(RECEIVED)) == {"/offline"}
    assert len(only_cache(page)) == 3
    with watched(page) as traffic:
        page.evaluate("fetch('/sw.js', {cache: 'no-store'}).then((answer) => answer.text())")
        page.evaluate("fetch('/offline', {cache: 'no-store'}).then((answer) => answer.text())")
    for path, size in traffic.received.items():
        record_property(f"bytes: worker, {path.rpartition('/')[2]}", size)
    assert 0 < traffic.total <= 3 * KB, traffic


def test_it_can_be_installed(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], base_url: str, tmp_path: Path
) -> None:
    """As Chromium judges it; in a profile of its own, since a private window installs nothing."""
    context = browser_type.launch_persistent_context(tmp_path, **browser_type_launch_args)
    page = context.new_page()
    page.goto(f"{base_url}/login")
    cdp = context.new_cdp_session(page)
    manifest = cdp.send("Page.getAppManifest")
    assert manifest["url"].startswith(f"{base_url}/manifest.webmanifest?locale=en")
    assert manifest["errors"] == []
    assert cdp.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    context.close()


PAGE = """<!doctype html>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/{styles}">
<script src="/static/{script}" defer></script>
"""


# A new build: a small site of its own, which can change what it serves.


class Site:
    """Serves a build of Huntaze's scripts and styles: `serve` changes to another one. asked: the paths, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []

    def serve(self, dist: Path) -> None:
        self.dist = dist
        self.names: dict[str, str] = json.loads((dist / "manifest.json").read_text())

    def answer(self, path: str) -> tuple[str, bytes]:
        self.asked.append(path)
        if path.startswith("/static/"):
            kind = "text/css" if path.endswith(".css") else "text/javascript"
            return kind, (self.dist / path.removeprefix("/static/")).read_bytes()
        if path == "/sw.js":
            return "text/javascript", (self.dist / self.names["sw.js"]).read_bytes()
        page = PAGE.format(styles=self.names["app.css"], script=self.names["app.js"])
        return "text/html", page.encode()


class Server(ThreadingHTTPServer):
    request_queue_size = 64


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, site: Site, *arguments: Any) -> None:
        self.site = site
        super().__init__(*arguments)

    def do_GET(self) -> None:
        kind, body = self.site.answer(self.path.partition("?")[0])
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=31536000" if self.path.startswith("/static/") else "no-cache")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Site]:
    site = Site("")
    server = Server(("127.0.0.1", 0), partial(Handler, site))
    site.url = f"http://127.0.0.1:{server.server_port}/"
    Thread(target=server.serve_forever, daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()


def build(folder: Path, more_css: str = "") -> Path:
    shutil.copytree(ROOT / "huntaze/static/src", folder / "src")
    with (folder / "src/app.css").open("a") as styles:
        styles.write(more_css)
    command = ["node", "build.mjs", str(folder / "src"), str(folder / "dist")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder / "dist"


def test_a_new_build_takes_over_and_the_old_one_is_cleaned_away(browser: Chromium, tmp_path: Path) -> None:
    before, after = build(tmp_path / "before"), build(tmp_path / "after", ".new { color: red }")
    context = browser.new_context()
    with serving() as site:
        site.serve(before)
        old_tab = context.new_page()
        old_tab.goto(site.url)
        old_tab.evaluate(ACTIVE)
        old_styles = f"/static/{site.names['app.css']}"
        assert old_styles in only_cache(old_tab)

        site.serve(after)
        site.asked.clear()
        new_tab = context.new_page()
        new_tab.goto(site.url)
        new_tab.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update())")
        new_styles = f"/static/{site.names['app.css']}"
        assert new_styles != old_styles
        wait_until(lambda: new_tab.evaluate("async (old) => !(await caches.match(old))", old_styles))
        assert new_styles in only_cache(new_tab)
        assert site.asked.count(new_styles) == 1, "by the page; the worker has it from the HTTP cache"
        assert old_tab.evaluate("getComputedStyle(document.body).margin") == "0px", "the old tab is as it was"
        assert old_tab.evaluate(f"fetch('{old_styles}').then((answer) => answer.ok)"), "and may ask again"
    context.close()
