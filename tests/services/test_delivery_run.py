"""One run of a worker against the simulator: what is sent, in which order, how fast, and what errors do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from huntaze.adapters.platform import PlatformAdapter
from huntaze.adapters.platform.onlyfans import OnlyFans
from huntaze.models.delivery import Lane
from huntaze.models.platform_account import Platform
from huntaze.services.delivery_rules import Rules
from huntaze.services.delivery_run import DeliveryRun, OpenPlatform
from huntaze.services.delivery_store import DeliveryStore
from huntaze.services.delivery_transactions import TakenForDead, Transactions
from tests.delivering import Blind, Findings, Forgetful, Sender, check, platforms, queue, sender, states
from tests.factories import SECRET_KEY
from tests.simulated import ACCOUNT, Simulated, simulated
from tests.waiting import wait_until

QUICK = Rules(run=30, linger=0.3, call=1.0, write=2.0, settle_after=0.05, backoff=0.1, scan=0.2, idle=0.6)


@pytest.fixture
def live() -> Iterator[Simulated]:
    with simulated(live=True) as simulator:
        yield simulator


class Delivering:
    """An account, and runs that send for it."""

    def __init__(self, engine: Engine, simulator: Simulated, fans: int = 8) -> None:
        self.engine, self.simulator = engine, simulator
        fans_of = simulator.get(f"/api/{ACCOUNT}/fans/all?limit={fans}")["data"]["list"]
        with engine.begin() as connection:  # a worker has all lanes that there are, also those of other tests
            connection.execute(text("UPDATE lanes SET paused_at = now()"))
        self.sender: Sender = sender(engine, [str(fan["id"]) for fan in fans_of], ACCOUNT)

    @contextmanager
    def system(self) -> Iterator[Session]:
        with Session(self.engine) as session, session.begin():
            yield session

    def new_run(self, adapter: type[OnlyFans] = OnlyFans, rules: Rules = QUICK) -> DeliveryRun:
        pool = platforms(self.simulator.url, lambda _account: adapter)
        return DeliveryRun(self.system, pool, SECRET_KEY, rules=rules)

    def run(self, adapter: type[OnlyFans] = OnlyFans, rules: Rules = QUICK) -> DeliveryRun:
        run = self.new_run(adapter, rules)
        asyncio.run(run.run())
        return run

    def check(self) -> Findings:
        return check(self.engine, [self.sender], self.simulator.ledger())

    def states(self) -> dict[str, int]:
        return dict(states(self.engine, [self.sender]))

    def lane(self) -> Lane:
        with Session(self.engine) as session:
            return session.get_one(Lane, self.sender.key)

    def sql(self, statement: str) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(text(statement), {"account": self.sender.key[1]}))


@pytest.fixture
def delivering(app: Flask, owner_engine: Engine, live: Simulated) -> Delivering:
    return Delivering(owner_engine, live)


def test_all_is_sent_in_order_and_not_too_fast(delivering: Delivering) -> None:
    queue(delivering.engine, delivering.sender, 12)
    run = delivering.run()
    found = delivering.check()
    assert (found.faults, found.accepted, found.states) == ({}, 12, {"sent": 12})
    assert run.calls == 12
    assert delivering.lane().worker_id is None
    assert delivering.sql("SELECT count(*) FROM messages WHERE account_id = :account AND platform_id IS NULL") == [
        (0,)
    ]


def test_a_lane_whose_turn_does_not_come_is_kept(delivering: Delivering) -> None:
    """With others in the way it may wait for longer than one with nothing to send is held."""
    lanes = [delivering.sender, *(sender(delivering.engine, delivering.sender.chats, ACCOUNT) for _ in range(11))]
    for each in lanes:
        queue(delivering.engine, each, 3)
    delivering.run(rules=replace(QUICK, claims=1, idle=0.002))
    assert states(delivering.engine, lanes) == {"sent": 36}
    with Session(delivering.engine) as session:
        assert {session.get_one(Lane, each.key).fence for each in lanes} == {1}, "none was given away and taken again"


def test_lanes_are_looked_for_by_their_index(delivering: Delivering) -> None:
    """Where one account has all that waits, the planner believes that any row that waits is the right one."""
    for _ in range(20):
        sender(delivering.engine, [], ACCOUNT)
    queue(delivering.engine, delivering.sender, 3_000)
    read = text("SELECT pg_stat_get_xact_tuples_returned('messages'::regclass)")
    with Session(delivering.engine) as session:  # and nothing stays of it
        session.execute(text("ANALYZE messages, lanes"))
        before = session.execute(read).scalar_one()
        taken = DeliveryStore(session, QUICK).take(1_000)  # and those in which other tests left something open
        assert delivering.sender.key in {each.key for each in taken}
        assert session.execute(read).scalar_one() - before < 100, "of 3,000"


def test_replies_go_before_what_is_sent_to_many(delivering: Delivering) -> None:
    queue(delivering.engine, delivering.sender, 6, bulk=True, prefix="many ")
    queue(delivering.engine, delivering.sender, 2, bulk=False, prefix="reply ")
    delivering.run()
    said = [entry["text"] for entry in delivering.simulator.ledger()]
    replies = [text.startswith("reply") for text in said]
    assert replies == [False] * 2 + [True] * 2 + [False] * 4, "what waits in the chats of the replies comes along"


@pytest.mark.parametrize("kind", ["error_after", "hang_after", "reset_after", "truncated", "wrong_shape"])
@pytest.mark.parametrize("adapter", [OnlyFans, Forgetful, Blind])
def test_what_went_out_without_an_answer_is_not_sent_again(
    delivering: Delivering, kind: str, adapter: type[OnlyFans]
) -> None:
    delivering.simulator.tell("faults", kind=kind, on="send", seconds=30)
    queue(delivering.engine, delivering.sender, 3)
    delivering.run(adapter)
    assert len(delivering.simulator.ledger()) == 3
    expected = {"unknown": 1, "sent": 2} if adapter is Blind else {"sent": 3}
    assert delivering.states() == expected


@pytest.mark.parametrize("kind", ["error", "hang", "reset"])
@pytest.mark.parametrize("adapter", [OnlyFans, Forgetful, Blind])
def test_what_did_not_go_out_is_sent_where_one_can_know(
    delivering: Delivering, kind: str, adapter: type[OnlyFans]
) -> None:
    delivering.simulator.tell("faults", kind=kind, on="send", seconds=30)
    queue(delivering.engine, delivering.sender, 3)
    delivering.run(adapter)
    if adapter is Blind:
        assert delivering.states() == {"unknown": 1, "sent": 2}
    else:
        assert (delivering.check().faults, delivering.states()) == ({}, {"sent": 3})


def test_the_platform_asks_to_wait(delivering: Delivering) -> None:
    delivering.simulator.tell("faults", kind="rate_limited", on="send", retry_after=120)
    queue(delivering.engine, delivering.sender, 2)
    delivering.run()
    lane = delivering.lane()
    assert (delivering.states(), lane.halt, lane.paused_at) == ({"queued": 2}, "limited", None)
    assert lane.not_before is not None


def test_a_refused_key_pauses_and_loses_nothing(delivering: Delivering) -> None:
    delivering.simulator.tell("faults", kind="unauthorized", on="send")
    queue(delivering.engine, delivering.sender, 2)
    delivering.run()
    lane = delivering.lane()
    assert (delivering.states(), lane.halt) == ({"queued": 2}, "key_refused")
    assert lane.paused_at is not None


def test_a_refusal_is_of_one_message(delivering: Delivering) -> None:
    delivering.simulator.tell("faults", kind="not_found", on="send")
    queue(delivering.engine, delivering.sender, 3)
    delivering.run()
    assert delivering.states() == {"failed": 1, "sent": 2}
    assert delivering.sql("SELECT failure FROM messages WHERE account_id = :account AND state = 'failed'") == [
        ("fan_gone",)
    ]


def test_many_failures_in_a_row_pause_the_lane(delivering: Delivering) -> None:
    delivering.simulator.tell("faults", kind="not_sent", on="send", times=50)
    queue(delivering.engine, delivering.sender, 2)
    delivering.run(rules=replace(QUICK, backoff=0.01, failures=4))
    lane = delivering.lane()
    assert (delivering.states(), lane.failures, lane.halt) == ({"queued": 2}, 4, "unreachable")
    assert lane.paused_at is not None


def test_nothing_goes_out_of_a_paused_lane(delivering: Delivering) -> None:
    queue(delivering.engine, delivering.sender, 2)
    delivering.sql("UPDATE lanes SET paused_at = now(), halt = 'person' WHERE account_id = :account RETURNING 1")
    delivering.run()
    assert delivering.states() == {"queued": 2}


def test_what_a_killed_worker_left_is_found_out(delivering: Delivering) -> None:
    """Of two that are `sending`, one had arrived; the others of the account do not wait for it."""
    queue(delivering.engine, delivering.sender, 4)
    [(arrived, chat)] = delivering.sql(
        "SELECT m.body, s.platform_id FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " JOIN subscribers s ON s.id = c.subscriber_id WHERE m.account_id = :account ORDER BY m.place LIMIT 1"
    )
    delivering.sql(
        "WITH left_behind AS (UPDATE messages SET state = 'sending' WHERE account_id = :account AND place IN"
        " (SELECT place FROM messages WHERE account_id = :account ORDER BY place LIMIT 2) RETURNING *)"
        " INSERT INTO attempts (workspace_id, message_id, fence, worker_id, key, body, started_at, deadline_at)"
        " SELECT workspace_id, id, 0, 0, key, '{}', now(), now() + interval '2 seconds' FROM left_behind RETURNING 1"
    )
    delivering.simulator.send(chat, {"text": arrived})
    delivering.run(Forgetful)
    found = delivering.check()
    assert (found.states, found.accepted) == ({"sent": 4}, 4)
    said = [entry["text"] for entry in delivering.simulator.ledger()]
    assert said[0] == arrived
    assert said[-1].endswith("-1"), "it waited for its own deadline"


@pytest.mark.parametrize("goes_on", ["with a statement", "with the commit"])
def test_who_hangs_in_a_transaction_lets_go_of_its_lanes(delivering: Delivering, goes_on: str) -> None:
    """Else nobody could take them, and who enqueues for them would wait for as long as it hangs."""
    transactions = Transactions(delivering.system, replace(QUICK, lease=1.5), lambda _topics: None)
    locked = text("SELECT FROM lanes WHERE account_id = :account FOR UPDATE SKIP LOCKED")
    mine = {"account": delivering.sender.key[1]}

    def can_be_taken() -> bool:
        with delivering.system() as session:
            return bool(session.execute(locked, mine).rowcount)

    def hang() -> None:
        with transactions.open() as session:
            assert session.execute(locked, mine).rowcount
            assert not can_be_taken()
            wait_until(can_be_taken)
            if goes_on == "with a statement":
                session.execute(locked, mine)

    with pytest.raises(TakenForDead):
        hang()


def test_the_client_is_loaded_before_lanes_are_taken(delivering: Delivering) -> None:
    """It takes seconds, after which a worker that takes over would be late."""
    queue(delivering.engine, delivering.sender, 1)
    held = "SELECT FROM lanes WHERE account_id = :account AND worker_id IS NOT NULL"
    held_at_first: list[int] = []

    @asynccontextmanager
    async def pool(connections: int, seconds: float) -> AsyncIterator[OpenPlatform]:
        async with platforms(delivering.simulator.url, lambda _account: OnlyFans)(connections, seconds) as opens:

            def watched(platform: Platform, key: str, account: str) -> PlatformAdapter:
                held_at_first.append(len(delivering.sql(held)))
                return opens(platform, key, account)

            yield watched

    asyncio.run(DeliveryRun(delivering.system, pool, SECRET_KEY, rules=QUICK).run())
    assert delivering.check().states == {"sent": 1}
    assert held_at_first == [0, 1]


def test_after_a_deadlock_the_same_run_goes_on(delivering: Delivering) -> None:
    """As with somebody who replies in a chat: it is locked first, then its messages."""
    delivering.simulator.tell("settings", latency=0.5)
    queue(delivering.engine, delivering.sender, 3)
    run = Thread(target=delivering.run)
    run.start()
    try:
        wait_until(lambda: delivering.states().get("sending"))
        with delivering.engine.begin() as other:
            sending = (
                "(SELECT conversation_id FROM messages WHERE account_id = :account AND state = 'sending' LIMIT 1)"
            )
            mine = {"account": delivering.sender.key[1]}
            chat = other.execute(text(f"SELECT id FROM conversations WHERE id = {sending} FOR UPDATE"), mine).scalar()
            waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            wait_until(lambda: delivering.sql(waits))
            locked = text("UPDATE messages SET bulk = bulk WHERE conversation_id = :chat")
            other.execute(locked, {"chat": chat})
    finally:
        run.join()
    assert delivering.states() == {"sent": 3}
    assert delivering.sql("SELECT DISTINCT outcome, fence FROM attempts JOIN messages AS m ON m.id = message_id"
                          " WHERE account_id = :account") == [("sent", 1)]  # fmt: skip
