"""The queries of the busy pages use their indexes under the app's role, where row-level security could keep them out.

auto_explain writes down the plan of every statement, those inside functions too. Only a superuser may load it:
he does, and goes on as the app's role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, func, select, text
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Conversation
from huntaze.schemas.analytics import Range
from huntaze.schemas.conversation import ConversationFilter, View
from huntaze.schemas.subscriber import Sort, SubscriberFilter
from huntaze.services.activity import ActivityService
from huntaze.services.analytics import AnalyticsService
from huntaze.services.conversation_history import HistoryService
from huntaze.services.conversations import ConversationService
from huntaze.services.earnings import EarningsService
from huntaze.services.notes import NoteService
from huntaze.services.subscribers import SubscriberService
from tests import factories
from tests.factories import SubscriberFactory, WorkspaceFactory

FANS = 8_000
PAYMENTS = 8_000
NOTES = 5_000

INDEXES = {
    Sort.JOINED: "ix_subscribers_joined",
    Sort.SPENT: "ix_subscribers_spent",
    Sort.SEEN: "ix_subscribers_seen",
    Sort.USERNAME: "uq_subscribers_workspace_id_username",
}
KEYS = {
    Sort.JOINED: "ROW(joined_at, id) < ROW(",
    Sort.SPENT: "ROW(total_spent_cents, id) < ROW(",
    Sort.SEEN: "ROW(seen_at, id) < ROW(",
    Sort.USERNAME: "username >= ",  # unique in itself, so its index has no id
}
LIST = "json_agg"  # of the tags: only the list's query has it


@pytest.fixture(scope="module")
def big(app: object) -> WorkspaceId:
    """A workspace with so many fans that reading all of them would be a mistake; and another one like it."""
    big, other = WorkspaceFactory().id, WorkspaceFactory().id
    owner = factories.session
    fans = text(
        "INSERT INTO subscribers (workspace_id, username, display_name, email, joined_at, last_active_at,"
        " total_spent_cents) SELECT :workspace, 'fan' || md5(n::text), 'Fan ' || md5((n + 1)::text),"
        " md5((n + 2)::text) || '@example.test', now() - n * interval '1 minute',"
        " CASE WHEN n % 3 > 0 THEN now() - n % 1000 * interval '1 hour' END, n % 700 * 100"
        " FROM generate_series(1, :fans) n"
    )
    for workspace in (big, other):
        owner.execute(fans, {"workspace": workspace, "fans": FANS})
    owner.execute(text("ANALYZE subscribers"))
    owner.commit()
    return WorkspaceId(big)


@pytest.fixture(scope="module")
def fan(big: WorkspaceId) -> int:
    """One of them, with more payments and notes than a page holds."""
    fan = SubscriberFactory(workspace_id=big, username="needle.in.a.haystack").id
    other = SubscriberFactory(workspace_id=big).id
    owner = factories.session
    payments = text(
        "INSERT INTO transactions (workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents,"
        " currency, occurred_at) SELECT :workspace, CASE WHEN n <= 200 THEN :fan ELSE :other END, 'tip', 'completed',"
        " 500, 100, 400, 'USD', now() - n * interval '1 hour' FROM generate_series(1, :payments) n"
    )
    notes = text(
        "INSERT INTO notes (workspace_id, subscriber_id, body, created_at)"
        " SELECT :workspace, CASE WHEN n <= 200 THEN :fan ELSE :other END, 'Note', now() - n * interval '1 hour'"
        " FROM generate_series(1, :notes) n"
    )
    owner.execute(payments, {"workspace": big, "fan": fan, "other": other, "payments": PAYMENTS})
    owner.execute(notes, {"workspace": big, "fan": fan, "other": other, "notes": NOTES})
    owner.execute(text("ANALYZE transactions, notes"))
    owner.commit()
    return fan


@pytest.fixture(scope="module")
def renewing(big: WorkspaceId) -> int:
    """How many of them renew tomorrow; the rest never do."""
    for _ in range(20):
        SubscriberFactory(workspace_id=big, renews_at=datetime.now(UTC) + timedelta(days=1))
    factories.session.execute(text("ANALYZE subscribers"))
    factories.session.commit()
    return 20


class Plans:
    """A session of the app's role in a workspace, and the plans of what it ran."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, notices: list[str]) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self._notices = notices

    def forget(self) -> None:
        self._finish()
        self._notices.clear()

    def all(self) -> list[str]:
        """Every plan since, but of the statement that names the workspace."""
        self._finish()
        return [notice for notice in self._notices if "set_config" not in notice]

    def of(self, words: str) -> str:
        """The plan of the one statement, of those run since, whose text has these words."""
        self._finish()
        found = [notice for notice in self._notices if words in notice]
        assert len(found) == 1, f"{len(found)} statements have {words!r}:\n" + "\n".join(self._notices)
        return found[0]

    def _finish(self) -> None:
        """A plan is written when its statement is done with: at the latest at the end of the transaction."""
        self.session.commit()


@pytest.fixture
def plans(superuser_url: str, big: WorkspaceId) -> Iterator[Plans]:
    notices: list[str] = []

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(superuser_url, autocommit=True)
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        for statement in (
            "LOAD 'auto_explain'",
            "SET auto_explain.log_min_duration = 0",
            "SET auto_explain.log_nested_statements = on",
            "SET client_min_messages = log",
            "SET SESSION AUTHORIZATION huntaze_app",
        ):
            connection.execute(statement)
        connection.autocommit = False
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with Session(engine) as session:
        tenancy.enter(session, big)
        assert session.scalar(text("SELECT current_user")) == "huntaze_app"
        plans = Plans(session, big, notices)
        plans.forget()
        yield plans


def test_a_rare_term_is_found_by_its_trigrams(plans: Plans, fan: int) -> None:
    found = SubscriberService(plans.session, plans.workspace_id).page(SubscriberFilter(q="needle.in"))
    assert [row.id for row in found.rows] == [fan]
    inside = plans.of("SELECT id FROM subscribers WHERE workspace_id")
    assert "Bitmap Index Scan on ix_subscribers_search" in inside
    assert re.search(r"Index Cond: \(.*\(search_text ~~ ", inside)
    assert "Seq Scan on subscribers " not in plans.of(LIST)


def test_two_letters_are_found_by_their_trigram_too(plans: Plans, fan: int) -> None:
    plans.session.execute(text("SELECT search_subscribers('ne', 2001)"))
    assert "Bitmap Index Scan on ix_subscribers_search" in plans.of("SELECT id FROM subscribers WHERE workspace_id")


@pytest.mark.parametrize("sort", Sort)
def test_the_list_is_read_in_order_and_not_sorted(plans: Plans, sort: Sort) -> None:
    SubscriberService(plans.session, plans.workspace_id).page(SubscriberFilter(sort=sort))
    plan = plans.of(LIST)
    _assert_read_in_order(plan, sort)


@pytest.mark.parametrize("sort", Sort)
def test_a_deep_page_begins_at_its_place(plans: Plans, sort: Sort) -> None:
    service = SubscriberService(plans.session, plans.workspace_id)
    cursor = service.page(SubscriberFilter(sort=sort)).next
    plans.forget()
    service.page(SubscriberFilter(sort=sort, after=cursor or ""))
    plan = plans.of(LIST)
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert KEYS[sort] in condition
    _assert_read_in_order(plan, sort)


@pytest.mark.parametrize("sort", Sort)
def test_a_common_term_is_found_by_reading_in_order(plans: Plans, sort: Sort) -> None:
    found = SubscriberService(plans.session, plans.workspace_id).page(SubscriberFilter(q="example.test", sort=sort))
    assert len(found.rows) == 50
    assert found.count_capped
    _assert_read_in_order(plans.of(LIST), sort)


def test_the_timeline_and_the_notes_of_a_fan_come_from_their_indexes(plans: Plans, fan: int) -> None:
    earnings, notes = (
        EarningsService(plans.session, plans.workspace_id),
        NoteService(plans.session, plans.workspace_id),
    )
    timeline, written = earnings.timeline(fan), notes.page(fan)
    plans.forget()
    earnings.timeline(fan, timeline.next or "")
    plan = plans.of("FROM transactions")
    assert "Index Scan Backward using ix_transactions_subscriber" in plan
    assert "ROW(occurred_at, id) < ROW(" in plan
    assert "Sort" not in plan

    notes.page(fan, written.next or "")
    plan = plans.of("FROM notes")
    assert "Index Scan Backward using ix_notes_subscriber" in plan
    assert "Sort" not in plan


def test_new_fans_are_found_by_their_day(plans: Plans) -> None:
    since = datetime.now(UTC).date()
    SubscriberService(plans.session, plans.workspace_id).page(SubscriberFilter(joined_since=since))
    plan = plans.of(LIST)
    assert re.search(r"Index Scan (Backward )?using ix_subscribers_joined .*\n +Index Cond: .*joined_at >= ", plan), (
        plan
    )
    assert "Seq Scan on subscribers " not in plan


def test_who_renews_soon_is_found_by_the_day(plans: Plans, renewing: int) -> None:
    before = datetime.now(UTC).date() + timedelta(days=7)
    wanted = SubscriberFilter(renews_before=before, status="active")
    assert len(SubscriberService(plans.session, plans.workspace_id).page(wanted).rows) == renewing
    plan = plans.of(LIST)
    assert re.search(r"on ix_subscribers_renews|using ix_subscribers_renews", plan), plan
    assert "Seq Scan on subscribers " not in plan


def test_the_dashboard_reads_no_fan_and_no_payment_to_count(plans: Plans, fan: int) -> None:
    analytics = AnalyticsService(plans.session, plans.workspace_id)
    for chosen in Range:
        analytics.overview(chosen, datetime.now(UTC).date())
    for plan in plans.all():
        assert re.search(r"FROM daily_(earnings|subscribers)", plan)
        assert not re.search(r" on (transactions|subscribers)\b", plan), plan


def test_the_newest_come_from_the_end_of_an_index(plans: Plans, fan: int) -> None:
    ActivityService(plans.session, plans.workspace_id).newest()
    payments, fans = plans.of("FROM transactions"), plans.of("ORDER BY subscribers.joined_at DESC")
    assert "Index Scan Backward using ix_transactions_newest" in payments
    assert "Index Scan Backward using ix_subscribers_joined" in fans
    assert "Sort" not in payments + fans


@pytest.fixture(scope="module")
def talking(big: WorkspaceId) -> int:
    """One of thousands of conversations; each has a few messages, and this one hundreds."""
    owner = factories.session
    owner.execute(
        text(
            "INSERT INTO conversations (workspace_id, subscriber_id, last_message_at)"
            " SELECT workspace_id, id, now() FROM subscribers WHERE workspace_id = :workspace ORDER BY id LIMIT 4000"
        ),
        {"workspace": big},
    )
    owner.execute(
        text(
            "INSERT INTO messages (workspace_id, conversation_id, direction, body, sent_at)"
            " SELECT workspace_id, id, CASE WHEN (n + id) % 3 = 0 THEN 'outbound' ELSE 'inbound' END,"
            " 'Good morning ' || md5(id::text || n), now() - (n * 4000 + id % 4000) * interval '1 minute'"
            " FROM conversations, generate_series(1, 5) n WHERE workspace_id = :workspace ORDER BY n DESC"
        ),
        {"workspace": big},
    )
    chat: int = owner.scalar(select(func.min(Conversation.id)).where(Conversation.workspace_id == big))
    owner.execute(
        text(
            "INSERT INTO messages (workspace_id, conversation_id, direction, body, sent_at)"
            " SELECT :workspace, :chat, 'inbound', 'Needle in a haystack', now() - n * interval '1 hour'"
            " FROM generate_series(1, 300) n"
        ),
        {"workspace": big, "chat": chat},
    )
    owner.execute(text("ANALYZE conversations, messages"))
    owner.commit()
    return chat


@pytest.mark.parametrize(
    ("view", "index"),
    [
        (View.OPEN, "ix_conversations_open"),
        (View.UNREAD, "ix_conversations_unread"),
        (View.UNANSWERED, "ix_conversations_waiting"),
        (View.SPENDERS, "ix_subscribers_spent"),
    ],
)
def test_the_inbox_is_read_in_order_and_not_sorted(plans: Plans, talking: int, view: View, index: str) -> None:
    inbox = ConversationService(plans.session, plans.workspace_id)
    first = inbox.page(ConversationFilter(view=view), UserId(0))
    assert len(first.rows) == 50
    inbox.page(ConversationFilter(view=view, after=first.next or ""), UserId(0))
    for plan in [plan for plan in plans.all() if "FROM conversations" in plan and "pinned_at DESC" not in plan]:
        assert re.search(rf"using {index} on ", plan), plan
        assert "Sort Key" not in plan, plan
        assert "Seq Scan on messages" not in plan


def test_a_conversation_opens_from_the_end_of_its_index(plans: Plans, talking: int) -> None:
    history = HistoryService(plans.session, plans.workspace_id)
    history.page(talking)
    assert "Index Scan Backward using ix_messages_conversation" in plans.of("FROM messages")


@pytest.mark.parametrize("term", ["needle hay", "good morning", "zzqx"])
def test_words_are_found_by_their_index(plans: Plans, talking: int, term: str) -> None:
    found = list(plans.session.scalars(select(func.search_messages(term, 50))))
    assert len(found) == (0 if term == "zzqx" else 50)
    inside = [plan for plan in plans.all() if "@@" in plan]
    assert inside
    for plan in inside:
        assert "Bitmap Index Scan on ix_messages_search" in plan, plan
        assert "BitmapAnd" not in plan, plan


def _assert_read_in_order(plan: str, sort: Sort) -> None:
    """The rows come from the order's index, until the page is full. (Counting up to a thousand may take any way.)"""
    assert re.search(rf"Index Scan (Backward )?using {INDEXES[sort]} on subscribers ", plan), plan
    assert not re.search(r"(?<!Incremental )Sort .*\n +Sort Key: subscribers", plan), "all of them were sorted"
