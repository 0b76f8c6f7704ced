"""What is written to a fan: a draft, a message and what becomes of it, and what goes by hand."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_babel import get_timezone
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.chatbot import bp
from huntaze.blueprints.chatbot.conversations import INBOX, answer_in_chat, composer, path_of, show
from huntaze.blueprints.forms import Form, read
from huntaze.blueprints.htmx import go, page, page_or_partial, wants_partial
from huntaze.blueprints.messages import first_problem
from huntaze.blueprints.parked import form_page
from huntaze.models.user import Role
from huntaze.schemas.reply import DraftChange, Reply
from huntaze.services.conversation_replies import ReplyService
from huntaze.services.conversations import ConversationService
from huntaze.services.drafts import DraftService
from huntaze.services.errors import Invalid
from huntaze.services.saved_replies import SavedReplyService, for_fan
from huntaze.services.vault_items import VaultItemService

FIELDS = ("text", "price", "at", "cancel_on_reply", "key")


@bp.post("/conversations/<int:conversation_id>/messages")
@web.role(Role.CHATTER)
@form_page("chatbot.conversation")
def send_message(conversation_id: int) -> Response:
    form = Form.typed()
    replies = web.service(ReplyService)
    by_hand = form.values.get("how") == "hand"
    try:
        reply = read_reply(form)
        if by_hand:
            replies.check(conversation_id, reply)
            return _by_hand(conversation_id, form)
        queued = replies.send(conversation_id, web.viewer().user_id, reply)
    except Invalid as refusal:
        return refused(conversation_id, form.refused(refusal))
    web.deliver()
    return answer_in_chat(conversation_id, queued.message.id)


@bp.post("/conversations/<int:conversation_id>/by-hand")
@web.role(Role.CHATTER)
@form_page("chatbot.conversation")
def record_message(conversation_id: int) -> Response:
    """She sent it at the platform: one tap writes that down."""
    form = Form.typed()
    try:
        web.service(ReplyService).record(conversation_id, web.viewer().user_id, read_reply(form))
    except Invalid as refusal:
        return refused(conversation_id, form.refused(refusal))
    return go(path_of(conversation_id), _("Written down."))


@bp.post("/conversations/<int:conversation_id>/draft")
@web.role(Role.CHATTER)
@form_page("chatbot.conversation")
def keep_draft(conversation_id: int) -> Response:
    typed = _typed_draft()
    web.service(DraftService).keep(conversation_id, web.viewer().user_id, typed)
    return Response(status=204) if wants_partial() else go(path_of(conversation_id))


@bp.post("/conversations/<int:conversation_id>/replies/<int:reply_id>/insert")
@web.role(Role.CHATTER)
@form_page("chatbot.conversation")
def insert_reply(conversation_id: int, reply_id: int) -> Response:
    """Behind what was typed, for who has no JavaScript: with it, the page does the same at the cursor."""
    typed = _typed_draft()
    text = for_fan(
        web.service(SavedReplyService).get(reply_id).body,
        web.service(ConversationService).get(conversation_id).fan,
    )
    more = typed.model_copy(update={"text": f"{typed.text.rstrip()} {text}".lstrip()})
    web.service(DraftService).keep(conversation_id, web.viewer().user_id, more)
    return go(path_of(conversation_id))


@bp.get("/conversations/<int:conversation_id>/replies")
@web.role(Role.CHATTER)
def conversation_replies(conversation_id: int) -> Response:
    """The saved replies, as they would read to this fan."""
    entry = web.service(ConversationService).get(conversation_id)
    found = web.service(SavedReplyService).page(request.args.get("after", ""))
    texts = [(reply, for_fan(reply.body, entry.fan)) for reply in found.rows]
    context: dict[str, Any] = {"chat": entry, "replies": found, "texts": texts}
    if wants_partial():
        return page(INBOX + "_replies.html", **context)
    draft = web.service(DraftService).get(conversation_id, web.viewer().user_id)
    return page(INBOX + "replies.html", draft=draft, **context)


@bp.get("/conversations/<int:conversation_id>/media")
@web.role(Role.CHATTER)
def conversation_media(conversation_id: int) -> Response:
    """What the account's vault has to send."""
    entry = web.service(ConversationService).get(conversation_id)
    found = web.service(VaultItemService).page(entry.conversation.account_id, request.args.get("after", ""))
    draft = web.service(DraftService).get(conversation_id, web.viewer().user_id)
    return page_or_partial(
        INBOX + "media.html",
        INBOX + "_media.html",
        chat=entry,
        items=found,
        media=draft.media if draft else [],
        draft=draft,
        is_part=wants_partial(),
    )


@bp.post("/conversations/<int:conversation_id>/messages/<int:message_id>/unsend")
@web.role(Role.CHATTER)
@form_page("chatbot.conversation")
def unsend_message(conversation_id: int, message_id: int) -> Response:
    """Of one that is at the platform. What can be decided before that is in onlyfans/messages.py."""
    problem = ""
    try:
        web.service(ReplyService).ask_to_unsend(conversation_id, message_id)
    except Invalid as refusal:
        problem = first_problem(refusal)
    else:
        web.enqueue("huntaze.jobs.messages.unsend", web.viewer().workspace_id, message_id)
    return answer_in_chat(conversation_id, message_id, problem)


def read_reply(form: Form) -> Reply:
    """Raises Invalid. A time without a zone is of the viewer's."""
    given: dict[str, Any] = {name: form.values[name] for name in FIELDS if name in form.values}
    reply = read(Reply, {**given, "media": _media()})
    return reply.in_zone(get_timezone())


def refused(conversation_id: int, form: Form) -> Response:
    """422 with what was typed; its key may have been used up, so the next try gets a new one."""
    if wants_partial():
        entry = web.service(ConversationService).get(conversation_id)
        return page(INBOX + "_composer.html", 422, chat=entry, **composer(entry, form))
    return show(conversation_id, 422, form=form)


def _typed_draft() -> DraftChange:
    given: dict[str, Any] = {name: request.form[name] for name in ("text", "price") if name in request.form}
    return read(DraftChange, {**given, "media": _media()})


def _media() -> list[str]:
    """What was chosen, each once."""
    return list(dict.fromkeys(request.form.getlist("media")))


def _by_hand(conversation_id: int, form: Form) -> Response:
    entry = web.service(ConversationService).get(conversation_id)
    return page_or_partial(
        INBOX + "by_hand.html",
        INBOX + "_by_hand.html",
        chat=entry,
        form=form,
        media=request.form.getlist("media"),
        key=form.values.get("key", ""),
    )
