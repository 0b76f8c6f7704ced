"""The inbox and one conversation, live: each event is what changed since the one before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Response, render_template, request

from huntaze.blueprints import web
from huntaze.blueprints.chatbot import bp
from huntaze.blueprints.chatbot.conversations import EPOCH, INBOX, stamp, words
from huntaze.blueprints.forms import read
from huntaze.blueprints.streams import News, stream
from huntaze.schemas.conversation import ConversationFilter
from huntaze.services.conversation_history import HistoryService
from huntaze.services.conversation_news import conversation_topic, inbox_topic
from huntaze.services.conversations import ConversationService

SLACK = timedelta(seconds=2)
"""What is committed now may have been written so long before: it is looked for once more, and told once. What the
page was made with is not told."""
LONGEST_STAMP = 18
"""Digits."""
LONGEST = timedelta(hours=1)
"""Who was away for longer has a page to read anew."""


@bp.get("/conversations/events")
def inbox_events() -> Response:
    wanted = read(ConversationFilter, {name: value for name, value in request.args.items() if name != "since"})
    since = _since()
    told: dict[int, datetime] = {}

    def news() -> News:
        nonlocal since
        with web.own_session() as session:
            viewer = web.viewer()
            found = ConversationService(session, viewer.workspace_id).news(wanted, viewer.user_id, since - SLACK)
            touched = {entry.id: entry.conversation.touched_at for entry, _found in found}
            began, shown = since - SLACK, told or {id_: at for id_, at in touched.items() if at <= since}
            found = [each for each in found if shown.get(each[0].id) != each[0].conversation.touched_at]
            told.update(touched)
            since = max([since, *(entry.conversation.touched_at for entry, _found in found)])
            html = render_template(INBOX + "_news.html", news=found, filter=wanted, began=began)
        return News(html, is_last=False, id=stamp(since))

    return stream(inbox_topic(web.viewer().workspace_id), news)


@bp.get("/conversations/<int:conversation_id>/events")
def conversation_events(conversation_id: int) -> Response:
    web.service(ConversationService).get(conversation_id)
    since = _since()
    told: dict[int, datetime] = {}

    def news() -> News:
        nonlocal since
        with web.own_session() as session:
            workspace_id = web.viewer().workspace_id
            chat = ConversationService(session, workspace_id).get(conversation_id)
            said = HistoryService(session, workspace_id).since(conversation_id, since - SLACK)
            touched = {each.id: each.message.touched_at for each in said}
            began, shown = since - SLACK, told or {id_: at for id_, at in touched.items() if at <= since}
            said = [each for each in said if shown.get(each.id) != each.message.touched_at]
            told.update(touched)
            since = max([since, *(each.message.touched_at for each in said)])
            html = render_template(INBOX + "_said.html", chat=chat, news=said, began=began, **words())
        return News(html, is_last=False, id=stamp(since))

    return stream(conversation_topic(web.viewer().workspace_id, conversation_id), news)


def _since() -> datetime:
    """From when on: what the page was made with, or what this stream told before it broke off."""
    now = datetime.now(UTC)
    said = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    if not (said.isascii() and said.isdigit() and len(said) < LONGEST_STAMP):
        return now
    return min(max(EPOCH + timedelta(microseconds=int(said)), now - LONGEST), now)
