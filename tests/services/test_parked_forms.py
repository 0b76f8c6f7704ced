"""What was typed into a form whose session had ended: for its author only, for an hour, up to 64 KB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.sign_in import ParkedForm
from huntaze.services.parked_forms import MOST, ParkedFormService
from tests.factories import UserFactory

KEY = "a secret of the tests, 32 characters or more"
TYPED = {"username": "ann", "body": "A long text 🦄\n" * 100, "next": ""}


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[ParkedFormService]:
    with Session(owner_engine) as session:
        yield ParkedFormService(session, KEY)


@pytest.fixture
def author(app: object) -> UserId:
    return UserId(UserFactory().id)


def _parked(service: ParkedFormService, author: UserId) -> int:
    number = service.park(author, TYPED)
    service.session.commit()
    assert number is not None
    return number


def test_its_author_finds_it(service: ParkedFormService, author: UserId) -> None:
    number = _parked(service, author)
    assert service.unpark(number, author) == TYPED
    assert service.unpark(number, author) == TYPED, "a page may be loaded twice"
    assert service.unpark(number + 1, author) == {}


def test_nobody_else_does(service: ParkedFormService, author: UserId) -> None:
    assert service.unpark(_parked(service, author), UserId(UserFactory().id)) == {}


def test_not_even_when_the_row_is_moved(service: ParkedFormService, owner: Session, author: UserId) -> None:
    number, thief = _parked(service, author), UserId(UserFactory().id)
    owner.execute(update(ParkedForm).where(ParkedForm.id == number).values(user_id=thief))
    assert service.unpark(number, thief) == {}


def test_it_is_not_readable_in_the_database(service: ParkedFormService, owner: Session, author: UserId) -> None:
    number = _parked(service, author)
    stored = owner.scalar(select(ParkedForm.ciphertext).where(ParkedForm.id == number))
    assert b"long text" not in stored
    assert ParkedFormService(service.session, "k" * 32).unpark(number, author) == {}


def test_it_waits_an_hour(service: ParkedFormService, author: UserId) -> None:
    number = _parked(service, author)
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(minutes=59)):
        assert service.unpark(number, author) == TYPED
    with time_machine.travel(now + timedelta(minutes=61)):
        assert service.unpark(number, author) == {}


def test_too_much_is_not_kept(service: ParkedFormService, author: UserId) -> None:
    room = MOST - len('{"body": ""}')
    assert service.park(author, {"body": "x" * room}) is not None
    assert service.park(author, {"body": "x" * (room + 1)}) is None


def test_what_is_too_old_is_deleted(service: ParkedFormService, owner: Session, author: UserId) -> None:
    old, new = _parked(service, author), _parked(service, author)
    earlier = ParkedForm.created_at - timedelta(hours=2)
    owner.execute(update(ParkedForm).where(ParkedForm.id == old).values(created_at=earlier))
    assert service.purge() >= 1
    service.session.commit()
    assert owner.scalars(select(ParkedForm.id).where(ParkedForm.user_id == author)).all() == [new]
