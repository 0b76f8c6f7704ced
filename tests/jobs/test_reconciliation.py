"""Webhooks make it quick and pulling makes it true: whichever are lost, repeated or late, it ends the same."""

from __future__ import annotations

from collections import Counter

from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import WorkspaceFactory
from tests.simulated import Listener, listener, simulated
from tests.syncing import Syncing
from tests.waiting import wait_until
from tests.webhooks import Hook, hook_for

DEEDS = ("subscribe", "message", "tip", "renew", "purchase", "expire", "chargeback", "message", "return", "rename")
"""What fans do, in this order, while the account is connected."""
MOST = 24
"""Deliveries that an example decides on; those behind are lost."""
LOST, ONCE, TWICE = range(3)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fates=st.lists(st.sampled_from((LOST, ONCE, TWICE)), min_size=MOST, max_size=MOST),
    order=st.permutations(range(MOST)),
    synced_between=st.booleans(),
)
@example(fates=[LOST] * MOST, order=list(range(MOST)), synced_between=False)
@example(fates=[ONCE] * MOST, order=list(range(MOST)), synced_between=True)
@example(fates=[TWICE] * MOST, order=list(reversed(range(MOST))), synced_between=False)
def test_whatever_was_lost_the_pull_brings(
    app: Flask, app_engine: Engine, owner: Session, fates: list[int], order: list[int], synced_between: bool
) -> None:
    with simulated(fans=60, transactions=300) as simulator, listener() as heard:
        syncing = Syncing(app_engine, owner, WorkspaceFactory.create(), simulator)
        syncing.run()
        began = simulator.get("/_sim/health")["now"]
        syncing.change(connected_at=f"timestamptz '{began}'")
        hook = hook_for(app, syncing.account())
        _live(syncing, heard, hook)
        arriving = [n for n in order if n < len(heard.heard) for _ in range(fates[n])]
        for at, n in enumerate(arriving):
            if synced_between and at == len(arriving) // 2:
                _pull(syncing)
            headers, body = heard.heard[n]
            key = next(value for name, value in headers.items() if name.lower() == "x-ofapi-idempotency-key")
            assert hook.post(body, key).status_code == 204
        hook.work()
        _pull(syncing)
        syncing.assert_same()
        assert _news(syncing) == {"subscribed": 1, "message": 2, "tip": 1, "renewed": 1, "purchase": 1, "expired": 1,
                                  "chargeback": 1}  # fmt: skip


def _live(syncing: Syncing, heard: Listener, hook: Hook) -> None:
    """Everything that fans do, an hour apart, with what the platform posts of it."""
    simulator = syncing.simulator
    simulator.tell("webhooks", url=heard.url, secret=hook.secret)
    fans = syncing.state("fans")
    gone, there = ([fan["id"] for fan in fans if fan["active"] is active] for active in (False, True))
    for n, deed in enumerate(DEEDS):
        simulator.tell("clock", advance=3_600)
        whose = {} if deed in ("subscribe", "chargeback") else {"fan": gone[0] if deed == "return" else there[n]}
        simulator.tell("act", deed=deed, **whose)
    wait_until(lambda: bool(simulator.get("/_sim/health")["webhooks_idle"]))


def _pull(syncing: Syncing) -> None:
    """All that is read in turn: an hour passes."""
    for _ in range(6):
        syncing.later()
        syncing.run()


def _news(syncing: Syncing) -> Counter[str]:
    query = "SELECT kind, count(*) FROM domain_events WHERE workspace_id = :id GROUP BY kind"
    return Counter({str(row[0]): int(row[1]) for row in syncing.query(query)})
