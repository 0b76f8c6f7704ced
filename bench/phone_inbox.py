"""The inbox on that cheap phone: a conversation opened and answered, and what a page costs that is left open.

A tap is a touch of PRESS; what follows is measured from its click on. The streams are open, as they are for anybody
who looks; what comes by them is counted apart.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

from bench.meter import Cost, Meter, until

INBOX = "/chatbot/conversations"
PRESS = 80
"""Milliseconds that a finger stays."""
SETTLED = 2_000
"""Milliseconds after which a page has loaded: who reads it taps no sooner."""
IDLE = 60
"""Seconds in which nothing happens."""
REPLY = "Thank you, that is so kind of you! The new set comes on Friday."

# Milliseconds from the next click until `expression` is true of the page and was painted, for each of them.
WATCH = """(wanted) => {
  window.measured = {}
  addEventListener("click", ({timeStamp: began}) => {
    const look = () => {
      for (const [name, expression] of Object.entries(wanted)) {
        if (name in measured || !document.evaluate(expression, document, null, 3, null).booleanValue) continue
        measured[name] = 0
        requestAnimationFrame(() => measured[name] = performance.now() - began)
      }
    }
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true})
  }, {capture: true, once: true})
}"""
DONE = "(names) => names.every((name) => window.measured[name])"


def measure(page: Page, address: str) -> dict[str, Cost]:
    """On a page of a slow phone that is signed in."""
    meter, costs = Meter(page, streams=True), dict[str, Cost]()
    with page.expect_request(f"**{INBOX}/events*"):
        page.goto(address + INBOX)
    row = page.locator("#rows > li[id] a").nth(3)
    name = row.locator("bdi").inner_text()
    costs.update(_tap(page, meter, row, {"conversation": f'//*[@id="chat-name"][contains(., "{name}")]'}))
    field = page.get_by_role("textbox")
    with page.expect_response("**/draft"):
        field.fill(REPLY)
    last = '//*[@id="log"]/li[last()][contains(., "The new set comes on Friday")]'
    costs.update(
        _tap(
            page,
            meter,
            page.get_by_role("button", name="Send", exact=True),
            {"reply, seen": last, "reply, confirmed": f'{last}[contains(., "Queued")]'},
        )
    )
    return costs


def idle(page: Page, address: str) -> float:
    """Bytes a minute of a conversation that is open, with its list's stream and its own."""
    meter = Meter(page, streams=True)
    with page.expect_request(f"**{INBOX}/events*"):
        page.goto(address + INBOX)
    with page.expect_request(f"**{INBOX}/*/events*"):
        page.locator("#rows > li[id] a").nth(3).click()
    page.wait_for_timeout(5_000)  # what opening it brings along
    before = meter.size + meter.streamed
    page.wait_for_timeout(IDLE * 1_000)
    return (meter.size + meter.streamed - before) / IDLE * 60


def _tap(page: Page, meter: Meter, what: Locator, wanted: dict[str, str]) -> dict[str, Cost]:
    page.wait_for_timeout(SETTLED)
    page.evaluate(WATCH, wanted)
    size, requests = meter.size, meter.requests
    what.scroll_into_view_if_needed()
    box: Any = what.bounding_box()
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    meter.devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    page.wait_for_timeout(PRESS)
    meter.devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until(page, lambda: page.evaluate(DONE, list(wanted)))
    page.wait_for_timeout(1_500)  # for what follows it, and for what DevTools tells after the last byte
    taken = page.evaluate("window.measured")
    return {name: Cost(taken[name], meter.size - size, meter.requests - requests) for name in wanted}
