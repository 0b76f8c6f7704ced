"""What is done to a conversation itself: read, pinned, put off, closed, given to somebody."""

from __future__ import annotations

from flask import Response, request

from huntaze.blueprints import web
from huntaze.blueprints.chatbot import bp
from huntaze.blueprints.chatbot.conversations import path_of, show_about
from huntaze.blueprints.forms import read
from huntaze.blueprints.htmx import go, wants_partial
from huntaze.blueprints.messages import say
from huntaze.blueprints.parked import form_page
from huntaze.models.user import Role
from huntaze.schemas.conversation import Assignment, ReadThrough, Snooze
from huntaze.services.conversation_marks import MarkService
from huntaze.services.errors import Invalid


@bp.post("/conversations/<int:conversation_id>/read")
@web.role(Role.CHATTER)
@form_page("chatbot.conversation")
def read_conversation(conversation_id: int) -> Response:
    web.service(MarkService).mark_read(conversation_id, read(ReadThrough, request.form).message_id)
    return Response(status=204) if wants_partial() else go(path_of(conversation_id))


@bp.post("/conversations/<int:conversation_id>/pin")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def pin_conversation(conversation_id: int) -> Response:
    try:
        web.service(MarkService).pin(conversation_id)
    except Invalid as refusal:
        return show_about(conversation_id, 422, [say(each) for each in refusal.errors["_"]])
    return _done(conversation_id)


@bp.post("/conversations/<int:conversation_id>/unpin")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def unpin_conversation(conversation_id: int) -> Response:
    web.service(MarkService).unpin(conversation_id)
    return _done(conversation_id)


@bp.post("/conversations/<int:conversation_id>/snooze")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def snooze_conversation(conversation_id: int) -> Response:
    web.service(MarkService).snooze(conversation_id, read(Snooze, request.form).hours)
    return _done(conversation_id)


@bp.post("/conversations/<int:conversation_id>/wake")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def wake_conversation(conversation_id: int) -> Response:
    web.service(MarkService).wake(conversation_id)
    return _done(conversation_id)


@bp.post("/conversations/<int:conversation_id>/close")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def close_conversation(conversation_id: int) -> Response:
    web.service(MarkService).close(conversation_id)
    return _done(conversation_id)


@bp.post("/conversations/<int:conversation_id>/reopen")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def reopen_conversation(conversation_id: int) -> Response:
    web.service(MarkService).reopen(conversation_id)
    return _done(conversation_id)


@bp.post("/conversations/<int:conversation_id>/assign")
@web.role(Role.CHATTER)
@form_page("chatbot.about")
def assign_conversation(conversation_id: int) -> Response:
    wanted = read(Assignment, request.form)
    try:
        web.service(MarkService).assign(conversation_id, wanted.user_id)
    except Invalid as refusal:
        return show_about(conversation_id, 422, [say(each) for each in refusal.errors["user_id"]])
    return _done(conversation_id)


def _done(conversation_id: int) -> Response:
    return show_about(conversation_id) if wants_partial() else go(path_of(conversation_id))
