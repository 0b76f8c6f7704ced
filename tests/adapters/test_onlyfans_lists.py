"""What the adapter reads through the real client is what the simulator has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from huntaze.adapters.platform import (
    Fan,
    FanKind,
    PermanentError,
    PlatformAdapter,
    Reason,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from huntaze.adapters.platform.onlyfans import OnlyFans
from tests.simulated import ACCOUNT, Simulated, everything, simulated

pytestmark = pytest.mark.anyio
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


async def test_it_is_an_adapter() -> None:
    adapter: PlatformAdapter = OnlyFans("key", ACCOUNT)
    assert adapter.caps.idempotent_send


async def test_the_account_says_that_it_is_connected_and_what_is_left(onlyfans: OnlyFans) -> None:
    account = await onlyfans.account()
    assert (account.id, account.user_id, account.username) == (ACCOUNT, "500000001", "creator1")
    assert account.connected
    assert account.limits.credits_used == 1
    assert account.limits.credits_left == 999_999
    assert account.limits.left_this_minute


async def test_the_accounts_of_a_key_are_listed() -> None:
    with simulated(accounts=3) as simulator:
        async with OnlyFans("sim-key", "", base_url=simulator.url) as onlyfans:
            page = await onlyfans.accounts()
    assert [account.id for account in page.rows] == ["acct_000001", "acct_000002", "acct_000003"]


@pytest.mark.parametrize("kind", FanKind)
async def test_all_fans_come_although_pages_are_short(
    onlyfans: OnlyFans, simulator: Simulated, kind: FanKind
) -> None:
    """Deleted accounts are taken out of pages that go on nevertheless."""
    simulator.tell("act", deed="delete", fan=simulator.fan(3))
    fans = await everything(lambda cursor: onlyfans.list_fans(kind, cursor))
    there = simulator.lines("/_sim/state?part=fans")
    wanted = [fan for fan in there if kind is FanKind.ALL or fan["active"] is (kind is FanKind.ACTIVE)]
    assert [_facts(fan) for fan in reversed(fans)] == wanted


def _facts(fan: Fan) -> dict[str, object]:
    """A fan, as the simulator's dump has it."""
    assert fan.subscribed_at
    assert fan.expires_at
    assert fan.spent
    return {
        "id": fan.id,
        "username": fan.username,
        "name": fan.name,
        "active": fan.active,
        "renews": bool(fan.renews),
        "subscribed_at": fan.subscribed_at.isoformat(),
        "expires_at": fan.expires_at.isoformat(),
        "price": fan.price,
        "spent": fan.spent.total,
    }


async def test_a_fan_by_id_is_the_fan_of_the_list(onlyfans: OnlyFans) -> None:
    listed = (await onlyfans.list_fans(FanKind.ALL)).rows[0]
    assert await onlyfans.get_fan(listed.id) == listed
    assert listed.raw["subscribedOnData"]


async def test_a_fan_who_is_not_there_is_not_found(onlyfans: OnlyFans) -> None:
    with pytest.raises(PermanentError) as caught:
        await onlyfans.get_fan("123")
    assert caught.value.reason is Reason.NOT_FOUND


async def test_periods_of_one_who_left_and_came_back_have_a_gap(onlyfans: OnlyFans, simulator: Simulated) -> None:
    fan = (await onlyfans.list_fans(FanKind.ACTIVE)).rows[0]
    simulator.tell("act", deed="expire", fan=fan.id)
    simulator.tell("clock", advance=5 * 86_400)
    simulator.tell("act", deed="return", fan=fan.id)
    periods = (await onlyfans.subscription_history(fan.id)).rows
    assert periods[0].start > (periods[1].end or LONG_AGO)
    assert periods[0].price == fan.price


async def test_all_transactions_come_with_the_right_cents(onlyfans: OnlyFans, simulator: Simulated) -> None:
    rows = await everything(lambda cursor: onlyfans.list_transactions(LONG_AGO, cursor))
    there = simulator.lines("/_sim/state?part=transactions")
    assert len(there) == 700
    assert [_row(row) for row in reversed(rows)] == there
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
    assert {row.kind for row in rows} >= {TransactionKind.SUBSCRIPTION, TransactionKind.RENEWAL, TransactionKind.TIP}


def _row(transaction: Transaction) -> dict[str, object]:
    """A transaction, as the simulator's dump has it."""
    return {
        "id": transaction.id,
        "fan": transaction.fan_id,
        "kind": transaction.kind,
        "gross": transaction.gross,
        "fee": transaction.fee,
        "net": transaction.net,
        "vat": transaction.vat,
        "at": transaction.at.isoformat(),
        "reversed": transaction.status is TransactionStatus.REVERSED,
    }


async def test_transactions_since_a_day_are_those_since_that_day(onlyfans: OnlyFans) -> None:
    rows = await everything(lambda cursor: onlyfans.list_transactions(LONG_AGO, cursor))
    since = rows[40].at
    some = await everything(lambda cursor: onlyfans.list_transactions(since, cursor))
    assert [row.id for row in some] == [row.id for row in rows if row.at >= since]


async def test_chargebacks_name_their_transaction(onlyfans: OnlyFans, simulator: Simulated) -> None:
    simulator.tell("act", deed="tip", fan=simulator.fan(), cents=1_234)
    simulator.tell("act", deed="chargeback", fan=simulator.fan())
    first, *_ = await everything(onlyfans.list_chargebacks)
    newest = (await onlyfans.list_transactions(LONG_AGO)).rows[0]
    assert (first.transaction_id, first.gross, first.fan_id) == (newest.id, 1_234, newest.fan_id)
    assert first.kind is TransactionKind.TIP
    assert newest.status is TransactionStatus.REVERSED


async def test_balances_and_payouts_are_what_was_earned(onlyfans: OnlyFans, simulator: Simulated) -> None:
    balances = await onlyfans.balances()
    paid = sum(payout.amount for payout in await everything(onlyfans.list_payouts))
    assert paid + balances.available + balances.pending == simulator.lines("/_sim/state")[0]["net"]


async def test_the_vault_and_the_links_are_listed(onlyfans: OnlyFans) -> None:
    media = await everything(onlyfans.list_media)
    assert [each.id for each in media] == [str(number) for number in range(1_039, 999, -1)]
    assert {each.kind for each in media} == {"photo", "video"}
    assert media[0].tips == 1_650
    links = await everything(onlyfans.list_tracking_links)
    assert len(links) == 12
    assert links[0].revenue == 84 * 1_237


async def test_chats_come_latest_first(onlyfans: OnlyFans, simulator: Simulated) -> None:
    quiet = (await everything(onlyfans.list_chats))[-1]
    simulator.tell("act", deed="message", fan=quiet.id, text="5 < 6 &amp; <b>you</b>?")
    first, *others = await everything(onlyfans.list_chats)
    assert (first.id, first.unread) == (quiet.id, 1)
    assert first.last_message
    assert first.last_message.text == "5 < 6 &amp; <b>you</b>?"
    assert not first.last_message.mine
    assert len({chat.id for chat in others}) == len(simulator.lines("/_sim/state?part=fans")) - 1


@pytest.mark.parametrize("nested", [False, True])
async def test_both_shapes_of_a_list_of_messages_are_read(
    onlyfans: OnlyFans, simulator: Simulated, nested: bool
) -> None:
    chat = simulator.fan()
    for n in range(250):
        assert simulator.send(chat, {"text": f"number {n}\nof many"})[0] == 200
    simulator.tell("settings", nested_messages=nested)
    messages = await everything(lambda cursor: onlyfans.list_messages(chat, cursor))
    there = [each for each in simulator.lines("/_sim/state?part=messages") if each["chat"] == chat]
    assert [(each.id, each.text, each.mine, each.price) for each in reversed(messages)] == [
        (each["id"], each["text"], each["mine"], each["price"]) for each in there
    ]


async def test_a_wrong_key_is_unauthorized_and_a_wrong_account_not_found(simulator: Simulated) -> None:
    for key, account, reason in (("no", ACCOUNT, Reason.UNAUTHORIZED), ("sim-key", "acct_9", Reason.NOT_FOUND)):
        async with OnlyFans(key, account, base_url=simulator.url) as onlyfans:
            with pytest.raises(PermanentError) as caught:
                await onlyfans.account()
            assert caught.value.reason is reason
