"""Setting up the second factor, and signing in with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine, event, func, select, update
from sqlalchemy.orm import Session

from huntaze.models.audit import AuditEvent
from huntaze.models.mail import Mail
from huntaze.models.second_factor import ATTEMPTS, AuthenticatorApp, HalfSignIn, RecoveryCode
from huntaze.models.sign_in import CONFIRMED, SignIn
from huntaze.models.user import Membership, User
from tests.conftest import Browser
from tests.conftest import SignIn as SignInAs
from tests.factories import PASSWORD, ApiTokenFactory, MemberFactory

SETTINGS = "/settings/second-factor"
APP = f"{SETTINGS}/app"


class Protected:
    """A member with an authenticator app and recovery codes, who has just set them up in `browser`."""

    def __init__(self, browser: Browser, owner: Session) -> None:
        self.browser, self.member = browser, browser.member
        self.email = str(owner.scalar(select(User.email).where(User.id == self.member.user_id)))
        self.app = pyotp.TOTP(_secret(browser.get(APP).text))
        self.codes = _codes(browser.post(APP, data={"code": self.app.now()}).text)
        # As if that had been a while ago: the code of this half minute has not been used.
        owner.execute(
            update(AuthenticatorApp).where(AuthenticatorApp.user_id == self.member.user_id).values(last_step=0)
        )

    def log_in(self, browser: Browser, next_path: str = "/settings") -> str:
        """The password alone; returns where that leads to."""
        form = {"email": self.email, "password": PASSWORD, "next": next_path}
        return str(browser.post("/login", data=form).headers["Location"])


def _secret(html: str) -> str:
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", html)
    assert found
    return found[1].replace(" ", "")


def _codes(html: str) -> list[str]:
    return re.findall(r"<li><code>([0-9a-z-]+)</code></li>", html)


@pytest.fixture
def protected(as_owner: Browser, owner: Session) -> Protected:
    return Protected(as_owner, owner)


@pytest.fixture
def mails(owner: Session) -> Callable[[], int]:
    return lambda: owner.scalar(select(func.count()).select_from(Mail)) or 0


def test_setting_it_up(as_owner: Browser, owner: Session, mails: Callable[[], int]) -> None:
    assert "Set it up" in as_owner.get(SETTINGS).text
    page = as_owner.get(APP)
    assert page.headers["Cache-Control"] == "no-store"
    secret, before = _secret(page.text), mails()
    uri = re.search(r'href="(otpauth:[^"]+)"', page.text)
    assert uri
    assert parse_qs(urlsplit(unescape(uri[1])).query)["secret"] == [secret]
    assert "style=" not in page.text
    assert _secret(as_owner.get(APP).text) == secret, "the phone may drop the page while its owner is in the app"

    refused = as_owner.post(APP, data={"code": "12"})
    assert refused.status_code == 422
    assert 'id="f-code-error">This code is not right' in refused.text
    assert 'value="12"' in refused.text
    assert _secret(refused.text) == secret

    done = as_owner.post(APP, data={"code": f" {pyotp.TOTP(secret).now()[:3]} {pyotp.TOTP(secret).now()[3:]} "})
    assert (done.status_code, done.headers["Cache-Control"]) == (200, "no-store")
    assert len(set(_codes(done.text))) == 10
    page = as_owner.get(SETTINGS).text
    assert "On since" in page
    assert not _codes(page)
    assert secret not in page
    assert mails() == before + 1
    actions = select(AuditEvent.action).where(AuditEvent.workspace_id == as_owner.member.workspace_id)
    assert owner.scalars(actions).all() == ["second_factor.turned_on"]
    assert as_owner.get(APP).headers["Location"] == SETTINGS
    assert as_owner.post(APP, data={"code": "000000"}).status_code == 422, "the secret is gone from the browser"


def test_the_secret_that_is_stored_is_sealed(protected: Protected, owner: Session) -> None:
    stored = owner.scalar(select(AuthenticatorApp.secret).where(AuthenticatorApp.user_id == protected.member.user_id))
    assert stored is not None
    assert protected.app.secret.encode() not in stored
    cookie = protected.browser.get_cookie("app")
    assert cookie is None


def test_a_secret_of_someone_else_is_not_taken(as_owner: Browser, as_manager: Browser) -> None:
    secret = _secret(as_owner.get(APP).text)
    cookie = as_owner.get_cookie("app")
    assert cookie is not None
    as_manager.set_cookie("app", cookie.value)
    assert as_manager.post(APP, data={"code": pyotp.TOTP(secret).now()}).status_code == 422


@pytest.mark.parametrize("value", ["", "!", "AAAA", "é", "x" * 3000])
def test_a_broken_cookie_is_as_good_as_none(as_owner: Browser, value: str) -> None:
    as_owner.set_cookie("app", value)
    assert len(_secret(as_owner.get(APP).text)) == 32


def test_the_password_alone_signs_nobody_in(protected: Protected, nobody: Browser, owner: Session) -> None:
    assert protected.log_in(nobody) == "/login/code?next=/settings"
    assert nobody.get_cookie("huntaze") is None
    assert nobody.get("/settings").headers["Location"].startswith("/login?")
    assert nobody.get("/api/onlyfans/subscribers").status_code == 401

    page = nobody.get("/login/code?next=/settings")
    assert page.status_code == 200
    assert 'name="next" value="/settings"' in page.text
    assert protected.email not in page.text
    response = nobody.post("/login/code", data={"code": protected.app.now(), "next": "/settings"})
    assert (response.status_code, response.headers["Location"]) == (303, "/settings")
    assert nobody.get("/settings").status_code == 200
    assert nobody.get_cookie("half") is None


def test_a_wrong_code_is_said_beside_its_field(protected: Protected, nobody: Browser) -> None:
    protected.log_in(nobody)
    for code in ("000000", "0000-0000-0000-0000", "🦄"):
        response = nobody.post("/login/code", data={"code": code, "next": "/settings"})
        assert response.status_code == 422
        assert 'id="f-code-error">This code is not right' in response.text
        assert 'name="next" value="/settings"' in response.text
    empty = nobody.post("/login/code", data={"code": ""})
    assert 'id="f-code-error">Please fill this in.' in empty.text
    assert nobody.get_cookie("huntaze") is None


def test_a_code_is_not_taken_twice(protected: Protected, nobody: Browser, app: Flask) -> None:
    code = protected.app.now()
    protected.log_in(nobody)
    assert nobody.post("/login/code", data={"code": code}).status_code == 303
    other = app.test_client()
    protected.log_in(other)  # type: ignore[arg-type]
    assert other.post("/login/code", data={"code": code}).status_code == 422


def test_a_recovery_code_instead(
    protected: Protected, nobody: Browser, owner: Session, mails: Callable[[], int]
) -> None:
    protected.log_in(nobody)
    before = mails()
    assert "Recovery code" in nobody.get("/login/code?recovery=1&next=/settings").text
    response = nobody.post("/login/code?recovery=1", data={"code": protected.codes[0].upper(), "next": "/settings"})
    assert response.headers["Location"] == "/settings"
    assert mails() == before + 1
    left = select(func.count()).where(RecoveryCode.user_id == protected.member.user_id)
    assert owner.scalar(left) == 9
    again = nobody.post("/logout")
    assert again.status_code == 303
    protected.log_in(nobody)
    assert nobody.post("/login/code", data={"code": protected.codes[0]}).status_code == 422


def test_new_recovery_codes(protected: Protected, owner: Session) -> None:
    page = protected.browser.post(f"{SETTINGS}/recovery-codes")
    codes = _codes(page.text)
    assert len(codes) == 10
    assert not set(codes) & set(protected.codes)
    assert page.headers["Cache-Control"] == "no-store"
    assert owner.scalar(select(func.count()).where(RecoveryCode.user_id == protected.member.user_id)) == 10


def test_without_a_second_factor_there_are_no_codes(as_owner: Browser, owner: Session) -> None:
    assert as_owner.post(f"{SETTINGS}/recovery-codes").headers["Location"] == SETTINGS
    assert owner.scalar(select(func.count()).where(RecoveryCode.user_id == as_owner.member.user_id)) == 0


def test_after_five_wrong_codes_one_starts_over(protected: Protected, nobody: Browser, owner: Session) -> None:
    """Counted although each of them was refused; and the account has a pause, whoever tries from where."""
    protected.log_in(nobody)
    for _ in range(ATTEMPTS):
        assert nobody.post("/login/code", data={"code": "000000"}).status_code == 422
    response = nobody.post("/login/code", data={"code": protected.app.now(), "next": "/settings"})
    assert (response.status_code, response.headers["Location"]) == (303, "/login?next=/settings")
    assert "too many codes were tried" in nobody.get("/login").text
    assert nobody.get_cookie("half") is None

    protected.log_in(nobody)
    response = nobody.post("/login/code", data={"code": protected.app.now()})
    assert response.status_code == 422
    assert "Try again in 1 minute, or use a recovery code." in response.text
    assert nobody.post("/login/code", data={"code": protected.codes[0]}).status_code == 303


def test_it_takes_ten_minutes_at_most(protected: Protected, nobody: Browser) -> None:
    protected.log_in(nobody)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        nobody.set_cookie("half", _value(nobody, "half"))
        response = nobody.post("/login/code", data={"code": protected.codes[0]})
    assert response.headers["Location"] == "/login"


def _value(browser: Browser, name: str) -> str:
    cookie = browser.get_cookie(name)
    assert cookie is not None
    return cookie.value


def test_it_is_bound_to_the_browser(protected: Protected, nobody: Browser, app: Flask) -> None:
    protected.log_in(nobody)
    elsewhere = app.test_client()
    assert elsewhere.get("/login/code").headers["Location"] == "/login"
    assert elsewhere.post("/login/code", data={"code": protected.codes[0]}).headers["Location"] == "/login"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_it_leads_to_our_own_pages_only(protected: Protected, nobody: Browser, target: str) -> None:
    protected.log_in(nobody, target)
    response = nobody.post("/login/code", data={"code": protected.codes[0], "next": target})
    assert response.headers["Location"] == "/"


def test_what_was_typed_survives_both_steps(protected: Protected, owner: Session) -> None:
    browser = protected.browser
    owner.execute(update(SignIn).where(SignIn.user_id == protected.member.user_id).values(ended_at=func.now()))
    fan = {"username": "new.fan", "display_name": "Typed on a train"}
    login = browser.post("/onlyfans/subscribers", data=fan).headers["Location"]
    next_path = parse_qs(urlsplit(login).query)["next"][0]
    code_page = protected.log_in(browser, next_path)
    next_path = parse_qs(urlsplit(code_page).query)["next"][0]
    response = browser.post("/login/code", data={"code": protected.codes[0], "next": next_path})
    assert 'value="Typed on a train"' in browser.get(response.headers["Location"]).text


def test_a_new_password_keeps_it_and_ends_what_was_half_done(
    protected: Protected, nobody: Browser, owner: Session
) -> None:
    protected.log_in(nobody)
    user = update(User).where(User.id == protected.member.user_id)
    former = owner.scalar(select(User.password_hash).where(User.id == protected.member.user_id))
    owner.execute(user.values(password_hash="another"))
    assert nobody.post("/login/code", data={"code": protected.codes[0]}).headers["Location"] == "/login"
    owner.execute(user.values(password_hash=former))
    assert protected.log_in(nobody).startswith("/login/code")


def test_an_api_token_needs_none(protected: Protected, app: Flask) -> None:
    ApiTokenFactory(member=protected.member, token=f"token of {protected.member.user_id}")
    bearer = {"Authorization": f"Bearer token of {protected.member.user_id}"}
    assert app.test_client().get("/api/onlyfans/subscribers", headers=bearer).status_code == 200


def test_turning_it_off(protected: Protected, nobody: Browser, owner: Session, mails: Callable[[], int]) -> None:
    before = mails()
    assert protected.browser.post(f"{APP}/remove").headers["Location"] == SETTINGS
    assert mails() == before + 1
    assert "Set it up" in protected.browser.get(SETTINGS).text
    assert protected.log_in(nobody) == "/settings"
    protected.browser.post(f"{APP}/remove")
    assert mails() == before + 1, "it was off already"


def test_changing_it_asks_for_the_password_again(protected: Protected, owner: Session) -> None:
    owner.execute(
        update(SignIn)
        .where(SignIn.user_id == protected.member.user_id)
        .values(confirmed_at=datetime.now(UTC) - CONFIRMED)
    )
    browser = protected.browser
    for method, path in (
        ("GET", APP),
        ("POST", APP),
        ("POST", f"{APP}/remove"),
        ("POST", f"{SETTINGS}/recovery-codes"),
    ):
        response = browser.open(path, method=method, data={"code": "000000"} if method == "POST" else None)
        assert response.status_code == 303
        assert response.headers["Location"].startswith("/confirm?next="), path
    assert browser.get(SETTINGS).status_code == 200
    assert owner.scalar(select(func.count()).where(RecoveryCode.user_id == protected.member.user_id)) == 10


def test_it_is_each_persons_own(protected: Protected, as_manager: Browser, sign_in: SignInAs, owner: Session) -> None:
    """Nobody sees or changes a teammate's; and in another workspace it is the same person's."""
    assert "Set it up" in as_manager.get(SETTINGS).text
    as_manager.post(f"{APP}/remove")
    as_manager.post(f"{SETTINGS}/recovery-codes")
    assert owner.scalar(select(func.count()).where(RecoveryCode.user_id == protected.member.user_id)) == 10
    elsewhere = sign_in(MemberFactory(user_id=protected.member.user_id))
    assert "On since" in elsewhere.get(SETTINGS).text


def test_wrong_codes_take_the_same_time(protected: Protected, nobody: Browser, owner_engine: Engine) -> None:
    """The same statements run for each, however near it is, and nothing slow beside them."""
    protected.log_in(nobody)
    used, statements = protected.codes[0], dict[str, list[str]]()
    assert nobody.post("/login/code", data={"code": used}).status_code == 303
    nobody.post("/logout")
    protected.log_in(nobody)
    for code in (used, used[:-1] + "x", "0000-0000-0000-0000"):
        ran = statements.setdefault(code, [])

        def note(_c: object, _cursor: object, statement: str, *_more: object, ran: list[str] = ran) -> None:
            ran.append(statement)

        event.listen(owner_engine, "before_cursor_execute", note)
        assert nobody.post("/login/code", data={"code": code}).status_code == 422
        event.remove(owner_engine, "before_cursor_execute", note)
    assert statements[used]
    assert all(ran == statements[used] for ran in statements.values())


def test_no_session_is_left_half_open(protected: Protected, nobody: Browser, owner: Session) -> None:
    protected.log_in(nobody)
    count = select(func.count()).where(HalfSignIn.user_id == protected.member.user_id)
    assert owner.scalar(count) == 1
    nobody.post("/login/code", data={"code": protected.codes[0]})
    assert owner.scalar(count) == 0


def test_a_member_of_none_is_told_so(protected: Protected, nobody: Browser, owner: Session) -> None:
    protected.log_in(nobody)
    owner.execute(Membership.__table__.delete().where(Membership.user_id == protected.member.user_id))
    response = nobody.post("/login/code", data={"code": protected.codes[0]})
    assert response.status_code == 422
    assert "You are not a member of any workspace" in response.text
