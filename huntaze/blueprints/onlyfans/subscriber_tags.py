"""Tags of a fan."""

from __future__ import annotations

from flask import Response

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page, wants_partial
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.onlyfans.subscribers import LIST, path_of, show
from huntaze.blueprints.parked import form_page
from huntaze.models.user import Role
from huntaze.schemas.subscriber import NewTag
from huntaze.services.errors import Invalid
from huntaze.services.subscribers import SubscriberService
from huntaze.services.tags import TagService


@bp.post("/subscribers/<int:subscriber_id>/tags")
@web.role(Role.CHATTER)
@form_page("onlyfans.subscriber")
def add_tag(subscriber_id: int) -> Response:
    form = Form.typed()
    web.service(SubscriberService).get(subscriber_id)
    try:
        web.service(TagService).add(subscriber_id, form.read(NewTag))
    except Invalid as refusal:
        form.refused(refusal)
        if wants_partial():
            return _card(subscriber_id, form, 422)
        return show(subscriber_id, 422, form=Form(), tag_form=form)
    return _card(subscriber_id) if wants_partial() else go(path_of(subscriber_id))


@bp.post("/subscribers/<int:subscriber_id>/tags/<int:tag_id>/remove")
@web.role(Role.CHATTER)
@form_page("onlyfans.subscriber")
def remove_tag(subscriber_id: int, tag_id: int) -> Response:
    web.service(TagService).remove(subscriber_id, tag_id)
    return _card(subscriber_id) if wants_partial() else go(path_of(subscriber_id))


def _card(subscriber_id: int, form: Form | None = None, status: int = 200) -> Response:
    found = web.service(SubscriberService).get(subscriber_id)
    return page(LIST + "_tags.html", status, s=found, tags=web.service(TagService).all(), tag_form=form)
