"""What the platform tells of a message that we sent becomes that message, and no second one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Message as Told
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message
from huntaze.models.workspace import Workspace
from huntaze.services.delivery_adoption import Adopted, adopt
from huntaze.services.delivery_store import Doubt
from huntaze.services.platform_store import PlatformStore
from tests.factories import (
    AttemptFactory,
    ConversationFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
)
from tests.servers import SECRET_KEY

NOW = datetime.now(UTC)


@pytest.fixture
def chat(workspace: Workspace) -> Conversation:
    account = PlatformAccountFactory(workspace_id=workspace.id)
    fan = SubscriberFactory(workspace_id=workspace.id, account_id=account.id, platform_id="7")
    return ConversationFactory(account=account, subscriber_id=fan.id)


@pytest.fixture
def store(session: Session, chat: Conversation) -> PlatformStore:
    return PlatformStore(session, WorkspaceId(chat.workspace_id), chat.account_id, SECRET_KEY)


def told(id_: str, text: str = "Hello you", **given: Any) -> Told:
    said: dict[str, Any] = {
        "mine": True, "price": 0, "opened": None, "tip": False, "media": (), "media_count": 0, "mass_id": None,
        "at": NOW, "changed_at": None, **given,
    }  # fmt: skip
    return Told(id=id_, chat_id="7", text=text, **said)


def ours(chat: Conversation, state: DeliveryState = DeliveryState.SENDING, **given: Any) -> Message:
    message = OutgoingFactory(conversation=chat, state=state, **{"body": "Hello you", **given})
    AttemptFactory(message=message, started_at=NOW)
    return message


def stored(session: Session, chat: Conversation) -> list[tuple[int, str | None, DeliveryState]]:
    session.expire_all()
    found = session.scalars(select(Message).where(Message.conversation_id == chat.id).order_by(Message.id))
    return [(message.id, message.platform_id, message.state) for message in found]


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.SENT])
def test_it_becomes_ours_once(
    session: Session, store: PlatformStore, chat: Conversation, state: DeliveryState
) -> None:
    message = ours(chat, state)
    for _ in range(2):
        store.messages("7", [told("90", "Hello\nyou ")])
        assert stored(session, chat) == [(message.id, "90", DeliveryState.SENT)]


@pytest.mark.parametrize(
    "other",
    [
        {"text": "Hello"},
        {"mine": False},
        {"price": 500},
        {"media_count": 1},
        {"at": NOW - timedelta(hours=1)},
    ],
)
def test_what_says_something_else_is_another_one(
    session: Session, store: PlatformStore, chat: Conversation, other: dict[str, Any]
) -> None:
    message = ours(chat)
    store.messages("7", [told("90", **other)])
    assert len(stored(session, chat)) == 2
    assert stored(session, chat)[0] == (message.id, None, DeliveryState.SENDING)


def test_an_older_one_that_says_the_same_does_not_stand_in_its_way(
    session: Session, store: PlatformStore, chat: Conversation
) -> None:
    message = ours(chat)
    store.messages("7", [told("80", at=NOW - timedelta(days=9)), told("90")])
    assert stored(session, chat)[0] == (message.id, "90", DeliveryState.SENT)


def test_what_was_not_tried_is_not_taken_for_it(session: Session, store: PlatformStore, chat: Conversation) -> None:
    message = OutgoingFactory(conversation=chat, body="Hello you")
    store.messages("7", [told("90")])
    assert stored(session, chat)[0] == (message.id, None, DeliveryState.QUEUED)


def test_two_that_say_the_same_are_two(session: Session, store: PlatformStore, chat: Conversation) -> None:
    first, second = ours(chat), ours(chat)
    store.messages("7", [told("90")])
    assert stored(session, chat) == [
        (first.id, "90", DeliveryState.SENT), (second.id, None, DeliveryState.SENDING),
    ]  # fmt: skip
    store.messages("7", [told("91", at=NOW + timedelta(seconds=1)), told("90")])
    assert stored(session, chat) == [
        (first.id, "90", DeliveryState.SENT), (second.id, "91", DeliveryState.SENT),
    ]  # fmt: skip


def test_what_is_read_back_waits_for_who_stores_something_of_the_account(
    owner: Session, session: Session, store: PlatformStore, chat: Conversation
) -> None:
    message = ours(chat)
    doubt = Doubt((chat.workspace_id, chat.account_id), message.id, 0, chat.id, "7", 0.0)
    store.messages("8", [])  # holds the account until its transaction ends
    assert adopt(owner, [(doubt, [told("90")])]) == Adopted({}, [])
    session.rollback()
    assert adopt(owner, [(doubt, [])]) == Adopted({message.id: False}, [])
    changed = [(chat.workspace_id, chat.id)]
    assert adopt(owner, [(doubt, [told("90"), told("90")])]) == Adopted({message.id: True}, changed)
    assert adopt(owner, [(doubt, [told("90")])]) == Adopted({message.id: True}, [])


def test_what_a_fan_said_meanwhile_is_for_the_next_sync(owner: Session, chat: Conversation) -> None:
    message = ours(chat)
    doubt = Doubt((chat.workspace_id, chat.account_id), message.id, 0, chat.id, "7", 0.0)
    behind = select(Conversation.behind).where(Conversation.id == chat.id)
    adopt(owner, [(doubt, [told("90")])])
    assert not owner.scalar(behind)
    adopt(owner, [(doubt, [told("89", "Are you there?", mine=False), told("90")])])
    assert owner.scalar(behind)


def test_nothing_of_another_workspace_is_taken_for_ours(owner: Session, chat: Conversation) -> None:
    other = PlatformAccountFactory()
    fan = SubscriberFactory(workspace_id=other.workspace_id, account_id=other.id, platform_id="7")
    theirs = ours(ConversationFactory(account=other, subscriber_id=fan.id))
    message = ours(chat)
    doubt = Doubt((chat.workspace_id, chat.account_id), message.id, 0, chat.id, "7", 0.0)
    assert adopt(owner, [(doubt, [told("90")])]).sent == {message.id: True}
    assert owner.scalar(select(Message.state).where(Message.id == theirs.id)) is DeliveryState.SENDING
