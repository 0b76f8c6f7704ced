"""Between the password and the session: who is half in, for how long, and how often they may try."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import ATTEMPTS, HALFWAY, AuthenticatorApp, HalfSignIn
from huntaze.models.user import User
from huntaze.services.errors import Invalid, NotFound
from huntaze.services.second_step import SecondStepService
from tests.factories import UserFactory, sha256

KEY = "a secret of the tests, 32 characters or more"


class Person:
    """Someone with an authenticator app and recovery codes."""

    def __init__(self, service: SecondStepService) -> None:
        self.id = UserId(UserFactory().id)
        sealed = service.totp.new_secret(self.id)
        self.app = pyotp.TOTP(str(service.totp.secret(self.id, sealed)))
        with time_machine.travel(datetime.now(UTC) - timedelta(hours=1)):
            self.codes = [code.replace("-", "") for code in service.totp.turn_on(self.id, sealed, self.app.now())]
        service.session.commit()


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[SecondStepService]:
    with Session(owner_engine) as session:
        yield SecondStepService(session, KEY)


@pytest.fixture
def person(service: SecondStepService) -> Person:
    return Person(service)


def test_who_has_no_app_needs_no_second_step(service: SecondStepService) -> None:
    assert service.start(UserId(UserFactory().id)) is None


def test_a_code_of_the_app(service: SecondStepService, person: Person) -> None:
    token = str(service.start(person.id))
    done = service.finish(service.count_attempt(token, person.app.now()), person.app.now())
    assert (done.user_id, done.codes_left) == (person.id, None)
    with pytest.raises(NotFound):
        service.count_attempt(token, person.app.now())


def test_a_recovery_code(service: SecondStepService, person: Person) -> None:
    token = str(service.start(person.id))
    done = service.finish(service.count_attempt(token, person.codes[0]), person.codes[0])
    assert (done.user_id, done.codes_left) == (person.id, 9)


def test_only_a_hash_of_the_token_is_stored(service: SecondStepService, person: Person) -> None:
    token = str(service.start(person.id))
    stored = service.session.scalars(select(HalfSignIn.token_hash).where(HalfSignIn.user_id == person.id)).all()
    assert stored == [sha256(token)]


def test_after_a_few_attempts_one_starts_over(service: SecondStepService, person: Person) -> None:
    token = str(service.start(person.id))
    for _ in range(ATTEMPTS):
        half = service.count_attempt(token, person.codes[0])
        with pytest.raises(Invalid):
            service.finish(half, "0" * 16)
    with pytest.raises(NotFound):
        service.count_attempt(token, person.codes[0])
    again = str(service.start(person.id))
    assert service.finish(service.count_attempt(again, person.codes[0]), person.codes[0])


def test_starting_over_does_not_forget_the_wrong_codes(service: SecondStepService, person: Person) -> None:
    for number in range(ATTEMPTS):
        service.count_attempt(str(service.start(person.id)), f"00000{number}")
    token = str(service.start(person.id))
    with pytest.raises(Invalid) as caught:
        service.count_attempt(token, person.app.now())
    assert [problem.kind for problem in caught.value.errors["code"]] == ["too_many_codes"]
    half = service.count_attempt(token, person.codes[0])
    assert service.finish(half, person.codes[0]), "a recovery code can't be guessed, and so needs no pause"


def test_it_is_over_after_ten_minutes(service: SecondStepService, person: Person) -> None:
    token, now = str(service.start(person.id)), datetime.now(UTC)
    service.session.commit()
    with time_machine.travel(now + HALFWAY - timedelta(seconds=5)):
        assert service.count_attempt(token, "0" * 16)
    with time_machine.travel(now + HALFWAY + timedelta(seconds=5)):
        with pytest.raises(NotFound):
            service.count_attempt(token, "0" * 16)
        assert service.purge() >= 1
    assert service.session.scalar(select(HalfSignIn.id).where(HalfSignIn.user_id == person.id)) is None


def test_another_password_ends_it_and_keeps_the_app(service: SecondStepService, person: Person) -> None:
    token = str(service.start(person.id))
    service.session.execute(update(User).where(User.id == person.id).values(password_hash="another"))
    with pytest.raises(NotFound):
        service.count_attempt(token, person.app.now())
    assert service.start(person.id) is not None


@pytest.mark.parametrize("token", ["", "unknown", "\0", "🦄", "x" * 5000])
def test_an_unknown_token_is_nobodys(service: SecondStepService, token: str) -> None:
    with pytest.raises(NotFound):
        service.count_attempt(token, "000000")


def test_two_at_once_sign_in_once(owner_engine: Engine, service: SecondStepService, person: Person) -> None:
    token = str(service.start(person.id))
    halves = [service.count_attempt(token, code) for code in person.codes[:2]]
    assert service.finish(halves[0], person.codes[0])
    with pytest.raises(NotFound):
        service.finish(halves[1], person.codes[1])


def test_nobody_elses_code_is_right(service: SecondStepService, person: Person) -> None:
    other = Person(service)
    token = str(service.start(person.id))
    for code in (other.app.now(), other.codes[0]):
        with pytest.raises(Invalid):
            service.finish(service.count_attempt(token, code), code)
    assert service.session.scalar(select(AuthenticatorApp.failures).where(AuthenticatorApp.user_id == other.id)) == 0
