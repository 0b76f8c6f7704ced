"""All that a workspace holds about one fan, to be handed over when they ask (GDPR, article 15)."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.models.domain_event import DomainEvent
from huntaze.models.draft import Draft
from huntaze.models.imports import ImportRow
from huntaze.models.notification import Notification
from huntaze.models.subscriber import Note
from huntaze.models.subscription import SubscriptionPeriod
from huntaze.models.transaction import Transaction
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber_data import (
    ConversationData,
    DraftData,
    EventData,
    ImportedData,
    MessageData,
    NoteData,
    NotificationData,
    PaymentData,
    PeriodData,
    PersonData,
    Row,
    SubscriberData,
)
from huntaze.services.erasure import naming
from huntaze.services.subscribers import SubscriberService

HANDED_OVER: dict[str, type[Row] | None] = {
    "subscribers": PersonData,
    "subscriber_tags": None,  # as the tags' names
    "notes": NoteData,
    "transactions": PaymentData,
    "import_rows": ImportedData,
    "subscription_periods": PeriodData,
    "conversations": ConversationData,  # and with them their messages, and the drafts of some
    "domain_events": EventData,
}
"""Each table that points at a fan, and what becomes of its rows in the file: tests miss none, nor a column."""
NOT_PERSONAL: dict[str, str] = {}
"""Tables that point at a fan and say nothing about them, with the reason."""
LEFT_OUT = {
    "subscribers": {
        "id",
        "account_id",
        "listed_at",
        "seen_at",
        "search_text",
    },  # numbers of ours; computed from what is there
    "notes": {"id", "subscriber_id", "author_id"},  # who of the team wrote it is not about the fan
    "transactions": {"id", "subscriber_id", "account_id"},
    "subscription_periods": {"subscriber_id"},
    # When our row was written, whether we have read all of it, and how the team sorts its work.
    "conversations": {
        "id",
        "subscriber_id",
        "account_id",
        "behind",
        "created_at",
        "last_message_id",
        "unread",
        "waiting_since",
        "read_at",
        "pinned_at",
        "snoozed_until",
        "closed_at",
        "assignee_id",
        "touched_at",
    },
    "domain_events": {"id", "subscriber_id", "reference", "created_at"},  # ours: the cause is handed over itself
    "subscriber_tags": {"subscriber_id", "tag_id"},
    "import_rows": {"import_id", "row", "subscriber_id", "cells", "problems"},  # the latter two of refused rows only
}
"""Columns that are not in the file: numbers that only tie our rows together, and what is computed."""


class SubscriberDataService:
    """What one workspace holds about its fans."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def of(self, subscriber_id: int) -> SubscriberData:
        """Everything, the oldest first. Raises NotFound."""
        fan = SubscriberService(self.session, self.workspace_id).get(subscriber_id)
        workspace = self.session.get_one(Workspace, self.workspace_id)
        notes = (
            select(Note)
            .where(Note.workspace_id == self.workspace_id, Note.subscriber_id == fan.id)
            .order_by(Note.created_at, Note.id)
        )
        payments = (
            select(Transaction)
            .where(Transaction.workspace_id == self.workspace_id, Transaction.subscriber_id == fan.id)
            .order_by(Transaction.occurred_at, Transaction.id)
        )
        imports = (
            select(ImportRow)
            .where(ImportRow.workspace_id == self.workspace_id, ImportRow.subscriber_id == fan.id)
            .order_by(ImportRow.stored_at, ImportRow.import_id)
        )
        periods = (
            select(SubscriptionPeriod)
            .where(SubscriptionPeriod.workspace_id == self.workspace_id, SubscriptionPeriod.subscriber_id == fan.id)
            .order_by(SubscriptionPeriod.started_at)
        )
        conversations = select(Conversation).where(
            Conversation.workspace_id == self.workspace_id, Conversation.subscriber_id == fan.id
        )
        events = (
            select(DomainEvent)
            .where(DomainEvent.workspace_id == self.workspace_id, DomainEvent.subscriber_id == fan.id)
            .order_by(DomainEvent.id)
        )
        messages = (
            select(Message)
            .join(
                Conversation,
                (Conversation.workspace_id == Message.workspace_id) & (Conversation.id == Message.conversation_id),
            )
            .where(Message.workspace_id == self.workspace_id, Conversation.subscriber_id == fan.id)
            .order_by(Message.sent_at, Message.id)
        )
        drafts = (
            select(Draft)
            .join(
                Conversation,
                (Conversation.workspace_id == Draft.workspace_id) & (Conversation.id == Draft.conversation_id),
            )
            .where(Draft.workspace_id == self.workspace_id, Conversation.subscriber_id == fan.id)
            .order_by(Draft.updated_at)
        )
        notifications = select(Notification).where(naming(fan)).order_by(Notification.created_at, Notification.id)
        return SubscriberData(
            made_at=datetime.now(UTC),
            held_by=workspace.name,
            currency=workspace.currency,
            person=PersonData.model_validate(fan),
            tags=[tag["name"] for tag in fan.tags],
            notes=[NoteData.model_validate(row) for row in self.session.scalars(notes)],
            payments=[PaymentData.model_validate(row) for row in self.session.scalars(payments)],
            imports=[ImportedData.model_validate(row) for row in self.session.scalars(imports)],
            periods=[PeriodData.model_validate(row) for row in self.session.scalars(periods)],
            conversations=[ConversationData.model_validate(row) for row in self.session.scalars(conversations)],
            messages=[MessageData.model_validate(row) for row in self.session.scalars(messages)],
            drafts=[DraftData.model_validate(row) for row in self.session.scalars(drafts)],
            events=[EventData.model_validate(row) for row in self.session.scalars(events)],
            notifications=[NotificationData.model_validate(row) for row in self.session.scalars(notifications)],
        )
