"""/api/onlyfans: subscribers."""

from __future__ import annotations

from flask import Response, request, url_for

from huntaze.blueprints import web
from huntaze.blueprints.api import bp
from huntaze.blueprints.api.endpoint import Endpoint, describe, read_json, write_json
from huntaze.blueprints.forms import read
from huntaze.models.audit import Action
from huntaze.models.user import Role
from huntaze.schemas.subscriber import (
    NewSubscriber,
    SubscriberChange,
    SubscriberFilter,
    SubscriberList,
    SubscriberOut,
)
from huntaze.services.subscribers import SubscriberService


@bp.get("/onlyfans/subscribers")
@describe(Endpoint("A page of subscribers.", query=SubscriberFilter, answer=SubscriberList, refusals=(422,)))
def list_subscribers() -> Response:
    page = web.service(SubscriberService).page(read(SubscriberFilter, request.args))
    items = [SubscriberOut.model_validate(row) for row in page.rows]
    return write_json(SubscriberList(items=items, next=page.next))


@bp.post("/onlyfans/subscribers")
@web.role(Role.MANAGER)
@describe(Endpoint("Add a subscriber.", 201, body=NewSubscriber, answer=SubscriberOut, refusals=(403, 409, 415, 422)))
def add_subscriber() -> Response:
    new = read_json(NewSubscriber)
    readmitted = web.erasures().readmit(new.username, anyway=new.anyway)
    added = web.service(SubscriberService).add(new)
    if readmitted:
        web.audit(Action.SUBSCRIBER_READMITTED, added.id)
    response = write_json(SubscriberOut.model_validate(added), 201)
    response.headers["Location"] = url_for("api.get_subscriber", subscriber_id=added.id)
    return response


@bp.get("/onlyfans/subscribers/<int:subscriber_id>")
@describe(Endpoint("One subscriber.", answer=SubscriberOut, refusals=(404,)))
def get_subscriber(subscriber_id: int) -> Response:
    return write_json(SubscriberOut.model_validate(web.service(SubscriberService).get(subscriber_id)))


@bp.patch("/onlyfans/subscribers/<int:subscriber_id>")
@web.role(Role.MANAGER)
@describe(
    Endpoint(
        "Change what the body names.",
        body=SubscriberChange,
        answer=SubscriberOut,
        refusals=(403, 404, 409, 415, 422),
    )
)
def change_subscriber(subscriber_id: int) -> Response:
    change = read_json(SubscriberChange)
    subscribers = web.service(SubscriberService)
    subscribers.get(subscriber_id)
    if web.erasures().readmit(change.username, anyway=change.anyway):
        web.audit(Action.SUBSCRIBER_READMITTED, subscriber_id)
    changed = subscribers.change(subscriber_id, change)
    return write_json(SubscriberOut.model_validate(changed))


@bp.delete("/onlyfans/subscribers/<int:subscriber_id>")
@web.role(Role.MANAGER)
@describe(Endpoint("Archive a subscriber; its payments and notes stay.", 204, refusals=(403, 404)))
def archive_subscriber(subscriber_id: int) -> Response:
    web.service(SubscriberService).archive(subscriber_id)
    return Response(status=204)
