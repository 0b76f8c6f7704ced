"""One fan's data: handed over to the fan, or erased because they asked."""

from __future__ import annotations

import base64

from flask import Response, make_response, render_template, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form
from huntaze.blueprints.htmx import go, page
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.onlyfans.subscribers import LIST
from huntaze.blueprints.parked import form_page
from huntaze.models.audit import Action
from huntaze.models.user import Role
from huntaze.schemas.subscriber import TypedUsername
from huntaze.services.errors import Invalid
from huntaze.services.mentions import MentionService
from huntaze.services.subscriber_data import SubscriberDataService
from huntaze.services.subscribers import SubscriberService

# The file must be whole without Huntaze. It is no page of ours, so that no policy of ours is in its way.
STYLE = """
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #1c1b1f; }
h2 { margin-top: 2rem; break-after: avoid; } dt, th, small { color: #5f5b66; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1.5rem; } dd { margin: 0; }
table { width: 100%; border-collapse: collapse; } th, td { padding: .3rem .5rem .3rem 0; text-align: start; }
tr { break-inside: avoid; border-bottom: 1px solid #ddd; } td.sum { text-align: end; } p { white-space: pre-line; }
"""


@bp.get("/subscribers/<int:subscriber_id>/data")
@web.role(Role.MANAGER)
def subscriber_data(subscriber_id: int) -> Response:
    return _page(subscriber_id, Form.empty())


@bp.post("/subscribers/<int:subscriber_id>/data.json")
@web.role(Role.MANAGER)
@web.confirmed
@form_page("onlyfans.subscriber_data")
def subscriber_json(subscriber_id: int) -> Response:
    found = web.service(SubscriberDataService).of(subscriber_id)
    web.audit(Action.SUBSCRIBER_EXPORTED, subscriber_id, format="json")
    return _file(found.model_dump_json(indent=2), "application/json", f"fan-{subscriber_id}.json")


@bp.post("/subscribers/<int:subscriber_id>/data.html")
@web.role(Role.MANAGER)
@web.confirmed
@form_page("onlyfans.subscriber_data")
def subscriber_html(subscriber_id: int) -> Response:
    found = web.service(SubscriberDataService).of(subscriber_id)
    web.audit(Action.SUBSCRIBER_EXPORTED, subscriber_id, format="html")
    style = "data:text/css;base64," + base64.b64encode(STYLE.encode()).decode()
    return _file(
        render_template(LIST + "data_file.html", data=found, style=style), "text/html", f"fan-{subscriber_id}.html"
    )


@bp.post("/subscribers/<int:subscriber_id>/erase")
@web.role(Role.MANAGER)
@web.confirmed
@form_page("onlyfans.subscriber_data")
def erase_subscriber(subscriber_id: int) -> Response:
    form, named = Form.typed(), web.service(MentionService).of(subscriber_id)
    try:
        erased = web.erasures().erase(subscriber_id, form.read(TypedUsername).username)
    except Invalid as refusal:
        return _page(subscriber_id, form.refused(refusal), 422)
    if erased is not None:
        web.forget_typed(erased.words)
        web.audit(Action.SUBSCRIBER_ERASED, subscriber_id, payments=erased.payments)
    if erased is not None and named:
        return page(LIST + "erased.html", named=named)
    return go(url_for("onlyfans.subscribers"), _("Erased. What was paid stays in your figures, without a name."))


def _page(subscriber_id: int, form: Form, status: int = 200) -> Response:
    found = web.service(SubscriberService).get(subscriber_id)
    named = web.service(MentionService).of(subscriber_id)
    return page(LIST + "data.html", status, s=found, form=form, named=named)


def _file(content: str, mimetype: str, name: str) -> Response:
    response = make_response(content)
    response.mimetype = mimetype
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
