"""Words found in messages: of one workspace, week by week, the latest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation
from huntaze.models.workspace import Workspace
from huntaze.services.conversation_search import MOST, ConversationSearchService
from tests.factories import ConversationFactory, MessageFactory, PlatformAccountFactory

NOW = datetime.now(UTC)


@pytest.fixture
def chat(workspace: Workspace) -> Conversation:
    return ConversationFactory(workspace_id=workspace.id, account=PlatformAccountFactory(workspace_id=workspace.id))


@pytest.fixture
def search(session: Session, workspace: Workspace) -> ConversationSearchService:
    return ConversationSearchService(session, WorkspaceId(workspace.id))


def test_of_any_age_the_latest_first(search: ConversationSearchService, chat: Conversation) -> None:
    days = (-60, 0, 3, 8, 400, 9000)
    for day in days:
        MessageFactory(conversation=chat, body=f"Lisbon {day}", sent_at=NOW - timedelta(days=day))
    MessageFactory(conversation=ConversationFactory(), body="Lisbon elsewhere")
    found = search.find("lisb")
    assert [hit.message.body for hit in found.said] == [f"Lisbon {day}" for day in days]
    assert not found.is_capped


def test_no_more_than_are_shown(search: ConversationSearchService, chat: Conversation) -> None:
    for number in range(MOST + 3):
        MessageFactory(conversation=chat, body=f"Good {number}", sent_at=NOW - timedelta(days=number))
    found = search.find("good")
    assert [hit.message.body for hit in found.said] == [f"Good {number}" for number in range(MOST)]
    assert found.is_capped


@pytest.mark.parametrize(
    ("body", "found_by", "not_by"),
    [
        ("Émile won't come", ["emile", "ÉMI", "won't", "come em"], ["wont", "ome"]),
        ("Write to ann-lee@mail.test", ["ann-lee@mail.test", "ann", "write ann"], ["mail"]),
        ("It is 3.50 at a.b/c'd?e=1", ["3.5", "a.b", "is it"], ["3.6"]),
        ("x" * 5_000 + " end", ["x" * 100, "end", "xxx end"], ["y"]),
        ("ﷺ" * 1_000, ["ﷺ"], ["x"]),
        ("7.2969.so", ["7.2969.so"], ["so"]),
    ],
)
def test_words_by_their_beginnings(
    search: ConversationSearchService, chat: Conversation, body: str, found_by: list[str], not_by: list[str]
) -> None:
    MessageFactory(conversation=chat, body=body)
    for term in found_by:
        assert len(search.find(term).said) == 1, term
    for term in not_by:
        assert search.find(term).said == [], term
