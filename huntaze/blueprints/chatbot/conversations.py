"""The inbox: the list, one conversation, and what is known of its fan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext as _

from huntaze.blueprints import web
from huntaze.blueprints.chatbot import bp
from huntaze.blueprints.forms import Form, read
from huntaze.blueprints.htmx import go, page, page_or_partial, wants_partial
from huntaze.blueprints.messages import say
from huntaze.blueprints.parked import form_page
from huntaze.models.conversation import Message
from huntaze.models.user import Role
from huntaze.schemas.conversation import ConversationFilter, NewConversation, View
from huntaze.services.conversation_history import HistoryService, written_by
from huntaze.services.conversation_marks import MarkService
from huntaze.services.conversation_replies import ReplyService, can_unsend
from huntaze.services.conversation_search import ConversationSearchService
from huntaze.services.conversations import ConversationService, Entry
from huntaze.services.delivery_terms import AT_ACCOUNT
from huntaze.services.drafts import DraftService
from huntaze.services.notes import NoteService
from huntaze.services.subscribers import SubscriberService
from huntaze.services.tags import TagService

INBOX = "chatbot/conversations/"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@bp.get("/conversations")
def conversations() -> Response:
    wanted = read(ConversationFilter, request.args)
    conversations = web.service(ConversationService)
    context: dict[str, Any] = {"filter": wanted, "member": web.viewer().user_id}
    if wanted.q:
        context["found"] = web.service(ConversationSearchService).find(wanted.q)
    else:
        since = conversations.last_change()
        context["since"] = stamp(since) if since else None
        context["inbox"] = conversations.page(wanted, web.viewer().user_id)
    if wants_partial():
        if wanted.after or wanted.before:
            return page(INBOX + "_rows.html", **context)
        return page(INBOX + "_list.html", **context, views=views(), tags=web.service(TagService).all())
    return page(INBOX + "index.html", **context, views=views(), tags=web.service(TagService).all())


@bp.post("/conversations")
@web.role(Role.CHATTER)
@form_page("chatbot.conversations")
def begin_conversation() -> Response:
    """From the page of a fan with whom nobody talked yet."""
    new = read(NewConversation, request.form)
    return go(path_of(web.service(ConversationService).open_with(new.subscriber_id)))


@bp.get("/conversations/<int:conversation_id>")
def conversation(conversation_id: int) -> Response:
    after, before = request.args.get("after", ""), request.args.get("before", "")
    if wants_partial() and (after or before):
        history = web.service(HistoryService).page(conversation_id, after, before)
        entry = web.service(ConversationService).get(conversation_id)
        return page(INBOX + "_messages.html", chat=entry, said=history, is_part=True, **words())
    return show(conversation_id, after=after, before=before)


@bp.get("/with/<int:subscriber_id>")
def conversation_with(subscriber_id: int) -> Response:
    """On to the conversation with a fan; to the fan where there is none."""
    fan = web.service(SubscriberService).get(subscriber_id)
    found = web.service(ConversationService).of_fan(fan.id)
    return go(path_of(found) if found else url_for("onlyfans.subscriber", subscriber_id=fan.id))


@bp.get("/conversations/<int:conversation_id>/about")
def about(conversation_id: int) -> Response:
    return show_about(conversation_id)


def show(
    conversation_id: int, status: int = 200, *, form: Form | None = None, after: str = "", before: str = ""
) -> Response:
    """The conversation, with what was typed in its form. Raises NotFound."""
    entry = web.service(ConversationService).get(conversation_id)
    at = request.args.get("at", type=int)
    said = web.service(HistoryService).page(conversation_id, after, before, at)
    context = {
        "chat": entry,
        "said": said,
        "member": web.viewer().user_id,
        "is_latest": not (at or after or before),
        "since": _last_change(entry, [each.message for each in said.rows]),
        "bought": web.service(HistoryService).last_purchase(entry.fan.id),
        **composer(entry, form),
        **words(),
    }
    return page_or_partial(INBOX + "show.html", INBOX + "_chat.html", status, **context)


def show_about(conversation_id: int, status: int = 200, problems: Sequence[str] = ()) -> Response:
    """What is known of the fan, and what can be done about the conversation. Raises NotFound."""
    history = web.service(HistoryService)
    entry = web.service(ConversationService).get(conversation_id)
    return page_or_partial(
        INBOX + "about.html",
        INBOX + "_about.html",
        status,
        chat=entry,
        bought=history.last_purchase(entry.fan.id),
        offered=history.offered(conversation_id),
        notes=web.service(NoteService).page(entry.fan.id).rows[:3],
        assignees=web.service(MarkService).assignees(),
        now=datetime.now(UTC),
        problems=problems,
    )


def answer_in_chat(conversation_id: int, message_id: int, problem: str = "") -> Response:
    """After something was done with a message: how it is now. Raises NotFound."""
    if not wants_partial():
        return go(path_of(conversation_id), problem, "bad")
    entry = web.service(ConversationService).get(conversation_id)
    said = web.service(HistoryService).one(conversation_id, message_id)
    return page(INBOX + "_message.html", each=said, chat=entry, **words())


def composer(entry: Entry, form: Form | None = None) -> dict[str, Any]:
    """What the composer shows: what was typed just now, or the viewer's draft."""
    replies = web.service(ReplyService)
    viewer = web.viewer()
    if form is None:
        form = Form.empty()
        draft = web.service(DraftService).get(entry.id, viewer.user_id)
        if draft is not None:
            form.values = {"text": draft.body, "price": draft.price, **form.values}
        media = draft.media if draft else []
    else:
        media = list(dict.fromkeys(request.form.getlist("media")))
    obstacle = replies.obstacle(entry)
    for_owner = obstacle is not None and obstacle.kind in AT_ACCOUNT and viewer.covers(Role.OWNER)
    return {
        "form": form,
        "media": media,
        "key": replies.key_for(entry, viewer.user_id),
        "obstacle": say(obstacle) if obstacle else "",
        "obstacle_link": for_owner and url_for("settings.platform", account_id=entry.conversation.account_id),
        "terms": replies.terms(),
    }


def stamp(at: datetime) -> str:
    """A moment as streams say it: microseconds, in few characters."""
    return str((at - EPOCH) // timedelta(microseconds=1))


def words() -> dict[str, Any]:
    """What messages are shown with."""
    viewer_id = web.viewer().user_id
    return {
        "written_by": lambda said: written_by(said, viewer_id),
        "can_unsend": can_unsend,
        "now": datetime.now(UTC),
    }


def path_of(conversation_id: int) -> str:
    return url_for("chatbot.conversation", conversation_id=conversation_id)


def views() -> list[tuple[View, str]]:
    return [
        (View.OPEN, _("All")),
        (View.UNREAD, _("Unread")),
        (View.UNANSWERED, _("Unanswered")),
        (View.SPENDERS, _("Spenders")),
        (View.EXPIRING, _("Expiring")),
        (View.SNOOZED, _("Snoozed")),
        (View.CLOSED, _("Closed")),
    ]


def _last_change(entry: Entry, shown: Sequence[Message]) -> str:
    """From when on a stream tells what changed."""
    return stamp(max([entry.conversation.touched_at, *(message.touched_at for message in shown)]))
