"""A forgotten password: the link is asked for, mailed, opened and used once."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.account_link import LIFETIME, AccountLink, Purpose
from huntaze.models.audit import AuditEvent
from huntaze.models.user import User
from tests.conftest import Browser, SignIn
from tests.factories import PASSWORD, ApiTokenFactory, MemberFactory, UserFactory
from tests.letters import Letters

NEW = "quite another password"


@pytest.fixture
def email(app: Flask) -> str:
    user = UserFactory()
    MemberFactory(user_id=user.id)
    return str(user.email)


@pytest.fixture
def link(nobody: Browser, email: str, letters: Letters) -> str:
    """The token of a link that was mailed to `email`."""
    nobody.post("/password/forgot", data={"email": email})
    return letters.token(email)


def _reset(browser: Browser, token: str, password: str = NEW) -> str:
    response = browser.post("/password/reset", data={"token": token, "password": password})
    assert response.status_code == 303
    return response.headers["Location"]


def _logs_in(browser: Browser, email: str, password: str) -> bool:
    return browser.post("/login", data={"email": email, "password": password}).status_code == 303


def test_from_forgetting_to_logging_in(nobody: Browser, email: str, letters: Letters, owner: Session) -> None:
    assert 'href="/password/forgot"' in nobody.get("/login").text
    assert nobody.get("/password/forgot").status_code == 200
    asked = nobody.post("/password/forgot", data={"email": f" {email.upper()} "})
    assert (asked.status_code, asked.headers["Location"]) == (303, "/password/sent")
    assert "Look into your mail" in nobody.get("/password/sent").text

    letter = letters.newest(email)
    assert letter.subject == "Set a new password for Huntaze"
    assert "http://localhost/password/reset?token=" in letter.body
    page = nobody.get(f"/password/reset?token={letters.token(email)}")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"

    assert _reset(nobody, letters.token(email)) == "/login"
    assert nobody.get_cookie("huntaze") is None, "it opens no session"
    assert nobody.get("/settings").headers["Location"].startswith("/login")
    assert not _logs_in(nobody, email, PASSWORD)
    assert _logs_in(nobody, email, NEW)
    assert letters.newest(email).subject == "Your Huntaze password was changed"
    user = owner.scalars(select(User).where(User.email == email)).one()
    assert [event.action for event in owner.scalars(select(AuditEvent).where(AuditEvent.actor_id == user.id))] == [
        "password.reset"
    ]


def test_it_ends_all_sessions_and_no_token(app: Flask, nobody: Browser, sign_in: SignIn, letters: Letters) -> None:
    user = UserFactory()
    member = MemberFactory(user_id=user.id)
    phone, laptop = sign_in(member), sign_in(member)
    ApiTokenFactory(member=member, token=f"script of {user.id}")
    nobody.post("/password/forgot", data={"email": user.email})
    _reset(nobody, letters.token(user.email))
    for browser in (phone, laptop):
        assert browser.get("/settings").headers["Location"].startswith("/login")
    bearer = {"Authorization": f"Bearer script of {user.id}"}
    assert app.test_client().get("/api/onlyfans/subscribers", headers=bearer).status_code == 200


def test_who_has_no_account_is_told_by_mail_alone(nobody: Browser, email: str, letters: Letters) -> None:
    known = {"X-Request-Id": "the-same-for-both"}
    answers = [
        nobody.post("/password/forgot", data={"email": who}, headers=known)
        for who in (email, "never.registered@huntaze.test")
    ]
    assert answers[0].data == answers[1].data
    assert dict(answers[0].headers) == dict(answers[1].headers)
    assert letters.newest("never.registered@huntaze.test").subject == "No Huntaze account has this e-mail"


def test_the_answer_takes_the_same_time(app: Flask) -> None:
    """ASVS 6.3.8."""
    emails: dict[str, list[str]] = {"known": [], "unknown": []}
    for n in range(15):
        user = UserFactory()
        emails["known"].append(user.email)
        emails["unknown"].append(f"unknown{n}.{user.id}@huntaze.test")

    def seconds(email: str) -> float:
        browser = app.test_client()
        began = time.perf_counter()
        browser.post("/password/forgot", data={"email": email})
        return time.perf_counter() - began

    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for pair in zip(emails["known"], emails["unknown"], strict=True):
        for kind, email in zip(times, pair, strict=True):
            times[kind].append(seconds(email))
    ratio = statistics.median(times["known"]) / statistics.median(times["unknown"])
    assert 0.5 < ratio < 2


def test_a_link_is_used_once(nobody: Browser, email: str, link: str) -> None:
    assert _reset(nobody, link) == "/login"
    assert _reset(nobody, link, "and another password") == "/password/forgot"
    assert nobody.get(f"/password/reset?token={link}").headers["Location"] == "/password/forgot"
    assert "This link is over" in nobody.get("/password/forgot").text
    assert _logs_in(nobody, email, NEW)


def test_looking_uses_nothing_up(nobody: Browser, link: str) -> None:
    for _ in range(3):
        assert nobody.get(f"/password/reset?token={link}").status_code == 200
    assert nobody.post("/password/reset", data={"token": link, "password": "short"}).status_code == 422
    refused = nobody.post("/password/reset", data={"token": link, "password": "iloveyou"})
    assert "Many people use this password; choose another one." in refused.text
    assert f'value="{link}"' in refused.text
    assert _reset(nobody, link) == "/login"


def test_fifty_at_once_use_it_once(app: Flask, link: str) -> None:
    def use(n: int) -> str:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        return _reset(browser, link, f"a password of number {n}")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(use, range(50))).count("/login") == 1


def test_it_is_over_after_half_an_hour(nobody: Browser, link: str) -> None:
    late = datetime.now(UTC) + LIFETIME[Purpose.PASSWORD]
    with time_machine.travel(late - timedelta(minutes=1)):
        assert nobody.get(f"/password/reset?token={link}").status_code == 200
    with time_machine.travel(late + timedelta(minutes=1)):
        assert nobody.get(f"/password/reset?token={link}").status_code == 303
        assert _reset(nobody, link) == "/password/forgot"


def test_a_newer_link_is_the_only_one(nobody: Browser, email: str, link: str, letters: Letters) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        nobody.post("/password/forgot", data={"email": email})
        newer = letters.token(email)
        assert newer != link
        assert _reset(nobody, link) == "/password/forgot"
        assert _reset(nobody, newer) == "/login"


def test_only_a_hash_of_it_is_stored(link: str, owner: Session) -> None:
    assert not [row for row in owner.scalars(select(AccountLink)) if link.encode() in row.token_hash]


@pytest.mark.parametrize("token", ["", "x", "🦄", "\0", "x" * 5000, "' OR 1=1 --"])
def test_a_made_up_link_opens_nothing(nobody: Browser, token: str) -> None:
    assert nobody.get("/password/reset", query_string={"token": token}).status_code == 303
    response = nobody.post("/password/reset", data={"token": token, "password": NEW})
    assert response.status_code in (303, 422)


def test_a_link_for_something_else_does_not(nobody: Browser, as_owner: Browser, letters: Letters) -> None:
    as_owner.post("/settings/email", data={"email": "for.something.else@huntaze.test"})
    token = letters.token("for.something.else@huntaze.test")
    assert nobody.get(f"/password/reset?token={token}").status_code == 303
    assert _reset(nobody, token) == "/password/forgot"
    assert nobody.get(f"/email?token={token}").status_code == 200


@pytest.mark.parametrize("email", ["", "no e-mail", "a\0b@huntaze.test", "x" * 300])
def test_a_strange_e_mail_is_refused(nobody: Browser, email: str) -> None:
    response = nobody.post("/password/forgot", data={"email": email})
    assert response.status_code == 422
    assert 'id="f-email-error"' in response.text


def test_the_mail_is_in_the_language_of_its_reader(nobody: Browser, letters: Letters) -> None:
    user = UserFactory(locale="fr")
    nobody.post("/password/forgot", data={"email": user.email})
    letter = letters.newest(user.email)
    assert letter.subject == "Choisissez un nouveau mot de passe pour Huntaze"
    assert letter.body.startswith("Bonjour,")
    nobody.post("/password/forgot", data={"email": "inconnu@huntaze.test"}, headers={"Accept-Language": "fr"})
    assert letters.newest("inconnu@huntaze.test").subject == "Aucun compte Huntaze n’a cet e-mail"


def test_it_confirms_the_address_that_it_was_mailed_to(nobody: Browser, letters: Letters, owner: Session) -> None:
    user = UserFactory(email_confirmed_at=None)
    nobody.post("/password/forgot", data={"email": user.email})
    _reset(nobody, letters.token(user.email))
    assert owner.scalar(select(func.count()).where(User.id == user.id, User.email_confirmed_at.is_not(None))) == 1


def test_over_plain_http_from_elsewhere_no_password_is_taken(nobody: Browser, link: str) -> None:
    for call in (
        lambda: nobody.get(f"/password/reset?token={link}", base_url="http://huntaze.example"),
        lambda: nobody.post(
            "/password/reset",
            data={"token": link, "password": NEW},
            base_url="http://huntaze.example",
            headers={"Origin": "http://huntaze.example"},
        ),
    ):
        assert_needs_https(call)


def assert_needs_https(call: Callable[[], object]) -> None:
    response = call()
    assert re.search("needs https here", response.text)  # type: ignore[attr-defined]
