"""Idempotency keys behave as the client's documentation says."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulated import ACCOUNT, Simulated, simulated
from tests.waiting import wait_until


def test_a_repeated_key_replays_the_answer_and_costs_nothing(simulator: Simulated) -> None:
    chat = simulator.fan()
    status, headers, first = simulator.send(chat, {"text": "Hi"}, "k")
    again, replayed, second = simulator.send(chat, {"text": "Hi"}, "k")
    assert (status, again) == (200, 200)
    assert "idempotent-replayed" not in headers
    assert replayed["idempotent-replayed"] == "true"
    assert second["data"] == first["data"]
    assert second["_meta"]["_credits"]["used"] == 0
    assert second["_meta"]["_credits"]["balance"] == first["_meta"]["_credits"]["balance"]
    assert len(simulator.ledger()) == 1


def test_a_key_of_another_body_or_chat_is_a_mismatch(simulator: Simulated) -> None:
    one, two = simulator.fan(0), simulator.fan(1)
    simulator.send(one, {"text": "Hi"}, "k")
    for chat, body in ((one, {"text": "Ho"}), (two, {"text": "Hi"})):
        status, _, answer = simulator.send(chat, body, "k")
        assert (status, answer["code"]) == (422, "IDEMPOTENCY_KEY_MISMATCH")
    assert len(simulator.ledger()) == 1


def test_a_key_is_of_one_account() -> None:
    with simulated(accounts=2) as simulator:
        for n in (1, 2):
            path = f"/api/acct_00000{n}/chats/{10_000_000 * n + 3}/messages"
            status, headers, _ = simulator.ask("POST", path, {"text": "Hi"}, {"Idempotency-Key": "k"})
            assert (status, headers.get("idempotent-replayed")) == (200, None)
        assert len(simulator.ledger()) == 2


def test_a_key_is_kept_for_a_day(simulator: Simulated) -> None:
    chat = simulator.fan()
    simulator.send(chat, {"text": "Hi"}, "k")
    simulator.tell("clock", advance=86_399)
    assert simulator.send(chat, {"text": "Hi"}, "k")[1]["idempotent-replayed"] == "true"
    simulator.tell("clock", advance=1)
    assert "idempotent-replayed" not in simulator.send(chat, {"text": "Hi"}, "k")[1]
    assert len(simulator.ledger()) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "k\tk", "k\xe9"])
def test_a_bad_key_is_invalid(simulator: Simulated, key: str) -> None:
    status, _, answer = simulator.send(simulator.fan(), {"text": "Hi"}, key)
    assert (status, answer["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


def test_a_key_that_runs_is_a_conflict_until_it_ends(simulator: Simulated) -> None:
    chat = simulator.fan()
    simulator.tell("faults", kind="hang", on="send", seconds=2)

    def hang() -> None:
        with suppress(OSError):
            simulator.send(chat, {"text": "Hi"}, "k")

    thread = threading.Thread(target=hang)
    thread.start()
    wait_until(lambda: simulator.get("/_sim/faults") == [])
    status, _, answer = simulator.send(chat, {"text": "Hi"}, "k")
    assert (status, answer["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    thread.join()
    wait_until(lambda: simulator.send(chat, {"text": "Hi"}, "k")[0] == 200)
    assert len(simulator.ledger()) == 1


def test_a_refusal_is_kept_with_its_key(simulator: Simulated) -> None:
    simulator.tell("faults", kind="forbidden", on="send")
    chat = simulator.fan()
    assert simulator.send(chat, {"text": "Hi"}, "k")[0] == 403
    status, headers, _ = simulator.send(chat, {"text": "Hi"}, "k")
    assert (status, headers["idempotent-replayed"]) == (403, "true")


STEPS = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["one", "two"]),
    st.sampled_from([None, None, "error", "error_after", "not_sent", "rate_limited", "malformed", "forbidden"]),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=8))
def test_the_ledger_is_what_the_rules_of_keys_say(
    simulator: Simulated, steps: list[tuple[str | None, str, str]]
) -> None:
    """Against a model: a key is bound to its body by an answer below 500 other than 429, and only then."""
    simulator.ask("DELETE", "/_sim/faults")
    simulator.ask("DELETE", "/_sim/ledger")
    simulator.tell("clock", advance=86_400)  # what the example before kept is forgotten
    chat, bound, sends = str(10_000_003), {}, 0
    for key, text, fault in steps:
        if fault:
            simulator.tell("faults", kind=fault, on="send")
        given = {"Idempotency-Key": key} if key else {}
        path = f"/api/{ACCOUNT}/chats/{chat}/messages"
        status, headers, _ = simulator.ask("POST", path, {"text": text}, given)
        if key in bound:
            known, answer = bound[key]
            assert status == (answer if text == known else 422)
            assert headers.get("idempotent-replayed") == ("true" if text == known else None)
            simulator.ask("DELETE", "/_sim/faults")
            continue
        assert status == {None: 200, "malformed": 200, "rate_limited": 429, "forbidden": 403}.get(fault, 500)
        sends += fault in (None, "error_after", "malformed")
        if key and status in (200, 403):
            bound[key] = text, status
    assert len(simulator.ledger()) == sends


def test_other_calls_take_no_key(simulator: Simulated) -> None:
    for _ in range(2):
        body = {"text": "Hi", "userLists": ["fans"]}
        assert simulator.ask("POST", f"/api/{ACCOUNT}/mass-messaging", body, {"Idempotency-Key": "k"})[0] == 200
    assert len(simulator.ledger()) == 2
