"""What is measured: the requests of each view, for one filled workspace."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import psycopg
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from bench.fill import Filled
from bench.talk import COMMON, MESSAGES, ORDER_NUMBER, SAID, talks
from huntaze.models.conversation import Conversation
from huntaze.models.subscriber import Subscriber
from huntaze.schemas.analytics import Range
from huntaze.schemas.conversation import View as Shown
from huntaze.schemas.subscriber import Sort
from huntaze.services import conversations, subscribers
from huntaze.services.conversation_history import HistoryService
from huntaze.services.conversations import ConversationService
from huntaze.services.demo import FIRST
from huntaze.services.keyset import PAGE

LIST = "/onlyfans/subscribers"
INBOX = "/chatbot/conversations"
SAMPLE = 100
"""So many fans or names are asked for in turn, so that no answer is measured from a warm row alone."""


@dataclass(frozen=True, slots=True)
class View:
    """swap: whether htmx asks, which gets the part of the page."""

    name: str
    paths: list[str]
    swap: bool = False
    signed_in: bool = True


def views(superuser_url: str, filled: Filled) -> list[View]:
    with psycopg.connect(superuser_url) as connection:
        connection.execute("SELECT setseed(0.25)")

        def sample(column: str, order: str = "random()", which: str = "true") -> list[str]:
            query = (
                f"SELECT {column} FROM subscribers WHERE workspace_id = %s AND {which}"
                f" ORDER BY {order} LIMIT {SAMPLE}"
            )
            return [str(row[0]) for row in connection.execute(query.encode(), [filled.workspace_id])]

        ids, spenders = sample("id"), sample("id", "total_spent_cents DESC")
        usernames, names = sample("username"), sample("display_name", which="strpos(display_name, '-') > 0")
    second, deep = (_cursor(superuser_url, filled, depth) for depth in (PAGE, filled.size // 2))
    return [
        *(View(f"dashboard: {chosen}", [f"/dashboard?range={chosen}"]) for chosen in Range),
        View("dashboard: swap of the period", ["/dashboard?range=7d", "/dashboard?range=90d"], swap=True),
        View("list", [LIST]),
        View("list by spend", [f"{LIST}?sort=spent"]),
        View("list by last seen", [f"{LIST}?sort=seen"]),
        View("filter: premium, active", [_list(tier="premium", status="active")]),
        View("filter: few match", [_list(tier="vip", status="cancelled", spent_min="400")]),
        View("filter: none match", [_list(status="expired", spent_min="9000000")]),
        View("filter: tag", [_list(tag="whale")]),
        View("next page", [_list(after=second)], swap=True),
        View("page in the middle", [_list(after=deep)], swap=True),
        View("search: one fan", [_list(q=name) for name in usernames], swap=True),
        View("search: rare full name", [_list(q=name) for name in names], swap=True),
        View("search: first name", [_list(q=name) for name in FIRST], swap=True),
        View("search: 2 letters", [_list(q=name[:2]) for name in FIRST], swap=True),
        View("search: nothing", [_list(q=f"zzqx {name}") for name in FIRST], swap=True),
        View("search: first name, vip", [_list(q=name, tier="vip", status="expired") for name in FIRST], swap=True),
        View("subscriber", [f"{LIST}/{id_}" for id_ in ids]),
        View("subscriber who pays most", [f"{LIST}/{id_}" for id_ in spenders]),
        View("notifications", ["/notifications"]),
        View("settings", ["/settings"]),
        View("API overview", ["/api/analytics/overview"]),
        View("API list", ["/api/onlyfans/subscribers"]),
        View("API subscriber", [f"/api/onlyfans/subscribers/{id_}" for id_ in ids]),
        View("login", ["/login"], signed_in=False),
        *_inbox(superuser_url, filled),
    ]


def _inbox(superuser_url: str, filled: Filled) -> list[View]:
    chats, here = talks(filled.size), Conversation.workspace_id == filled.workspace_id
    shown = select(Conversation.id).where(here, Conversation.closed_at.is_(None), Conversation.pinned_at.is_(None))
    engine = create_engine(superuser_url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        inbox, history = (kind(session, filled.workspace_id) for kind in (ConversationService, HistoryService))

        def behind(depth: int) -> str:
            order = Conversation.last_message_at.desc(), Conversation.id.desc()
            (entry,) = inbox.entries(
                session.scalars(shown.order_by(*order).offset(depth - 1).limit(1)).all()
            ).values()
            return conversations.ORDERS[Shown.OPEN].around(entry)

        second, deep = behind(PAGE), behind(chats // 2)
        # The ids of one workspace lie close together: the remainder picks some of them, whatever was said there.
        ids = list(session.scalars(select(Conversation.id).where(here).order_by(Conversation.id % 997).limit(SAMPLE)))
        older = [f"{INBOX}/{id_}?after={cursor}" for id_ in ids if (cursor := history.page(id_).next)]
    engine.dispose()
    orders = range(chats * MESSAGES // 2, chats * MESSAGES, ORDER_NUMBER)[:: max(chats // SAMPLE // 4, 1)]
    pairs = [f"{one} {two}" for one, two in zip(SAID[20:30], SAID[30:40], strict=True)]
    return [
        View("inbox", [INBOX]),
        *(View(f"inbox: {view}", [f"{INBOX}?view={view}"]) for view in Shown if view is not Shown.OPEN),
        View("inbox: tag", [f"{INBOX}?tag=whale"]),
        View("inbox: mine", [f"{INBOX}?mine=1"]),
        View("inbox: next page", [f"{INBOX}?after={second}"], swap=True),
        View("inbox: page in the middle", [f"{INBOX}?after={deep}"], swap=True),
        View("inbox: search, rare word", [_search(str(number)) for number in orders], swap=True),
        View("inbox: search, common word", [_search(COMMON)], swap=True),
        View("inbox: search, two words", [_search(pair) for pair in pairs], swap=True),
        View("inbox: search, nothing", [_search(f"zzqx {name}") for name in FIRST], swap=True),
        View("inbox: search, first name", [_search(name) for name in FIRST], swap=True),
        View("conversation", [f"{INBOX}/{id_}" for id_ in ids]),
        View("conversation opened", [f"{INBOX}/{id_}" for id_ in ids], swap=True),
        View("conversation: older", older, swap=True),
        View("conversation: about", [f"{INBOX}/{id_}/about" for id_ in ids], swap=True),
        View("API inbox", ["/api/chatbot/conversations"]),
        View("API messages", [f"/api/chatbot/conversations/{id_}/messages" for id_ in ids]),
    ]


def _search(term: str) -> str:
    return f"{INBOX}?{urlencode({'q': term})}"


def _list(**query: str) -> str:
    return f"{LIST}?{urlencode(query)}"


def _cursor(superuser_url: str, filled: Filled, depth: int) -> str:
    """The cursor behind the row at that depth of the list."""
    order = subscribers.ORDERS[Sort.JOINED]
    rows = (
        select(Subscriber)
        .where(Subscriber.workspace_id == filled.workspace_id, Subscriber.archived_at.is_(None))
        .order_by(Subscriber.joined_at.desc(), Subscriber.id.desc())
        .offset(max(depth - PAGE, 0))
        .limit(PAGE + 1)
    )
    engine = create_engine(superuser_url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        cursor = order.split(session.scalars(rows).all()).next
    engine.dispose()
    assert cursor
    return cursor
