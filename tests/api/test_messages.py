"""/api/onlyfans/messages: handed in once, refused with the field and the remedy, and how the queue gets on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.conversation import Message
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.services.platform_policies import POLICIES
from tests.conftest import Browser
from tests.factories import PlatformAccountFactory, SubscriberFactory, VaultItemFactory

SEND, STATUS = "/api/onlyfans/messages/send", "/api/onlyfans/messages/status"


@pytest.fixture
def account(workspace: Workspace) -> PlatformAccount:
    version = POLICIES[Platform.ONLYFANS].version
    return PlatformAccountFactory(
        workspace_id=workspace.id, policy_version=version, policy_accepted_at=datetime.now(UTC)
    )


@pytest.fixture
def fan(account: PlatformAccount) -> Subscriber:
    return SubscriberFactory(workspace_id=account.workspace_id, account_id=account.id, platform_id="7")


def test_a_message_is_taken_and_a_worker_is_asked_for(
    app: Flask, as_chatter: Browser, fan: Subscriber, owner: Session
) -> None:
    redis: Redis = app.extensions["redis"]
    redis.flushall()
    answer = as_chatter.post(SEND, json={"subscriber_id": fan.id, "text": "Hello {{config}} <b>"})
    assert answer.status_code == 202
    assert answer.json is not None
    assert answer.json == {"id": answer.json["id"], "state": "queued", "duplicate": False}
    message = owner.scalars(select(Message).where(Message.id == answer.json["id"])).one()
    assert (message.body, message.bulk, message.author_id) == (
        "Hello {{config}} <b>", False, as_chatter.member.user_id,
    )  # fmt: skip
    assert Queue("delivery", connection=redis, serializer="json").count == 1
    as_chatter.post(SEND, json={"subscriber_id": fan.id, "text": "And another"})
    assert Queue("delivery", connection=redis, serializer="json").count == 1, "one run has all that is there"
    redis.flushall()


@pytest.mark.parametrize("key", ["f2b3e6a0-95a5-4a55-8f7d-0b1a6f7d3b11", "order 17"])
def test_the_same_key_is_the_same_message(as_chatter: Browser, fan: Subscriber, owner: Session, key: str) -> None:
    body = {"subscriber_id": fan.id, "text": "Once"}
    first, again = (as_chatter.post(SEND, json=body, headers={"Idempotency-Key": key}).json for _ in range(2))
    assert first is not None
    assert again == {**first, "duplicate": True}
    count = select(func.count()).select_from(Message).where(Message.workspace_id == fan.workspace_id)
    assert owner.scalar(count) == 1
    other = as_chatter.post(SEND, json={**body, "text": "Other"}, headers={"Idempotency-Key": key})
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "x" * 10_000}, "text"),
        ({"text": ""}, "text"),
        ({"text": "Hi", "price": 2.99, "media": ["1"]}, "price"),
        ({"text": "Hi", "price": 200.01, "media": ["1"]}, "price"),
        ({"text": "Hi", "price": 3.001, "media": ["1"]}, "price"),
        ({"text": "Hi", "price": -1}, "price"),
        ({"text": "Hi", "price": 5}, "media"),
        ({"text": "Hi", "media": ["2"]}, "media"),
        ({"text": "Hi", "media": "1"}, "media"),
        ({"text": "Hi", "state": "sent"}, "state"),
    ],
)
def test_bad_input_names_the_field(
    as_chatter: Browser, fan: Subscriber, account: PlatformAccount, body: dict[str, Any], field: str
) -> None:
    VaultItemFactory(account=account, platform_id="1")
    VaultItemFactory(account=account, platform_id="2", is_ready=False)
    answer = as_chatter.post(SEND, json={"subscriber_id": fan.id, **body})
    assert answer.status_code == 422
    assert answer.json is not None
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert answer.json["errors"][0]["message"]


def test_a_priced_message(as_chatter: Browser, fan: Subscriber, account: PlatformAccount, owner: Session) -> None:
    VaultItemFactory(account=account, platform_id="1")
    body = {"subscriber_id": fan.id, "text": "New", "price": 9.99, "media": ["1"]}
    answer = as_chatter.post(SEND, json=body)
    assert answer.status_code == 202
    assert answer.json is not None
    message = owner.scalars(select(Message).where(Message.id == answer.json["id"])).one()
    assert (message.price_cents, message.media, message.media_count) == (999, ["1"], 1)


def test_a_strangers_fan_is_not_found_and_a_viewer_may_not_send(
    stranger: Browser, as_viewer: Browser, fan: Subscriber
) -> None:
    body = {"subscriber_id": fan.id, "text": "Hi"}
    assert stranger.post(SEND, json=body).status_code == 404
    assert as_viewer.post(SEND, json=body).status_code == 403


def test_the_status(as_viewer: Browser, as_chatter: Browser, fan: Subscriber, account: PlatformAccount) -> None:
    as_chatter.post(SEND, json={"subscriber_id": fan.id, "text": "Hi"})
    answer = as_viewer.get(STATUS).json
    assert answer is not None
    [lane] = answer["accounts"]
    assert (lane["account_id"], lane["queued"], lane["paused"], lane["halt"]) == (account.id, 1, False, None)
    assert lane["pace"] == 2.0
    assert lane["eta"]
