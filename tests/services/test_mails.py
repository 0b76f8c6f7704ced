"""Mails that wait: none is lost, none is sent by two at once, and none is tried for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from huntaze.adapters.mail import Letter
from huntaze.models.mail import Mail
from huntaze.services.mails import GIVEN_UP, LEASE, MailService

KEY = "a secret of the tests, 32 characters or more"
LETTER = Letter("ann@huntaze.test", "Grüße", "open this: http://localhost/secret-token\n")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[MailService]:
    """Each statement is a transaction."""
    with Session(owner_engine.execution_options(isolation_level="AUTOCOMMIT")) as session:
        yield MailService(session, KEY)


def test_what_is_queued_is_what_is_claimed(service: MailService) -> None:
    mail_id = service.queue(LETTER)
    assert service.claim(mail_id) == Letter(LETTER.to, LETTER.subject, LETTER.body, reference=mail_id)


def test_the_database_does_not_show_the_links(service: MailService) -> None:
    mail_id = service.queue(LETTER)
    sealed = service.session.scalar(select(Mail.ciphertext).where(Mail.id == mail_id))
    assert sealed is not None
    assert b"secret-token" not in sealed
    assert MailService(service.session, "another key, 32 characters or more").claim(mail_id) is None


def test_one_of_many_claims_it(service: MailService, owner_engine: Engine) -> None:
    mail_id = service.queue(LETTER)

    def claim(_n: int) -> bool:
        with Session(owner_engine) as session, session.begin():
            return MailService(session, KEY).claim(mail_id) is not None

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(claim, range(50))) == 1


def test_a_sender_that_died_is_succeeded(service: MailService) -> None:
    mail_id, now = service.queue(LETTER), datetime.now(UTC)
    assert service.claim(mail_id)
    with time_machine.travel(now + LEASE - timedelta(seconds=10)):
        assert mail_id not in service.due()
        assert service.claim(mail_id) is None
    with time_machine.travel(now + LEASE + timedelta(seconds=10)):
        assert mail_id in service.due()
        assert service.claim(mail_id)


def test_what_is_sent_is_gone(service: MailService) -> None:
    mail_id = service.queue(LETTER)
    service.claim(mail_id)
    service.sent(mail_id)
    assert service.claim(mail_id) is None
    assert service.session.get(Mail, mail_id) is None


def test_the_pauses_grow_to_an_hour(service: MailService) -> None:
    mail_id = service.queue(LETTER)
    pauses = []
    now = datetime.now(UTC)
    for _ in range(9):
        with time_machine.travel(now + 12 * 60 * MINUTE):
            assert service.claim(mail_id)
        service.later(mail_id)
        service.session.expire_all()
        wait = service.session.scalar(select(Mail.try_at - func.now()).where(Mail.id == mail_id))
        assert wait is not None
        pauses.append(round(wait / MINUTE))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_a_day_it_is_given_up(service: MailService) -> None:
    mail_id, now = service.queue(LETTER), datetime.now(UTC)
    with time_machine.travel(now + GIVEN_UP - MINUTE):
        assert mail_id in service.due()
    with time_machine.travel(now + GIVEN_UP + MINUTE):
        assert mail_id not in service.due()
    assert service.session.scalar(select(func.count()).where(Mail.id == mail_id)) == 0


def test_the_oldest_come_first(service: MailService) -> None:
    ids = [service.queue(LETTER) for _ in range(3)]
    due = service.due()
    assert [mail_id for mail_id in due if mail_id in ids] == ids
