"""Events in any order, and again: what they add is the same as in the order in which it happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.platform.onlyfans.webhooks import read
from huntaze.models.base import WorkspaceId
from huntaze.services.platform_events import PlatformEvents
from tests.factories import WorkspaceFactory
from tests.servers import SECRET_KEY
from tests.webhooks import Json, hook_of, paid, said

BEGAN = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""After the account was connected: news."""
ROWS = """
SELECT 'fan', platform_id, username, display_name, '' FROM subscribers WHERE workspace_id = :id
UNION ALL SELECT 'message', m.platform_id, m.body, m.is_opened::text, (m.deleted_at IS NOT NULL)::text
  FROM messages m WHERE workspace_id = :id
UNION ALL SELECT 'chat', s.platform_id, c.last_message_at::text, '', ''
  FROM conversations c JOIN subscribers s ON s.workspace_id = c.workspace_id AND s.id = c.subscriber_id
 WHERE c.workspace_id = :id
UNION ALL SELECT 'payment', t.platform_id, s.platform_id, t.gross_cents::text, t.type
  FROM transactions t JOIN subscribers s ON s.workspace_id = t.workspace_id AND s.id = t.subscriber_id
 WHERE t.workspace_id = :id
UNION ALL SELECT 'event', split_part(reference, ':', 2), kind, occurred_at::text, gross_cents::text
  FROM domain_events WHERE workspace_id = :id AND kind <> 'subscribed'
"""
"""What events add. How a subscription stands is the sync's to tell."""


def history() -> list[tuple[str, Json]]:
    """What two fans do within minutes, as the platform tells it."""

    def at(minute: int) -> str:
        return (BEGAN + timedelta(minutes=minute)).isoformat()

    told: list[tuple[str, Json]] = []
    for fan, shift in ((7, 0), (8, 100)):
        who = {"id": fan, "username": f"fan{fan}", "name": f"Fan {fan}"}
        about: dict[str, Any] = {"user": who, "user_id": 500}
        told += [
            ("subscriptions.new", {**about, "createdAt": at(0), "replacePairs": {"{PRICE}": "$9.99"}}),
            ("transactions.new", {**paid(fan, f"pay_{fan}_0", 9.99, at(0)), "type": "subscribes"}),
            ("messages.received", said(fan, 10 + shift, "Hi", at(1))),
            ("messages.received", said(fan, 11 + shift, "Are you there?", at(2))),
        ]
        sent = {**said(fan, 12 + shift, "Look", at(3)), "price": 5, "isFree": False, "isOpened": False}
        sent["toUser"] = sent.pop("fromUser")
        link = f"<a href='https://onlyfans.com/my/chats/chat/{fan}?firstId={12 + shift}'>message</a>"
        bought = {"createdAt": at(4), "replacePairs": {"{AMOUNT}": "$5.00", "{MESSAGE_LINK}": link}}
        told += [
            ("messages.sent", sent),
            ("messages.ppv.unlocked", {**about, **bought}),
            ("transactions.new", {**paid(fan, f"pay_{fan}_1", 5, at(4)), "type": "chat_messages"}),
            ("messages.deleted", {"id": 11 + shift}),
            ("tips.received", {**about, "createdAt": at(5), "amountGross": 20}),
            ("transactions.new", paid(fan, f"pay_{fan}_2", 20, at(5))),
            ("subscriptions.renewed", {**about, "createdAt": at(6)}),
            ("subscriptions.expired", {**about, "createdAt": at(7), "expiredAt": at(7)}),
        ]
    return told


HISTORY = history()


def rows_after(app: Flask, engine: Engine, order: Sequence[int]) -> set[tuple[str, ...]]:
    """What is stored of the events in that order, each delivered as often as it is named."""
    hook = hook_of(app, WorkspaceFactory().id)
    here = WorkspaceId(hook.account.workspace_id)
    with Session(engine) as session:
        tenancy.enter(session, here)
        events = PlatformEvents(session, here, hook.account.id, SECRET_KEY)
        waiting = [read(hook.body(*HISTORY[number])) for number in order]
        while waiting:  # as the job does: what is about an unknown message comes again
            later = [event for event in waiting if not events.store(event)]
            assert len(later) < len(waiting), "each waits for something that has come by then"
            waiting = later
        return {tuple(map(str, row)) for row in session.execute(text(ROWS), {"id": here})}


def test_the_ideal_order(app: Flask, app_engine: Engine) -> None:
    rows = rows_after(app, app_engine, range(len(HISTORY)))
    assert sorted(row[0] for row in rows) == sorted(
        ["fan"] * 2 + ["chat"] * 2 + ["message"] * 6 + ["payment"] * 6 + [row[0] for row in rows if row[0] == "event"]
    )
    assert {row[1:3] for row in rows if row[0] == "fan"} == {("7", "fan7"), ("8", "fan8")}
    assert {row[1] for row in rows if row[0] == "message" and row[4] == "true"} == {"11", "111"}
    assert {row[1] for row in rows if row[0] == "message" and row[3] == "true"} == {"12", "112"}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(len(HISTORY))), again=st.lists(st.integers(0, len(HISTORY) - 1), max_size=12)
)  # fmt: skip
def test_any_order_and_any_number_of_times(
    app: Flask, app_engine: Engine, order: list[int], again: list[int]
) -> None:
    shuffled = [*order[: len(order) // 2], *again, *order[len(order) // 2 :]]
    assert rows_after(app, app_engine, shuffled) == rows_after(app, app_engine, range(len(HISTORY)))
