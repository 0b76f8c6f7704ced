"""The inbox searched: fans by their names, and what was said."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.services.conversation_history import HistoryService
from huntaze.services.conversations import ConversationService, Entry

FANS = 5
"""Fans of that name who are shown above what was said."""
MOST = 50
"""Messages that are shown: who looks for an older one says more of it."""


class Hit(NamedTuple):
    entry: Entry
    message: Message


class Found(NamedTuple):
    """fans: the conversations with fans of that name. is_capped: there may be more messages than these."""

    fans: list[Entry]
    said: list[Hit]
    is_capped: bool


class ConversationSearchService:
    """Of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def find(self, term: str) -> Found:
        """Five queries, whatever is found."""
        conversations = ConversationService(self.session, self.workspace_id)
        ids = list(self.session.scalars(select(func.search_messages(term, MOST))))
        messages = HistoryService(self.session, self.workspace_id).found(ids)
        by_name = list(self.session.scalars(self._of_fans(term)))
        entries = conversations.entries([*by_name, *(message.conversation_id for message in messages)])
        fans = sorted(
            (entries[id_] for id_ in by_name if id_ in entries),
            key=lambda entry: entry.fan.total_spent_cents,
            reverse=True,
        )
        said = [Hit(entries[m.conversation_id], m) for m in messages if m.conversation_id in entries]
        return Found(fans, said, len(ids) >= MOST)

    def _of_fans(self, term: str) -> Select[Any]:
        named = func.search_subscribers(term, FANS * 10)
        return (
            select(Conversation.id)
            .where(Conversation.workspace_id == self.workspace_id, Conversation.subscriber_id.in_(select(named)))
            .limit(FANS)
        )
