"""What is known of a message that we send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import DeliveryState, Message
from huntaze.models.delivery import AttemptOutcome
from huntaze.models.platform_account import Health, PlatformAccount
from huntaze.models.workspace import Workspace
from huntaze.services.delivery_status import DeliveryStatusService
from huntaze.services.delivery_stories import MOST, StoryService
from huntaze.services.errors import NotFound
from tests.factories import (
    AttemptFactory,
    ConversationFactory,
    LaneFactory,
    MemberFactory,
    MessageFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
)


@pytest.fixture
def stories(session: Session, workspace: Workspace) -> StoryService:
    return StoryService(session, WorkspaceId(workspace.id))


@pytest.fixture
def status(session: Session, workspace: Workspace) -> DeliveryStatusService:
    return DeliveryStatusService(session, WorkspaceId(workspace.id))


@pytest.fixture
def account(workspace: Workspace) -> PlatformAccount:
    return PlatformAccountFactory(workspace_id=workspace.id, username="jade")


def outgoing(account: PlatformAccount, **given: object) -> Message:
    fan = SubscriberFactory(workspace_id=account.workspace_id, account_id=account.id, display_name="Ann Lee")
    message: Message = OutgoingFactory(
        conversation=ConversationFactory(account=account, subscriber_id=fan.id), **given
    )
    return message


def test_a_story_says_for_whom_by_whom_and_what_was_tried(
    stories: StoryService, account: PlatformAccount, workspace: Workspace
) -> None:
    member = MemberFactory(workspace_id=workspace.id)
    message = outgoing(account, author_id=member.user_id)
    for outcome in (AttemptOutcome.UNKNOWN, AttemptOutcome.NOT_FOUND):
        AttemptFactory(message=message, outcome=outcome)
    story = stories.get(message.id)
    assert (story.message.id, story.name, story.handle) == (message.id, "Ann Lee", "jade")
    assert story.author
    assert [attempt.outcome for attempt in story.attempts] == ["unknown", "not_found"]
    assert stories.get(outgoing(account).id).author is None


def test_only_what_we_send_here_has_one(stories: StoryService, account: PlatformAccount) -> None:
    told = MessageFactory(conversation=ConversationFactory(account=account))
    for message_id in (told.id, outgoing(PlatformAccountFactory()).id):
        with pytest.raises(NotFound):
            stories.get(message_id)


def test_doubts_are_those_that_a_person_has_to_decide(stories: StoryService, account: PlatformAccount) -> None:
    for state in DeliveryState:
        outgoing(account, state=state)
    ids = [outgoing(account, state=DeliveryState.UNKNOWN).id for _ in range(MOST)]
    doubts = stories.doubts()
    assert len(doubts) == MOST
    assert {story.message.state for story in doubts} == {DeliveryState.UNKNOWN}
    assert [story.message.id for story in doubts][1:] == ids[:-1], "the oldest first"


def test_a_lane_says_who_paused_it_and_whether_anything_could_go_out(
    status: DeliveryStatusService, account: PlatformAccount, workspace: Workspace
) -> None:
    member = MemberFactory(workspace_id=workspace.id)
    LaneFactory(account=account, paused_at=datetime.now(UTC), paused_by=member.user_id)
    outgoing(account, bulk=True)
    outgoing(account)
    outgoing(account, state=DeliveryState.SENDING, bulk=True)
    gone = PlatformAccountFactory(
        workspace_id=workspace.id, username="old", key_sealed=None, health=Health.DISCONNECTED
    )
    lane = status.lane(account.id)
    assert lane.paused_by
    assert (lane.left, lane.connected, lane.accepted) == (3, True, False)
    assert status.waiting_for_all(account.id) == 1
    assert (status.lane(gone.id).connected, status.lane(gone.id).paused_by) == (False, None)
    with pytest.raises(NotFound):
        status.lane(PlatformAccountFactory().id)


def test_a_stop_that_is_to_come_leaves_no_time_for_what_is_behind_it(
    status: DeliveryStatusService, account: PlatformAccount
) -> None:
    LaneFactory(account=account, stop_at=datetime.now(UTC) + timedelta(seconds=10))
    outgoing(account)
    assert status.lane(account.id).eta is not None
    for _ in range(30):
        outgoing(account)
    assert status.lane(account.id).eta is None
