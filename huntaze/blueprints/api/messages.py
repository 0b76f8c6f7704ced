"""/api/onlyfans/messages: what is sent, and how the queue gets on."""

from __future__ import annotations

from uuid import UUID, uuid5

from flask import Response, request

from huntaze.blueprints import web
from huntaze.blueprints.api import bp
from huntaze.blueprints.api.endpoint import Endpoint, describe, read_json, write_json
from huntaze.models.user import Role
from huntaze.schemas.message import DeliveryStatusOut, LaneOut, MessageQueued, NewMessage
from huntaze.services.delivery import DeliveryService
from huntaze.services.delivery_status import DeliveryStatusService
from huntaze.services.errors import Invalid, Problem

LONGEST_KEY = 255
NAMES = UUID("6f9c3b52-8f0e-4f0e-9a5e-1f3f6c0a7d11")
"""A key that is no UUID becomes one under this."""


@bp.post("/onlyfans/messages/send")
@web.role(Role.CHATTER)
@describe(
    Endpoint(
        "Send a message to a subscriber: it is queued, and goes out at the account's pace. With the header"
        " Idempotency-Key the same call again is the same message.",
        202,
        body=NewMessage,
        answer=MessageQueued,
        refusals=(403, 404, 409, 415, 422),
    )
)
def send_message() -> Response:
    new = read_json(NewMessage)
    delivery = web.service(DeliveryService)
    message, duplicate = delivery.queue(new.subscriber_id, new, web.viewer().user_id, key=_key())
    web.deliver()
    answer = MessageQueued(id=message.id, state=message.state, duplicate=duplicate)
    return write_json(answer, 202)


@bp.get("/onlyfans/messages/status")
@describe(Endpoint("What waits, is being sent, failed or is in doubt, by account.", answer=DeliveryStatusOut))
def get_delivery_status() -> Response:
    lanes = web.service(DeliveryStatusService).lanes()
    return write_json(DeliveryStatusOut(accounts=[LaneOut.model_validate(lane) for lane in lanes]))


def _key() -> UUID | None:
    """Raises Invalid."""
    given = request.headers.get("Idempotency-Key", "").strip()
    if not given:
        return None
    if len(given) > LONGEST_KEY or not given.isprintable():
        raise Invalid({"_": [Problem("key_invalid", {"most": LONGEST_KEY})]})
    try:
        return UUID(given)
    except ValueError:
        return uuid5(NAMES, given)
