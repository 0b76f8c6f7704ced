"""Taking a message back: the platform is asked once, and its answer kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.platform import PermanentError, PlatformError, Reason, RetryableError
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.workspace import Workspace
from huntaze.services.conversation_replies import ReplyService
from huntaze.services.errors import Conflict, NotFound
from huntaze.services.platform_keys import PlatformKeys
from huntaze.services.unsending import UnsendUpkeep, UnsendWork
from tests.factories import (
    SECRET_KEY,
    ConversationFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
)


class Platform:
    """A platform that answers as it is told to."""

    def __init__(self, trouble: PlatformError | None = None) -> None:
        self.trouble = trouble
        self.asked: list[tuple[str, str]] = []

    def __call__(self, *_account: str) -> Platform:
        return self

    async def delete_message(self, chat_id: str, message_id: str) -> None:
        self.asked.append((chat_id, message_id))
        if self.trouble:
            raise self.trouble

    async def aclose(self) -> None:
        pass


@pytest.fixture
def sent(workspace: Workspace, owner: Session) -> Message:
    account = PlatformAccountFactory(workspace_id=workspace.id)
    sealed = PlatformKeys(SECRET_KEY).seal(account, "key_sealed", "a key")
    owner.execute(update(PlatformAccount).where(PlatformAccount.id == account.id).values(key_sealed=sealed))
    fan = SubscriberFactory(workspace_id=workspace.id, account_id=account.id, platform_id="77")
    chat = ConversationFactory(account=account, subscriber_id=fan.id)
    return OutgoingFactory(conversation=chat, state=DeliveryState.SENT, platform_id="991")


def _ask(session: Session, sent: Message) -> None:
    ReplyService(session, WorkspaceId(sent.workspace_id)).ask_to_unsend(sent.conversation_id, sent.id)
    session.commit()


def _work(engine: Engine, sent: Message, platform: Platform) -> None:
    @contextmanager
    def transaction() -> Iterator[Session]:
        with Session(engine) as session, session.begin():
            tenancy.enter(session, WorkspaceId(sent.workspace_id))
            yield session

    UnsendWork(transaction, WorkspaceId(sent.workspace_id), sent.id, SECRET_KEY, platform).run()  # type: ignore[arg-type]


def _state(owner: Session, sent: Message) -> tuple[bool, bool]:
    """Whether it is to be taken back, and whether it was."""
    row = owner.execute(select(Message.unsend_asked_at, Message.deleted_at).where(Message.id == sent.id)).one()
    return row.unsend_asked_at is not None, row.deleted_at is not None


@pytest.mark.parametrize(
    ("trouble", "asked", "gone"),
    [
        (None, False, True),
        (PermanentError(Reason.NOT_FOUND), False, True),
        (PermanentError(Reason.REFUSED), False, False),
        (RetryableError(Reason.UNAVAILABLE), True, False),
    ],
)
def test_what_the_platform_answers_is_kept(
    session: Session,
    app_engine: Engine,
    owner: Session,
    sent: Message,
    trouble: PlatformError | None,
    asked: bool,
    gone: bool,
) -> None:
    _ask(session, sent)
    platform = Platform(trouble)
    _work(app_engine, sent, platform)
    assert platform.asked == [("77", "991")]
    assert _state(owner, sent) == (asked, gone)
    _work(app_engine, sent, platform)
    assert len(platform.asked) == (2 if asked else 1)


def test_nobody_asked(app_engine: Engine, sent: Message) -> None:
    platform = Platform()
    _work(app_engine, sent, platform)
    assert platform.asked == []


def test_only_what_is_out_and_fresh(session: Session, owner: Session, sent: Message) -> None:
    replies = ReplyService(session, WorkspaceId(sent.workspace_id))
    owner.execute(
        update(Message).where(Message.id == sent.id).values(sent_at=datetime.now(UTC) - timedelta(hours=25))
    )
    with pytest.raises(Conflict):
        replies.ask_to_unsend(sent.conversation_id, sent.id)
    chat = owner.scalars(select(Conversation).where(Conversation.id == sent.conversation_id)).one()
    with pytest.raises(Conflict):
        replies.ask_to_unsend(chat.id, OutgoingFactory(conversation=chat).id)
    with pytest.raises(NotFound):
        replies.ask_to_unsend(chat.id, OutgoingFactory().id)


def test_a_lost_job_is_found(session: Session, owner: Session, sent: Message) -> None:
    _ask(session, sent)
    upkeep, mine = UnsendUpkeep(owner), (sent.workspace_id, sent.id)
    assert mine not in upkeep.lost(datetime.now(UTC))
    assert mine in upkeep.lost(datetime.now(UTC) + timedelta(minutes=5))
    assert mine not in upkeep.lost(datetime.now(UTC) + timedelta(hours=25))
    assert _state(owner, sent) == (False, False)
