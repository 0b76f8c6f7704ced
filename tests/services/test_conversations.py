"""The inbox: what the database keeps of each conversation, the views and their order, and what is done to one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Direction, Failure, Message
from huntaze.models.subscriber import Status
from huntaze.models.user import Role
from huntaze.models.workspace import Workspace
from huntaze.schemas.conversation import ConversationFilter, View
from huntaze.services.conversation_marks import MarkService
from huntaze.services.conversations import PINNED, ConversationService
from huntaze.services.errors import Invalid, NotFound
from huntaze.services.keyset import PAGE
from tests.factories import (
    ConversationFactory,
    MemberFactory,
    MessageFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
)

NOW = datetime.now(UTC).replace(microsecond=0)
NOBODY = UserId(0)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
def service(session: Session, workspace: Workspace) -> ConversationService:
    return ConversationService(session, WorkspaceId(workspace.id))


@pytest.fixture
def marks(session: Session, workspace: Workspace) -> MarkService:
    return MarkService(session, WorkspaceId(workspace.id))


@pytest.fixture
def chat(workspace: Workspace) -> Conversation:
    return ConversationFactory(workspace_id=workspace.id, account=PlatformAccountFactory(workspace_id=workspace.id))


def _chat(workspace: Workspace, **fan: object) -> Conversation:
    return ConversationFactory(
        workspace_id=workspace.id,
        account=PlatformAccountFactory(workspace_id=workspace.id),
        subscriber_id=SubscriberFactory(workspace_id=workspace.id, **fan).id,
    )


def _heard(chat: Conversation, minutes: float, **more: object) -> Message:
    return MessageFactory(conversation=chat, sent_at=ago(minutes), **more)


def _wrote(chat: Conversation, minutes: float, state: DeliveryState = DeliveryState.SENT, **more: object) -> Message:
    given = {"sent_at": ago(minutes), "queued_at": ago(minutes), "state": state, **more}
    return OutgoingFactory(conversation=chat, **given)


def _kept(owner: Session, chat: Conversation) -> Conversation:
    query = select(Conversation).where(Conversation.id == chat.id).execution_options(populate_existing=True)
    return owner.scalars(query).one()


def _ids(service: ConversationService, **wanted: object) -> list[int]:
    inbox = service.page(ConversationFilter(**wanted), NOBODY)
    return [entry.id for entry in (*inbox.pinned, *inbox.rows)]


# What the database keeps ----------------------------------------------------------------------------


def test_who_writes_waits_and_is_unread(owner: Session, chat: Conversation) -> None:
    first = _heard(chat, 10)
    last = _heard(chat, 5)
    kept = _kept(owner, chat)
    assert (kept.last_message_id, kept.last_message_at) == (last.id, last.sent_at)
    assert (kept.waiting_since, kept.unread) == (first.sent_at, 2)


def test_in_whatever_order_messages_come(owner: Session, chat: Conversation) -> None:
    last, first, answer = _heard(chat, 1), _heard(chat, 9), _wrote(chat, 5)
    kept = _kept(owner, chat)
    assert (kept.last_message_id, kept.waiting_since, kept.unread) == (last.id, last.sent_at, 1)
    assert first.sent_at < answer.sent_at


@pytest.mark.parametrize(
    ("state", "answers"),
    [
        (DeliveryState.SENT, True),
        (DeliveryState.QUEUED, True),
        (DeliveryState.SENDING, True),
        (DeliveryState.UNKNOWN, True),
        (DeliveryState.SCHEDULED, True),
        (DeliveryState.HELD, False),
        (DeliveryState.FAILED, False),
        (DeliveryState.CANCELLED, False),
    ],
)
def test_what_answers(owner: Session, chat: Conversation, state: DeliveryState, answers: bool) -> None:
    heard = _heard(chat, 10)
    _wrote(chat, 5, state)
    assert _kept(owner, chat).waiting_since == (None if answers else heard.sent_at)


def test_what_goes_to_many_answers_nobody(owner: Session, chat: Conversation) -> None:
    heard = _heard(chat, 10)
    _wrote(chat, 5, bulk=True)
    assert _kept(owner, chat).waiting_since == heard.sent_at


def test_who_wrote_while_the_answer_waited_in_the_queue_waits(owner: Session, chat: Conversation) -> None:
    _heard(chat, 30)
    meanwhile = _heard(chat, 10)
    _wrote(chat, 5, queued_at=ago(20))
    assert _kept(owner, chat).waiting_since == meanwhile.sent_at


def test_an_answer_that_fails_or_is_taken_back_is_none(owner: Session, chat: Conversation) -> None:
    heard, answer = _heard(chat, 10), _wrote(chat, 5, DeliveryState.SENDING)
    for change in ({"state": DeliveryState.FAILED}, {"state": DeliveryState.SENT, "deleted_at": NOW}):
        owner.execute(
            update(Message).where(Message.id == answer.id).values(state=DeliveryState.SENT, deleted_at=None)
        )
        assert _kept(owner, chat).waiting_since is None
        owner.execute(update(Message).where(Message.id == answer.id).values(**change))
        assert _kept(owner, chat).waiting_since == heard.sent_at
    owner.execute(delete(Message).where(Message.id == heard.id))
    assert _kept(owner, chat).waiting_since is None


def test_what_is_to_go_out_later_is_not_the_last_word(owner: Session, chat: Conversation) -> None:
    heard = _heard(chat, 10)
    _wrote(chat, -600, DeliveryState.SCHEDULED, queued_at=ago(5))
    assert _kept(owner, chat).last_message_id == heard.id
    again = _heard(chat, 1)
    assert _kept(owner, chat).waiting_since == again.sent_at


def test_what_was_scheduled_is_cancelled_if_the_fan_writes_first(owner: Session, chat: Conversation) -> None:
    _heard(chat, 10)
    unless, anyway = (
        _wrote(chat, -600, DeliveryState.SCHEDULED, queued_at=ago(5), cancel_on_reply=on) for on in (True, False)
    )
    _heard(chat, 8)  # is told late, and was there before
    assert owner.scalar(select(Message.state).where(Message.id == unless.id)) is DeliveryState.SCHEDULED
    _heard(chat, 1)
    rows = owner.execute(
        select(Message.id, Message.state, Message.failure).where(Message.id.in_([unless.id, anyway.id]))
    )
    assert {row.id: (row.state, row.failure) for row in rows} == {
        unless.id: (DeliveryState.CANCELLED, Failure.REPLIED),
        anyway.id: (DeliveryState.SCHEDULED, None),
    }


def test_a_fan_who_writes_brings_it_back(
    owner: Session, service: ConversationService, marks: MarkService, chat: Conversation
) -> None:
    _heard(chat, 10)
    for put_off in (lambda: marks.snooze(chat.id, 24), lambda: marks.close(chat.id)):
        put_off()
        service.session.commit()
        tenancy.enter(service.session, service.workspace_id)
        _heard(chat, 20)  # history that comes late
        kept = _kept(owner, chat)
        assert kept.snoozed_until or kept.closed_at
        _heard(chat, -1)
        kept = _kept(owner, chat)
        assert not kept.snoozed_until
        assert not kept.closed_at
        owner.execute(delete(Message).where(Message.conversation_id == chat.id, Message.sent_at > NOW))


def test_two_who_store_at_once_are_both_counted(app_engine: Engine, owner: Session, chat: Conversation) -> None:
    def store(number: int) -> None:
        with Session(app_engine) as session, session.begin():
            tenancy.enter(session, WorkspaceId(chat.workspace_id))
            for each in range(5):
                session.add(
                    Message(
                        workspace_id=chat.workspace_id,
                        conversation_id=chat.id,
                        account_id=chat.account_id,
                        platform_id=f"{number}:{each}",
                        direction=Direction.INBOUND,
                        sent_at=ago(number),
                    )
                )
                session.flush()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, range(1, 9)))
    kept = _kept(owner, chat)
    assert (kept.unread, kept.last_message_at, kept.waiting_since) == (40, ago(1), ago(8))


# Views ----------------------------------------------------------------------------------------------


def test_the_latest_come_first_and_pinned_ones_above(
    service: ConversationService, marks: MarkService, workspace: Workspace
) -> None:
    chats = [_chat(workspace) for _ in range(3)]
    for minutes, chat in enumerate(chats):
        _heard(chat, minutes)
    assert _ids(service) == [chat.id for chat in chats]
    marks.pin(chats[2].id)
    assert _ids(service) == [chats[2].id, chats[0].id, chats[1].id]
    assert _ids(service, view="unread") == [chat.id for chat in chats]


def test_each_view_shows_its_own(service: ConversationService, marks: MarkService, workspace: Workspace) -> None:
    soon = datetime.now(UTC) + timedelta(days=2)
    names = ("answered", "waits", "waits longer", "spender", "expiring", "snoozed", "closed", "nothing said")
    chats = {name: _chat(workspace) for name in names if name not in ("spender", "expiring")}
    chats["spender"] = _chat(workspace, total_spent_cents=5000)
    chats["expiring"] = _chat(workspace, renews_at=soon, status=Status.ACTIVE)
    for name in names[:-1]:
        _heard(chats[name], {"waits": 5, "waits longer": 50}.get(name, 10))
        if name not in ("waits", "waits longer"):
            _wrote(chats[name], 2)
    marks.snooze(chats["snoozed"].id, 3)
    marks.close(chats["closed"].id)
    shown = {
        view: [name for id_ in _ids(service, view=view) for name in names if chats[name].id == id_] for view in View
    }
    assert set(shown[View.OPEN]) == {"answered", "waits", "waits longer", "spender", "expiring"}
    assert shown[View.UNREAD] == ["waits", "waits longer"]
    assert shown[View.UNANSWERED] == ["waits longer", "waits"]
    assert shown[View.SPENDERS] == ["spender"]
    assert shown[View.EXPIRING] == ["expiring"]
    assert shown[View.SNOOZED] == ["snoozed"]
    assert shown[View.CLOSED] == ["closed"]


def test_by_tag_and_mine(service: ConversationService, marks: MarkService, workspace: Workspace) -> None:
    member = MemberFactory(workspace_id=workspace.id, role=Role.CHATTER)
    whale = SubscriberFactory(workspace_id=workspace.id)
    TaggedFactory(subscriber=whale, tag=TagFactory(workspace_id=workspace.id, name="Whale"))
    account = PlatformAccountFactory(workspace_id=workspace.id)
    tagged = ConversationFactory(workspace_id=workspace.id, account=account, subscriber_id=whale.id)
    mine = _chat(workspace)
    for chat in (tagged, mine):
        _heard(chat, 1)
    marks.assign(mine.id, member.user_id)
    assert _ids(service, tag="whale") == [tagged.id]
    found = service.page(ConversationFilter(mine=True), UserId(member.user_id)).rows
    assert [(entry.id, entry.assignee is not None) for entry in found] == [(mine.id, True)]


def test_pages_lead_on_and_back(service: ConversationService, workspace: Workspace) -> None:
    chats = [_chat(workspace) for _ in range(PAGE * 2 + 5)]
    for minutes, chat in enumerate(chats):
        _heard(chat, minutes)
    ids = [chat.id for chat in chats]
    first = service.page(ConversationFilter(), NOBODY)
    second = service.page(ConversationFilter(after=first.next or ""), NOBODY)
    third = service.page(ConversationFilter(after=second.next or ""), NOBODY)
    assert [entry.id for page in (first, second, third) for entry in page.rows] == ids
    assert (first.previous, third.next) == (None, None)
    back = service.page(ConversationFilter(before=third.previous or ""), NOBODY)
    assert [entry.id for entry in back.rows] == ids[PAGE : PAGE * 2]
    start = service.page(ConversationFilter(before=back.previous or ""), NOBODY)
    assert [entry.id for entry in start.rows] == ids[:PAGE]
    assert start.previous is None
    assert start.next is not None


def test_a_cursor_of_another_view_is_refused(service: ConversationService, workspace: Workspace) -> None:
    for minutes in range(PAGE + 1):
        _heard(_chat(workspace), minutes)
    cursor = service.page(ConversationFilter(), NOBODY).next or ""
    with pytest.raises(Invalid):
        service.page(ConversationFilter(view=View.UNANSWERED, after=cursor), NOBODY)


# What is done to one --------------------------------------------------------------------------------


def test_what_came_after_the_page_was_read_stays_unread(
    owner: Session, service: ConversationService, marks: MarkService, chat: Conversation
) -> None:
    seen, later = _heard(chat, 10), _heard(chat, 1)
    marks.mark_read(chat.id, seen.id)
    marks.mark_read(chat.id, seen.id)
    service.session.commit()
    assert _kept(owner, chat).unread == 1
    tenancy.enter(service.session, service.workspace_id)
    marks.mark_read(chat.id, later.id)
    marks.mark_read(chat.id, seen.id)  # an older page says so late
    service.session.commit()
    kept = _kept(owner, chat)
    assert (kept.unread, kept.waiting_since) == (0, seen.sent_at), "read is not answered"


def test_only_some_can_be_pinned(marks: MarkService, workspace: Workspace) -> None:
    for _ in range(PINNED):
        marks.pin(_chat(workspace).id)
    with pytest.raises(Invalid):
        marks.pin(_chat(workspace).id)


def test_assigned_to_who_may_write(
    service: ConversationService, marks: MarkService, workspace: Workspace, chat: Conversation
) -> None:
    viewer = MemberFactory(workspace_id=workspace.id, role=Role.VIEWER)
    for nobody in (viewer.user_id, MemberFactory().user_id, 2**60):
        with pytest.raises(Invalid):
            marks.assign(chat.id, nobody)
    chatter = MemberFactory(workspace_id=workspace.id, role=Role.CHATTER)
    marks.assign(chat.id, chatter.user_id)
    assert service.get(chat.id).conversation.assignee_id == chatter.user_id
    marks.assign(chat.id, None)
    service.session.expire_all()
    assert service.get(chat.id).conversation.assignee_id is None


def test_begun_once(service: ConversationService, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    assert service.open_with(fan.id) == service.open_with(fan.id)
    assert _ids(service) == [service.open_with(fan.id)]
    with pytest.raises(NotFound):
        service.open_with(SubscriberFactory().id)


@pytest.mark.parametrize(
    "step",
    [
        lambda marks, id_: marks.mark_read(id_, 1),
        lambda marks, id_: marks.pin(id_),
        lambda marks, id_: marks.unpin(id_),
        lambda marks, id_: marks.snooze(id_, 1),
        lambda marks, id_: marks.wake(id_),
        lambda marks, id_: marks.close(id_),
        lambda marks, id_: marks.reopen(id_),
        lambda marks, id_: marks.assign(id_, None),
    ],
)
def test_a_strangers_conversation_is_not_found(
    service: ConversationService, marks: MarkService, step: Callable[[MarkService, int], object]
) -> None:
    theirs = ConversationFactory().id
    with pytest.raises(NotFound):
        step(marks, theirs)
    with pytest.raises(NotFound):
        service.get(theirs)
