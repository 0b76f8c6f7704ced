"""Webhooks: what is signed is believed, and the fan is never taken for the creator."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze.adapters.platform import Event, EventKind, PermanentError, Reason
from huntaze.adapters.platform.onlyfans import OnlyFans
from tests.simulated import ACCOUNT, Listener, Simulated, listener, simulated
from tests.waiting import wait_until

SECRET = "a secret of the webhook"
CREATOR = "500000001"
NOTIFICATIONS = [f"subscriptions.{what}" for what in ("new", "renewed", "expired")]
NOTIFICATIONS += ["messages.ppv.unlocked", "tips.received"]
EVENTS = [
    *NOTIFICATIONS,
    "messages.received",
    "messages.sent",
    "messages.deleted",
    "transactions.new",
    "users.typing",
]
NO_EVENTS = [b"", b"null", b"[]", b"{}", b'{"event": "x"}', b'{"event": 5, "account_id": "a"}', b"\xff"]
NAMES = ["id", "user", "fromUser", "toUser", "createdAt", "replacePairs", "{AMOUNT}", "amountGross"]


@pytest.fixture
def heard() -> Iterator[Listener]:
    with listener() as listening:
        yield listening


def parse(body: bytes, **headers: str) -> Event:
    return OnlyFans("key", ACCOUNT).parse_webhook(headers, body, SECRET)


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def envelope(event: str, payload: object) -> bytes:
    return json.dumps({"event": event, "account_id": ACCOUNT, "payload": payload}).encode()


def read(event: str, payload: object) -> Event:
    body = envelope(event, payload)
    return parse(body, Signature=signed(body))


def test_all_that_fans_do_arrives(simulator: Simulated, heard: Listener) -> None:
    simulator.tell("webhooks", url=heard.url, secret=SECRET)
    fan = simulator.fan()
    simulator.send(fan, {"text": "Hi", "price": 12.5, "mediaFiles": [1]}, "k")
    for deed, more in (
        ("message", {"text": "Hello <3\nyou"}),
        ("tip", {"cents": 2_050}),
        ("renew", {}),
        ("expire", {}),
        ("return", {}),
    ):
        simulator.tell("act", deed=deed, fan=fan, **more)
    # One who has been there for a while has unpaid messages, too; the newest is the one that was just sent.
    simulator.tell("act", deed="unlock", fan=fan)
    new = simulator.tell("act", deed="subscribe")["fan"]
    wait_until(lambda: heard.heard != [] and simulator.get("/_sim/health")["webhooks_idle"])
    events = [OnlyFans("key", ACCOUNT).parse_webhook(headers, body, SECRET) for headers, body in heard.heard]
    assert [event.problem for event in events] == [None] * len(events)
    assert {event.account_id for event in events} == {ACCOUNT}
    assert len({event.key for event in events}) == len(events)
    assert CREATOR not in {event.fan_id for event in events}
    of_fan = [event for event in events if event.fan_id == fan]
    first = {event.kind: event for event in reversed(of_fan)}
    assert first[EventKind.MESSAGE_SENT].message
    assert first[EventKind.MESSAGE_SENT].message.price == 1_250
    assert first[EventKind.MESSAGE_RECEIVED].message
    assert first[EventKind.MESSAGE_RECEIVED].message.text == "Hello <3\nyou"
    assert first[EventKind.TIP].amount == 2_050
    assert first[EventKind.TRANSACTION].transaction
    assert first[EventKind.TRANSACTION].transaction.gross == 2_050
    assert first[EventKind.RENEWED].amount
    assert first[EventKind.EXPIRED].at
    assert first[EventKind.SUBSCRIBED].amount == first[EventKind.RENEWED].amount
    assert first[EventKind.MESSAGE_UNLOCKED].message_id
    assert first[EventKind.MESSAGE_UNLOCKED].amount
    assert [event.fan_id for event in events][-2:] == [new, new]


def test_a_forged_webhook_is_refused() -> None:
    body = envelope("tips.received", {"user": {"id": 1}})
    good = signed(body)
    assert parse(body, Signature=good).kind is EventKind.TIP
    assert parse(body, signature=good.upper()).kind is EventKind.TIP
    for headers in ({}, {"Signature": ""}, {"Signature": signed(body, "other")}, {"Signature": "é" + good[1:]}):
        with pytest.raises(PermanentError) as caught:
            parse(body, **headers)
        assert caught.value.reason is Reason.SIGNATURE
    with pytest.raises(PermanentError):
        parse(body + b" ", Signature=good)


def test_without_a_secret_nothing_is_believed() -> None:
    body = envelope("tips.received", {})
    with pytest.raises(PermanentError):
        OnlyFans("key", ACCOUNT).parse_webhook({"Signature": signed(body, "")}, body, "")


def test_the_fan_of_a_purchase_is_the_user_and_not_the_user_id() -> None:
    payload = {"id": "9", "createdAt": "2026-06-01T12:00:00+00:00", "user_id": int(CREATOR), "user": {"id": 77}}
    event = read("messages.ppv.unlocked", {**payload, "replacePairs": {"{AMOUNT}": "$12.00"}})
    assert (event.fan_id, event.amount, event.message_id) == ("77", 1_200, None)


def test_the_fan_of_a_purchase_may_be_in_its_link_only() -> None:
    link = "<a href='https://onlyfans.com/my/chats/chat/490236?firstId=1040887'>message</a>"
    event = read("messages.ppv.unlocked", {"id": "9", "user_id": 5, "replacePairs": {"{MESSAGE_LINK}": link}})
    assert (event.fan_id, event.message_id, event.problem) == ("490236", "1040887", None)


@pytest.mark.parametrize(
    "event",
    ["messages.ppv.unlocked", "tips.received", "subscriptions.new", "subscriptions.renewed", "subscriptions.expired"],
)
def test_a_fan_who_is_not_told_is_a_problem_and_not_the_creator(event: str) -> None:
    told = read(event, {"id": "9", "user_id": int(CREATOR), "amountGross": 5})
    assert told.fan_id is None
    assert told.problem
    assert told.raw["payload"]["user_id"] == int(CREATOR)


def test_an_unknown_event_is_kept() -> None:
    event = read("stories.liked", {"who": "knows"})
    assert (event.kind, event.name, event.problem) == (EventKind.UNKNOWN, "stories.liked", None)
    assert event.raw["payload"] == {"who": "knows"}


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"event": "x"}', b'{"event": 5, "account_id": "a"}', b"\xff"]
)
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(body, Signature=signed(body))
    assert caught.value.reason is Reason.MALFORMED


PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@given(event=st.sampled_from(EVENTS), payload=PAYLOADS)
def test_any_payload_is_read_or_has_a_problem(event: str, payload: object) -> None:
    told = read(event, payload)
    assert told.name == event


def test_the_platform_tries_thrice_and_the_adapter_reads_the_same_event_each_time(heard: Listener) -> None:
    with simulated() as simulator:
        heard.statuses = [500, 302]
        simulator.tell("webhooks", url=heard.url, secret=SECRET, pause=0.01)
        simulator.tell("act", deed="message", fan=simulator.fan(), text="Hi")
        wait_until(lambda: len(heard.heard) == 3)
    first, *others = [OnlyFans("key", ACCOUNT).parse_webhook(headers, body, SECRET) for headers, body in heard.heard]
    assert others == [first, first]


def test_a_webhook_is_read_without_loading_the_client() -> None:
    """It takes 60 MB, in each process of the web."""
    body = envelope("tips.received", {"user": {"id": 1}, "amountGross": 5})
    program = f"""
import sys
from huntaze.adapters.platform.onlyfans import OnlyFans
event = OnlyFans("key", "{ACCOUNT}").parse_webhook({{"Signature": "{signed(body)}"}}, {body!r}, "{SECRET}")
assert event.amount == 500
assert not {{"onlyfansapi", "aiohttp", "httpx"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
