"""What was said with a fan."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message

PREVIEW = 3
"""Messages on the page of a fan."""


class ConversationService:
    """The chats of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def last_messages(self, subscriber_id: int) -> Sequence[Message]:
        """The last few that the platform did not take back, the latest first. One query, from the end of an index."""
        chat = (
            select(Conversation.id)
            .where(Conversation.workspace_id == self.workspace_id, Conversation.subscriber_id == subscriber_id)
            .scalar_subquery()
        )
        query = (
            select(Message)
            .where(Message.workspace_id == self.workspace_id, Message.conversation_id == chat)
            .where(Message.deleted_at.is_(None), Message.state == DeliveryState.SENT)
            .order_by(Message.sent_at.desc(), Message.id.desc())
            .limit(PREVIEW)
        )
        return self.session.scalars(query).all()
