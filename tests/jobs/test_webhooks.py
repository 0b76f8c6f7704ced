"""Webhooks that wait: stored by a worker, whatever becomes of it, and forgotten when they are done."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from huntaze.config import Config
from huntaze.jobs import webhooks as jobs
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.models.domain_event import DomainEvent
from huntaze.models.platform_account import PlatformAccount, WebhookDelivery
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction
from huntaze.models.webhook_refusal import WebhookRefusal
from huntaze.services.activity import topic
from huntaze.services.erasure import ErasureService
from huntaze.services.webhook_work import MOST_ATTEMPTS
from tests.factories import SubscriberFactory, WebhookRefusalFactory
from tests.jobs.workers import worker
from tests.servers import SECRET_KEY
from tests.waiting import wait_until
from tests.webhooks import Hook, hook_of, paid, said

SOON = datetime.now(UTC) + timedelta(days=1)
"""Of what happens after the account was connected: news."""


def deliveries(owner: Session, hook: Hook) -> list[WebhookDelivery]:
    query = select(WebhookDelivery).where(WebhookDelivery.account_id == hook.account.id).order_by(WebhookDelivery.id)
    return list(owner.scalars(query.execution_options(populate_existing=True)))


def count(owner: Session, hook: Hook, model: type) -> int:
    return owner.scalar(select(func.count()).where(model.workspace_id == hook.account.workspace_id)) or 0


def fans(owner: Session, hook: Hook) -> list[str | None]:
    """The platform's ids of those that the account has."""
    return list(owner.scalars(select(Subscriber.platform_id).where(Subscriber.account_id == hook.account.id)))


def wanted(owner: Session, hook: Hook) -> datetime | None:
    return owner.scalar(select(PlatformAccount.sync_wanted_at).where(PlatformAccount.id == hook.account.id))


def test_a_payment_of_a_fan_whom_nobody_knows(hook: Hook, owner: Session) -> None:
    hook.post(hook.body("transactions.new", paid(at=SOON.isoformat())))
    hook.work()
    fan = owner.scalars(select(Subscriber).where(Subscriber.account_id == hook.account.id)).one()
    assert (fan.platform_id, fan.username, fan.display_name) == ("7", "fan7", "Fan 7")
    payment = owner.scalars(select(Transaction).where(Transaction.account_id == hook.account.id)).one()
    assert (payment.subscriber_id, payment.gross_cents, payment.net_cents) == (fan.id, 500, 400)
    event = owner.scalars(select(DomainEvent).where(DomainEvent.subscriber_id == fan.id)).one()
    assert (event.kind, event.gross_cents) == ("tip", 500)
    assert wanted(owner, hook) is not None, "pulling tells the rest"


def test_a_body_goes_once_it_is_stored(hook: Hook, owner: Session) -> None:
    hook.post(hook.body("messages.received", said()))
    hook.work()
    (done,) = deliveries(owner, hook)
    assert done.body is None
    assert done.processed_at is not None
    assert owner.scalars(select(Message.body).where(Message.workspace_id == hook.account.workspace_id)).all() == [
        "Hello"
    ]


def test_a_message_of_a_fan_of_whom_all_is_known_makes_no_sync(hook: Hook, owner: Session) -> None:
    renews_at = datetime.now(UTC) + timedelta(days=3)
    here = {"workspace_id": hook.account.workspace_id, "account_id": hook.account.id}
    SubscriberFactory(**here, platform_id="7", username="renamed", renews_at=renews_at)
    hook.post(hook.body("messages.received", said()))
    hook.work()
    assert wanted(owner, hook) is None
    assert owner.scalars(select(Subscriber.username).where(Subscriber.account_id == hook.account.id)).all() == [
        "renamed"
    ], "an event may be older than what the sync told"


def test_a_replay_changes_nothing(hook: Hook, owner: Session) -> None:
    bodies = [hook.body("messages.received", said()), hook.body("transactions.new", paid(at=SOON.isoformat()))]
    for body in bodies * 3:  # each under a key of its own, as one who has recorded them would
        assert hook.post(body).status_code == 204
    hook.work()
    assert len(deliveries(owner, hook)) == 6
    for model, rows in ((Subscriber, 1), (Message, 1), (Conversation, 1), (Transaction, 1)):
        assert count(owner, hook, model) == rows, model


@pytest.mark.parametrize("at", ["1999-01-01T00:00:00+00:00", "2126-01-01T00:00:00+00:00"])
def test_a_clock_that_is_wrong_does_no_harm(hook: Hook, owner: Session, at: str) -> None:
    hook.post(hook.body("messages.received", said(at=at)))
    hook.post(hook.body("transactions.new", paid(at=at)))
    hook.work()
    assert all(each.processed_at for each in deliveries(owner, hook))
    assert count(owner, hook, Message) == count(owner, hook, Transaction) == 1


def test_what_is_about_a_message_waits_for_it(hook: Hook, owner: Session) -> None:
    hook.post(hook.body("messages.deleted", {"id": 70}))
    hook.work()
    assert [each.processed_at for each in deliveries(owner, hook)] == [None]
    hook.post(hook.body("messages.received", said(message=70)))
    hook.work()
    hook.work()
    assert all(each.processed_at for each in deliveries(owner, hook))
    message = owner.scalars(select(Message).where(Message.workspace_id == hook.account.workspace_id)).one()
    assert message.deleted_at is not None


def test_it_does_not_wait_for_ever(hook: Hook, owner: Session) -> None:
    hook.post(hook.body("messages.deleted", {"id": 70}))
    owner.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.account_id == hook.account.id)
        .values(received_at=datetime.now(UTC) - timedelta(hours=1))
    )
    hook.work()
    (gone,) = deliveries(owner, hook)
    assert gone.processed_at is not None


def test_the_fan_of_a_bought_message_is_not_the_creator(hook: Hook, owner: Session) -> None:
    link = "<a href='https://onlyfans.com/my/chats/chat/7?firstId=70'>message</a>"
    bought = {
        "id": "n1",
        "user_id": 500,
        "user": {"id": 7, "username": "fan7", "name": "Fan 7"},
        "createdAt": "2026-11-20T10:00:00+00:00",
        "replacePairs": {"{AMOUNT}": "$5.00", "{MESSAGE_LINK}": link},
    }
    sent = {**said(), "price": 5, "isFree": False, "isOpened": False, "mediaCount": 1}
    sent["toUser"] = sent.pop("fromUser")
    hook.post(hook.body("messages.sent", sent))
    hook.post(hook.body("messages.ppv.unlocked", bought))
    hook.work()
    message = owner.scalars(select(Message).where(Message.workspace_id == hook.account.workspace_id)).one()
    assert message.is_opened
    assert owner.scalars(select(Subscriber.platform_id).where(Subscriber.account_id == hook.account.id)).all() == [
        "7"
    ]


def test_one_that_fails_does_not_hold_up_the_others(
    hook: Hook, owner: Session, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "canary-of-a-fan"
    hook.post(hook.body("messages.received", said(text=canary)))
    hook.post(hook.body("messages.received", said(message=71)))
    owner.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == deliveries(owner, hook)[0].id)
        .values(body=f'{{"{canary}": 1}}'.encode())
    )
    for _ in range(MOST_ATTEMPTS):
        hook.work()
    bad, good = deliveries(owner, hook)
    assert good.processed_at is not None
    assert count(owner, hook, Message) == 1
    assert (bad.attempts, bad.body) == (MOST_ATTEMPTS, None)
    assert bad.processed_at is not None, "given up: the next sync tells what it said"
    assert wanted(owner, hook) is not None
    assert "webhook not stored" in caplog.messages
    assert canary not in caplog.text


def test_two_accounts_are_apart(app: Flask, hook: Hook, owner: Session) -> None:
    other = hook_of(app, hook.account.workspace_id, "acct_2")
    for each in (hook, other):
        each.post(each.body("messages.received", said()))
    hook.work()
    assert [each.processed_at for each in deliveries(owner, other)] == [None]


def test_a_worker_that_is_killed_in_the_middle(
    hook: Hook, owner: Session, owner_engine: Engine, config: Config
) -> None:
    """It is killed within a transaction, which someone else's lock keeps open; another worker goes on."""
    for number in range(5):
        hook.post(hook.body("messages.received", said(message=70 + number)))
    hook.post(hook.body("transactions.new", paid(at=SOON.isoformat())))
    lock = "LOCK TABLE transactions IN ACCESS EXCLUSIVE MODE"
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'transactions'::regclass")
    with owner_engine.begin() as blocker:
        blocker.execute(text(lock))
        with worker(config, "webhooks.process", hook.account.workspace_id, hook.account.id) as process:
            wait_until(lambda: owner.scalar(waits) or process.poll() is not None)
            assert process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait(30)
    assert sum(1 for each in deliveries(owner, hook) if each.processed_at is None) == 1
    hook.work()
    assert all(each.processed_at for each in deliveries(owner, hook))
    for model, rows in ((Subscriber, 1), (Message, 5), (Conversation, 1), (Transaction, 1)):
        assert count(owner, hook, model) == rows, model


def test_several_workers_at_once(hook: Hook, owner: Session, config: Config) -> None:
    for number in range(40):
        hook.post(hook.body("messages.received", said(message=70 + number)))
        hook.post(hook.body("transactions.new", paid(payment=f"pay_{number}", at=SOON.isoformat())))
    arguments = (config, "webhooks.process", hook.account.workspace_id, hook.account.id)
    with worker(*arguments) as one, worker(*arguments) as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)
    assert all(each.processed_at for each in deliveries(owner, hook))
    assert all(each.attempts == 0 for each in deliveries(owner, hook))
    for model, rows in ((Subscriber, 1), (Message, 40), (Transaction, 40), (DomainEvent, 40)):
        assert count(owner, hook, model) >= rows, model
    assert count(owner, hook, Message) == count(owner, hook, Transaction) == 40


def test_what_lost_its_job_is_found(app: Flask, hook: Hook, owner: Session) -> None:
    hook.post(hook.body("messages.received", said()))
    with app.app_context():
        jobs.process_waiting()
        assert deliveries(owner, hook)[0].processed_at is None, "its job may still come"
        owner.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.account_id == hook.account.id)
            .values(received_at=datetime.now(UTC) - timedelta(minutes=1))
        )
        jobs.process_waiting()
    assert deliveries(owner, hook)[0].processed_at is not None


def test_what_is_old_is_forgotten(app: Flask, hook: Hook, owner: Session) -> None:
    hook.post(hook.body("messages.received", said()))
    hook.work()
    hook.post(hook.body("posts.liked"))
    hook.post(hook.body("messages.received", said(message=71)))
    WebhookRefusalFactory(account=hook.account, day=datetime.now(UTC).date() - timedelta(days=40))
    WebhookRefusalFactory(account=hook.account)
    with app.app_context():
        jobs.purge()
        assert len(deliveries(owner, hook)) == 3
        month = datetime.now(UTC) - timedelta(days=31)
        owner.execute(
            update(WebhookDelivery).where(WebhookDelivery.account_id == hook.account.id).values(received_at=month)
        )
        jobs.purge()
    (waiting,) = deliveries(owner, hook)
    assert waiting.processed_at is None
    refusals = owner.scalars(select(WebhookRefusal.day).where(WebhookRefusal.account_id == hook.account.id)).all()
    assert refusals == [datetime.now(UTC).date()]


def test_an_erased_fan_is_erased_from_what_waits(hook: Hook, owner: Session, session: Session) -> None:
    canary = "canary-of-a-fan"
    here = WorkspaceId(hook.account.workspace_id)
    fan = SubscriberFactory(
        workspace_id=here, account_id=hook.account.id, platform_id="70012345", username="fan70012345"
    )
    hook.post(hook.body("messages.received", said(fan=70012345, text=canary)))
    hook.post(hook.body("messages.received", said(fan=7, message=71)))
    ErasureService(session, here, SECRET_KEY).erase(fan.id, fan.username)
    session.commit()
    assert [b"70012345" in (each.body or b"") for each in deliveries(owner, hook)] == [False]
    hook.post(hook.body("messages.received", said(fan=70012345, message=72, text=canary)))
    hook.post(hook.body("transactions.new", paid(fan=70012345, at=SOON.isoformat())))
    hook.work()
    assert owner.scalars(select(Subscriber.platform_id).where(Subscriber.account_id == hook.account.id)).all() == [
        "7"
    ]
    assert owner.scalars(select(Message.body).where(Message.workspace_id == here)).all() == ["Hello"]
    assert owner.scalars(select(Transaction.subscriber_id).where(Transaction.workspace_id == here)).all() == [None]
    assert all(each.body is None for each in deliveries(owner, hook))


def test_who_looks_is_told(app: Flask, hook: Hook) -> None:
    signals = app.extensions["huntaze.signals"]
    with signals.listen(topic(WorkspaceId(hook.account.workspace_id))) as listener:
        hook.post(hook.body("users.typing"), None)
        hook.work()
        assert not listener.wait(0)
        hook.post(hook.body("transactions.new", paid(at=SOON.isoformat())))
        hook.work()
        assert listener.wait(5)
