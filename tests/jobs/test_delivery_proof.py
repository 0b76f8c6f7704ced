"""Nothing lost, nothing twice, nothing out of order, nothing too fast, whatever ends in the middle; and two controls
that show that the check bites."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.delivering import check, queue
from tests.delivery_proof import AFTER, RULES, Proof, Scale, prove
from tests.factories import session as rows
from tests.waiting import wait_until

CONTROL = {**RULES, "run": 20.0, "linger": 20.0, "lease": 3.0, "heartbeat": 0.5, "call": 1.0, "write": 1.0}


@pytest.fixture(autouse=True)
def _rows_are_the_other_tests_again() -> Iterator[None]:
    """The proof makes rows in servers of its own."""
    others = rows.session_factory.kw
    before = others.get("bind")
    yield
    rows.remove()
    rows.configure(bind=before)


def test_the_proof(tmp_path: Path) -> None:
    report = prove(tmp_path, Scale())
    print(report)  # noqa: T201  pytest shows it where it fails
    found = report.findings
    assert found.faults == {}
    assert found.total >= 2_000
    assert found.accepted >= 1_900
    assert report.overtaken == 0
    assert report.kills >= 6
    assert min(report.stops, report.restarts, report.flushes, report.pauses) >= 1
    assert report.percentile(0.99) <= 10


def test_blind_repetition_without_keys_would_double(tmp_path: Path) -> None:
    """The first control: who neither has keys nor asks sends again what went out."""
    with ExitStack() as stack:
        proof = Proof(tmp_path, Scale(accounts=4, workers=1, control="rash", rules=CONTROL), stack)
        for each in proof.senders:
            for kind in AFTER[:3]:
                proof.simulator.tell("faults", kind=kind, on="send", account=each.external_id, seconds=5)
            queue(proof.engine, each, 6)
        proof.wake()
        wait_until(lambda: proof.left() == 0, 60)
        found = check(proof.engine, proof.senders, proof.simulator.ledger())
    assert len(found.doubled) >= 4
    assert not found.lost


def test_a_pause_past_the_lease_would_double_without_keys(tmp_path: Path) -> None:
    """The second: who is stopped between the last look at the clock and the call. Only a key helps there."""
    with ExitStack() as stack:
        proof = Proof(tmp_path, Scale(accounts=1, workers=0, control="stopped", rules=CONTROL), stack)
        (tmp_path / "stop-once").touch()
        proof.wake()
        late = proof.start()
        proof.workers.append(late)
        queue(proof.engine, proof.senders[0], 4)
        wait_until(lambda: not (tmp_path / "stop-once").exists(), 60)
        proof.workers.append(proof.start())
        wait_until(lambda: proof.left() == 0, 60)
        assert len(proof.simulator.ledger()) == 4
        os.kill(late, signal.SIGCONT)
        wait_until(lambda: len(proof.simulator.ledger()) == 5, 60)
        found = check(proof.engine, proof.senders, proof.simulator.ledger())
    assert len(found.doubled) == 1
