"""Mails from a request to a mail server, while that or Valkey is away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from huntaze import create_app
from huntaze.adapters.mail import Letter, LocalMailer, SmtpMailer
from huntaze.blueprints import web
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.jobs import mails
from huntaze.models.mail import Mail
from huntaze.services.mails import GIVEN_UP, MailService
from huntaze.system import system_session
from tests.conftest import Browser
from tests.mail_servers import Box, free_port, hanging, serving

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_mail_waits(owner: Session) -> None:
    owner.execute(delete(Mail))


@pytest.fixture
def sends_to(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port to which the app hands its mails, where nobody listens yet."""
    port = free_port()
    monkeypatch.setitem(
        app.extensions, "huntaze.mailer", SmtpMailer(f"smtp://127.0.0.1:{port}", "huntaze@huntaze.test")
    )
    with app.app_context():
        yield port


def _queue(to: str = "ann@huntaze.test") -> int:
    with system_session() as session:
        return MailService(session, "a secret of the tests, 32 characters or more").queue(Letter(to, "Hello", "x\n"))


def _waiting(owner: Session) -> list[int]:
    return list(owner.scalars(select(Mail.id).order_by(Mail.id)))


def test_a_mail_is_sent_and_forgotten(sends_to: int, owner: Session) -> None:
    box = Box()
    with serving(box, sends_to):
        mails.send(_queue())
        mails.send(12345678901)
    assert [mail["To"] for mail in box.mails] == ["ann@huntaze.test"]
    assert _waiting(owner) == []


def test_twice_the_job_is_once_the_mail(sends_to: int) -> None:
    box, mail_id = Box(), _queue()
    with serving(box, sends_to):
        for _ in range(3):
            mails.send(mail_id)
        mails.send_due()
    assert len(box.mails) == 1


def test_a_mail_server_that_was_away_gets_all_when_it_is_back(sends_to: int, owner: Session) -> None:
    ids = [_queue(f"person{n}@huntaze.test") for n in range(5)]
    assert not mails.send(ids[0])
    mails.send_due()
    assert _waiting(owner) == ids, "nothing is lost"
    attempts = list(owner.scalars(select(Mail.attempts).order_by(Mail.id)))
    assert attempts == [1, 1, 0, 0, 0], "the first that is due told that it is away; the others were spared"
    box = Box()
    with serving(box, sends_to), time_machine.travel(datetime.now(UTC) + HOUR):
        mails.send_due()
    assert sorted(mail["To"] for mail in box.mails) == [f"person{n}@huntaze.test" for n in range(5)]
    assert _waiting(owner) == []


def test_one_that_hangs_holds_the_worker_up_once(app: Flask, owner: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huntaze.adapters.mail.TIMEOUT", 0.2)
    with hanging() as port, app.app_context():
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}", "huntaze@huntaze.test")
        monkeypatch.setitem(app.extensions, "huntaze.mailer", mailer)
        ids = [_queue() for _ in range(20)]
        mails.send_due()
    assert _waiting(owner) == ids
    assert sum(owner.scalars(select(Mail.attempts))) == 1


def test_who_does_not_exist_is_not_tried_again_and_holds_nobody_up(sends_to: int, owner: Session) -> None:
    for _ in range(2):
        _queue()
    with serving(Box(refuse="550 no such user"), sends_to):
        mails.send_due()
    assert _waiting(owner) == []


def test_who_is_busy_is_tried_later_and_holds_nobody_up(sends_to: int, owner: Session) -> None:
    ids = [_queue() for _ in range(2)]
    with serving(Box(refuse="450 later"), sends_to):
        mails.send_due()
    assert _waiting(owner) == ids
    assert list(owner.scalars(select(Mail.attempts))) == [1, 1]


def test_it_is_given_up_after_a_day(sends_to: int, owner: Session) -> None:
    _queue()
    with time_machine.travel(datetime.now(UTC) + GIVEN_UP + HOUR):
        mails.send_due()
    assert _waiting(owner) == []


def _ask(browser: Browser, email: str) -> int:
    return browser.post("/password/forgot", data={"email": email}).status_code


def test_a_worker_sends_what_a_request_asked_for(app: Flask, nobody: Browser, config: Config, owner: Session) -> None:
    with Redis.from_url(config.redis_url) as valkey:
        valkey.flushall()
        assert _ask(nobody, "worker@huntaze.test") == 303
        queue = Queue("default", connection=valkey, serializer=JSONSerializer)
        [job] = queue.jobs
        [mail_id] = _waiting(owner)
        assert (job.func_name, list(job.args)) == ("huntaze.jobs.mails.send", [mail_id]), "an id, and no address"
        with app.app_context():
            SimpleWorker([queue], connection=valkey, serializer=JSONSerializer).work(
                burst=True, logging_level="ERROR"
            )
    mailer = app.extensions["huntaze.mailer"]
    assert isinstance(mailer, LocalMailer)
    assert mailer.letters()[0].to == "worker@huntaze.test"
    assert _waiting(owner) == []


def test_nothing_is_asked_of_a_worker_for_a_request_that_was_refused(
    app: Flask, nobody: Browser, config: Config, owner: Session
) -> None:
    def refused() -> tuple[str, int]:
        web.mail("ann@huntaze.test", "Hello", "x")
        return "no", 422

    with Redis.from_url(config.redis_url) as valkey, app.test_request_context("/"):
        valkey.flushall()
        app.preprocess_request()
        app.process_response(app.make_response(refused()))
        assert Queue("default", connection=valkey, serializer=JSONSerializer).jobs == []
    assert _waiting(owner) == [], "nor is it kept"


@pytest.fixture
def without_valkey(config: Config) -> Iterator[Flask]:
    app = create_app(replace(config, redis_url="unix:///nowhere/valkey"))
    app.test_client_class = Browser
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_without_valkey_the_page_works_and_the_schedule_sends(without_valkey: Flask, owner: Session) -> None:
    browser = without_valkey.test_client()
    assert isinstance(browser, Browser)
    assert _ask(browser, "no.valkey@huntaze.test") == 303
    assert len(_waiting(owner)) == 1
    with without_valkey.app_context():
        mails.send_due()
        letters = without_valkey.extensions["huntaze.mailer"].letters()
    assert letters[0].to == "no.valkey@huntaze.test"
    assert _waiting(owner) == []
