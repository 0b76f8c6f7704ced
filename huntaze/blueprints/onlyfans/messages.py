"""What is sent: the queue, one message, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2s
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.chatbot.conversations import answer_in_chat
from huntaze.blueprints.forms import read
from huntaze.blueprints.htmx import go, page, page_or_partial, wants_partial
from huntaze.blueprints.messages import first_problem
from huntaze.blueprints.onlyfans import bp
from huntaze.blueprints.parked import form_page
from huntaze.blueprints.streams import News, stream
from huntaze.models.user import Role
from huntaze.schemas.delivery import QueueFilter
from huntaze.services.delivery import DeliveryService
from huntaze.services.delivery_news import delivery_topic
from huntaze.services.delivery_status import DeliveryStatusService
from huntaze.services.delivery_stories import StoryService
from huntaze.services.errors import Invalid

HERE = "onlyfans/messages/"
PARTS = ("unsure", "lanes")
"""What changes by itself on the page, beside the list: elements of these ids, filled by templates of these names."""
UNCHANGED = "<!---->"
"""What swaps nothing in. An event without data would be passed over, and with it when to come back."""
PACE = 5.0
"""Seconds between two looks at least: while a campaign goes out, something changes twice a second."""


@bp.get("/messages")
def messages() -> Response:
    wanted = read(QueueFilter, request.args)
    states = wanted.state.states if wanted.state else ()
    found = web.service(StoryService).page(wanted.after, account_id=wanted.account, states=states)
    context: dict[str, Any] = {"page": found, "filter": wanted}
    if wants_partial():
        return page(HERE + ("_rows.html" if wanted.after else "_list.html"), **context)
    context |= _state(web.service(DeliveryStatusService), web.service(StoryService))
    return page(HERE + "index.html", **context, known=_digest([_part(name, context) for name in PARTS]))


@bp.get("/messages/lanes")
def message_lanes() -> Response:
    """The parts alone, for a page that is open and hears no stream."""
    return answer()


@bp.get("/messages/events")
def message_events() -> Response:
    """The parts that changed. known: the digest of those that the page has."""
    here, known, told = web.viewer().workspace_id, request.args.get("known", ""), dict[str, str]()

    def news() -> News:
        with web.own_session() as session:
            context = _state(DeliveryStatusService(session, here), StoryService(session, here))
            parts = {name: _part(name, context) for name in PARTS}
        changed = {name: html for name, html in parts.items() if told.get(name) != html}
        if not told and _digest(list(parts.values())) == known:
            changed = {}
        told.update(parts)
        return News("".join(changed.values()) or UNCHANGED, is_last=False)

    return stream(delivery_topic(here), news, pace=PACE)


@bp.get("/messages/<int:message_id>")
def message(message_id: int) -> Response:
    found = web.service(StoryService).get(message_id)
    return page_or_partial(HERE + "show.html", HERE + "_show.html", story=found, m=found.message)


@bp.post("/messages/<int:message_id>/cancel")
@web.role(Role.CHATTER)
@form_page("onlyfans.message")
def cancel_message(message_id: int) -> Response:
    """For whoever may write: it takes back one message, as writing it sent one."""
    return _decide(message_id, lambda delivery: delivery.cancel(message_id), _("It will not be sent."))


@bp.post("/messages/<int:message_id>/went-out")
@web.role(Role.CHATTER)
@form_page("onlyfans.message")
def message_went_out(message_id: int) -> Response:
    """For whoever may write: they know the chat, and can look there."""
    user_id = web.viewer().user_id
    return _decide(message_id, lambda delivery: delivery.went_out(message_id, user_id), _("It counts as sent."))


@bp.post("/messages/<int:message_id>/drop")
@web.role(Role.CHATTER)
@form_page("onlyfans.message")
def drop_message(message_id: int) -> Response:
    """As above."""
    user_id = web.viewer().user_id
    told = _("It is dropped, and will not be sent again.")
    return _decide(message_id, lambda delivery: delivery.drop(message_id, user_id), told)


@bp.post("/messages/<int:message_id>/send-again")
@web.role(Role.CHATTER)
@form_page("onlyfans.message")
def send_message_again(message_id: int) -> Response:
    """As above: it is a new message, at the end of the line."""

    def send(delivery: DeliveryService) -> None:
        delivery.send_again(message_id, web.viewer().user_id)
        web.deliver()

    return _decide(message_id, send, _("It is in the queue again, as a new message."))


def answer(toast: str = "") -> Response:
    """How things are after something was done: the parts for a swap, else the page with the toast."""
    if not wants_partial():
        return go(url_for("onlyfans.messages"), toast)
    return page(
        HERE + "_parts.html", parts=PARTS, **_state(web.service(DeliveryStatusService), web.service(StoryService))
    )


def _decide(message_id: int, step: Callable[[DeliveryService], object], toast: str) -> Response:
    """Each step refuses before it changes anything. Who decides in the chat (`?chat`) stays there; else a refusal
    leads to the message, which says what became of it."""
    delivery, problem = web.service(DeliveryService), ""
    try:
        step(delivery)
    except Invalid as refusal:
        problem = first_problem(refusal)
    if "chat" in request.args:
        return answer_in_chat(delivery.get(message_id).conversation_id, message_id, problem)
    if problem:
        return go(url_for("onlyfans.message", message_id=message_id), problem, "bad")
    return answer(toast)


def _state(status: DeliveryStatusService, stories: StoryService) -> dict[str, Any]:
    lanes = status.lanes()
    unsure = sum(lane.unknown for lane in lanes)
    return {
        "lanes": lanes,
        "unsure": unsure,
        "doubts": stories.doubts() if unsure else [],
        "busy": any(lane.left and lane.connected and not lane.paused for lane in lanes),
    }


def _part(name: str, context: dict[str, Any]) -> str:
    return render_template(HERE + "_parts.html", parts=[name], **context)


def _digest(parts: list[str]) -> str:
    return blake2s("".join(parts).encode(), digest_size=8).hexdigest()
