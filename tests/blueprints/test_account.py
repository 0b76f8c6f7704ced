"""Settings > Security: the password, the e-mail and the devices of who is signed in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze import create_app
from huntaze.blueprints import web
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.audit import AuditEvent
from huntaze.models.sign_in import CONFIRMED, SignIn
from huntaze.models.user import User
from tests.conftest import Browser  # fmt: skip
from tests.conftest import SignIn as Open
from tests.factories import PASSWORD, MemberFactory, SignInFactory, UserFactory
from tests.letters import Letters

NEW = "quite another password"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)


@pytest.fixture
def user(app: Flask) -> User:
    return UserFactory()


@pytest.fixture
def here(user: User, sign_in: Open) -> Browser:
    return sign_in(MemberFactory(user_id=user.id))


@pytest.fixture
def there(here: Browser, sign_in: Open) -> Browser:
    """Another device of the same person."""
    return sign_in(here.member)


def _is_in(browser: Browser) -> bool:
    return browser.get("/settings").status_code == 200


def _change(browser: Browser, current: str = PASSWORD, password: str = NEW) -> int:
    return browser.post("/settings/password", data={"current": current, "password": password}).status_code


def test_changing_the_password(here: Browser, there: Browser, user: User, letters: Letters, owner: Session) -> None:
    before = here.get_cookie("huntaze")
    assert before is not None
    assert _change(here) == 303
    assert "Your password is changed" in here.get("/settings/security").text, "this device stays"
    assert not _is_in(there)
    after = here.get_cookie("huntaze")
    assert after is not None
    assert after.value != before.value
    there.set_cookie("huntaze", before.value)
    assert there.get("/settings").headers["Location"].startswith("/login"), "the old cookie leads to the login"
    assert letters.newest(user.email).subject == "Your Huntaze password was changed"
    assert owner.scalar(select(AuditEvent.action).where(AuditEvent.actor_id == user.id)) == "password.changed"
    for password, status in ((PASSWORD, 422), (NEW, 303)):
        assert there.post("/login", data={"email": user.email, "password": password}).status_code == status


@pytest.mark.parametrize(
    ("current", "password", "message"),
    [
        ("not mine", NEW, 'id="f-current-error">This is not your password.'),
        ("", NEW, 'id="f-current-error">Please fill this in.'),
        (PASSWORD, "short", 'id="f-password-error">Use at least 8 characters.'),
        (PASSWORD, "x" * 129, 'id="f-password-error">Use at most 128 characters.'),
        (PASSWORD, "iloveyou", 'id="f-password-error">Many people use this password'),
    ],
)
def test_what_is_wrong_with_it_is_said(
    here: Browser, there: Browser, current: str, password: str, message: str
) -> None:
    response = here.post("/settings/password", data={"current": current, "password": password})
    assert response.status_code == 422
    assert message in response.text
    assert NEW not in response.text
    assert _is_in(there)


def test_a_password_may_be_pasted_and_managed(here: Browser) -> None:
    html = here.get("/settings/password").text
    assert 'autocomplete="current-password"' in html
    assert 'autocomplete="new-password"' in html
    assert "onpaste" not in html


def test_no_password_waits_for_a_sign_in(here: Browser, owner: Session) -> None:
    """What was typed into other forms does."""
    owner.execute(update(SignIn).where(SignIn.user_id == here.member.user_id).values(ended_at=func.now()))
    response = here.post("/settings/password", data={"current": PASSWORD, "password": NEW})
    assert response.headers["Location"].startswith("/login")
    with here.application.app_context():
        from huntaze.models.sign_in import ParkedForm
        from huntaze.services.parked_forms import ParkedFormService
        from huntaze.system import system_session

        with system_session() as session:
            parked_id = session.scalar(
                select(func.max(ParkedForm.id)).where(ParkedForm.user_id == here.member.user_id)
            )
            assert parked_id is not None
            key = here.application.config["SECRET_KEY"]
            assert ParkedFormService(session, key).unpark(parked_id, here.member.user_id) == {}


def test_changing_the_e_mail(here: Browser, nobody: Browser, user: User, letters: Letters, owner: Session) -> None:
    new = f"new.{user.email}"
    response = here.post("/settings/email", data={"email": new.upper()})
    assert response.headers["Location"] == "/settings/security"
    assert user.email in here.get("/settings/security").text, "not yet"
    assert letters.newest(user.email).subject == "Your Huntaze e-mail is about to change"
    assert new in letters.newest(user.email).body
    token = letters.token(new)
    page = nobody.get(f"/email?token={token}")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert new in page.text
    assert owner.scalar(select(User.email).where(User.id == user.id)) == user.email, "looking changes nothing"

    assert nobody.post("/email", data={"token": token}).status_code == 303
    assert owner.scalar(select(User.email).where(User.id == user.id)) == new
    assert f"<bdi>{new}</bdi>" in here.get("/settings/security").text
    assert letters.newest(user.email).subject == "Your Huntaze e-mail was changed"
    assert owner.scalar(select(AuditEvent.action).where(AuditEvent.actor_id == user.id)) == "email.changed"
    assert nobody.post("/email", data={"token": token}).status_code == 303
    assert "This link is over" in nobody.get("/login").text, "it is used up"


def test_it_asks_for_the_password_unless_that_was_given_just_now(here: Browser, user: User, owner: Session) -> None:
    owner.execute(update(SignIn).where(SignIn.user_id == user.id).values(confirmed_at=datetime.now(UTC) - CONFIRMED))
    for response in (here.get("/settings/email"), here.post("/settings/email", data={"email": "x@huntaze.test"})):
        assert response.headers["Location"].startswith("/confirm?next=/settings/email")
    confirm = response.headers["Location"]
    next_path = re.search(r'name="next" value="([^"]*)"', here.get(confirm).text)
    assert next_path is not None
    assert here.post("/confirm", data={"password": "wrong", "next": next_path[1]}).status_code == 422
    before = here.get_cookie("huntaze")
    confirmed = here.post("/confirm", data={"password": PASSWORD, "next": next_path[1]})
    assert confirmed.headers["Location"] == next_path[1]
    after = here.get_cookie("huntaze")
    assert before is not None
    assert after is not None
    assert before.value != after.value, "a new token (ASVS 7.2.4)"
    assert 'value="x@huntaze.test"' in here.get(next_path[1]).text, "what was typed is there"


def test_an_address_that_someone_has_looks_like_any_other(here: Browser, letters: Letters, owner: Session) -> None:
    taken, free = UserFactory().email, f"free.{here.member.user_id}@huntaze.test"
    answers = [here.post("/settings/email", data={"email": email}).headers["Location"] for email in (taken, free)]
    assert answers[0] == answers[1]
    assert letters.newest(taken).subject == "You have a Huntaze account already"
    assert "token=" not in letters.newest(taken).body


def test_an_address_that_someone_took_in_between(
    here: Browser, nobody: Browser, letters: Letters, owner: Session
) -> None:
    wanted = f"wanted.{here.member.user_id}@huntaze.test"
    here.post("/settings/email", data={"email": wanted})
    token = letters.token(wanted)
    UserFactory(email=wanted)
    assert nobody.post("/email", data={"token": token}).status_code == 303
    assert owner.scalar(select(func.count()).where(User.email == wanted)) == 1
    assert owner.scalar(select(User.email).where(User.id == here.member.user_id)) != wanted


def test_ones_own_address_is_no_change(here: Browser, user: User) -> None:
    response = here.post("/settings/email", data={"email": user.email})
    assert response.status_code == 422
    assert "This is your e-mail already." in response.text


def test_a_link_to_the_old_mailbox_opens_nothing_any_more(
    here: Browser, nobody: Browser, user: User, letters: Letters
) -> None:
    nobody.post("/password/forgot", data={"email": user.email})
    old = letters.token(user.email)
    new = f"newer.{user.email}"
    here.post("/settings/email", data={"email": new})
    nobody.post("/email", data={"token": letters.token(new)})
    assert nobody.get(f"/password/reset?token={old}").status_code == 303


def test_the_devices(here: Browser, there: Browser, owner: Session) -> None:
    owner.execute(update(SignIn).where(SignIn.user_id == here.member.user_id).values(user_agent=ANDROID))
    html = here.get("/settings/security").text
    assert html.count("<b>Chrome on Android</b>") == 2
    assert html.count("This device") == 1
    [path] = re.findall(r'action="(/settings/devices/\d+/sign-out)"', html)
    assert here.post(path).status_code == 303
    assert "That device is signed out." in here.get("/settings/security").text
    assert not _is_in(there)
    assert _is_in(here)
    assert here.post(path).status_code == 404, "it is gone"


def test_all_others_at_once(here: Browser, there: Browser, sign_in: Open) -> None:
    third, teammate = sign_in(here.member), sign_in(MemberFactory(workspace_id=here.member.workspace_id))
    assert here.post("/settings/devices/sign-out").status_code == 303
    assert [_is_in(browser) for browser in (here, there, third, teammate)] == [True, False, False, True]


def test_a_teammate_and_a_stranger_cannot_sign_one_out(here: Browser, stranger: Browser, sign_in: Open) -> None:
    device = SignInFactory(member=here.member)
    teammate = sign_in(MemberFactory(workspace_id=here.member.workspace_id))
    for other in (teammate, stranger):
        assert other.post(f"/settings/devices/{device.id}/sign-out").status_code == 404
    assert here.post(f"/settings/devices/{device.id}/sign-out").status_code == 303


def test_many_devices_come_in_pages(here: Browser) -> None:
    now = datetime.now(UTC)
    for n in range(55):
        SignInFactory(member=here.member, last_seen_at=now - timedelta(minutes=n + 1))
    html = here.get("/settings/security").text
    assert html.count("/sign-out") == 49 + 1
    more = re.search(r'href="(/settings/security\?after=[^"]+)"', html)
    assert more is not None
    rest = here.swap(more[1])
    assert rest.text.count("/sign-out") == 6
    assert "<html" not in rest.text
    assert here.get("/settings/security?after=x").status_code == 422


def test_signing_in_again_ends_the_session_before(here: Browser, user: User) -> None:
    before = here.get_cookie("huntaze")
    assert before is not None
    assert here.post("/login", data={"email": user.email, "password": PASSWORD}).status_code == 303
    after = here.get_cookie("huntaze")
    assert after is not None
    assert after.value != before.value
    here.set_cookie("huntaze", before.value)
    assert not _is_in(here)


@pytest.fixture
def with_mail(config: Config) -> Iterator[Flask]:
    """Huntaze with a mail server, which is away."""
    app = create_app(
        replace(
            config,
            mail_url="smtp://127.0.0.1:9",
            mail_from="huntaze@huntaze.test",
            public_url="http://localhost",
        )
    )
    app.test_client_class = Browser
    from huntaze.adapters.mail import LocalMailer

    app.extensions["huntaze.mailer"] = LocalMailer(config.data / "mail")

    @web.reachable
    def invite() -> str:
        return "invited"

    app.add_url_rule("/invite", "invite", invite)
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


REGISTRATION = {"name": "Ann <b>", "business": "Ann's", "password": "a few words in a row"}


def _browser(app: Flask) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def test_registering_by_mail(with_mail: Flask, owner: Session) -> None:
    browser, letters, email = _browser(with_mail), Letters(with_mail), "ann.by.mail@huntaze.test"
    response = browser.post("/register", data={**REGISTRATION, "email": email})
    assert response.headers["Location"] == "/register/sent"
    assert browser.get_cookie("huntaze") is None
    assert owner.scalar(select(func.count()).where(User.email == email)) == 0, "not before the click"
    token = letters.token(email)
    assert "Ann" not in letters.newest(email).body, "who registers an address does not write to it"
    page = browser.get(f"/register/open?token={token}")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    wrong = browser.post("/register/open", data={"token": token, "password": "somebody else's"})
    assert wrong.status_code == 422, "who clicks must be who registered"
    opened = browser.post("/register/open", data={"token": token, "password": REGISTRATION["password"]})
    assert (opened.status_code, opened.headers["Location"]) == (303, "/")
    html = browser.get("/settings").text
    assert "Ann &lt;b&gt;" in html
    assert "Confirm your e-mail" not in html
    again = _browser(with_mail).post("/register/open", data={"token": token, "password": REGISTRATION["password"]})
    assert again.headers["Location"] == "/register"


def test_registering_does_not_tell_who_is_here(with_mail: Flask, owner: Session) -> None:
    known, letters = {"X-Request-Id": "the-same-for-both"}, Letters(with_mail)
    taken, free = UserFactory().email, "nobody.yet@huntaze.test"
    answers = [
        _browser(with_mail).post("/register", data={**REGISTRATION, "email": email}, headers=known)
        for email in (taken, free)
    ]
    assert answers[0].data == answers[1].data
    assert dict(answers[0].headers) == dict(answers[1].headers)
    assert letters.newest(taken).subject == "You have a Huntaze account already"
    for email in (taken, free):
        tried = _browser(with_mail).post("/login", data={"email": email, "password": REGISTRATION["password"]})
        assert tried.status_code == 422, "nor does trying to log in with what was registered"


def test_a_link_of_a_registration_ends(with_mail: Flask) -> None:
    browser, letters, email = _browser(with_mail), Letters(with_mail), "late@huntaze.test"
    browser.post("/register", data={**REGISTRATION, "email": email})
    token = letters.token(email)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2, minutes=1)):
        assert browser.get(f"/register/open?token={token}").status_code == 303
        form = {"token": token, "password": REGISTRATION["password"]}
        assert browser.post("/register/open", data=form).headers["Location"] == "/register"


def test_who_has_not_confirmed_is_reminded_and_some_things_wait(with_mail: Flask, owner: Session) -> None:
    user = UserFactory(email_confirmed_at=None)
    SignInFactory(member=MemberFactory(user_id=user.id), token=f"unconfirmed {user.id}")
    browser, letters = _browser(with_mail), Letters(with_mail)
    browser.set_cookie("huntaze", f"unconfirmed {user.id}")
    assert "Inviting people waits for it." in browser.get("/onlyfans/subscribers").text
    assert browser.get("/invite").headers["Location"] == "/settings/security"
    assert "Please confirm your e-mail first" in browser.get("/settings/security").text
    assert browser.post("/settings/email/link").status_code == 303
    assert browser.post("/settings/email/link").status_code == 429, "not twice in a minute"
    assert browser.post("/email", data={"token": letters.token(user.email)}).status_code == 303
    assert "Confirm your e-mail" not in browser.get("/onlyfans/subscribers").text
    assert browser.get("/invite").text == "invited"


def test_without_a_mail_server_nothing_waits(nobody: Browser, owner: Session) -> None:
    email = "first.run@huntaze.test"
    response = nobody.post("/register", data={**REGISTRATION, "email": email})
    assert response.headers["Location"] == "/", "straight in"
    assert "Confirm your e-mail" not in nobody.get("/onlyfans/subscribers").text
    html = nobody.get("/settings/security").text
    assert "Not confirmed" in html
    assert 'href="/dev/mail"' in html
    assert owner.scalar(select(User.email_confirmed_at).where(User.email == email)) is None
