"""/api/chatbot: conversations and what is said in them."""

from __future__ import annotations

from flask import Response, request, url_for

from huntaze.blueprints import web
from huntaze.blueprints.api import bp
from huntaze.blueprints.api.endpoint import Endpoint, describe, read_json, write_json
from huntaze.blueprints.forms import read
from huntaze.models.user import Role
from huntaze.schemas.conversation import (
    ConversationFilter,
    ConversationList,
    ConversationOut,
    FanOut,
    HistoryQuery,
    NewConversation,
    SaidList,
    SaidOut,
)
from huntaze.schemas.message import MessageQueued
from huntaze.schemas.reply import Reply
from huntaze.services.conversation_history import HistoryService
from huntaze.services.conversation_replies import ReplyService
from huntaze.services.conversation_search import ConversationSearchService
from huntaze.services.conversations import ConversationService, Entry
from huntaze.services.errors import Invalid, Problem


@bp.get("/chatbot/conversations")
@describe(
    Endpoint(
        "A page of conversations; with `q`, those whose fan is called so or where it was said.",
        query=ConversationFilter,
        answer=ConversationList,
        refusals=(422,),
    )
)
def list_conversations() -> Response:
    wanted = read(ConversationFilter, request.args)
    if wanted.q:
        found = web.service(ConversationSearchService).find(wanted.q)
        entries = {entry.id: entry for entry in (*found.fans, *(hit.entry for hit in found.said))}
        items = [_conversation(entry) for entry in entries.values()]
        return write_json(ConversationList(items=items, next=None, previous=None))
    inbox = web.service(ConversationService).page(wanted, web.viewer().user_id)
    items = [_conversation(entry) for entry in (*inbox.pinned, *inbox.rows)]
    return write_json(ConversationList(items=items, next=inbox.next, previous=inbox.previous))


@bp.post("/chatbot/conversations")
@web.role(Role.CHATTER)
@describe(
    Endpoint(
        "The conversation with a fan; it is made where there is none.",
        201,
        body=NewConversation,
        answer=ConversationOut,
        refusals=(403, 404, 415, 422),
    )
)
def begin_conversation() -> Response:
    conversations = web.service(ConversationService)
    entry = conversations.get(conversations.open_with(read_json(NewConversation).subscriber_id))
    response = write_json(_conversation(entry), 201)
    response.headers["Location"] = url_for("api.list_messages", conversation_id=entry.id)
    return response


@bp.get("/chatbot/conversations/<int:conversation_id>/messages")
@describe(Endpoint("A page of messages, the latest first.", query=HistoryQuery, answer=SaidList, refusals=(404, 422)))
def list_messages(conversation_id: int) -> Response:
    wanted = read(HistoryQuery, request.args)
    web.service(ConversationService).get(conversation_id)
    said = web.service(HistoryService).page(conversation_id, wanted.after, wanted.before)
    items = [SaidOut.model_validate(each.message) for each in said.rows]
    return write_json(SaidList(items=items, next=said.next, previous=said.previous))


@bp.post("/chatbot/conversations/<int:conversation_id>/messages")
@web.role(Role.CHATTER)
@describe(
    Endpoint(
        "Queue a message to the fan. The same `key` (or header `Idempotency-Key`, a UUID) is the same message.",
        202,
        body=Reply,
        answer=MessageQueued,
        refusals=(403, 404, 409, 415, 422),
    )
)
def reply_to_fan(conversation_id: int) -> Response:
    reply = read_json(Reply)
    if "Idempotency-Key" in request.headers:
        reply = reply.model_copy(update={"key": read(Reply, {"key": request.headers["Idempotency-Key"]}).key})
    if reply.at is not None and reply.at.tzinfo is None:
        raise Invalid({"at": [Problem("timezone_aware")]})
    queued = web.service(ReplyService).send(conversation_id, web.viewer().user_id, reply)
    web.deliver()
    answer = MessageQueued(id=queued.message.id, state=queued.message.state, duplicate=queued.duplicate)
    return write_json(answer, 202)


def _conversation(entry: Entry) -> ConversationOut:
    chat, last = entry.conversation, entry.last
    return ConversationOut(
        id=chat.id,
        subscriber=FanOut.model_validate(entry.fan),
        can_send=chat.can_send,
        unread=chat.unread,
        waiting_since=chat.waiting_since,
        last_message_at=chat.last_message_at,
        last_message=last.body if last else None,
        last_direction=last.direction if last else None,
        pinned_at=chat.pinned_at,
        snoozed_until=chat.snoozed_until,
        closed_at=chat.closed_at,
        assignee_id=chat.assignee_id,
    )
