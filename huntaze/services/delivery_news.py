"""Who is told that a message changed its state."""

from __future__ import annotations

from collections.abc import Iterable

from huntaze.models.base import WorkspaceId
from huntaze.services.conversation_news import conversation_topics


def delivery_topic(workspace_id: WorkspaceId) -> str:
    """Of the signal that something in the queue of a workspace changed."""
    return f"delivery:{workspace_id}"


def topics(workspace_id: WorkspaceId, conversation_ids: Iterable[int]) -> set[str]:
    """Those who look at the queue, at the list of conversations, or into one of these."""
    return {delivery_topic(workspace_id), *conversation_topics(workspace_id, conversation_ids)}
