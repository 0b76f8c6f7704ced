"""The platform's JSON: money in dollars, text as HTML, camelCase, times in ISO 8601."""

from __future__ import annotations

from html import escape
from typing import Any

from huntaze.simulator.chats import Mass, Message
from huntaze.simulator.clock import DAY, MONTH, iso
from huntaze.simulator.columns import Kind, Sum, fee, vat
from huntaze.simulator.world import PENDING_DAYS, Account, Media

Json = dict[str, Any]

TYPE_OF = {
    Kind.SUBSCRIPTION: "subscribes",
    Kind.RENEWAL: "subscribes",
    Kind.TIP: "tips",
    Kind.MESSAGE: "chat_messages",
    Kind.POST: "post",
    Kind.STREAM: "stream",
}
DESCRIPTION = {
    Kind.SUBSCRIPTION: "Subscription from",
    Kind.RENEWAL: "Recurring subscription from",
    Kind.TIP: "Tip from",
    Kind.MESSAGE: "Payment for message from",
    Kind.POST: "Payment for post from",
    Kind.STREAM: "Payment for stream from",
}


def dollars(cents: int) -> int | float:
    """As the platform writes money: 5 and 9.99."""
    return cents // 100 if cents % 100 == 0 else cents / 100


def html(text: str) -> str:
    """As the platform wraps what people type."""
    return "<p>" + escape(text, quote=False).replace("\n", "<br />\n") + "</p>"


def user(account: Account, fan: int) -> Json:
    fans = account.fans
    return {
        "id": fans.id(fan),
        "name": fans.name(fan),
        "username": fans.username(fan),
        "avatar": None,
        "avatarThumbs": None,
        "isVerified": False,
        "view": "s",
    }


def fan(account: Account, number: int) -> Json:
    fans, active, rebills = account.fans, account.is_active(number), account.fans.rebills(number)
    states = [
        {
            "id": "rebill_on",
            "type": "rebill_on",
            "name": "Renew On",
            "hasUser": active and rebills,
            "canAddUser": False,
        },
        {
            "id": "rebill_off",
            "type": "rebill_off",
            "name": "Renew Off",
            "hasUser": active and not rebills,
            "canAddUser": False,
        },
        {"id": "1001", "type": "custom", "name": "Big spenders", "hasUser": number % 25 == 0, "canAddUser": True},
    ]
    return {
        **user(account, number),
        "displayName": "" if number % 11 else f"Mr {fans.name(number)}",
        "lastSeen": None if number % 13 == 0 else iso(fans.seen[number]),
        "isBlocked": False,
        "isRestricted": False,
        "canReceiveChatMessage": True,
        "listsStates": states,
        "subscribedBy": None,
        "subscribedOn": active,
        "subscribedOnExpiredNow": not active,
        "subscribedOnDuration": f"{len(fans.periods(number))} months",
        "subscribedOnData": _subscription(account, number, active, rebills),
        "promoOffers": [],
    }


def _subscription(account: Account, number: int, active: bool, rebills: bool) -> Json:
    fans = account.fans
    price = dollars(fans.price[number])
    periods = fans.periods(number)
    sums = {name: dollars(fans.sums[which][number]) for name, which in SUMS.items()}
    return {
        "subscribeAt": iso(fans.subscribed[number]),
        "expiredAt": iso(fans.expires[number]),
        "renewedAt": iso(fans.expires[number]) if active and rebills else None,
        "status": None if active and rebills else "Set to Expire" if active else "Expired",
        "price": price,
        "regularPrice": price,
        "subscribePrice": price,
        "newPrice": price,
        "totalSumm": dollars(fans.total(number)),
        **sums,
        "lastActivity": iso(fans.seen[number]),
        "hasActivePaidSubscriptions": active,
        "isMuted": False,
        "unsubscribeReason": "",
        "duration": f"{len(periods)} months",
        "discountPercent": 0,
        "subscribes": [
            {
                "id": fans.id(number) * 100 + n,
                "userId": account.user_id,
                "subscriberId": fans.id(number),
                "action": "subscribe" if n == 0 else "prolong",
                "type": "standard",
                "date": iso(begin),
                "startDate": iso(begin),
                "expireDate": iso(end),
                "cancelDate": None,
                "price": price,
                "regularPrice": price,
                "discount": 0,
                "duration": MONTH // DAY,
                "isCurrent": active and n == len(periods) - 1,
            }
            for n, (begin, end) in enumerate(periods)
        ],
    }


SUMS = {
    "subscribesSumm": Sum.SUBSCRIBES,
    "tipsSumm": Sum.TIPS,
    "messagesSumm": Sum.MESSAGES,
    "postsSumm": Sum.POSTS,
    "streamsSumm": Sum.STREAMS,
}


def message(account: Account, fan_number: int, said: Message) -> Json:
    sender = account.user_id if said.mine else account.fans.id(fan_number)
    return {
        "responseType": "message",
        "id": said.id,
        "text": html(said.text),
        "giphyId": None,
        "lockedText": False,
        "isFree": said.price == 0,
        "price": dollars(said.price),
        "isMediaReady": True,
        "mediaCount": len(said.media),
        "media": [attachment(media_id) for media_id in said.media],
        "previews": [],
        "isTip": said.tip > 0,
        "isReportedByMe": False,
        "isCouplePeopleMedia": False,
        "queueId": said.queue or 0,
        "fromUser": {"id": sender, "_view": "s"},
        "isFromQueue": said.queue is not None,
        "isSentByMe": said.mine,
        "canPurchase": said.mine and said.price > 0 and not said.opened,
        "canPurchaseReason": "free" if said.price == 0 else "opened" if said.opened else "paid",
        "isOpened": said.opened,
        "isNew": False,
        "createdAt": iso(said.at),
        "changedAt": iso(said.at),
        "cancelSeconds": max(0, said.at + DAY - account.clock.now()) if said.mine else 0,
        "isLiked": False,
        "canReport": not said.mine,
    }


def attachment(media_id: int | str) -> Json:
    return {"id": media_id, "type": "photo", "canView": True, "hasError": False, "isReady": True, "duration": 0}


def chat(account: Account, fan_number: int) -> Json:
    last = account.chats.messages(fan_number, account.clock.now())
    return {
        "fan": {**user(account, fan_number), "subscribedOn": account.is_active(fan_number)},
        "unreadMessagesCount": account.chats.unread.get(fan_number, 0),
        "lastReadMessageId": 0,
        "hasUnreadTips": False,
        "isMutedNotifications": False,
        "canSendMessage": True,
        "canGoToProfile": True,
        "countPinnedMessages": 0,
        "lastMessage": message(account, fan_number, last[-1]) if last else None,
    }


def payment(account: Account, row: int) -> Json:
    payments = account.payments
    cents, payer, kind = payments.cents[row], payments.fan[row], Kind(payments.kind[row])
    days = PENDING_DAYS - (account.clock.now() - payments.at[row]) // DAY
    status = "undo" if row in payments.reversed else "loading" if days > 0 else "done"
    name, username = account.fans.name(payer), account.fans.username(payer)
    return {
        "id": payments.id(row),
        "amount": dollars(cents),
        "fee": dollars(fee(cents)),
        "net": dollars(cents - fee(cents)),
        "vatAmount": dollars(vat(payer, cents)),
        "taxAmount": 0,
        "mediaTaxAmount": 0,
        "currency": "USD",
        "type": TYPE_OF[kind],
        "status": status,
        "description": f'{DESCRIPTION[kind]} <a href="https://onlyfans.com/{username}">{escape(name)}</a>',
        "createdAt": iso(payments.at[row]),
        "payoutPendingDays": max(0, days),
        "user": user(account, payer),
    }


def chargeback(account: Account, row: int) -> Json:
    paid = payment(account, row)
    return {
        "id": row + 1,
        "createdAt": iso(account.payments.reversed[row]),
        "paymentType": paid.pop("type"),
        "payment": paid,
    }


def mass(account: Account, sent: Mass) -> Json:
    now = account.clock.now()
    reached = 0 if sent.canceled else sent.sent(now)
    left = max(0, sent.created + DAY - now)
    return {
        "id": sent.id,
        "date": iso(sent.date),
        "total": len(sent.fans),
        "pending": 0 if sent.canceled else len(sent.fans) - reached,
        "isReady": True,
        "isDone": not sent.canceled and reached == len(sent.fans),
        "isCanceled": sent.canceled,
        "hasError": False,
        "canUnsend": not sent.canceled and left > 0,
        "unsendSeconds": 0 if sent.canceled else left,
        "isCouplePeopleMedia": False,
    }


def mass_overview(account: Account, sent: Mass) -> Json:
    known = mass(account, sent)
    return {
        "id": sent.id,
        "date": known["date"],
        "text": html(sent.text),
        "rawText": sent.text,
        "isFree": sent.price == 0,
        "price": dollars(sent.price),
        "isCanceled": sent.canceled,
        "canUnsend": known["canUnsend"],
        "unsendSeconds": known["unsendSeconds"],
        "sentCount": known["total"] - known["pending"],
        "viewedCount": len(sent.opened),
        "mediaCount": len(sent.media),
        "media": [attachment(media_id) for media_id in sent.media],
        "previews": [],
    }


def media(account: Account, item: Media) -> Json:
    ready = account.clock.now() >= item.created + (2 if item.size else 0)
    return {
        "id": item.id,
        "type": item.type,
        "duration": item.duration,
        "createdAt": iso(item.created),
        "isReady": ready,
        "hasError": False,
        "canView": True,
        "convertedToVideo": False,
        "counters": {"likesCount": item.id % 40, "tipsSumm": dollars(item.id % 7 * 550)},
        "files": {"full": {"url": None, "width": 1080, "height": 1350, "size": item.size, "sources": []}},
        "listStates": [],
    }
