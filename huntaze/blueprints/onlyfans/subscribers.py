"""The creator's fans: the list, one fan, and what is done to a fan."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.forms import Form, read
from huntaze.blueprints.htmx import go, page, page_or_partial, wants_partial
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.parked import form_page
from huntaze.models.audit import Action
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import Role
from huntaze.schemas.subscriber import NewSubscriber, Sort, SubscriberChange, SubscriberFilter
from huntaze.services.conversations import ConversationService
from huntaze.services.earnings import EarningsService
from huntaze.services.errors import Invalid
from huntaze.services.notes import NoteService
from huntaze.services.subscribers import SubscriberService
from huntaze.services.subscriptions import Periods, SubscriptionService
from huntaze.services.tags import TagService

LIST = "onlyfans/subscribers/"


@bp.get("/subscribers")
def subscribers() -> Response:
    wanted = read(SubscriberFilter, request.args)
    context: dict[str, Any] = {"page": web.service(SubscriberService).page(wanted), "filter": wanted}
    if wants_partial():
        return page(LIST + ("_rows.html" if wanted.after else "_list.html"), **context)
    tags = web.service(TagService).all()
    return page(LIST + "index.html", tags=tags, sorts=_sorts(), **context)


@bp.get("/subscribers/new")
@web.role(Role.MANAGER)
def new_subscriber() -> Response:
    return page_or_partial(LIST + "new.html", LIST + "_form.html", form=Form.empty(tier="free"))


@bp.post("/subscribers")
@web.role(Role.MANAGER)
@form_page("onlyfans.new_subscriber")
def create_subscriber() -> Response:
    form = Form.typed()
    try:
        new = form.read(NewSubscriber)
        readmitted = web.erasures().readmit(new.username, anyway=new.anyway)
        added = web.service(SubscriberService).add(new)
    except Invalid as refusal:
        return page_or_partial(LIST + "new.html", LIST + "_form.html", 422, form=form.refused(refusal))
    if readmitted:
        web.audit(Action.SUBSCRIBER_READMITTED, added.id)
    return go(path_of(added.id), _("%(name)s is among your fans now.", name=added.name))


@bp.get("/subscribers/<int:subscriber_id>")
def subscriber(subscriber_id: int) -> Response:
    return show(subscriber_id, form=Form.empty())


@bp.get("/subscribers/<int:subscriber_id>/transactions")
def subscriber_transactions(subscriber_id: int) -> Response:
    found = web.service(SubscriberService).get(subscriber_id)
    timeline = web.service(EarningsService).timeline(subscriber_id, request.args.get("after", ""))
    return page_or_partial(LIST + "transactions.html", LIST + "_timeline.html", s=found, timeline=timeline)


@bp.get("/subscribers/<int:subscriber_id>/edit")
@web.role(Role.MANAGER)
def edit_subscriber(subscriber_id: int) -> Response:
    found = web.service(SubscriberService).get(subscriber_id)
    form = Form.empty(
        username=found.username,
        display_name=found.display_name,
        email=found.email,
        tier=found.tier.value,
        status=found.status.value,
    )
    return _edit_page(found, form)


@bp.post("/subscribers/<int:subscriber_id>/edit")
@web.role(Role.MANAGER)
@form_page("onlyfans.edit_subscriber")
def update_subscriber(subscriber_id: int) -> Response:
    form = Form.typed()
    subscribers = web.service(SubscriberService)
    found = subscribers.get(subscriber_id)
    try:
        change = form.read(SubscriberChange)
        readmitted = web.erasures().readmit(change.username, anyway=change.anyway)
        subscribers.change(subscriber_id, change)
    except Invalid as refusal:
        return _edit_page(found, form.refused(refusal), 422)
    if readmitted:
        web.audit(Action.SUBSCRIBER_READMITTED, subscriber_id)
    return go(path_of(subscriber_id), _("Saved."))


@bp.post("/subscribers/<int:subscriber_id>/archive")
@web.role(Role.MANAGER)
@form_page("onlyfans.subscriber")
def archive_subscriber(subscriber_id: int) -> Response:
    web.service(SubscriberService).archive(subscriber_id)
    return go(path_of(subscriber_id), _("Archived."))


@bp.post("/subscribers/<int:subscriber_id>/restore")
@web.role(Role.MANAGER)
@form_page("onlyfans.subscriber")
def restore_subscriber(subscriber_id: int) -> Response:
    web.service(SubscriberService).restore(subscriber_id)
    return go(path_of(subscriber_id), _("Back among your fans."))


def _edit_page(found: Subscriber, form: Form, status: int = 200) -> Response:
    return page_or_partial(LIST + "edit.html", LIST + "_form.html", status, s=found, form=form)


def show(subscriber_id: int, status: int = 200, *, form: Form, tag_form: Form | None = None) -> Response:
    """The page of one fan; the forms are those of its cards. Raises NotFound."""
    found = web.service(SubscriberService).get(subscriber_id)
    earnings = web.service(EarningsService)
    of_platform = found.account_id is not None  # of others nobody tells when they subscribed, and what they wrote
    return page(
        LIST + "show.html",
        status,
        s=found,
        totals=earnings.totals(subscriber_id),
        timeline=earnings.timeline(subscriber_id),
        tags=web.service(TagService).all(),
        notes=web.service(NoteService).page(subscriber_id),
        periods=web.service(SubscriptionService).newest(subscriber_id) if of_platform else Periods([], 0),
        messages=web.service(ConversationService).last_messages(subscriber_id) if of_platform else [],
        form=form,
        tag_form=tag_form,
    )


def path_of(subscriber_id: int) -> str:
    return url_for("onlyfans.subscriber", subscriber_id=subscriber_id)


def _sorts() -> list[tuple[str, str]]:
    return [
        ("", _("Newest")),
        (Sort.SPENT.value, _("Highest spend")),
        (Sort.SEEN.value, _("Last seen")),
        (Sort.USERNAME.value, _("Username")),
    ]
