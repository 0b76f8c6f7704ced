"""Handing messages in: what is taken, what is refused, once; in which order; and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message
from huntaze.models.delivery import Halt, Lane
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.schemas.message import Draft
from huntaze.services.delivery import DeliveryService
from huntaze.services.delivery_status import DeliveryStatusService
from huntaze.services.delivery_stories import StoryService
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.platform_policies import POLICIES
from tests.factories import (
    ConversationFactory,
    MemberFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    VaultItemFactory,
)


@pytest.fixture
def account(workspace: Workspace) -> PlatformAccount:
    return sending_account(workspace_id=workspace.id)


@pytest.fixture
def fan(account: PlatformAccount) -> Subscriber:
    return fan_of(account)


@pytest.fixture
def author(workspace: Workspace) -> UserId:
    return UserId(MemberFactory(workspace_id=workspace.id).user_id)


@pytest.fixture
def delivery(session: Session, workspace: Workspace) -> DeliveryService:
    return DeliveryService(session, WorkspaceId(workspace.id))


def sending_account(**given: Any) -> PlatformAccount:
    version = POLICIES[Platform.ONLYFANS].version
    return PlatformAccountFactory(policy_version=version, policy_accepted_at=datetime.now(UTC), **given)


def fan_of(account: PlatformAccount, **given: Any) -> Subscriber:
    here = {"workspace_id": account.workspace_id, "account_id": account.id}
    return SubscriberFactory(**{**here, "platform_id": str(next(NUMBERS)), **given})


NUMBERS = iter(range(1, 10**9))


def refused(call: Callable[[], object], kind: type[Invalid] = Invalid) -> dict[str, str]:
    with pytest.raises(kind) as caught:
        call()
    return {field: problems[0].kind for field, problems in caught.value.errors.items()}


def test_a_message_is_queued_with_a_chat_and_a_lane(
    delivery: DeliveryService, session: Session, fan: Subscriber, account: PlatformAccount, author: UserId
) -> None:
    message, duplicate = delivery.queue(fan.id, Draft(text="Hello"), author)
    assert (message.state, message.body, message.account_id) == (DeliveryState.QUEUED, "Hello", account.id)
    assert (message.author_id, message.platform_id, duplicate) == (author, None, False)
    assert message.queued_at is not None
    assert message.sent_at == message.queued_at
    assert session.get_one(Conversation, (fan.workspace_id, message.conversation_id)).subscriber_id == fan.id
    assert session.get_one(Lane, (fan.workspace_id, account.id)).paused_at is None


def test_what_the_platform_does_not_take_names_the_field(
    delivery: DeliveryService, fan: Subscriber, account: PlatformAccount
) -> None:
    VaultItemFactory(account=account, platform_id="1")
    VaultItemFactory(account=account, platform_id="2", is_ready=False)
    VaultItemFactory(account=account, platform_id="3", failed=True)

    def say(**draft: Any) -> dict[str, str]:
        return refused(lambda: delivery.queue(fan.id, Draft(**draft), None))

    assert say() == {"text": "message_empty"}
    assert say(text="x" * 5_001) == {"text": "string_too_long"}
    assert say(text="Hi", price=Decimal("2.99"), media=["1"]) == {"price": "message_price"}
    assert say(text="Hi", price=Decimal("200.01"), media=["1"]) == {"price": "message_price"}
    assert say(text="Hi", price=Decimal(3)) == {"media": "price_without_media"}
    for media in ("2", "3", "4"):
        assert say(text="Hi", media=["1", media]) == {"media": "media_not_ready"}
    for price in (0, 3, 200):
        assert (
            delivery.queue(fan.id, Draft(price=Decimal(price), media=["1"]), None).message.price_cents == price * 100
        )


def test_whom_one_can_not_write_to(
    delivery: DeliveryService, session: Session, account: PlatformAccount, workspace: Workspace
) -> None:
    def say(**given: Any) -> dict[str, str]:
        fan = fan_of(account, **given)
        return refused(lambda: delivery.queue(fan.id, Draft(text="Hi"), None), Conflict)

    assert say(account_id=None) == {"subscriber_id": "fan_without_account"}
    assert say(platform_id=None) == {"subscriber_id": "fan_without_account"}
    assert say(vanished_at=datetime.now(UTC)) == {"subscriber_id": "fan_gone"}
    shut = ConversationFactory(account=account, subscriber_id=fan_of(account).id, can_send=False)
    why = refused(lambda: delivery.queue(shut.subscriber_id, Draft(text="Hi"), None), Conflict)
    assert why == {"subscriber_id": "fan_not_writable"}
    with pytest.raises(NotFound):
        delivery.queue(SubscriberFactory().id, Draft(text="Hi"), None)
    unread = fan_of(PlatformAccountFactory(workspace_id=workspace.id))
    why = refused(lambda: delivery.queue(unread.id, Draft(text="Hi"), None), Conflict)
    assert why == {"_": "policy_not_accepted"}


def test_the_same_key_is_the_same_message(delivery: DeliveryService, fan: Subscriber) -> None:
    key = uuid4()
    first = delivery.queue(fan.id, Draft(text="Hi"), None, key=key)
    again = delivery.queue(fan.id, Draft(text="Hi"), None, key=key)
    assert (again.message.id, again.duplicate) == (first.message.id, True)
    assert refused(lambda: delivery.queue(fan.id, Draft(text="Ho"), None, key=key), Conflict) == {"_": "key_used"}


def test_a_reply_takes_along_what_waits_in_its_chat(
    delivery: DeliveryService, session: Session, fan: Subscriber, account: PlatformAccount
) -> None:
    other = delivery.queue(fan_of(account).id, Draft(text="to many"), None, bulk=True).message
    before = delivery.queue(fan.id, Draft(text="to many"), None, bulk=True).message
    reply = delivery.queue(fan.id, Draft(text="to you"), None).message
    session.expire_all()
    assert other.bulk
    assert not before.bulk
    assert before.place is not None
    assert reply.place is not None
    assert before.place < reply.place


def test_scheduled_for_later(delivery: DeliveryService, fan: Subscriber) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    message = delivery.queue(fan.id, Draft(text="Later"), None, at=at, cancel_on_reply=True).message
    assert (message.state, message.sent_at, message.place) == (DeliveryState.SCHEDULED, at, None)
    assert message.cancel_on_reply
    past = delivery.queue(fan.id, Draft(text="Now"), None, at=at - timedelta(hours=2), cancel_on_reply=True).message
    assert (past.state, past.cancel_on_reply) == (DeliveryState.QUEUED, False)


def test_cancelling(delivery: DeliveryService, session: Session, fan: Subscriber, account: PlatformAccount) -> None:
    one, two, three = (delivery.queue(fan.id, Draft(text=text), None).message for text in "123")
    assert delivery.cancel(one.id).state is DeliveryState.CANCELLED
    assert delivery.cancel(one.id).state is DeliveryState.CANCELLED
    two.state = DeliveryState.SENDING
    session.flush()
    assert refused(lambda: delivery.cancel(two.id), Conflict) == {"_": "too_late_to_cancel"}
    assert delivery.lanes.cancel_all(account.id) == (1, 1)
    session.refresh(three)
    assert three.state is DeliveryState.CANCELLED


def test_what_is_in_doubt_is_decided_by_a_person(
    delivery: DeliveryService, session: Session, fan: Subscriber, author: UserId
) -> None:
    messages = [delivery.queue(fan.id, Draft(text=text), None).message for text in "123"]
    for message in messages:
        message.state = DeliveryState.UNKNOWN
    session.flush()
    out, dropped, again = messages
    assert delivery.went_out(out.id, author).state is DeliveryState.SENT
    assert delivery.went_out(out.id, author).settled_by == author
    assert delivery.drop(dropped.id, author).state is DeliveryState.CANCELLED
    new = delivery.send_again(again.id, author)
    assert (new.message.state, new.message.body, new.duplicate) == (DeliveryState.QUEUED, "3", False)
    assert new.message.key != again.key
    assert again.state is DeliveryState.CANCELLED
    assert delivery.send_again(again.id, author) == (new.message, True)
    assert refused(lambda: delivery.drop(out.id, author), Conflict) == {"_": "nothing_to_decide"}


def test_pausing_and_going_on(
    delivery: DeliveryService, session: Session, fan: Subscriber, account: PlatformAccount, author: UserId
) -> None:
    delivery.queue(fan.id, Draft(text="Hi"), None)
    delivery.lanes.pause(account.id, author)
    status = DeliveryStatusService(session, delivery.workspace_id)
    [lane] = status.lanes()
    assert (lane.paused, lane.halt, lane.queued, lane.eta) == (True, Halt.PERSON, 1, None)
    delivery.lanes.resume(account.id)
    [lane] = status.lanes()
    assert (lane.paused, lane.halt, lane.queued) == (False, None, 1)
    assert lane.eta is not None
    delivery.lanes.stop_at(account.id, datetime.now(UTC) - timedelta(seconds=1))
    session.flush()
    assert status.lanes()[0].paused
    with pytest.raises(NotFound):
        delivery.lanes.pause(PlatformAccountFactory().id, author)


def test_pages_of_what_was_sent(delivery: DeliveryService, session: Session, fan: Subscriber) -> None:
    ids = [delivery.queue(fan.id, Draft(text=f"{n}"), None).message.id for n in range(55)]
    delivery.cancel(ids[0])
    stories = StoryService(session, delivery.workspace_id)
    first = stories.page()
    assert [row.id for row in first.rows] == ids[:4:-1]
    assert first.next is not None
    assert [row.id for row in stories.page(first.next).rows] == ids[4::-1]
    assert [row.id for row in stories.page(states=[DeliveryState.CANCELLED]).rows] == ids[:1]
    assert isinstance(first.rows[0].message, Message)
    assert first.rows[0].name == fan.username
