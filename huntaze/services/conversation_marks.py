"""What is done to a conversation itself: read, pinned, put off, closed, given to somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.models.user import Membership, Role, User
from huntaze.services.conversation_news import changed
from huntaze.services.conversations import PINNED
from huntaze.services.errors import Invalid, NotFound, Problem


class MarkService:
    """On the conversations of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def mark_read(self, conversation_id: int, message_id: int) -> None:
        """All up to that message was read: what came after it stays unread. Raises NotFound."""
        at = (
            select(Message.sent_at)
            .where(
                Message.workspace_id == self.workspace_id,
                Message.conversation_id == conversation_id,
                Message.id == message_id,
            )
            .scalar_subquery()
        )
        read = (
            update(Conversation)
            .where(*self._one(conversation_id), func.coalesce(Conversation.read_at < at, at.is_not(None)))
            .values(read_at=at)
            .returning(Conversation.id)
        )
        if self.session.scalar(read) is None:
            self._require(conversation_id)
            return
        self._summarise(conversation_id)

    def pin(self, conversation_id: int) -> None:
        """Above all others. Raises NotFound, and Invalid where too many are pinned already."""
        here = Conversation.workspace_id == self.workspace_id, Conversation.pinned_at.is_not(None)
        others = select(func.count()).select_from(Conversation).where(*here, Conversation.id != conversation_id)
        if (self.session.scalar(others) or 0) >= PINNED:
            self._require(conversation_id)
            raise Invalid({"_": [Problem("too_many_pinned", {"most": PINNED})]})
        self._set(conversation_id, pinned_at=func.coalesce(Conversation.pinned_at, func.now()))

    def unpin(self, conversation_id: int) -> None:
        """Raises NotFound."""
        self._set(conversation_id, pinned_at=None)

    def snooze(self, conversation_id: int, hours: int) -> None:
        """Out of the way for so long, or until the fan writes. Raises NotFound."""
        self._set(conversation_id, snoozed_until=datetime.now(UTC) + timedelta(hours=hours))

    def wake(self, conversation_id: int) -> None:
        """Raises NotFound."""
        self._set(conversation_id, snoozed_until=None)

    def close(self, conversation_id: int) -> None:
        """Nothing more to do, until the fan writes. Raises NotFound."""
        closed_at = func.coalesce(Conversation.closed_at, func.now())
        self._set(conversation_id, closed_at=closed_at, pinned_at=None, snoozed_until=None)

    def reopen(self, conversation_id: int) -> None:
        """Raises NotFound."""
        self._set(conversation_id, closed_at=None)

    def assign(self, conversation_id: int, user_id: int | None) -> None:
        """To a member who may write, or to nobody. Raises NotFound, and Invalid for anyone else."""
        if user_id is not None and user_id not in {member_id for member_id, _name in self.assignees()}:
            self._require(conversation_id)
            raise Invalid({"user_id": [Problem("no_assignee")]})
        self._set(conversation_id, assignee_id=user_id)

    def assignees(self) -> list[tuple[int, str]]:
        """(user, name) of the members who may write, by name."""
        query = (
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == self.workspace_id, Membership.role != Role.VIEWER)
            .order_by(func.lower(User.name), User.id)
        )
        return [(row.id, row.name) for row in self.session.execute(query)]

    def _one(self, conversation_id: int) -> tuple[ColumnElement[bool], ...]:
        return Conversation.workspace_id == self.workspace_id, Conversation.id == conversation_id

    def _require(self, conversation_id: int) -> None:
        if self.session.scalar(select(Conversation.id).where(*self._one(conversation_id))) is None:
            raise NotFound(conversation_id)

    def _set(self, conversation_id: int, **values: Any) -> None:
        done = self.session.scalar(
            update(Conversation)
            .where(*self._one(conversation_id))
            .values(touched_at=func.clock_timestamp(), **values)
            .returning(Conversation.id)
        )
        if done is None:
            raise NotFound(conversation_id)
        changed(self.session, self.workspace_id, [conversation_id])

    def _summarise(self, conversation_id: int) -> None:
        self.session.execute(select(func.summarise_conversations(self.workspace_id, [conversation_id])))
        changed(self.session, self.workspace_id, [conversation_id])
