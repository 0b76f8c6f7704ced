"""Answers that are not what the platform documents: an error or a rejected row, never a crash or a wrong number."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntaze.adapters.platform import FanKind, MessageDraft, Outcome, Page, PlatformError, Reason, RetryableError
from huntaze.adapters.platform.onlyfans import OnlyFans
from tests.simulated import Gateway

pytestmark = pytest.mark.anyio
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)
AT = "2026-06-01T12:00:00+00:00"
PAID = {"id": "t1", "amount": 10, "fee": 2, "net": 8, "type": "tips", "status": "done", "createdAt": AT}
SAID = {"id": 1, "text": "<p>Hi</p>", "price": 0, "isSentByMe": True, "createdAt": AT}
Ask = Callable[[OnlyFans], Awaitable[Any]]

CALLS: dict[str, Ask] = {
    "account": lambda of: of.account(),
    "accounts": lambda of: of.accounts(),
    "list_fans": lambda of: of.list_fans(FanKind.ALL),
    "get_fan": lambda of: of.get_fan("1"),
    "subscription_history": lambda of: of.subscription_history("1"),
    "list_chats": lambda of: of.list_chats(),
    "list_messages": lambda of: of.list_messages("1"),
    "list_mass": lambda of: of.list_mass(),
    "mass_results": lambda of: of.mass_results(),
    "list_buyers": lambda of: of.list_buyers("1"),
    "list_media": lambda of: of.list_media(),
    "list_transactions": lambda of: of.list_transactions(LONG_AGO),
    "list_chargebacks": lambda of: of.list_chargebacks(),
    "balances": lambda of: of.balances(),
    "list_payouts": lambda of: of.list_payouts(),
    "list_tracking_links": lambda of: of.list_tracking_links(),
}
NO_ANSWERS: list[object] = [
    b"",
    b"null",
    b"12",
    b'"text"',
    b"{}",
    b'{"data": null}',
    b'{"data": 7}',
    b'{"data": "list"}',
    b'{"data": {"list": 7}}',
    b'{"data": {"id": 1e999}}',
    b'{"data": {"list": [',
    b"<html>502</html>",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"data": {"id": NaN, "list": [NaN]}}',
]


@pytest.mark.parametrize("call", CALLS)
async def test_no_answer_is_malformed_and_kept(told: OnlyFans, gateway: Gateway, call: str) -> None:
    for body in NO_ANSWERS:
        gateway.body = body
        with pytest.raises(PlatformError) as caught:
            await CALLS[call](told)
        # An empty or bare `data` may say as well that there is no such fan.
        assert caught.value.reason in (Reason.MALFORMED, *((Reason.NOT_FOUND,) if call == "get_fan" else ())), body
        if caught.value.reason is Reason.MALFORMED:
            assert isinstance(caught.value, RetryableError)


NAMES = ["id", "data", "list", "items", "hasMore", "nextMarker", "_pagination", "next_page", "_meta", "user", "fan"]
NAMES += ["payment", "amount", "net", "fee", "price", "text", "createdAt", "date", "subscribedOnData", "listsStates"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from([AT, "12.50", "-1", "\ud800", "\0", "0001-01-01", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=JSON, row=JSON, rest=st.dictionaries(st.sampled_from(["_pagination", "_meta"]), JSON))
async def test_any_json_is_read_or_refused(
    told: OnlyFans, gateway: Gateway, call: str, data: object, row: object, rest: dict[str, object]
) -> None:
    for body in ({"data": data, **rest}, {"data": [row], **rest}, {"data": {"list": [row], "items": [row]}, **rest}):
        gateway.body = json.dumps(body, allow_nan=False).encode()
        try:
            answer = await CALLS[call](told)
        except PlatformError as error:
            assert error.reason in (Reason.MALFORMED, Reason.NOT_FOUND)  # noqa: PT017
            continue
        if isinstance(answer, Page) and body["data"] == [row]:
            assert len(answer.rows) + len(answer.rejected) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": None},
        {"amount": "ten"},
        {"amount": True},
        {"amount": 10.001},
        {"amount": 1e300},
        {"amount": {"value": 10}},
        {"net": 7.5},
        {"id": None},
        {"id": ""},
        {"id": -1},
        {"id": 1.5},
        {"createdAt": None},
        {"createdAt": "yesterday"},
        {"createdAt": 1_780_315_200},
        {"createdAt": "9999-12-31T23:59:59-23:59"},
        {"user": {"id": {}}},
    ],
)
async def test_a_wrong_transaction_is_rejected_and_the_others_come(
    told: OnlyFans, gateway: Gateway, wrong: dict[str, object]
) -> None:
    bad = PAID | wrong
    gateway.body = {"data": {"list": [PAID, bad, {**PAID, "id": "t2"}], "hasMore": True, "nextMarker": 9}}
    page = await told.list_transactions(LONG_AGO)
    assert [row.id for row in page.rows] == ["t1", "t2"]
    assert page.next == "9"
    assert [rejected.raw for rejected in page.rejected] == [bad]
    assert page.rejected[0].reason


@pytest.mark.parametrize(
    ("amount", "cents"),
    [(10, 1_000), (9.99, 999), (0.1 + 0.2, 30), ("12.50", 1_250), (19.9, 1_990), (-5, -500), (1.1 * 3, 330)],
)
async def test_dollars_become_cents_whatever_they_are_written_in(
    told: OnlyFans, gateway: Gateway, amount: object, cents: int
) -> None:
    gateway.body = {"data": {"list": [PAID | {"amount": amount, "fee": 0, "net": amount}]}}
    (row,) = (await told.list_transactions(LONG_AGO)).rows
    assert row.gross == cents


async def test_objects_where_lists_are_documented_are_read(told: OnlyFans, gateway: Gateway) -> None:
    """PHP writes a list with holes as an object, and an empty object as a list."""
    gateway.body = {
        "data": {
            "list": {"0": {"id": 7.0, "listsStates": {"3": {"id": "rebill_on", "hasUser": True}}}},
            "hasMore": False,
        }
    }
    (fan,) = (await told.list_fans(FanKind.ALL)).rows
    assert (fan.id, fan.renews) == ("7", True)
    gateway.body = {"data": {"list": [{"id": 7, "subscribedOnData": []}]}}
    (fan,) = (await told.list_fans(FanKind.ALL)).rows
    assert (fan.spent, fan.renews) == (None, None)


async def test_what_is_not_said_is_not_invented(told: OnlyFans, gateway: Gateway) -> None:
    gateway.body = {"data": {"list": [{"id": 7}]}}
    page = await told.list_fans(FanKind.ALL)
    (fan,) = page.rows
    assert fan.username is fan.active is fan.spent is fan.price is fan.expires_at is fan.last_seen is None
    assert page.limits.credits_left is page.limits.left_this_minute is None


async def test_a_message_whose_price_or_sender_is_not_told_is_rejected(told: OnlyFans, gateway: Gateway) -> None:
    unpriced = {name: value for name, value in SAID.items() if name != "price"}
    nobody = {name: value for name, value in SAID.items() if name != "isSentByMe"}
    theirs = {**nobody, "id": 2, "fromUser": {"id": 55}}
    gateway.body = {"data": [unpriced, nobody, theirs, {**unpriced, "id": 3, "isFree": True}]}
    page = await told.list_messages("55")
    assert [(message.id, message.mine, message.price) for message in page.rows] == [("2", False, 0), ("3", True, 0)]
    assert len(page.rejected) == 2


async def test_a_page_that_leads_to_itself_is_malformed(told: OnlyFans, gateway: Gateway) -> None:
    gateway.body = {"data": [SAID], "_pagination": {"next_page": "https://x.test/?first_id=1"}}
    assert (await told.list_messages("1")).next == "1"
    with pytest.raises(RetryableError) as caught:
        await told.list_messages("1", "1")
    assert caught.value.reason is Reason.MALFORMED


async def test_an_answer_without_an_id_leaves_a_send_unknown(told: OnlyFans, gateway: Gateway) -> None:
    for body in NO_ANSWERS:
        gateway.body = body
        result = await told.send_message("1", MessageDraft("Hi"), "key")
        assert result.state is Outcome.UNKNOWN, body


async def test_the_end_of_a_list_is_what_the_gateway_says_it_is(told: OnlyFans, gateway: Gateway) -> None:
    link = {"_pagination": {"next_page": "https://x.test/?offset=20&marker=5"}}
    for more, fans, transactions in ((False, None, None), (True, "20", "5"), (None, "20", "5")):
        gateway.body = {"data": {"list": [], "hasMore": more}, **link}
        assert (await told.list_fans(FanKind.ALL)).next == fans
        assert (await told.list_transactions(LONG_AGO)).next == transactions
    gateway.body = {"data": {"list": [], "hasMore": True}}
    assert (await told.list_fans(FanKind.ALL, "40")).next == "60"
    with pytest.raises(RetryableError) as caught:  # there is more, but where?
        await told.list_transactions(LONG_AGO)
    assert caught.value.reason is Reason.MALFORMED
