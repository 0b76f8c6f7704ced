"""Codes of an authenticator app: which are right, each once, and how often one may guess (ASVS 6.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import time_machine
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import AuthenticatorApp
from huntaze.models.user import User
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.totp import FREE, TotpService, address
from tests.factories import UserFactory

KEY = "a secret of the tests, 32 characters or more"
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[TotpService]:
    with Session(owner_engine) as session:
        yield TotpService(session, KEY)


@pytest.fixture
def user_id(app: object) -> UserId:
    return UserId(UserFactory().id)


@pytest.fixture
def turn_on(service: TotpService, user_id: UserId) -> Callable[[], pyotp.TOTP]:
    """Turns it on at NOON, long before the code; returns the app."""

    def turn_on() -> pyotp.TOTP:
        sealed = service.new_secret(user_id)
        app = pyotp.TOTP(str(service.secret(user_id, sealed)))
        with time_machine.travel(NOON - 100 * STEP, tick=False):
            service.turn_on(user_id, sealed, app.now())
        service.session.execute(update(AuthenticatorApp).values(try_at=NOON - 100 * STEP))
        service.session.commit()
        return app

    return turn_on


def test_turning_it_on_takes_a_code_and_gives_ten(service: TotpService, user_id: UserId) -> None:
    sealed = service.new_secret(user_id)
    app = pyotp.TOTP(str(service.secret(user_id, sealed)))
    with pytest.raises(Invalid) as caught:
        service.turn_on(user_id, sealed, "000000" if app.now() != "000000" else "000001")
    assert [problem.kind for problem in caught.value.errors["code"]] == ["wrong_code"]
    assert service.on_since(user_id) is None

    now = app.now()
    assert len(set(service.turn_on(user_id, sealed, now))) == 10
    assert service.on_since(user_id) is not None
    assert not service.use(user_id, now), "the code that turned it on signs nobody in"
    with pytest.raises(Conflict):
        service.turn_on(user_id, sealed, now)

    assert service.turn_off(user_id)
    assert not service.turn_off(user_id)
    assert service.on_since(user_id) is None
    assert service.recovery_codes.left(user_id) == 0


@pytest.mark.parametrize(
    ("steps", "right"), [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False), (3, False)]
)
def test_a_clock_may_be_wrong_by_one_step(
    service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP], steps: int, right: bool
) -> None:
    app = turn_on()
    with time_machine.travel(NOON, tick=False):
        assert service.use(user_id, app.at(NOON + steps * STEP)) == right


def test_a_code_is_taken_once_and_none_before_it(
    service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP]
) -> None:
    app = turn_on()
    with time_machine.travel(NOON, tick=False):
        assert service.use(user_id, app.at(NOON))
        assert not service.use(user_id, app.at(NOON)), "a replay within the window"
        assert not service.use(user_id, app.at(NOON - STEP)), "what was read over a shoulder just before"
        assert service.use(user_id, app.at(NOON + STEP))
    with time_machine.travel(NOON + STEP, tick=False):
        assert not service.use(user_id, app.at(NOON + STEP))


def test_of_fifty_at_once_one_is_taken(
    owner_engine: Engine, service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP]
) -> None:
    app = turn_on()
    with time_machine.travel(NOON, tick=False):
        code = app.at(NOON)

        def use(_number: int) -> bool:
            with Session(owner_engine) as session, session.begin():
                return TotpService(session, KEY).use(user_id, code)

        with ThreadPoolExecutor(10) as pool:
            assert sum(pool.map(use, range(50))) == 1


def test_of_fifty_guesses_at_once_no_more_are_tried_than_one_by_one(
    owner_engine: Engine, user_id: UserId, turn_on: Callable[[], pyotp.TOTP]
) -> None:
    turn_on()

    def guess(_number: int) -> bool:
        with Session(owner_engine) as session, session.begin():
            try:
                TotpService(session, KEY).count_attempt(user_id)
            except Invalid:
                return False
            return True

    with time_machine.travel(NOON, tick=False), ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(guess, range(50))) == FREE


def test_who_guesses_waits_longer_and_longer(
    service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP]
) -> None:
    app = turn_on()
    now, waits = NOON, []
    for attempt in range(FREE + 9):
        with time_machine.travel(now, tick=False):
            service.count_attempt(user_id)
            if attempt < FREE - 1:
                continue
            with pytest.raises(Invalid) as caught:
                service.count_attempt(user_id)
        [problem] = caught.value.errors["code"]
        assert problem.kind == "too_many_codes"
        waits.append(problem.detail["minutes"])
        now += timedelta(minutes=waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]

    with time_machine.travel(now, tick=False):
        assert service.use(user_id, app.at(now)), "a right one forgives them"
        service.session.execute(update(AuthenticatorApp).values(try_at=now))
        for _ in range(FREE):
            service.count_attempt(user_id)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "１２３４５６", "\0", "' OR 1=1"])
def test_what_is_no_code_is_wrong(
    service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP], code: str
) -> None:
    turn_on()
    assert not service.use(user_id, code)


def test_without_an_app_no_code_is_right(service: TotpService, user_id: UserId) -> None:
    assert not service.use(user_id, "000000")
    service.count_attempt(user_id)


def test_the_secret_is_sealed_for_one_person(
    service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP], owner: Session
) -> None:
    app = turn_on()
    stored = owner.scalar(select(AuthenticatorApp.secret).where(AuthenticatorApp.user_id == user_id))
    assert stored is not None
    assert app.secret.encode() not in stored
    other = UserId(UserFactory().id)
    assert service.secret(other, stored) is None
    owner.add(AuthenticatorApp(user_id=other, secret=stored, last_step=0))
    owner.commit()
    with time_machine.travel(NOON, tick=False):
        assert not service.use(other, app.at(NOON)), "moved to another person"
        assert not TotpService(service.session, KEY + ".").use(user_id, app.at(NOON)), "with another key"
        assert service.use(user_id, app.at(NOON))
    with pytest.raises(Invalid):
        service.turn_on(other, stored, app.now())


def test_an_operator_lets_in_who_has_lost_everything(
    service: TotpService, user_id: UserId, turn_on: Callable[[], pyotp.TOTP]
) -> None:
    turn_on()
    email = service.session.scalar(select(User.email).where(User.id == user_id))
    service.let_in(str(email).upper())
    assert service.on_since(user_id) is None
    with pytest.raises(NotFound):
        service.let_in("nobody@huntaze.test")


def test_its_address_says_what_apps_expect() -> None:
    """The defaults of RFC 6238, which every app knows, are left out."""
    uri = urlsplit(address("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "ann+1@huntaze.test"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Huntaze:ann%2B1%40huntaze.test")
    assert parse_qs(uri.query) == {"secret": ["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"], "issuer": ["Huntaze"]}
