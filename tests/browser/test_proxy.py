"""Huntaze behind a proxy that speaks https, as docs/phone.md has it: a real certificate, a real sign-in."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import trustme
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from huntaze.config import Config
from huntaze.models.user import Membership
from tests.browser.conftest import PHONE, served
from tests.browser.test_sign_in import email_of, sign_in
from tests.factories import ConversationFactory, MessageFactory, PlatformAccountFactory, TransactionFactory

HOP = ("connection", "keep-alive", "transfer-encoding")


class Proxy(BaseHTTPRequestHandler):
    """Passes on what it is asked, and tells who asked: its own words, not the visitor's. An answer goes on when all
    of it is there, so no event of a stream gets through."""

    def __init__(self, behind: int, *arguments: Any) -> None:
        self.behind = behind
        super().__init__(*arguments)

    def pass_on(self) -> None:
        said = {name: value for name, value in self.headers.items() if not name.lower().startswith("x-forwarded-")}
        said |= {
            "X-Forwarded-For": self.client_address[0],
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": self.headers["Host"],
            "Connection": "close",
        }
        connection = HTTPConnection("127.0.0.1", self.behind)
        connection.request(self.command, self.path, self.rfile.read(int(self.headers["Content-Length"] or 0)), said)
        answer = connection.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.read())
        connection.close()

    do_GET = do_POST = pass_on  # noqa: N815  as the server asks for them

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def https_url(config: Config) -> Iterator[str]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with (
        served(replace(config, trusted_proxies=1)) as behind,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Proxy, behind)) as proxy,
    ):
        proxy.socket = tls.wrap_socket(proxy.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{proxy.server_port}"
        proxy.shutdown()


def test_signing_in_through_it(browser: Chromium, https_url: str, member: Membership) -> None:
    # The certificate's authority is unknown to Chromium, which runs no worker for such a site.
    context = browser.new_context(base_url=https_url, ignore_https_errors=True, service_workers="block")
    page = context.new_page()
    first = page.goto("/onlyfans/subscribers?tier=vip")
    assert first is not None
    assert page.url.startswith(f"{https_url}/login?next="), "a redirect stays on https"
    assert first.headers["strict-transport-security"].startswith("max-age=31536000")

    sign_in(page, email_of(member))
    expect(page).to_have_url(f"{https_url}/onlyfans/subscribers?tier=vip")
    page.get_by_role("link", name="Add fan").click()
    page.get_by_role("dialog").get_by_label("Username").fill("zoe_l")
    page.get_by_role("dialog").get_by_role("button", name="Add fan").click()
    expect(page.get_by_role("heading", name="zoe_l")).to_be_visible()

    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert "__Host-huntaze" in cookies
    assert all(name.startswith("__Host-") and cookie["secure"] for name, cookie in cookies.items()), cookies
    context.close()


def test_where_no_event_gets_through_pages_ask_again(browser: Chromium, https_url: str, member: Membership) -> None:
    account = PlatformAccountFactory(workspace_id=member.workspace_id)
    chat = ConversationFactory(account=account)
    MessageFactory(conversation=chat, body="Hello")
    context = browser.new_context(
        base_url=https_url, ignore_https_errors=True, service_workers="block", **PHONE.options()
    )
    page = context.new_page()
    page.clock.install()
    page.goto("/login")
    sign_in(page, email_of(member))
    expect(page).to_have_url(f"{https_url}/dashboard")

    inbox, here = "/chatbot/conversations", f"/chatbot/conversations/{chat.id}"
    with page.expect_request(f"**{inbox}/events*"):
        page.goto(inbox)
    _wait_for_poll(page, inbox)
    with page.expect_request(f"**{here}/events*"):
        page.locator(f"#c{chat.id} a").click()
    _wait_for_poll(page, here)
    MessageFactory(conversation=chat, body="Are you there?")
    for path in (inbox, here):
        with page.expect_response(f"**{path}/events*"):
            page.clock.fast_forward(40_000)
    expect(page.locator("#log")).to_contain_text("Are you there?")
    expect(page.locator("#rows")).to_contain_text("Are you there?")

    with page.expect_request("**/dashboard/events"):
        page.goto("/dashboard")
    _wait_for_poll(page, "/dashboard")
    TransactionFactory(subscriber__workspace_id=member.workspace_id, gross_cents=12_345)
    with page.expect_response("**/dashboard/events*"):
        page.clock.fast_forward(40_000)
    expect(page.locator("#news")).to_contain_text("$98.76")
    context.close()


def _wait_for_poll(page: Page, path: str) -> None:
    """Its stream was silent for long enough."""
    with page.expect_response(f"**{path}/events*once=1*"):
        page.clock.fast_forward(11_000)
