"""Webhooks are signed, repeated until they are taken, and on demand doubled, shuffled and held back."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator

import pytest

from tests.simulated import ACCOUNT, Listener, Simulated, listener, simulated
from tests.waiting import wait_until


@pytest.fixture
def heard() -> Iterator[Listener]:
    with listener() as listening:
        yield listening


def key_of(headers: dict[str, str]) -> str | None:
    return headers.get("X-OFAPI-Idempotency-Key")


def emit(simulator: Simulated, count: int, event: str = "messages.received") -> None:
    for n in range(count):
        simulator.tell("webhooks/emit", event=event, account=ACCOUNT, payload={"n": n})


def numbers(heard: Listener) -> list[int]:
    return [event["payload"]["n"] for event in heard.events()]


def test_a_delivery_is_signed_and_has_a_key(simulator: Simulated, heard: Listener) -> None:
    simulator.tell("webhooks", url=heard.url, secret="shh")
    emit(simulator, 2)
    wait_until(lambda: len(heard.heard) == 2)
    for headers, body in heard.heard:
        assert headers["Signature"] == hmac.new(b"shh", body, "sha256").hexdigest()
        assert json.loads(body).keys() == {"event", "account_id", "payload"}
    assert len({key_of(headers) for headers, _ in heard.heard}) == 2
    assert numbers(heard) == [0, 1]


def test_presence_has_no_key(simulator: Simulated, heard: Listener) -> None:
    simulator.tell("webhooks", url=heard.url)
    emit(simulator, 1, "users.typing")
    wait_until(lambda: len(heard.heard) == 1)
    assert key_of(heard.heard[0][0]) is None
    assert "Signature" not in heard.heard[0][0]


def test_it_is_tried_three_times_with_the_same_key(simulator: Simulated, heard: Listener) -> None:
    heard.statuses = [500, 404, 503]
    simulator.tell("webhooks", url=heard.url, secret="shh", pause=0.01)
    emit(simulator, 1)
    wait_until(lambda: simulator.get("/_sim/health")["webhooks_idle"] and len(heard.heard) == 3)
    assert len({(key_of(headers), body) for headers, body in heard.heard}) == 1
    assert [row["statuses"] for row in simulator.lines("/_sim/webhooks")] == [[500, 404, 503]]


def test_what_was_refused_comes_after_what_was_not(simulator: Simulated, heard: Listener) -> None:
    heard.statuses = [500]
    simulator.tell("webhooks", url=heard.url, pause=1)
    emit(simulator, 3)
    wait_until(lambda: len(heard.heard) == 4)
    assert numbers(heard) == [0, 1, 2, 0]


def test_a_listener_that_is_not_there_is_tried_too(simulator: Simulated) -> None:
    with listener() as gone:
        url = gone.url
    simulator.tell("webhooks", url=url, pause=0.01)
    emit(simulator, 1)
    wait_until(lambda: [row["statuses"] for row in simulator.lines("/_sim/webhooks")] == [[0, 0, 0]])


def test_copies_have_the_same_key(simulator: Simulated, heard: Listener) -> None:
    simulator.tell("webhooks", url=heard.url, copies=3)
    emit(simulator, 2)
    wait_until(lambda: len(heard.heard) == 6)
    assert len({key_of(headers) for headers, _ in heard.heard}) == 2


def shuffled(seed: int) -> list[int]:
    with simulated(seed=seed) as simulator, listener() as heard:
        simulator.tell("webhooks", url=heard.url, held=True, shuffled=True)
        emit(simulator, 20)
        assert heard.heard == []
        assert simulator.tell("webhooks/flush") == {"delivering": 20}
        wait_until(lambda: len(heard.heard) == 20)
        return numbers(heard)


def test_what_was_held_back_comes_in_an_order_of_the_seed() -> None:
    order = shuffled(1)
    assert order != sorted(order)
    assert sorted(order) == list(range(20))
    assert shuffled(1) == order
    assert shuffled(2) != order


def test_a_hook_is_made_over_the_api_and_hears_what_it_asked_for(heard: Listener) -> None:
    with simulated(accounts=2) as simulator:
        wanted = {"endpoint_url": heard.url, "events": ["tips.received"], "signing_secret": "shh"}
        body = {**wanted, "account_scope": "inclusive", "account_ids": [ACCOUNT]}
        assert simulator.ask("POST", "/api/webhooks", body)[0] == 200
        assert simulator.ask("POST", "/api/webhooks", {**body, "events": ["no.such"]})[0] == 422
        assert simulator.ask("POST", "/api/webhooks", {})[0] == 422
        (hook,) = simulator.get("/api/webhooks")["data"]
        assert hook["has_signing_secret"]
        simulator.tell("act", deed="tip", account="acct_000002")
        simulator.tell("act", deed="tip")
        wait_until(lambda: len(heard.heard) == 1)
        assert heard.events()[0]["account_id"] == ACCOUNT
        simulator.ask("DELETE", f"/api/webhooks/{hook['id']}")
        assert simulator.get("/api/webhooks")["data"] == []


def test_a_mass_message_is_told_when_it_is_made_and_when_it_is_done(heard: Listener) -> None:
    with simulated(activity=0.001) as simulator:
        simulator.tell("webhooks", url=heard.url, events=["chat_queue.updated", "chat_queue.finished"])
        simulator.ask("POST", f"/api/{ACCOUNT}/mass-messaging", {"text": "Hi", "userLists": ["fans"]})
        simulator.tell("clock", advance=60)
        wait_until(lambda: len(heard.heard) == 2)
    assert [event["payload"]["isDone"] for event in heard.events()][1]
