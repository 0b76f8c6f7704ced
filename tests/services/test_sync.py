"""Syncs against the simulator, over real HTTP: whole, resumed, cheap when idle, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from huntaze.models.platform_account import Health, Resource
from huntaze.models.workspace import Workspace
from huntaze.services.sync_lease import LeaseLost, SyncUpkeep
from tests.simulated import Simulated
from tests.syncing import Syncing


@pytest.fixture
def syncing(app: Flask, app_engine: Engine, owner: Session, workspace: Workspace, simulator: Simulated) -> Syncing:
    return Syncing(app_engine, owner, workspace, simulator)


def test_a_first_import_has_exactly_what_there_is(syncing: Syncing) -> None:
    for _ in range(3):
        syncing.simulator.tell("act", deed="chargeback")
    syncing.run()
    syncing.assert_same()
    account = syncing.account()
    assert account.health == Health.CONNECTED
    assert account.synced_at is not None
    assert account.leased_until is None
    states = syncing.states()
    assert all(states[resource].finished_at for resource in Resource)
    assert states[Resource.TRANSACTIONS].seen == len(syncing.state("transactions"))
    assert syncing.query("SELECT count(*) FROM domain_events WHERE workspace_id = :id AND occurred_at < now()"
                         " - interval '1 day'") == [(0,)], "history is no news"  # fmt: skip


def test_an_idle_account_costs_four_calls_in_ten_minutes(syncing: Syncing) -> None:
    syncing.run()
    for _ in range(3):
        left = syncing.account().credits_left
        syncing.later()
        finished = {resource: state.finished_at for resource, state in syncing.states().items()}
        syncing.run()
        states = syncing.states()
        again = [resource for resource in states if states[resource].finished_at != finished[resource]]
        assert sum(states[resource].calls for resource in again) <= 4
        assert left - syncing.account().credits_left <= 4, "as the simulator counts"
        assert {Resource.TRANSACTIONS, Resource.FANS_ACTIVE, Resource.CHATS} < set(again)


def test_what_happens_later_is_read_too_and_is_news(syncing: Syncing) -> None:
    syncing.run()
    syncing.change(connected_at="'2020-01-01'")
    fan = syncing.simulator.fan(3)
    syncing.simulator.tell("act", deed="subscribe")
    syncing.simulator.tell("act", deed="tip", fan=fan, cents=777)
    syncing.simulator.tell("act", deed="message", fan=fan)
    syncing.simulator.tell("act", deed="expire", fan=syncing.simulator.fan(5))
    for _ in range(6):  # each of the lists that are read in turn has had its turn
        syncing.later()
        syncing.run()
    syncing.assert_same()
    kinds = {row[0] for row in syncing.query("SELECT DISTINCT kind FROM domain_events WHERE workspace_id = :id")}
    assert {"subscribed", "tip", "message", "expired"} <= kinds
    tips = syncing.query("SELECT count(*) FROM domain_events WHERE workspace_id = :id AND gross_cents = 777")
    assert tips == [(1,)]


def test_a_weekly_sweep_finds_who_is_gone_and_who_is_called_otherwise(syncing: Syncing) -> None:
    syncing.run()
    known = syncing.states()
    met = known[Resource.FANS_ACTIVE].credits + known[Resource.FANS_EXPIRED].credits
    assert 0 < met == known[Resource.SWEEP].credits, "what it will cost is known from the first import"
    gone, renamed = syncing.simulator.fan(7), syncing.simulator.fan(9)
    syncing.simulator.tell("act", deed="delete", fan=gone)
    syncing.simulator.tell("act", deed="rename", fan=renamed)
    syncing.query("UPDATE sync_states SET finished_at = now() - interval '8 days'"
                  " WHERE workspace_id = :id AND resource = 'sweep' RETURNING 1")  # fmt: skip
    syncing.query("UPDATE subscribers SET created_at = now() - interval '1 day' WHERE workspace_id = :id RETURNING 1")
    syncing.later()
    syncing.run()
    vanished = syncing.query(
        "SELECT platform_id FROM subscribers"
        " WHERE workspace_id = :id AND vanished_at IS NOT NULL AND username NOT LIKE '~%'"
    )
    assert vanished == [(gone,)]
    names = {fan["id"]: fan["username"] for fan in syncing.state("fans")}
    assert syncing.query("SELECT username FROM subscribers WHERE workspace_id = :id AND platform_id = "
                         f"'{renamed}'") == [(names[renamed].lower(),)]  # fmt: skip
    sweep = syncing.states()[Resource.SWEEP]
    assert sweep.calls >= 3
    assert sweep.credits >= sweep.calls, "its cost is written down"


class Killed(BaseException):
    """As if the process ended."""


def test_ended_at_any_commit_and_started_again_it_has_the_same(syncing: Syncing) -> None:
    """Each run ends at its third to seventh transaction, before or after it is committed."""
    for number in range(200):
        left = 3 + number % 5

        @contextmanager
        def ending(after: bool = bool(number % 2)) -> Iterator[Session]:
            nonlocal left
            left -= 1
            with syncing.transaction() as session:
                yield session
                if left <= 0 and not after:
                    raise Killed
            if left <= 0:
                raise Killed

        try:
            if not syncing.service(ending).run():
                break
        except Killed:
            syncing.change(leased_until="NULL")
    assert number > 5
    syncing.assert_same()


@pytest.mark.parametrize(
    ("kind", "health"),
    [
        ("unauthorized", Health.KEY_REFUSED),
        ("forbidden", Health.FORBIDDEN),
        ("not_found", Health.MISSING),
        ("rate_limited", Health.LIMITED),
        ("malformed", Health.GARBLED),
        ("truncated", Health.UNREACHABLE),
        ("reset", Health.UNREACHABLE),
        ("error", Health.UNREACHABLE),
    ],
)
def test_a_fault_is_told_and_then_it_goes_on(syncing: Syncing, kind: str, health: Health) -> None:
    syncing.simulator.tell("faults", kind=kind, on="transactions", skip=2, times=50, retry_after=120)
    syncing.service().run()
    account = syncing.account()
    assert account.health in (health, Health.GARBLED), account.health
    assert account.retry_at is not None
    assert account.retry_at > datetime.now(UTC) + timedelta(seconds=50)
    assert syncing.states()[Resource.TRANSACTIONS].seen == 200, "what came before stays"
    if kind in ("unauthorized", "forbidden", "not_found"):  # it may be for long
        syncing.assert_added_up()
    assert not syncing.service().run(), "it is not called before then"
    if kind == "rate_limited":
        assert account.retry_at > datetime.now(UTC) + timedelta(seconds=110)
    syncing.simulator.ask("DELETE", "/_sim/faults")
    syncing.change(retry_at="NULL")
    syncing.run()
    syncing.assert_same()
    assert syncing.account().health == Health.CONNECTED


@pytest.mark.parametrize("kind", ["malformed", "truncated", "reset", "error"])
def test_one_fault_is_tried_again_at_once(syncing: Syncing, kind: str) -> None:
    syncing.simulator.tell("faults", kind=kind, on="transactions", skip=1, times=2)
    syncing.run()
    syncing.assert_same()
    assert syncing.account().health == Health.CONNECTED


def test_one_worker_at_a_time_and_a_late_one_stores_nothing(syncing: Syncing) -> None:
    first, second = syncing.service(), syncing.service()
    assert first.lease.claim() is not None
    assert second.lease.claim() is None
    assert not second.run()
    syncing.change(leased_until="now() - interval '1 second'")
    assert second.lease.claim() is not None
    with syncing.transaction() as session, pytest.raises(LeaseLost):
        first.lease.hold(session)
    with syncing.transaction() as session:
        second.lease.hold(session)
    second.lease.release()
    syncing.run()
    syncing.assert_same()


def test_a_disconnected_account_is_not_called(syncing: Syncing) -> None:
    syncing.change(key_sealed="NULL", health="'disconnected'")
    assert not syncing.service().run()
    assert syncing.states() == {}


def test_due_is_what_is_wanted_unfinished_or_waits_for_ten_minutes(syncing: Syncing) -> None:
    me = syncing.workspace_id, syncing.account_id

    def due() -> bool:
        return me in SyncUpkeep(syncing.owner).due()

    assert due()
    syncing.run()
    assert not due()
    syncing.change(sync_wanted_at="now()")
    assert due()
    syncing.run()
    assert not due()
    syncing.change(synced_at="now() - interval '10 minutes'")
    assert due()
    syncing.change(retry_at="now() + interval '1 minute'")
    assert not due()
    syncing.change(retry_at="NULL", leased_until="now() + interval '1 minute'")
    assert not due()
    syncing.change(leased_until="now() - interval '1 minute'")
    assert due(), "its worker is gone"
