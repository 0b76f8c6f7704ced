"""What becomes of a send: sent, not sent or unknown, and how often it went out."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from aiohttp.client_reqrep import ClientRequest

from huntaze import logs
from huntaze.adapters.platform import (
    Cents,
    MassDraft,
    MessageDraft,
    Outcome,
    PermanentError,
    PlatformError,
    Reason,
    RetryableError,
    UploadFile,
)
from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts, open_http_client
from tests.simulated import ACCOUNT, Gateway, Simulated, everything, simulated

pytestmark = pytest.mark.anyio
SHORT = Timeouts(connect=1, total=0.4, upload=1)
HELLO = MessageDraft("Hello")
PAID = MessageDraft('My "new" set <3\n& more', price=Cents(999), media=("1001", "ofapi_media_7"), previews=("1001",))


async def test_a_message_goes_out_as_it_was_drafted(onlyfans: OnlyFans, simulator: Simulated) -> None:
    chat = simulator.fan()
    result = await onlyfans.send_message(chat, PAID, "key-1")
    assert result.state is Outcome.SENT
    assert not result.replayed
    assert result.limits.credits_used == 1
    (entry,) = simulator.ledger()
    assert (entry["chat"], entry["key"], entry["text"], entry["price"]) == (chat, "key-1", PAID.text, 999)
    assert result.message
    assert result.message == (await onlyfans.list_messages(chat)).rows[0]
    assert (result.message.text, result.message.price, result.message.media) == (PAID.text, 999, PAID.media)
    assert result.message.opened is False


async def test_the_same_key_sends_once(onlyfans: OnlyFans, simulator: Simulated) -> None:
    chat = simulator.fan()
    first = await onlyfans.send_message(chat, HELLO, "key-1")
    second = await onlyfans.send_message(chat, HELLO, "key-1")
    assert second.replayed
    assert second.state is Outcome.SENT
    assert second.message == first.message
    assert len(simulator.ledger()) == 1


async def test_a_key_of_something_else_leaves_it_unknown(onlyfans: OnlyFans, simulator: Simulated) -> None:
    """Something did go out under this key: to call it not sent would have it sent with a new key."""
    await onlyfans.send_message(simulator.fan(), HELLO, "key-1")
    result = await onlyfans.send_message(simulator.fan(), PAID, "key-1")
    assert result.state is Outcome.UNKNOWN
    assert isinstance(result.error, PermanentError)


@pytest.mark.parametrize(
    "draft",
    [
        MessageDraft(""),
        MessageDraft("x", price=Cents(999)),
        MessageDraft("x", price=Cents(299), media=("1001",)),
        MessageDraft("x", price=Cents(20_001), media=("1001",)),
    ],
)
async def test_what_the_platform_refuses_is_not_sent(
    onlyfans: OnlyFans, simulator: Simulated, draft: MessageDraft
) -> None:
    result = await onlyfans.send_message(simulator.fan(), draft, "key-1")
    assert result.state is Outcome.NOT_SENT
    assert isinstance(result.error, PermanentError)
    assert result.error.reason is Reason.REFUSED
    assert simulator.ledger() == []


@pytest.mark.parametrize(
    ("fault", "state", "reason", "retryable", "sends"),
    [
        ("error", Outcome.UNKNOWN, Reason.UNAVAILABLE, True, 0),
        ("error_after", Outcome.UNKNOWN, Reason.UNAVAILABLE, True, 1),
        ("not_sent", Outcome.NOT_SENT, Reason.UNAVAILABLE, True, 0),
        ("reset", Outcome.UNKNOWN, Reason.DISCONNECTED, True, 0),
        ("reset_after", Outcome.UNKNOWN, Reason.DISCONNECTED, True, 1),
        ("truncated", Outcome.UNKNOWN, Reason.DISCONNECTED, True, 1),
        ("malformed", Outcome.UNKNOWN, Reason.MALFORMED, True, 1),
        ("wrong_shape", Outcome.UNKNOWN, Reason.MALFORMED, True, 1),
        ("rate_limited", Outcome.NOT_SENT, Reason.RATE_LIMITED, True, 0),
        ("unauthorized", Outcome.NOT_SENT, Reason.UNAUTHORIZED, False, 0),
        ("forbidden", Outcome.NOT_SENT, Reason.FORBIDDEN, False, 0),
        ("not_found", Outcome.NOT_SENT, Reason.NOT_FOUND, False, 0),
    ],
)
async def test_each_fault_has_its_outcome(
    onlyfans: OnlyFans, simulator: Simulated, fault: str, state: Outcome, reason: Reason, retryable: bool, sends: int
) -> None:
    """After any of them the same key sends once in all, but where the gateway answered 500 after it had sent.
    A refusal is kept with its key, as any answer below 500."""
    chat = simulator.fan()
    simulator.tell("faults", kind=fault, on="send")
    result = await onlyfans.send_message(chat, HELLO, "key-1")
    assert result.state is state
    assert result.error
    assert result.error.reason is reason
    assert isinstance(result.error, RetryableError) is retryable
    assert len(simulator.ledger()) == sends
    again = await onlyfans.send_message(chat, HELLO, "key-1")
    if reason in (Reason.FORBIDDEN, Reason.NOT_FOUND):
        assert (again.state, again.replayed) == (Outcome.NOT_SENT, True)
        again = await onlyfans.send_message(chat, HELLO, "key-2")
    assert again.state is Outcome.SENT
    assert again.replayed is (sends == 1 and fault != "error_after")
    assert len(simulator.ledger()) == (2 if fault == "error_after" else 1)


@pytest.mark.parametrize(("fault", "sends"), [("hang", 0), ("hang_after", 1)])
async def test_a_call_that_hangs_ends_at_its_deadline(simulator: Simulated, fault: str, sends: int) -> None:
    chat = simulator.fan()
    simulator.tell("faults", kind=fault, on="send")
    async with OnlyFans("sim-key", ACCOUNT, base_url=simulator.url, timeouts=SHORT) as onlyfans:
        began = asyncio.get_running_loop().time()
        result = await onlyfans.send_message(chat, HELLO, "key-1")
        assert asyncio.get_running_loop().time() - began < 4
    assert result.state is Outcome.UNKNOWN
    assert result.error
    assert result.error.reason is Reason.TIMED_OUT
    assert len(simulator.ledger()) == sends


async def test_a_key_whose_first_request_still_runs_is_a_conflict(onlyfans: OnlyFans, simulator: Simulated) -> None:
    chat = simulator.fan()
    simulator.tell("settings", latency=1)
    first, second = await asyncio.gather(
        onlyfans.send_message(chat, HELLO, "key-1"), onlyfans.send_message(chat, HELLO, "key-1")
    )
    loser = first if first.error else second
    assert {first.state, second.state} == {Outcome.SENT, Outcome.UNKNOWN}
    assert isinstance(loser.error, RetryableError)
    assert loser.error.reason is Reason.CONFLICT
    assert len(simulator.ledger()) == 1


async def test_nothing_goes_out_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with OnlyFans("key", ACCOUNT, base_url=f"http://127.0.0.1:{port}", timeouts=SHORT) as onlyfans:
        result = await onlyfans.send_message("1", HELLO, "key-1")
    assert result.state is Outcome.NOT_SENT
    assert isinstance(result.error, RetryableError)
    assert result.error.reason is Reason.DISCONNECTED


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1", 1.0), ("120", 120.0), ("0.5", 0.5), ("-3", 0.0), ("9e99", 86_400.0), ("soon", None), ("nan", None)],
)
async def test_retry_after_is_told_however_long_it_is(
    told: OnlyFans, gateway: Gateway, header: str, seconds: float | None
) -> None:
    gateway.status, gateway.headers = 429, {"Retry-After": header}
    result = await told.send_message("1", HELLO, "key-1")
    assert result.state is Outcome.NOT_SENT
    assert result.error
    assert result.error.retry_after == seconds
    assert len(gateway.asked) == 1  # the client itself does not try again


async def test_retry_after_may_be_a_date(told: OnlyFans, gateway: Gateway) -> None:
    in_a_minute = datetime.now(UTC) + timedelta(seconds=60)
    gateway.status, gateway.headers = 429, {"Retry-After": in_a_minute.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    with pytest.raises(RetryableError) as caught:
        await told.account()
    assert 55 < (caught.value.retry_after or 0) <= 60


async def test_what_the_answer_says_of_the_outcome_counts_more_than_its_status(
    told: OnlyFans, gateway: Gateway
) -> None:
    for status, outcome in ((500, "not_sent"), (404, "unknown"), (500, "sent"), (503, None)):
        gateway.status, gateway.body = status, {"request_outcome": outcome} if outcome else b"<h1>Bad gateway</h1>"
        result = await told.send_message("1", HELLO, "key-1")
        assert result.state == (outcome or "unknown")


async def test_a_sent_message_that_cannot_be_read_is_sent_all_the_same(told: OnlyFans, gateway: Gateway) -> None:
    gateway.body = {"data": {"id": 7, "createdAt": "never", "price": "a lot"}}
    result = await told.send_message("1", HELLO, "key-1")
    assert (result.state, result.message) == (Outcome.SENT, None)


async def test_the_pace_of_the_platform_is_told() -> None:
    with simulated(send_rate=0.05, send_burst=2) as simulator:
        async with OnlyFans("sim-key", ACCOUNT, base_url=simulator.url) as onlyfans:
            chat = simulator.fan()
            results = [await onlyfans.send_message(chat, HELLO, f"key-{n}") for n in range(3)]
        assert [result.state for result in results] == [Outcome.SENT, Outcome.SENT, Outcome.NOT_SENT]
        assert results[2].error
        assert 10 < (results[2].error.retry_after or 0) <= 20
        assert len(simulator.ledger()) == 2


async def test_a_message_is_deleted_within_a_day(onlyfans: OnlyFans, simulator: Simulated) -> None:
    chat = simulator.fan()
    sent = [await onlyfans.send_message(chat, HELLO, f"key-{n}") for n in range(2)]
    first, second = (result.message.id for result in sent if result.message)
    await onlyfans.delete_message(chat, first)
    assert first not in [message.id for message in (await onlyfans.list_messages(chat)).rows]
    simulator.tell("clock", advance=86_400)
    with pytest.raises(PermanentError):
        await onlyfans.delete_message(chat, second)
    with pytest.raises(PermanentError) as caught:
        await onlyfans.delete_message(chat, first)
    assert caught.value.reason is Reason.NOT_FOUND


async def test_a_mass_message_reaches_its_lists_but_those_left_out(onlyfans: OnlyFans, simulator: Simulated) -> None:
    fans = [fan["id"] for fan in simulator.lines("/_sim/state?part=fans") if fan["active"]]
    draft = MassDraft("For all", lists=("fans",), excluded_lists=("1001",), fan_ids=(fans[0],), media=("1001",))
    sent = await onlyfans.send_mass(draft)
    assert sent.total
    assert sent.total <= len(fans)
    assert [mass.id for mass in (await onlyfans.list_mass()).rows] == [sent.id]
    (result,) = await everything(onlyfans.mass_results)
    assert (result.text, result.sent) == ("For all", sent.total)
    latest = (await onlyfans.list_messages(fans[1])).rows[0]
    assert (latest.text, latest.mass_id) == ("For all", sent.id)
    await onlyfans.cancel_mass(sent.id)
    assert (await onlyfans.list_messages(fans[1])).rows[0].mass_id is None
    assert (await onlyfans.list_mass()).rows[0].canceled


async def test_a_mass_message_has_its_place_among_the_others(onlyfans: OnlyFans, simulator: Simulated) -> None:
    chat = simulator.fan()
    for n in range(70):
        await onlyfans.send_message(chat, MessageDraft(f"before {n}"), f"before-{n}")
    await onlyfans.send_mass(MassDraft("To all", fan_ids=(chat,)))
    for n in range(99):
        await onlyfans.send_message(chat, MessageDraft(f"after {n}"), f"after-{n}")
    messages = await everything(lambda cursor: onlyfans.list_messages(chat, cursor))
    assert messages[99].text == "To all"
    assert [message.text for message in messages[100:170]] == [f"before {n}" for n in reversed(range(70))]


async def test_a_scheduled_mass_message_waits(onlyfans: OnlyFans, simulator: Simulated) -> None:
    chat = simulator.fan()
    at = datetime(2026, 6, 1, 13, tzinfo=UTC)
    sent = await onlyfans.send_mass(MassDraft("Later", fan_ids=(chat,), at=at))
    assert (sent.at, sent.pending, sent.done) == (at, 1, False)
    assert (await onlyfans.list_messages(chat)).rows[0].text != "Later"
    simulator.tell("clock", advance=3_600)
    assert (await onlyfans.list_mass()).rows[0].done
    assert (await onlyfans.list_messages(chat)).rows[0].text == "Later"


async def test_buyers_of_a_mass_message_are_listed() -> None:
    with simulated(activity=1) as simulator:
        async with OnlyFans("sim-key", ACCOUNT, base_url=simulator.url) as onlyfans:
            sent = await onlyfans.send_mass(MassDraft("Buy", price=Cents(500), media=("1001",), lists=("expired",)))
            simulator.tell("clock", advance=7_200)
            buyers = await everything(lambda cursor: onlyfans.list_buyers(sent.id, cursor))
            (result,) = await everything(onlyfans.mass_results)
    assert buyers
    assert result.viewed == len({fan.id for fan in buyers})


async def test_a_mass_message_whose_answer_is_lost_is_unknown(onlyfans: OnlyFans, simulator: Simulated) -> None:
    simulator.tell("faults", kind="reset_after", on="send_mass")
    with pytest.raises(RetryableError) as caught:
        await onlyfans.send_mass(MassDraft("Once", lists=("fans",)))
    assert caught.value.outcome is Outcome.UNKNOWN
    assert len((await onlyfans.list_mass()).rows) == 1


async def test_a_photo_is_uploaded(onlyfans: OnlyFans, simulator: Simulated) -> None:
    media = await onlyfans.upload_media(UploadFile("a photo.jpg", b"\xff\xd8" + b"x" * 200_000, "image/jpeg"))
    assert (media.kind, media.ready) == ("photo", False)
    simulator.tell("clock", advance=2)
    latest = (await onlyfans.list_media()).rows[0]
    assert (latest.id, latest.ready) == (media.id, True)
    assert latest.raw["files"]["full"]["size"] == 200_002


async def test_an_empty_upload_is_refused(onlyfans: OnlyFans) -> None:
    with pytest.raises(PermanentError) as caught:
        await onlyfans.upload_media(UploadFile("a.jpg", b"", "image/jpeg"))
    assert caught.value.reason is Reason.REFUSED


@pytest.mark.parametrize("kind", ["error", "reset", "malformed", "truncated", "rate_limited", "hang"])
async def test_a_list_that_breaks_raises_and_can_be_read_again(simulator: Simulated, kind: str) -> None:
    async with OnlyFans("sim-key", ACCOUNT, base_url=simulator.url, timeouts=Timeouts(total=1.5)) as onlyfans:
        simulator.tell("faults", kind=kind, on="transactions", retry_after=120, times=2)  # a GET is sent once more
        with pytest.raises(RetryableError) as caught:
            await onlyfans.list_transactions(datetime(2015, 1, 1, tzinfo=UTC))
        assert (caught.value.retry_after == 120) is (kind == "rate_limited")
        assert "Hello" not in str(caught.value)
        simulator.ask("DELETE", "/_sim/faults")
        assert (await onlyfans.list_transactions(datetime(2015, 1, 1, tzinfo=UTC))).rows


async def test_accounts_share_connections_but_no_cookies(gateway: Gateway) -> None:
    gateway.headers = {"Set-Cookie": "session=of-the-first; Path=/"}
    gateway.body = {"data": {"id": 1}}
    http_client = open_http_client(Timeouts(), 10)
    for account in ("acct_1", "acct_2"):
        onlyfans = OnlyFans("key", account, base_url=gateway.url, http_client=http_client)
        await onlyfans.account()
        await onlyfans.aclose()
    assert not http_client.is_closed
    assert list(http_client.cookies.jar) == []
    await http_client.aclose()


async def test_a_platform_error_shows_no_text_of_a_message(told: OnlyFans, gateway: Gateway) -> None:
    gateway.body = {"data": [{"id": "a secret", "text": {"a": "secret"}, "createdAt": "a secret"}]}
    page = await told.list_messages("1")
    assert page.rows == ()
    assert page.rejected[0].raw == gateway.body["data"][0]  # type: ignore[index]
    assert "secret" not in page.rejected[0].reason
    gateway.body = b"a secret"
    with pytest.raises(PlatformError) as caught:
        await told.list_messages("1")
    assert caught.value.raw == "a secret"
    assert "secret" not in str(caught.value)


async def test_what_is_sent_is_not_logged(onlyfans: OnlyFans, simulator: Simulated) -> None:
    root, written = logging.getLogger(), StringIO()
    before = root.handlers[:], root.level
    try:
        logs.configure("DEBUG")
        root.handlers[:] = [logging.StreamHandler(written)]
        await onlyfans.send_message(simulator.fan(), MessageDraft("a secret"), "key-1")
    finally:
        root.handlers[:], root.level = before
    assert "secret" not in written.getvalue()
    assert "sim-key" not in written.getvalue()
    assert "/chats/" not in written.getvalue()


async def test_what_would_be_too_late_is_not_written(onlyfans: OnlyFans, simulator: Simulated) -> None:
    """On a fresh connection, and on one that is open already."""
    chat = simulator.fan()
    for n in range(2):
        late = await onlyfans.send_message(chat, HELLO, f"late-{n}", not_after=time.monotonic())
        assert (late.state, len(simulator.ledger())) == (Outcome.NOT_SENT, n)
        in_time = await onlyfans.send_message(chat, HELLO, f"in-time-{n}", not_after=time.monotonic() + 20)
        assert (in_time.state, len(simulator.ledger())) == (Outcome.SENT, n + 1)


async def test_a_send_that_was_held_up_before_its_body_is_not_written(
    onlyfans: OnlyFans, simulator: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the process stood still for a while: of a call that was given up nothing may go out."""
    chat = simulator.fan()
    late = 0.0
    write = ClientRequest.write_bytes

    async def write_late(self: ClientRequest, *arguments: Any, **named: Any) -> None:
        while time.monotonic() < late:
            await asyncio.sleep(0.01)
        await write(self, *arguments, **named)

    monkeypatch.setattr(ClientRequest, "write_bytes", write_late)
    await onlyfans.send_message(chat, HELLO, "opens-the-connection", not_after=time.monotonic() + 20)
    late = time.monotonic() + 0.5
    result = await onlyfans.send_message(chat, HELLO, "late", not_after=late)
    assert result.state is Outcome.NOT_SENT
    assert [entry["key"] for entry in simulator.ledger()] == ["opens-the-connection"]
