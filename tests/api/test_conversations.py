"""/api/chatbot: the same rules as the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.conversation import Conversation, Message
from huntaze.models.workspace import Workspace
from tests.conftest import Browser
from tests.factories import ConversationFactory, MessageFactory, PlatformAccountFactory, SubscriberFactory

LIST = "/api/chatbot/conversations"


@pytest.fixture
def chat(workspace: Workspace) -> Conversation:
    account = PlatformAccountFactory(
        workspace_id=workspace.id, policy_version="onlyfans-1", policy_accepted_at=datetime.now(UTC)
    )
    fan = SubscriberFactory(workspace_id=workspace.id, account_id=account.id, platform_id="7", username="mike")
    return ConversationFactory(account=account, subscriber_id=fan.id)


def test_the_list_and_the_search(as_viewer: Browser, chat: Conversation) -> None:
    MessageFactory(conversation=chat, body="Do you like Lisbon?")
    for query in ("", "?view=unanswered", "?q=lisbon", "?q=mike"):
        answer = as_viewer.get(f"{LIST}{query}").json
        assert answer is not None
        [item] = answer["items"]
        assert (item["id"], item["subscriber"]["username"], item["unread"]) == (chat.id, "mike", 1)
        assert item["last_message"] == "Do you like Lisbon?"
    assert as_viewer.get(f"{LIST}?view=closed").json == {"items": [], "next": None, "previous": None}
    assert as_viewer.get(f"{LIST}?view=all").status_code == 422


def test_begun_once(as_chatter: Browser, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    answers = [as_chatter.post(LIST, json={"subscriber_id": fan.id}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert as_chatter.get(answers[0].headers["Location"]).json == {"items": [], "next": None, "previous": None}


def test_a_reply_is_queued_once(as_chatter: Browser, chat: Conversation, owner: Session) -> None:
    path, key = f"{LIST}/{chat.id}/messages", str(uuid4())
    first = as_chatter.post(path, json={"text": "Hello"}, headers={"Idempotency-Key": key})
    second = as_chatter.post(path, json={"text": "Hello", "key": key})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json is not None
    assert second.json == {**first.json, "duplicate": True}
    other = as_chatter.post(path, json={"text": "Another", "key": key})
    assert other.status_code == 409
    assert list(owner.scalars(select(Message.body).where(Message.conversation_id == chat.id))) == ["Hello"]
    said = as_chatter.get(path).json
    assert said is not None
    assert [(each["body"], each["state"]) for each in said["items"]] == [("Hello", "queued")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "x" * 10_000}, "text"),
        ({"text": "Hi", "price": 2.99, "media": ["1"]}, "price"),
        ({"text": "Hi", "price": 200.01, "media": ["1"]}, "price"),
        ({"text": "Hi", "price": 5}, "media"),
        ({"text": "Hi", "media": ["nowhere"]}, "media"),
        ({"text": ""}, "text"),
        ({"text": "Hi", "at": "2027-01-31T18:30:00"}, "at"),
        ({"text": "Hi", "key": "mine"}, "key"),
        ({"text": "Hi", "body": "Hi"}, "body"),
    ],
)
def test_what_is_wrong_is_named(as_chatter: Browser, chat: Conversation, body: dict[str, object], field: str) -> None:
    answer = as_chatter.post(f"{LIST}/{chat.id}/messages", json=body)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert field in [error["field"] for error in answer.json["errors"]]


def test_a_strangers_conversation_is_not_found(stranger: Browser, chat: Conversation) -> None:
    path = f"{LIST}/{chat.id}/messages"
    assert stranger.get(path).status_code == stranger.post(path, json={"text": "Hi"}).status_code == 404
    assert stranger.post(LIST, json={"subscriber_id": chat.subscriber_id}).status_code == 404
    assert stranger.get(LIST).json == {"items": [], "next": None, "previous": None}
