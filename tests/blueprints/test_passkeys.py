"""Adding passkeys, signing in and confirming with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from huntaze import create_app
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.audit import AuditEvent
from huntaze.models.second_factor import Passkey
from huntaze.models.sign_in import CONFIRMED, SignIn
from tests.authenticator import Device
from tests.conftest import Browser
from tests.factories import MemberFactory, PasskeyFactory, SignInFactory

NEW = "/settings/passkeys/new"
ASK = "/login/passkey/challenge"


@pytest.fixture
def device(as_owner: Browser) -> Device:
    """With a passkey of the owner's, called "Ann's phone"."""
    device = Device()
    assert _add(as_owner, device).status_code == 303
    return device


def _options(html: str) -> str:
    found = re.search(r'data-make="([^"]+)"', html)
    assert found
    return unescape(found[1])


def _add(browser: Browser, device: Device, name: str = "Ann's phone"):  # type: ignore[no-untyped-def]
    credential = device.make(_options(browser.get(NEW).text))
    return browser.post("/settings/passkeys", data={"name": name, "credential": credential})


def _asked(browser: Browser, device: Device, **more: str) -> dict[str, str]:
    """The form that the browser posts after it has asked the device."""
    return {"credential": device.answer(browser.post(ASK).text), **more}


def test_adding_one(as_owner: Browser, device: Device, owner: Session) -> None:
    page = unescape(as_owner.get("/settings/second-factor").text)
    assert "From now on Ann's phone can sign you in." in page
    assert "Added on" in page
    [passkey] = owner.scalars(select(Passkey).where(Passkey.user_id == as_owner.member.user_id))
    assert (passkey.name, passkey.user_handle) == ("Ann's phone", device.user_handle)
    events = select(AuditEvent.action, AuditEvent.subject_id).where(
        AuditEvent.workspace_id == as_owner.member.workspace_id
    )
    assert owner.execute(events).all() == [("passkey.added", passkey.id)]


def test_the_page_that_asks_is_kept_nowhere(as_owner: Browser) -> None:
    page = as_owner.get(NEW)
    assert page.headers["Cache-Control"] == "no-store"
    assert "HttpOnly" in page.headers["Set-Cookie"]


def test_what_is_wrong_is_said_and_the_name_stays(as_owner: Browser) -> None:
    answer = Device(origin="https://evil.example").make(_options(as_owner.get(NEW).text))
    response = as_owner.post("/settings/passkeys", data={"name": "My phone 2", "credential": answer})
    assert response.status_code == 422
    assert "This passkey does not open an account here." in response.text
    assert 'value="My phone 2"' in response.text
    for name, message in (("", "Please fill this in."), ("x" * 51, "Use at most 50 characters.")):
        response = _add(as_owner, Device(), name)
        assert response.status_code == 422
        assert f'id="f-name-error">{message}' in response.text


def test_a_challenge_of_someone_else_is_not_taken(as_owner: Browser, as_manager: Browser, owner: Session) -> None:
    credential = Device().make(_options(as_owner.get(NEW).text))
    cookie = as_owner.get_cookie("passkey")
    assert cookie is not None
    as_manager.set_cookie("passkey", cookie.value)
    response = as_manager.post("/settings/passkeys", data={"name": "Mine", "credential": credential})
    assert response.status_code == 422
    assert owner.scalars(select(Passkey.id).where(Passkey.user_id == as_manager.member.user_id)).all() == []


def test_signing_in_without_an_e_mail(as_owner: Browser, device: Device, nobody: Browser) -> None:
    page = nobody.get("/login?next=/settings/second-factor")
    assert 'action="/login/passkey"' in page.text
    form = _asked(nobody, device, next="/settings/second-factor")
    response = nobody.post("/login/passkey", data=form)
    assert (response.status_code, response.headers["Location"]) == (303, "/settings/second-factor")
    assert "Last used" in nobody.get("/settings/second-factor").text
    assert nobody.get_cookie("passkey") is None


def test_it_counts_as_both_factors(as_owner: Browser, device: Device, nobody: Browser, owner: Session) -> None:
    import pyotp

    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", as_owner.get("/settings/second-factor/app").text)
    assert secret
    code = pyotp.TOTP(secret[1].replace(" ", "")).now()
    assert as_owner.post("/settings/second-factor/app", data={"code": code}).status_code == 200
    assert nobody.post("/login/passkey", data=_asked(nobody, device)).headers["Location"] == "/"
    assert nobody.get("/settings").status_code == 200


def test_an_answer_is_taken_once_and_in_the_same_browser(
    as_owner: Browser, device: Device, nobody: Browser, app: Flask
) -> None:
    elsewhere = app.test_client()
    form = _asked(nobody, device)
    assert elsewhere.post("/login/passkey", data=form).headers["Location"] == "/login"
    cookie = nobody.get_cookie("passkey")
    assert cookie is not None
    assert nobody.post("/login/passkey", data=form).headers["Location"] == "/"
    elsewhere.set_cookie("passkey", cookie.value)
    assert elsewhere.post("/login/passkey", data=form).headers["Location"] == "/login"
    assert elsewhere.get_cookie("huntaze") is None


def test_whatever_is_wrong_looks_the_same(device: Device, nobody: Browser) -> None:
    pages = []
    forged = [
        replace(device, credential_id=b"unknown"),
        replace(device, origin="https://evil.example"),
        replace(device, user_handle=b"x"),
        Device(),
    ]
    for wrong in forged:
        response = nobody.post("/login/passkey", data=_asked(nobody, wrong, next="/settings"))
        assert (response.status_code, response.headers["Location"]) == (303, "/login?next=/settings")
        pages.append(nobody.get("/login?next=/settings", headers={"X-Request-Id": "the-same"}).text)
    assert "This passkey does not open an account here." in pages[0]
    assert len(set(pages)) == 1
    assert nobody.get_cookie("huntaze") is None


@pytest.mark.parametrize("credential", ["", "{}", "[]", "🦄", "x" * 100_000])
def test_what_is_no_credential_leads_back(nobody: Browser, credential: str) -> None:
    nobody.post(ASK)
    response = nobody.post("/login/passkey", data={"credential": credential, "next": "//evil.example"})
    assert (response.status_code, response.headers["Location"]) == (303, "/login?next=//evil.example")
    assert "//evil" not in str(nobody.post("/login/passkey", data={"credential": credential}).headers["Location"])


def test_it_leads_to_our_own_pages_only(device: Device, nobody: Browser) -> None:
    form = _asked(nobody, device, next="//evil.example")
    assert nobody.post("/login/passkey", data=form).headers["Location"] == "/"


def test_it_confirms_as_the_password_does(as_owner: Browser, device: Device, owner: Session) -> None:
    owner.execute(
        update(SignIn)
        .where(SignIn.user_id == as_owner.member.user_id)
        .values(confirmed_at=datetime.now(UTC) - CONFIRMED)
    )
    assert as_owner.get(NEW).headers["Location"] == f"/confirm?next={NEW}"
    assert 'action="/confirm/passkey"' in as_owner.get(f"/confirm?next={NEW}").text
    response = as_owner.post("/confirm/passkey", data=_asked(as_owner, device, next=NEW))
    assert (response.status_code, response.headers["Location"]) == (303, NEW)
    assert as_owner.get(NEW).status_code == 200


def test_it_does_not_confirm_for_someone_else(
    as_owner: Browser, as_manager: Browser, device: Device, owner: Session
) -> None:
    owner.execute(
        update(SignIn)
        .where(SignIn.user_id == as_manager.member.user_id)
        .values(confirmed_at=datetime.now(UTC) - CONFIRMED)
    )
    response = as_manager.post("/confirm/passkey", data=_asked(as_manager, device, next=NEW))
    assert response.headers["Location"] == f"/confirm?next={NEW}"
    assert as_manager.get(NEW).headers["Location"] == f"/confirm?next={NEW}"
    assert "/confirm/passkey" not in as_manager.get("/confirm").text, "who has none is not offered it"


def test_renaming_and_removing(as_owner: Browser, device: Device, nobody: Browser, owner: Session) -> None:
    passkey_id = owner.scalar(select(Passkey.id).where(Passkey.user_id == as_owner.member.user_id))
    page = f"/settings/passkeys/{passkey_id}"
    assert as_owner.post(page, data={"name": "<b>Old"}).status_code == 303
    assert "&lt;b&gt;Old" in as_owner.get(page).text
    refused = as_owner.post(page, data={"name": ""})
    assert refused.status_code == 422
    assert 'id="f-name-error">Please fill this in.' in refused.text

    assert as_owner.post(f"{page}/remove").headers["Location"] == "/settings/second-factor"
    assert as_owner.get(page).status_code == 404
    assert nobody.post("/login/passkey", data=_asked(nobody, device)).headers["Location"] == "/login"


def test_a_teammate_and_a_stranger_find_nothing(as_owner: Browser, as_manager: Browser, stranger: Browser) -> None:
    passkey = PasskeyFactory(user_id=as_owner.member.user_id, name="Ann's phone")
    page = f"/settings/passkeys/{passkey.id}"
    for browser in (as_manager, stranger):
        for method, path in (("GET", page), ("POST", page), ("POST", f"{page}/remove")):
            assert browser.open(path, method=method, data={"name": "Mine"}).status_code == 404
        assert "Ann's phone" not in unescape(browser.get("/settings/second-factor").text)
    assert as_owner.get(page).status_code == 200


@pytest.fixture
def at_example(config: Config) -> Iterator[Flask]:
    """The app as people reach it under a name of its own."""
    app = create_app(replace(config, public_url="https://app.example.com", trusted_proxies=1))
    app.test_client_class = Browser
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    app.extensions["redis"].close()


def test_the_site_is_the_public_url_whatever_the_host_header_says(at_example: Flask) -> None:
    browser = at_example.test_client()
    for host in ("app.example.com", "localhost"):
        asked = browser.post(ASK, headers={"Host": host, "X-Forwarded-Proto": "https"})
        assert asked.json is not None
        assert asked.json["rpId"] == "app.example.com"
    assert browser.post(ASK, headers={"Host": "evil.example"}).status_code == 400


def test_an_address_of_numbers_has_no_button(app: Flask) -> None:
    browser = app.test_client()
    page = browser.get("/login", base_url="http://127.0.0.1:8000").text
    assert "passkey" not in page
    SignInFactory(member=MemberFactory(), token="by number")
    browser.set_cookie("huntaze", "by number", domain="127.0.0.1")
    page = browser.get("/settings/second-factor", base_url="http://127.0.0.1:8000").text
    assert "Passkeys need a name" in page
    assert 'href="/settings/passkeys/new"' not in page


def test_plain_http_from_elsewhere_signs_nobody_in(nobody: Browser, device: Device) -> None:
    form = _asked(nobody, device)
    response = nobody.post("/login/passkey", data=form, base_url="http://example.com")
    assert response.status_code in (303, 403)
    assert nobody.get_cookie("huntaze", domain="example.com") is None
