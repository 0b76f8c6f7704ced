"""Chats and the messages in them."""

from __future__ import annotations

from aiohttp import web

from huntaze.simulator import shapes
from huntaze.simulator.call import Call, Json, Refusal, endpoint
from huntaze.simulator.clock import DAY

LONGEST = 10_000
"""Characters of a text; the platform's own limit is not documented."""


@endpoint("chats")
def list_chats(call: Call) -> Json:
    limit, offset = call.number("limit", 10, 1, 100), call.number("offset", 0)
    order = call.account.chats.order()
    if call.query.get("order") == "old":
        order = order[::-1]
    if call.query.get("filter") == "unread":
        order = [fan for fan in order if fan in call.account.chats.unread]
    page = [shapes.chat(call.account, fan) for fan in order[offset : offset + limit]]
    more = offset + limit < len(order)
    return {"data": page, "_pagination": call.next_page(more, limit=limit, offset=offset + limit)}


@endpoint("messages")
def list_messages(call: Call) -> Json:
    """Newest first, older than `first_id`; or with order=asc oldest first, from `last_id` on, which is included."""
    fan = call.fan("chat")
    limit, chats, now = call.number("limit", 10, 1, 100), call.account.chats, call.account.clock.now()
    if call.query.get("order") == "asc":
        start = call.number("last_id", 0)
        messages = [message for message in chats.messages(fan, now) if message.id >= start]
        cursor = {"last_id": messages[limit].id if len(messages) > limit else 0}
    else:
        messages = chats.before(fan, call.number("first_id", 2**62), now)
        cursor = {"first_id": messages[:limit][-1].id if messages else 0}
    page = messages[:limit]
    more = len(messages) > limit
    data = [shapes.message(call.account, fan, message) for message in page]
    if call.simulator.nested_messages:
        return {"data": {"list": data, "hasMore": more}}
    return {"data": data, "_pagination": call.next_page(more, limit=limit, **cursor)}


@endpoint("send", keyed=True)
def send(call: Call) -> Json:
    account = call.account
    wait = account.bucket.take()
    if wait:
        raise Refusal(429, "Too many messages", retry_after=wait)
    fan, body = call.fan("chat"), call.json()
    text, price, media = content(body)
    reply_to = body.get("replyToMessageId")
    now = account.clock.now()
    message = account.chats.add(
        fan, now, mine=True, text=text, price=price, media=media, opened=not price, reply_to=reply_to
    )
    chat = call.params["chat"]
    call.simulator.ledger.write(account.id, chat, message.id, call.key, text, price)
    said = shapes.message(account, fan, message)
    call.simulator.acted(account, "messages.sent", {"fan": fan, "message": message, "said": said})
    return {"data": said, "_pagination": None}


@endpoint("delete")
def delete(call: Call) -> Json:
    account, fan = call.account, call.fan("chat")
    id_ = call.params["message"]
    message = account.chats.find(fan, int(id_) if id_.isdecimal() else 0, account.clock.now())
    if message is None or not message.mine:
        raise Refusal(404, "Message not found")
    if message.at + DAY <= account.clock.now():
        raise Refusal(422, "A message can be deleted within 24 hours only.")
    account.chats.delete(message)
    call.simulator.webhooks.emit("messages.deleted", account.id, {"id": message.id})
    return {"data": {"success": True}}


def content(body: Json) -> tuple[str, int, tuple[int | str, ...]]:
    """Text, price in cents and media of a message. Raises Refusal 422."""
    text, media, price = body.get("text", ""), body.get("mediaFiles", []), body.get("price", 0)
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Refusal(422, f"The text must be a text of up to {LONGEST} characters.")
    if not isinstance(media, list) or not all(isinstance(each, int | str) for each in media):
        raise Refusal(422, "The mediaFiles must be a list of ids.")
    if isinstance(price, bool) or not isinstance(price, int | float) or (price and not 3 <= price <= 200):
        raise Refusal(422, "The price must be 0, or from 3 to 200.")
    if price and not media:
        raise Refusal(422, "The mediaFiles are required when there is a price.")
    if not text.strip() and not media:
        raise Refusal(422, "The text is required unless there is a media file.")
    return text, round(price * 100), tuple(media)


ROUTES = [
    web.post("/api/{account}/chats/{chat}/messages", send),
    web.get("/api/{account}/chats/{chat}/messages", list_messages),
    web.delete("/api/{account}/chats/{chat}/messages/{message}", delete),
    web.get("/api/{account}/chats", list_chats),
]
