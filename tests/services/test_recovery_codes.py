"""Recovery codes: written down once, each good once, for one person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.second_factor import RecoveryCode
from huntaze.services.recovery_codes import CODES, RecoveryCodeService
from tests.factories import UserFactory

KEY = "a secret of the tests, 32 characters or more"


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[RecoveryCodeService]:
    with Session(owner_engine) as session:
        yield RecoveryCodeService(session, KEY)


@pytest.fixture
def user_id(app: object) -> UserId:
    return UserId(UserFactory().id)


def test_each_is_good_once(service: RecoveryCodeService, user_id: UserId) -> None:
    codes = service.renew(user_id)
    assert len(set(codes)) == CODES == 10
    for left, code in enumerate(reversed(codes)):
        assert service.left(user_id) == CODES - left
        assert service.use(user_id, code)
        assert not service.use(user_id, code)
    assert service.left(user_id) == 0


def test_they_are_easy_to_read_and_forgiving(service: RecoveryCodeService, user_id: UserId) -> None:
    first, second, *_others = service.renew(user_id)
    assert re.fullmatch("([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}", first)
    assert service.use(user_id, first.upper().replace("-", " ").replace("0", "O").replace("1", "l"))
    assert service.use(user_id, second.replace("-", ""))


def test_new_ones_end_the_former_ones(service: RecoveryCodeService, user_id: UserId) -> None:
    former = service.renew(user_id)
    service.renew(user_id)
    assert service.left(user_id) == CODES
    assert not any(service.use(user_id, code) for code in former)


def test_they_are_one_persons(service: RecoveryCodeService, user_id: UserId) -> None:
    codes, other = service.renew(user_id), UserId(UserFactory().id)
    assert not service.use(other, codes[0])
    assert service.use(user_id, codes[0])


def test_the_table_tells_nothing(service: RecoveryCodeService, user_id: UserId) -> None:
    codes = service.renew(user_id)
    stored = list(service.session.scalars(select(RecoveryCode.code_hash).where(RecoveryCode.user_id == user_id)))
    assert {len(row) for row in stored} == {32}
    assert not any(code.encode() in row for code in codes for row in stored)
    assert not RecoveryCodeService(service.session, KEY + ".").use(user_id, codes[0]), "with another key"


@pytest.mark.parametrize("code", ["", "-", "0000-0000-0000-0000", "x" * 64, "🦄", "' OR 1=1"])
def test_a_made_up_one_is_none(service: RecoveryCodeService, user_id: UserId, code: str) -> None:
    service.renew(user_id)
    assert not service.use(user_id, code)


def test_of_fifty_at_once_one_is_taken(owner_engine: Engine, service: RecoveryCodeService, user_id: UserId) -> None:
    code = service.renew(user_id)[0]
    service.session.commit()

    def use(_number: int) -> bool:
        with Session(owner_engine) as session, session.begin():
            return RecoveryCodeService(session, KEY).use(user_id, code)

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(use, range(50))) == 1
