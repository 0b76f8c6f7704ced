"""Notes about a fan."""

from __future__ import annotations

from flask import Response, request

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, page_or_partial, wants_partial
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.onlyfans.subscribers import LIST, path_of, show
from huntaze.blueprints.parked import form_page
from huntaze.models.user import Role
from huntaze.schemas.subscriber import NewNote
from huntaze.services.errors import Invalid
from huntaze.services.notes import NoteService
from huntaze.services.subscribers import SubscriberService


@bp.get("/subscribers/<int:subscriber_id>/notes")
def subscriber_notes(subscriber_id: int) -> Response:
    found = web.service(SubscriberService).get(subscriber_id)
    notes = web.service(NoteService).page(subscriber_id, request.args.get("after", ""))
    return page_or_partial(LIST + "notes.html", LIST + "_note_rows.html", s=found, notes=notes, form=Form())


@bp.post("/subscribers/<int:subscriber_id>/notes")
@web.role(Role.CHATTER)
@form_page("onlyfans.subscriber")
def add_note(subscriber_id: int) -> Response:
    form = Form.typed()
    web.service(SubscriberService).get(subscriber_id)
    try:
        web.service(NoteService).add(subscriber_id, web.viewer().user_id, form.read(NewNote))
    except Invalid as refusal:
        form.refused(refusal)
        return _card(subscriber_id, form, 422) if wants_partial() else show(subscriber_id, 422, form=form)
    return _card(subscriber_id, Form()) if wants_partial() else go(path_of(subscriber_id))


@bp.post("/subscribers/<int:subscriber_id>/notes/<int:note_id>/remove")
@web.role(Role.CHATTER)
@form_page("onlyfans.subscriber")
def remove_note(subscriber_id: int, note_id: int) -> Response:
    web.service(NoteService).remove(subscriber_id, note_id)
    return _card(subscriber_id, Form()) if wants_partial() else go(path_of(subscriber_id))


def _card(subscriber_id: int, form: Form, status: int = 200) -> Response:
    found = web.service(SubscriberService).get(subscriber_id)
    notes = web.service(NoteService).page(subscriber_id)
    return page(LIST + "_notes.html", status, s=found, notes=notes, form=form)
