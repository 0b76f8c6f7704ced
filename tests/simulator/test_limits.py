"""Sends a second, calls a minute, credits, and the faults that break a call."""

from __future__ import annotations

import time

import pytest

from tests.simulated import ACCOUNT, Simulated, simulated


def test_sends_have_a_pace() -> None:
    with simulated(send_rate=10, send_burst=2) as simulator:
        chat, began, waits = simulator.fan(), time.monotonic(), []
        while len(simulator.ledger()) < 8:
            status, headers, _ = simulator.send(chat, {"text": "Hi"})
            if status == 429:
                waits.append(headers["retry-after"])
        took = time.monotonic() - began
    assert took >= (8 - 2) / 10
    assert set(waits) <= {"1"}


def test_each_account_has_its_own_pace() -> None:
    with simulated(accounts=3, send_rate=0.01, send_burst=1) as simulator:
        statuses = [
            simulator.ask("POST", f"/api/acct_00000{n}/chats/{10_000_000 * n + 3}/messages", {"text": "Hi"})[0]
            for n in (1, 2, 3, 1, 2, 3)
        ]
    assert statuses == [200, 200, 200, 429, 429, 429]


def test_calls_a_minute_are_counted_down_and_then_refused() -> None:
    with simulated(per_minute=3) as simulator:
        left = []
        for _ in range(3):
            meta = simulator.get(f"/api/{ACCOUNT}/me")["_meta"]
            left.append(meta["_rate_limits"]["remaining_minute"])
        assert left == [2, 1, 0]
        assert meta["_credits"] == {"used": 1, "balance": 999_997, "note": "1 credit(s) debited"}
        status, headers, _ = simulator.ask("GET", f"/api/{ACCOUNT}/me")
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 60


def test_a_storm_of_429_may_ask_for_more_than_a_minute(simulator: Simulated) -> None:
    simulator.tell("faults", kind="rate_limited", on="send", times=3, retry_after=120)
    chat = simulator.fan()
    answers = [simulator.send(chat, {"text": "Hi"}) for _ in range(4)]
    assert [status for status, _, _ in answers] == [429, 429, 429, 200]
    assert answers[0][1]["retry-after"] == "120"


def test_faults_fit_an_endpoint_and_an_account_and_may_skip(simulator: Simulated) -> None:
    simulator.tell("faults", kind="error", on="chats", skip=1)
    simulator.tell("faults", kind="error", account="acct_000002", times=5)
    statuses = [simulator.ask("GET", f"/api/{ACCOUNT}/{path}")[0] for path in ("me", "chats", "chats", "chats")]
    assert statuses == [200, 200, 500, 200]
    assert len(simulator.get("/_sim/faults")) == 1


@pytest.mark.parametrize("fault", [{}, {"kind": "no"}, {"kind": "error", "colour": "red"}])
def test_an_unknown_fault_is_refused(simulator: Simulated, fault: dict[str, str]) -> None:
    assert simulator.ask("POST", "/_sim/faults", fault)[0] == 422


def test_latency_is_what_was_asked_for(simulator: Simulated) -> None:
    simulator.tell("settings", latency=0.2)
    began = time.monotonic()
    simulator.get(f"/api/{ACCOUNT}/me")
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "Hi"}, 200),
        ({"mediaFiles": [1]}, 200),
        ({"text": "Hi", "price": 3, "mediaFiles": ["ofapi_media_1"]}, 200),
        ({"text": "Hi", "price": 3}, 422),
        ({"text": "Hi", "price": 2.99, "mediaFiles": [1]}, 422),
        ({"text": "Hi", "price": 200.01, "mediaFiles": [1]}, 422),
        ({"text": "Hi", "price": True, "mediaFiles": [1]}, 422),
        ({"text": "  "}, 422),
        ({"text": 5}, 422),
        ({"text": "Hi", "mediaFiles": "x"}, 422),
        ([], 422),
        (b"{", 400),
    ],
)
def test_what_can_be_sent(simulator: Simulated, body: object, status: int) -> None:
    assert simulator.send(simulator.fan(), body)[0] == status


def test_without_the_key_of_the_team_nothing_is_told(simulator: Simulated) -> None:
    for path in ("/api/accounts", "/api/whoami", "/api/webhooks", f"/api/{ACCOUNT}/me", "/api/acct_9/me"):
        assert simulator.ask("GET", path, headers={"Authorization": "Bearer no"})[0] == 401
    assert simulator.ask("GET", "/api/acct_9/me")[0] == 404


def test_a_filter_is_written_with_brackets(simulator: Simulated) -> None:
    path = f"/api/{ACCOUNT}/fans/all"
    assert simulator.ask("GET", f"{path}?filter.total_spent=5")[0] == 422
    rich = simulator.get(f"{path}?limit=20&filter%5Btotal_spent%5D=100")["data"]["list"]
    poor = simulator.get(f"{path}?limit=20&filter%5Bmax_total_spent%5D=99")["data"]["list"]
    assert all(fan["subscribedOnData"]["totalSumm"] >= 100 for fan in rich)
    assert all(fan["subscribedOnData"]["totalSumm"] <= 99 for fan in poor)
    name = rich[0]["username"]
    assert [fan["username"] for fan in simulator.get(f"{path}?query={name}")["data"]["list"]] == [name]
    assert simulator.ask("GET", f"{path}?limit=21")[0] == 422
