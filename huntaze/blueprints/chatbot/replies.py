"""Texts that a team writes again and again."""

from __future__ import annotations

from flask import Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.chatbot import bp
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page_or_partial
from huntaze.blueprints.parked import form_page
from huntaze.models.user import Role
from huntaze.schemas.reply import NewSavedReply
from huntaze.services.errors import Invalid
from huntaze.services.saved_replies import SavedReplyService

REPLIES = "chatbot/replies/"


@bp.get("/replies")
def replies() -> Response:
    found = web.service(SavedReplyService).page(request.args.get("after", ""))
    return page_or_partial(REPLIES + "index.html", REPLIES + "_rows.html", replies=found)


@bp.get("/replies/new")
@web.role(Role.CHATTER)
def new_reply() -> Response:
    return page_or_partial(REPLIES + "new.html", REPLIES + "_form.html", form=Form.empty(), reply=None)


@bp.post("/replies")
@web.role(Role.CHATTER)
@form_page("chatbot.new_reply")
def add_reply() -> Response:
    form = Form.typed()
    try:
        web.service(SavedReplyService).add(form.read(NewSavedReply))
    except Invalid as refusal:
        return page_or_partial(
            REPLIES + "new.html", REPLIES + "_form.html", 422, form=form.refused(refusal), reply=None
        )
    return go(url_for("chatbot.replies"), _("Saved."))


@bp.get("/replies/<int:reply_id>/edit")
@web.role(Role.CHATTER)
def edit_reply(reply_id: int) -> Response:
    found = web.service(SavedReplyService).get(reply_id)
    form = Form.empty(name=found.name, body=found.body)
    return page_or_partial(REPLIES + "edit.html", REPLIES + "_form.html", form=form, reply=found)


@bp.post("/replies/<int:reply_id>/edit")
@web.role(Role.CHATTER)
@form_page("chatbot.edit_reply")
def change_reply(reply_id: int) -> Response:
    form = Form.typed()
    found = web.service(SavedReplyService).get(reply_id)
    try:
        web.service(SavedReplyService).change(reply_id, form.read(NewSavedReply))
    except Invalid as refusal:
        return page_or_partial(
            REPLIES + "edit.html", REPLIES + "_form.html", 422, form=form.refused(refusal), reply=found
        )
    return go(url_for("chatbot.replies"), _("Saved."))


@bp.post("/replies/<int:reply_id>/remove")
@web.role(Role.CHATTER)
@form_page("chatbot.replies")
def remove_reply(reply_id: int) -> Response:
    web.service(SavedReplyService).remove(reply_id)
    return go(url_for("chatbot.replies"), _("Removed."))
