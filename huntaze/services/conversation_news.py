"""Who looks at the inbox, or at one conversation, is told that something changed there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.services.activity import TOPICS


def inbox_topic(workspace_id: WorkspaceId) -> str:
    """Of the signal that some conversation of a workspace changed."""
    return f"inbox:{workspace_id}"


def conversation_topic(workspace_id: WorkspaceId, conversation_id: int) -> str:
    """Of the signal that this one did."""
    return f"conversation:{workspace_id}:{conversation_id}"


def conversation_topics(workspace_id: WorkspaceId, conversation_ids: Iterable[int]) -> set[str]:
    """Of all those who look at one of these."""
    topics = {conversation_topic(workspace_id, conversation_id) for conversation_id in conversation_ids}
    return {inbox_topic(workspace_id), *topics} if topics else set()


def changed(session: Session, workspace_id: WorkspaceId, conversation_ids: Iterable[int]) -> None:
    """This transaction changes messages, or what is known of conversations: once it is committed, who looks is told.

    Whoever commits it sends the signals (blueprints/web.py, jobs/workspace_session.py).
    """
    topics = conversation_topics(workspace_id, conversation_ids)
    session.info.setdefault(TOPICS, set()).update(topics)
