"""Passkeys: what a device must say, for which site and challenge, and whose it is (WebAuthn §7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import CHALLENGE, Passkey, SpentChallenge
from huntaze.schemas.second_factor import NewPasskey
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.passkeys import MOST, PasskeyService, Site
from tests.authenticator import UP, UV, Device
from tests.factories import PasskeyFactory, UserFactory

KEY = "a secret of the tests, 32 characters or more"
HERE = Site("http://localhost")

Change = Callable[[Device], Device]


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[PasskeyService]:
    with Session(owner_engine) as session:
        yield PasskeyService(session, KEY)


@pytest.fixture
def user_id(app: object) -> UserId:
    return UserId(UserFactory().id)


@pytest.fixture
def device(service: PasskeyService, user_id: UserId) -> Device:
    """With a passkey of `user_id`."""
    device = Device()
    _add(service, user_id, device)
    service.session.commit()
    return device


def _add(service: PasskeyService, user_id: UserId, device: Device, site: Site = HERE) -> Passkey:
    question = service.ask_for_new(user_id, "Ann", "ann@huntaze.test", site)
    wanted = NewPasskey(name="Phone", credential=device.make(question.options))
    return service.add(user_id, wanted, question.sealed, site)


def _check(service: PasskeyService, device: Device, site: Site = HERE) -> UserId:
    question = service.ask(site)
    return service.check(device.answer(question.options), question.sealed, site)


def _problems(refusal: Invalid) -> list[str]:
    return [problem.kind for problem in refusal.errors["_"]]


def test_there_and_back(service: PasskeyService, user_id: UserId, device: Device) -> None:
    assert _check(service, device) == user_id
    assert _check(service, device) == user_id
    [passkey] = service.all(user_id)
    assert (passkey.name, passkey.sign_count) == ("Phone", device.count)
    assert passkey.last_used_at is not None


def test_what_the_browser_is_asked(service: PasskeyService, user_id: UserId, device: Device) -> None:
    site = Site("https://app.example.com")
    asked = json.loads(service.ask(site).options)
    assert (asked["rpId"], asked["userVerification"], asked["allowCredentials"]) == (
        "app.example.com",
        "required",
        [],
    )
    new = json.loads(service.ask_for_new(user_id, "Ann", "ann@huntaze.test", site).options)
    assert new["rp"] == {"id": "app.example.com", "name": "Huntaze"}
    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["authenticatorSelection"]["userVerification"] == "required"
    assert new["attestation"] == "none"
    assert len(new["excludeCredentials"]) == 1, "a device that has one makes no second"


def test_a_persons_handle_is_random_and_the_same_for_all_passkeys(service: PasskeyService, user_id: UserId) -> None:
    first, second, other = Device(), Device(), Device()
    _add(service, user_id, first)
    _add(service, user_id, second)
    _add(service, UserId(UserFactory().id), other)
    assert first.user_handle == second.user_handle != other.user_handle
    assert len(first.user_handle) == 64
    assert str(user_id).encode() not in first.user_handle[:8]


WRONG: dict[str, Change] = {
    "another origin": lambda device: replace(device, origin="https://evil.example"),
    "https instead of http": lambda device: replace(device, origin="https://localhost"),
    "another port": lambda device: replace(device, origin="http://localhost:8000"),
    "the origin and more": lambda device: replace(device, origin="http://localhost.evil.example"),
    "another site": lambda device: replace(device, rp_id="evil.example"),
    "nobody was there": lambda device: replace(device, flags=UV),
    "nobody was verified": lambda device: replace(device, flags=UP),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_new_one_from_elsewhere_is_refused(service: PasskeyService, user_id: UserId, change: Change) -> None:
    with pytest.raises(Invalid) as caught:
        _add(service, user_id, change(Device()))
    assert _problems(caught.value) == ["passkey"]
    assert service.all(user_id) == []


FORGED: dict[str, Change] = {
    **WRONG,
    "another key": lambda device: replace(device, key=ec.generate_private_key(ec.SECP256R1())),
    "an unknown passkey": lambda device: replace(device, credential_id=b"unknown"),
    "another person's handle": lambda device: replace(device, user_handle=b"x" * 64),
    "no handle": lambda device: replace(device, user_handle=b""),
    "a copy that counts behind": lambda device: replace(device, count=-0 or 0),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_wrong_answer_is_refused(service: PasskeyService, device: Device, change: Change) -> None:
    device.count = 5
    _check(service, device)
    with pytest.raises(Invalid) as caught:
        _check(service, change(device))
    assert _problems(caught.value) == ["passkey"], "the same for all of them"


def test_a_count_must_go_on(service: PasskeyService, user_id: UserId, device: Device) -> None:
    device.count = 10
    assert _check(service, device) == user_id
    copy = replace(device, count=9)
    with pytest.raises(Invalid):
        _check(service, copy)
    assert _check(service, device) == user_id


def test_a_passkey_on_several_devices_counts_nothing(service: PasskeyService, user_id: UserId) -> None:
    device = Device(count=0)
    _add(service, user_id, device)
    assert [_check(service, device) for _ in range(2)] == [user_id, user_id]


def test_a_challenge_is_answered_once(service: PasskeyService, user_id: UserId) -> None:
    device = Device(count=0)
    _add(service, user_id, device)
    question = service.ask(HERE)
    answer = device.answer(question.options)
    assert service.check(answer, question.sealed, HERE) == user_id
    with pytest.raises(Invalid) as caught:
        service.check(answer, question.sealed, HERE)
    assert _problems(caught.value) == ["passkey_late"]


def test_of_fifty_at_once_one_is_taken(owner_engine: Engine, service: PasskeyService, user_id: UserId) -> None:
    device = Device(count=0)
    _add(service, user_id, device)
    question = service.ask(HERE)
    service.session.commit()
    answer = device.answer(question.options)

    def check(_number: int) -> bool:
        with Session(owner_engine) as session, session.begin():
            try:
                return PasskeyService(session, KEY).check(answer, question.sealed, HERE) == user_id
            except Invalid:
                return False

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(check, range(50))) == 1


def test_a_challenge_is_for_one_purpose_and_person(service: PasskeyService, user_id: UserId, device: Device) -> None:
    known, new = service.ask(HERE), service.ask_for_new(user_id, "Ann", "ann@huntaze.test", HERE)
    other = UserId(UserFactory().id)
    made = NewPasskey(name="Phone", credential=Device().make(new.options))
    attempts: list[Callable[[], object]] = [
        lambda: service.check(device.answer(known.options), new.sealed, HERE),
        lambda: service.check(device.answer(known.options), service.ask(HERE).sealed, HERE),
        lambda: service.check(device.answer(known.options), b"", HERE),
        lambda: service.check(device.answer(known.options), known.sealed[:-1], HERE),
        lambda: service.add(other, made, new.sealed, HERE),
        lambda: service.add(user_id, made, known.sealed, HERE),
    ]
    for attempt in attempts:
        with pytest.raises(Invalid):
            attempt()
    assert service.all(other) == []


def test_an_answer_takes_five_minutes_at_most(service: PasskeyService, user_id: UserId, device: Device) -> None:
    asked, question = datetime.now(UTC), service.ask(HERE)
    answer = device.answer(question.options)
    with time_machine.travel(asked + CHALLENGE + timedelta(seconds=2)), pytest.raises(Invalid) as caught:
        service.check(answer, question.sealed, HERE)
    assert _problems(caught.value) == ["passkey_late"]
    with time_machine.travel(asked + CHALLENGE - timedelta(seconds=2)):
        assert service.check(answer, question.sealed, HERE) == user_id
    service.session.commit()
    with time_machine.travel(asked + 3 * CHALLENGE):
        assert service.purge() >= 1
    assert service.session.scalar(select(func.count()).select_from(SpentChallenge)) == 0


def test_who_is_expected(service: PasskeyService, user_id: UserId, device: Device) -> None:
    question = service.ask(HERE)
    answer = device.answer(question.options)
    with pytest.raises(Invalid):
        service.check(answer, question.sealed, HERE, UserId(UserFactory().id))
    assert service.check(answer, question.sealed, HERE, user_id) == user_id


BROKEN = [
    "",
    "null",
    "[]",
    "{}",
    "🦄",
    '{"id": 1}',
    '{"id": "a", "rawId": "a", "type": "public-key", "response": {}}',
]


@pytest.mark.parametrize("credential", BROKEN)
def test_what_is_no_credential_is_refused(
    service: PasskeyService, user_id: UserId, device: Device, credential: str
) -> None:
    with pytest.raises(Invalid):
        service.check(credential, service.ask(HERE).sealed, HERE)
    sealed = service.ask_for_new(user_id, "Ann", "ann@huntaze.test", HERE).sealed
    with pytest.raises(Invalid):
        service.add(user_id, NewPasskey(name="Phone", credential=credential), sealed, HERE)


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("value", [None, "", "!", "AAAA", "e30", "bnVsbA", 5, {}, "x" * 5000])
def test_a_broken_part_is_refused(service: PasskeyService, device: Device, part: str, value: object) -> None:
    question = service.ask(HERE)
    answer = json.loads(device.answer(question.options))
    answer["response"][part] = value
    with pytest.raises(Invalid) as caught:
        service.check(json.dumps(answer), question.sealed, HERE)
    assert _problems(caught.value) == ["passkey"]


@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
@pytest.mark.parametrize("value", [None, "", "!", "AAAA", "e30", "oA", "oWF4", "x" * 5000])
def test_a_broken_new_one_is_refused(service: PasskeyService, user_id: UserId, part: str, value: object) -> None:
    question = service.ask_for_new(user_id, "Ann", "ann@huntaze.test", HERE)
    made = json.loads(Device().make(question.options))
    made["response"][part] = value
    with pytest.raises(Invalid) as caught:
        service.add(user_id, NewPasskey(name="Phone", credential=json.dumps(made)), question.sealed, HERE)
    assert _problems(caught.value) == ["passkey"]


def test_one_passkey_has_one_owner(service: PasskeyService, user_id: UserId, device: Device) -> None:
    with pytest.raises(Conflict) as caught:
        _add(service, UserId(UserFactory().id), replace(device))
    assert _problems(caught.value) == ["passkey_known"]
    assert _check(service, device) == user_id


def test_a_person_has_a_few(service: PasskeyService, user_id: UserId) -> None:
    for _ in range(MOST):
        PasskeyFactory(user_id=user_id)
    with pytest.raises(Conflict) as caught:
        _add(service, user_id, Device())
    assert _problems(caught.value) == ["too_many_passkeys"]


def test_renaming_and_removing(service: PasskeyService, user_id: UserId, device: Device) -> None:
    [passkey] = service.all(user_id)
    service.rename(user_id, passkey.id, "Old phone")
    assert service.remove(user_id, passkey.id) == "Old phone"
    service.session.flush()
    assert service.all(user_id) == []
    with pytest.raises(Invalid):
        _check(service, device)


def test_another_persons_is_not_found(service: PasskeyService, user_id: UserId, device: Device) -> None:
    [passkey], other = service.all(user_id), UserId(UserFactory().id)
    attempts: list[Callable[[], object]] = [
        lambda: service.get(other, passkey.id),
        lambda: service.rename(other, passkey.id, "Mine"),
        lambda: service.remove(other, passkey.id),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()


@pytest.mark.parametrize(
    ("origin", "rp_id", "takes"),
    [
        ("https://app.example.com", "app.example.com", True),
        ("https://app.example.com:8443", "app.example.com", True),
        ("http://localhost:8000", "localhost", True),
        ("http://127.0.0.1:8000", "127.0.0.1", False),
        ("http://[::1]:8000", "::1", False),
        ("https://192.0.2.1", "192.0.2.1", False),
        ("http://app.example.com", "app.example.com", False),
    ],
)
def test_a_passkey_needs_a_name_and_a_safe_way(origin: str, rp_id: str, takes: bool) -> None:
    assert (Site(origin).rp_id, Site(origin).takes_passkeys) == (rp_id, takes)
