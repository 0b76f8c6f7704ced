"""What webhooks carry. In all notifications `user_id` is the creator; the fan is `user.id`."""

from __future__ import annotations

from typing import Any

from huntaze.simulator import shapes
from huntaze.simulator.chats import Message
from huntaze.simulator.clock import iso
from huntaze.simulator.columns import fee
from huntaze.simulator.world import Account

Json = dict[str, Any]


def received(account: Account, fan: int, said: Message) -> Json:
    return {**shapes.message(account, fan, said), "fromUser": shapes.user(account, fan)}


def sent(account: Account, fan: int, said: Json) -> Json:
    return {**said, "toUser": shapes.user(account, fan)}


def subscription(account: Account, fan: int, at: int, row: int, sub_type: str) -> Json:
    price = account.fans.price[fan]
    return {**_notification(account, fan, at, row, sub_type), "replacePairs": {"{PRICE}": f"${price / 100:.2f}"}}


def expiry(account: Account, fan: int, at: int) -> Json:
    id_ = account.fans.id(fan)
    return {
        "id": f"{id_}:{iso(at)[:10]}",
        "user_id": account.user_id,
        "user": shapes.user(account, fan),
        "createdAt": iso(at),
        "expiredAt": iso(at),
    }


def tip(account: Account, fan: int, at: int, row: int) -> Json:
    gross = account.payments.cents[row]
    return {
        **_notification(account, fan, at, row, "new_tips"),
        "amountGross": shapes.dollars(gross),
        "amountNet": shapes.dollars(gross - fee(gross)),
    }


def unlock(account: Account, fan: int, at: int, row: int, message_id: int) -> Json:
    id_ = account.fans.id(fan)
    link = f"<a href='https://onlyfans.com/my/chats/chat/{id_}?firstId={message_id}'>message</a>"
    cents = account.payments.cents[row]
    return {
        **_notification(account, fan, at, row, "ppv_unlocked"),
        "replacePairs": {"{AMOUNT}": f"${cents / 100:.2f}", "{MESSAGE_LINK}": link},
    }


def _notification(account: Account, fan: int, at: int, row: int, sub_type: str) -> Json:
    return {
        "id": str(account.number * 10_000_000_000 + row),
        "type": "subscriptions" if "subscriber" in sub_type else sub_type,
        "subType": sub_type,
        "createdAt": iso(at),
        "user_id": account.user_id,
        "user": shapes.user(account, fan),
    }
