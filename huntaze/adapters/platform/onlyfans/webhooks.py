"""Webhooks of the gateway. The client brings no verifier."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from huntaze.adapters.platform.errors import Outcome, PermanentError, Reason
from huntaze.adapters.platform.onlyfans import wire, wire_money
from huntaze.adapters.platform.onlyfans.answers import reason_of
from huntaze.adapters.platform.onlyfans.values import cents, platform_id, price_in, utc
from huntaze.adapters.platform.records import Cents, Event, EventKind, Fan, Message, Transaction

SIGNATURE = "signature"
KEY = "x-ofapi-idempotency-key"
CHAT_LINK = re.compile(r"/my/chats/chat/(\d{1,20})(?:\?firstId=(\d{1,20}))?", re.ASCII)
KINDS = {
    "messages.received": EventKind.MESSAGE_RECEIVED,
    "messages.sent": EventKind.MESSAGE_SENT,
    "messages.deleted": EventKind.MESSAGE_DELETED,
    "messages.ppv.unlocked": EventKind.MESSAGE_UNLOCKED,
    "tips.received": EventKind.TIP,
    "transactions.new": EventKind.TRANSACTION,
    "subscriptions.new": EventKind.SUBSCRIBED,
    "subscriptions.renewed": EventKind.RENEWED,
    "subscriptions.expired": EventKind.EXPIRED,
    "chat_queue.updated": EventKind.MASS_CHANGED,
    "chat_queue.finished": EventKind.MASS_CHANGED,
    "accounts.connected": EventKind.CONNECTED,
    "accounts.reconnected": EventKind.CONNECTED,
    "accounts.disconnected": EventKind.DISCONNECTED,
    "accounts.session_expired": EventKind.DISCONNECTED,
    "accounts.authentication_failed": EventKind.DISCONNECTED,
    "media_uploads.completed": EventKind.UPLOADED,
    "media_uploads.failed": EventKind.UPLOAD_FAILED,
    "users.typing": EventKind.PRESENCE,
    "users.online": EventKind.PRESENCE,
    "users.offline": EventKind.PRESENCE,
}
Json = Mapping[str, Any]


@dataclass
class Told:
    """What a payload told."""

    at: datetime | None = None
    fan_id: str | None = None
    fan: Fan | None = None
    amount: Cents | None = None
    message_id: str | None = None
    message: Message | None = None
    transaction: Transaction | None = None


def parse(headers: Mapping[str, str], body: bytes, secret: str) -> Event:
    """Verify, then read. Raises PermanentError SIGNATURE or MALFORMED."""
    headers = {name.lower(): value for name, value in headers.items()}
    verify(headers.get(SIGNATURE, ""), body, secret)
    return read(body, headers.get(KEY) or None)


def read(body: bytes, key: str | None = None) -> Event:
    """An event that was verified before. Raises PermanentError MALFORMED."""
    try:
        envelope = json.loads(body)
        name, payload = envelope["event"], envelope.get("payload")
        account_id = platform_id(envelope["account_id"])
        if not isinstance(name, str):
            raise ValueError("event: is no text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raw = body[:20_000].decode(errors="replace")
        raise PermanentError(
            Reason.MALFORMED, outcome=Outcome.NOT_SENT, raw=raw, detail=type(error).__name__
        ) from None
    kind = KINDS.get(name, EventKind.UNKNOWN)
    told, problem = Told(), None
    try:
        READERS.get(kind, _nothing)(payload if isinstance(payload, dict) else {}, told)
    except ValueError as error:
        told, problem = Told(), reason_of(error)
    return Event(kind, name, account_id, key, problem=problem, raw=envelope, **vars(told))


def verify(signature: str, body: bytes, secret: str) -> None:
    """Raises PermanentError SIGNATURE unless it is the hex HMAC-SHA256 of the body. Takes as long either way."""
    expected = hmac.new(secret.encode(), body, "sha256").hexdigest()
    given = signature.strip().lower().encode(errors="replace")
    if not hmac.compare_digest(expected.encode(), given) or not secret:
        raise PermanentError(Reason.SIGNATURE, outcome=Outcome.NOT_SENT)


def _received(payload: Json, told: Told) -> None:
    told.fan_id, told.fan = _id(payload, "fromUser", "id"), _fan(payload.get("fromUser"))
    _message(payload, told, told.fan_id, mine=False)


def _sent(payload: Json, told: Told) -> None:
    told.fan_id, told.fan = _id(payload, "toUser", "id"), _fan(payload.get("toUser"))
    _message(payload, told, told.fan_id, mine=True)


def _message(payload: Json, told: Told, chat_id: str, *, mine: bool) -> None:
    told.message = wire.Message.model_validate(payload).record(payload, chat_id, mine=mine)
    told.message_id, told.at = told.message.id, told.message.at


def _deleted(payload: Json, told: Told) -> None:
    told.message_id = _id(payload, "id")


def _unlocked(payload: Json, told: Told) -> None:
    pairs = payload.get("replacePairs")
    pairs = pairs if isinstance(pairs, dict) else {}
    link = CHAT_LINK.search(" ".join(str(each) for each in (*pairs.values(), payload.get("text"))))
    _notification(payload, told, fan_id=link[1] if link else None)
    told.message_id = link[2] if link else None
    told.amount = price_in(pairs.get("{AMOUNT}"))


def _tip(payload: Json, told: Told) -> None:
    _notification(payload, told)
    told.amount = Cents(cents(payload.get("amountGross")))


def _subscription(payload: Json, told: Told) -> None:
    _notification(payload, told)
    pairs = payload.get("replacePairs")
    told.amount = price_in(pairs.get("{PRICE}")) if isinstance(pairs, dict) else None


def _expired(payload: Json, told: Told) -> None:
    _notification(payload, told)
    told.at = utc(payload["expiredAt"]) if payload.get("expiredAt") else told.at


def _notification(payload: Json, told: Told, fan_id: str | None = None) -> None:
    """Whose it is, and when. `user_id` at the top is the creator, whatever its name says: it is never looked at."""
    told.at = utc(payload["createdAt"]) if payload.get("createdAt") else None
    told.fan_id = fan_id if fan_id and not payload.get("user") else _id(payload, "user", "id")
    told.fan = _fan(payload.get("user"))


def _transaction(payload: Json, told: Told) -> None:
    told.transaction = wire_money.Transaction.model_validate(payload).record(payload)
    told.fan_id, told.at, told.amount = told.transaction.fan_id, told.transaction.at, told.transaction.gross
    told.fan = _fan(payload.get("user"))


def _nothing(payload: Json, told: Told) -> None:
    """All that counts is that it happened."""


def _fan(user: object) -> Fan | None:
    """Who it is, and nothing more: a notification does not say how the subscription stands."""
    try:
        told = wire.Fan.model_validate(user)
    except ValueError:
        return None
    return replace(told.record({}), active=None, renews=None) if told.username else None


def _id(payload: Json, *path: str) -> str:
    value: Any = payload
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    try:
        return platform_id(value)
    except ValueError as error:
        raise ValueError(f"{'.'.join(path)}: {error}") from None


READERS: dict[EventKind, Callable[[Json, Told], None]] = {
    EventKind.MESSAGE_RECEIVED: _received,
    EventKind.MESSAGE_SENT: _sent,
    EventKind.MESSAGE_DELETED: _deleted,
    EventKind.MESSAGE_UNLOCKED: _unlocked,
    EventKind.TIP: _tip,
    EventKind.SUBSCRIBED: _subscription,
    EventKind.RENEWED: _subscription,
    EventKind.EXPIRED: _expired,
    EventKind.TRANSACTION: _transaction,
}
