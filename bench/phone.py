"""Pages as a cheap phone gets them: Slow 3G (400 kbit/s, 400 ms) and a processor slowed down four times.

Bytes are the browser's encodedDataLength, headers included; each figure is the median of the repetitions.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from bench import phone_inbox
from bench.client import HOST, sign_in
from bench.fill import PASSWORD
from bench.meter import BITS, LATENCY, SLOWER, Cost, Meter, until
from bench.site import Site
from tests.chromium import ARGUMENTS, find

PHONE: ViewportSize = {"width": 360, "height": 780}
HOME, LIST, INBOX = "/dashboard", "/onlyfans/subscribers", phone_inbox.INBOX

# When the page changes below `where`, after `act` was done to an element.
CHANGED = """([where, what, act]) => new Promise(done => {
  const began = performance.now()
  new MutationObserver((_, observer) => {
    observer.disconnect()
    requestAnimationFrame(() => done(performance.now() - began))
  }).observe(document.querySelector(where), {childList: true, subtree: true, characterData: true})
  const element = document.querySelector(what)
  if (act == "click") return element.click()
  element.value = act
  element.dispatchEvent(new Event("input", {bubbles: true}))
})"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def measure(running: Site, repeat: int) -> dict[str, Any]:
    """In the smallest workspace of the site."""
    filled = running.workspaces[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*ARGUMENTS, "--disable-gpu"])
        cookie = sign_in(running.port, filled.email, PASSWORD)
        runs = [Phone(browser, running.port, cookie).all() for _ in range(repeat)]
        idle = Phone(browser, running.port, cookie).idle()
        browser.close()
    medians = {
        name: Cost(*(statistics.median(getattr(run[name], field) for run in runs) for field in Cost.__slots__))
        for name in runs[0]
    }
    pages = {name: asdict(cost) for name, cost in medians.items()}
    return {"fans": filled.size, "repeat": repeat, "pages": pages, "idle_bytes_a_minute": round(idle)}


def show(found: dict[str, Any]) -> None:
    fans = found["fans"]
    print(f"\nSlow 3G ({BITS // 1000} kbit/s, {LATENCY} ms), processor {SLOWER}x slower, {fans:,} fans\n")
    print(f"{'':26}{'painted s':>10}{'bytes':>9}{'requests':>10}")
    for name, cost in found["pages"].items():
        print(f"{name:26}{cost['milliseconds'] / 1000:>10.2f}{cost['size']:>9,.0f}{cost['requests']:>10.0f}")
    print(f"\nA conversation that stays open, nothing happening: {found['idle_bytes_a_minute']:,} bytes a minute")


class Phone:
    """A browser and the site that it visits."""

    def __init__(self, browser: Browser, port: int, cookie: str) -> None:
        self.browser = browser
        self.address = f"http://{HOST}:{port}"
        self.cookie = cookie

    def all(self) -> dict[str, Cost]:
        """One run of everything."""
        costs = {}
        for name, path, signed_in in (
            ("login", "/login", False),
            ("dashboard", HOME, True),
            ("subscribers", LIST, True),
            ("inbox", INBOX, True),
        ):
            with self._context(signed_in) as context:
                costs[f"{name}, cold"] = self._visit(context, path)
                costs[f"{name}, warm"] = self._visit(context, path)
        with self._context(signed_in=True) as context:
            page = context.new_page()
            meter = Meter(page)
            page.goto(self.address + HOME, wait_until="networkidle")
            for chosen in ("7d", "90d", "year"):
                costs[f"dashboard, period {chosen}"] = _swap(
                    page, meter, "#overview", f".seg a[href$='range={chosen}']", "click"
                )
            page.goto(self.address + LIST, wait_until="networkidle")
            costs["search"] = _swap(page, meter, "#list", "[name=q]", "sofia")
            costs["search, nothing found"] = _swap(page, meter, "#list", "[name=q]", "zzqx")
            costs["search cleared"] = _swap(page, meter, "#list", "[name=q]", "")
            costs["next page"] = _swap(page, meter, "#list", "tr.more a", "click")
            page.goto(self.address + LIST, wait_until="networkidle")
            with page.expect_navigation(wait_until="networkidle"):
                before = meter.size, meter.requests
                page.locator("td.who a").first.click()
            painted = until(page, lambda: page.evaluate(PAINTED))
            costs["subscriber"] = Cost(painted, meter.size - before[0], meter.requests - before[1])
        with self._context(signed_in=True) as context:
            costs |= phone_inbox.measure(context.new_page(), self.address)
        return costs

    def idle(self) -> float:
        with self._context(signed_in=True) as context:
            return phone_inbox.idle(context.new_page(), self.address)

    @contextmanager
    def _context(self, signed_in: bool) -> Iterator[BrowserContext]:
        # What a worker answers is no traffic of the page, and what it fetches itself is not counted here.
        context = self.browser.new_context(
            viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, service_workers="block"
        )
        if signed_in:
            name, _, value = self.cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": self.address}])
        yield context
        context.close()

    def _visit(self, context: BrowserContext, path: str) -> Cost:
        page = context.new_page()
        meter = Meter(page)
        page.goto(self.address + path, wait_until="networkidle")
        painted = until(page, lambda: page.evaluate(PAINTED))
        page.close()
        return Cost(painted, meter.size, meter.requests)


def _swap(page: Page, meter: Meter, where: str, what: str, act: str) -> Cost:
    size, requests = meter.size, meter.requests
    milliseconds = page.evaluate(CHANGED, [where, what, act])
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)  # for what DevTools tells after the last byte
    return Cost(milliseconds, meter.size - size, meter.requests - requests)
