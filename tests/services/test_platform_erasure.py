"""An account whose data is erased: all of it goes, in small steps, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.jobs import platforms
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Message
from huntaze.models.domain_event import DomainEvent
from huntaze.models.notification import Notification
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Note, Subscriber
from huntaze.models.transaction import Transaction
from huntaze.models.user import Membership, Role
from huntaze.models.workspace import Workspace
from huntaze.services import platform_erasure
from huntaze.services.platform_erasure import PlatformErasure
from tests.factories import (
    ConversationFactory,
    DomainEventFactory,
    MemberFactory,
    MessageFactory,
    NoteFactory,
    NotificationFactory,
    PayoutFactory,
    PeriodFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    SyncStateFactory,
    TransactionFactory,
    VaultItemFactory,
)
from tests.routes import digest


@pytest.fixture
def member(workspace: Workspace) -> Membership:
    return MemberFactory(workspace_id=workspace.id, role=Role.OWNER)


def filled(member: Membership, fans: int = 3) -> PlatformAccount:
    """An account with something of everything."""
    account = PlatformAccountFactory(workspace_id=member.workspace_id)
    for factory in (SyncStateFactory, PayoutFactory, VaultItemFactory):
        factory(account=account)
    for _ in range(fans):
        fan = SubscriberFactory(workspace_id=member.workspace_id, account_id=account.id)
        NoteFactory(subscriber=fan, author_id=member.user_id)
        TransactionFactory(subscriber=fan, account_id=account.id)
        PeriodFactory(subscriber=fan)
        DomainEventFactory(subscriber=fan)
        NotificationFactory(member=member, url=f"/onlyfans/subscribers/{fan.id}")
        MessageFactory(conversation=ConversationFactory(account=account, subscriber_id=fan.id))
    return account


@pytest.fixture
def ask(owner: Session) -> Callable[[PlatformAccount], None]:
    def ask(account: PlatformAccount) -> None:
        here = PlatformAccount.workspace_id == account.workspace_id, PlatformAccount.id == account.id
        owner.execute(update(PlatformAccount).where(*here).values(erase_asked_at=func.now()))

    return ask


def count(owner: Session, model: type, workspace_id: int) -> int:
    return owner.scalar(select(func.count()).select_from(model).where(model.workspace_id == workspace_id)) or 0


def test_all_of_it_goes_and_nothing_else(
    app: Flask, member: Membership, owner: Session, ask: Callable[[PlatformAccount], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(platform_erasure, "BATCH", 2)
    by_hand = SubscriberFactory(workspace_id=member.workspace_id)
    NoteFactory(subscriber=by_hand, author_id=member.user_id)
    NotificationFactory(member=member, url=f"/onlyfans/subscribers/{by_hand.id}")
    kept, neighbour = filled(member, fans=1), filled(MemberFactory())
    before = digest(owner, neighbour.workspace_id)
    account = filled(member)
    ask(account)
    with app.app_context():
        platforms.erase_asked()
    assert owner.get(PlatformAccount, (account.workspace_id, account.id)) is None
    assert owner.get(PlatformAccount, (kept.workspace_id, kept.id)) is not None
    left = {model: count(owner, model, member.workspace_id) for model in (Subscriber, Note, Notification)}
    assert left == {Subscriber: 2, Note: 2, Notification: 2}
    for model in (Transaction, Message, DomainEvent):
        assert count(owner, model, member.workspace_id) == 1, model
    assert digest(owner, neighbour.workspace_id) == before


def test_nothing_goes_that_nobody_asked_for(session: Session, member: Membership, owner: Session) -> None:
    account = filled(member)
    erasure = PlatformErasure(session, WorkspaceId(member.workspace_id))
    assert not erasure.step(account.id)
    assert not erasure.step(filled(MemberFactory()).id), "a stranger's"
    assert count(owner, Subscriber, member.workspace_id) == 3
