"""Counted tries: a few are free, then the pauses grow, and fifty at once are fifty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest
import time_machine
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from huntaze.models.tries import Tries
from huntaze.services.errors import TooManyTries
from huntaze.services.known_devices import mark, recognise
from huntaze.services.tries import ACCOUNT, ADDRESS, DEVICE, LETTER, PASSWORD, Lane, TryService, Whose

KEY = "a secret of the tests, 32 characters or more"
SECOND = timedelta(seconds=1)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

Take = Callable[..., bool]


@pytest.fixture
def whose() -> str:
    return f"{token_hex(8)}@huntaze.test"


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[TryService]:
    with Session(owner_engine) as session, session.begin():
        yield TryService(session, KEY)


@pytest.fixture
def take(owner_engine: Engine) -> Take:
    """Whether that may be tried now; asked as a request does, in a transaction of its own."""

    def take(*lanes: Whose) -> bool:
        with Session(owner_engine) as session:
            try:
                with session.begin():
                    TryService(session, KEY).take(*lanes)
            except TooManyTries:
                return False
            return True

    return take


@pytest.mark.parametrize("lane", [ACCOUNT, ADDRESS, DEVICE, PASSWORD, LETTER], ids=lambda lane: lane.name)
def test_a_few_are_free_and_then_the_pauses_double(take: Take, whose: str, lane: Lane) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        assert all(take((lane, whose)) for _ in range(lane.free))
        pause = lane.pause
        for _ in range(12):
            assert not take((lane, whose))
            clock.shift(pause - SECOND)
            assert not take((lane, whose)), "a try in the pause changes nothing"
            clock.shift(SECOND)
            assert take((lane, whose))
            pause = min(2 * pause, lane.longest)
        assert pause == lane.longest


def test_who_waits_is_told_until_when(service: TryService, whose: str) -> None:
    with time_machine.travel(NOW, tick=False):
        for _ in range(ACCOUNT.free):
            service.take((ACCOUNT, whose))
        with pytest.raises(TooManyTries) as caught:
            service.take((ACCOUNT, whose))
    assert caught.value.until == NOW + ACCOUNT.pause


def test_a_day_of_guessing_is_about_a_hundred(take: Take, whose: str) -> None:
    """NIST SP 800-63B, 3.2.2: no more than 100 in a row."""
    with time_machine.travel(NOW, tick=False) as clock:
        taken = 0
        for _ in range(24 * 12):
            taken += take((ACCOUNT, whose))
            clock.shift(timedelta(minutes=5))
    assert taken <= 105


def test_fifty_at_once_are_fifty(take: Take, whose: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(lambda _n: take((ACCOUNT, whose)), range(50))) == ACCOUNT.free


def test_one_that_is_forgotten_meanwhile_is_counted_anew(owner_engine: Engine, whose: str) -> None:
    """Somebody signs in twice at the same moment."""

    def right(_n: int) -> None:
        with Session(owner_engine) as session:
            with session.begin():
                TryService(session, KEY).take((DEVICE, whose))
            with session.begin():
                TryService(session, KEY).forget((DEVICE, whose))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(right, range(100)))


def test_two_lanes_at_once_wait_for_each_other_never(take: Take, whose: str) -> None:
    def both(n: int) -> bool:
        return take((ACCOUNT, f"{n}{whose}"), (ADDRESS, whose))

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(both, range(60))) == ADDRESS.free


def test_one_lane_that_waits_spares_the_other(take: Take, service: TryService, whose: str, owner: Session) -> None:
    for _ in range(ACCOUNT.free + 3):
        take((ACCOUNT, whose), (ADDRESS, whose))
    count = owner.scalar(select(Tries.count).where(Tries.key == service._key(ADDRESS, whose)))
    assert count == ACCOUNT.free, "what was not tried does not count"


def test_a_right_one_begins_anew(take: Take, whose: str, owner_engine: Engine) -> None:
    for _ in range(ACCOUNT.free):
        take((ACCOUNT, whose))
    with Session(owner_engine) as session, session.begin():
        TryService(session, KEY).forget((ACCOUNT, whose))
    assert all(take((ACCOUNT, whose)) for _ in range(ACCOUNT.free))


def test_a_right_one_at_a_shared_address_takes_back_only_itself(take: Take, whose: str, owner_engine: Engine) -> None:
    for _ in range(ADDRESS.free - 1):
        take((ADDRESS, whose))
    for _ in range(5):  # signs in again and again
        assert take((ADDRESS, whose))
        with Session(owner_engine) as session, session.begin():
            TryService(session, KEY).give_back(ADDRESS, whose)
    assert take((ADDRESS, whose))
    assert not take((ADDRESS, whose)), "that does not hide the wrong ones"


def test_they_are_forgotten_after_a_while(take: Take, whose: str) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(ACCOUNT.free):
            take((ACCOUNT, whose))
        clock.shift(ACCOUNT.pause + ACCOUNT.forgotten)
        assert all(take((ACCOUNT, whose)) for _ in range(ACCOUNT.free))


def test_lanes_and_people_are_apart(take: Take, whose: str) -> None:
    for _ in range(ACCOUNT.free):
        take((ACCOUNT, whose))
    assert not take((ACCOUNT, whose))
    assert take((DEVICE, whose))
    assert take((ACCOUNT, f"x{whose}"))


def test_the_table_names_nobody(take: Take, whose: str, owner: Session) -> None:
    take((ACCOUNT, whose))
    assert not [key for key in owner.scalars(select(Tries.key)) if whose.encode() in key or len(key) != 32]


def test_the_purge_takes_what_is_forgotten(take: Take, service: TryService, whose: str, owner: Session) -> None:
    take((ACCOUNT, whose))
    key = service._key(ACCOUNT, whose)
    assert service.purge() >= 0
    assert owner.scalar(select(func.count()).where(Tries.key == key)) == 1
    with time_machine.travel(datetime.now(UTC) + ACCOUNT.forgotten + timedelta(minutes=1)):
        assert service.purge() >= 1
    service.session.commit()
    assert owner.scalar(select(func.count()).where(Tries.key == key)) == 0


def test_a_known_device_is_known_to_its_account_only() -> None:
    cookie = mark("ann@huntaze.test", KEY)
    device = recognise(cookie, "ann@huntaze.test", KEY)
    assert device
    assert "ann" not in cookie
    assert recognise(mark("ann@huntaze.test", KEY), "ann@huntaze.test", KEY) != device, "each sign-in is another"
    assert recognise(cookie, "eve@huntaze.test", KEY) is None
    assert recognise(cookie, "ann@huntaze.test", "another key, 32 characters or more") is None


@pytest.mark.parametrize("cookie", ["", ".", "x", "x.y", "🦄.🦄", "\0.", "\udc80.\udc80", "x" * 5000])
def test_a_made_up_device_is_not_known(cookie: str) -> None:
    assert recognise(cookie, "ann@huntaze.test", KEY) is None
