"""The inbox and one conversation, live: each event is what changed since the one before."""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import Response, render_template, request

from huntaze.blueprints import web
from huntaze.blueprints.chatbot import bp
from huntaze.blueprints.chatbot.conversations import EPOCH, INBOX, stamp, words
from huntaze.blueprints.forms import read
from huntaze.blueprints.streams import ONCE, News, stream
from huntaze.models.conversation import WAITING, Message
from huntaze.schemas.conversation import ConversationFilter, View
from huntaze.services.conversation_history import HistoryService
from huntaze.services.conversation_news import conversation_topic, inbox_topic
from huntaze.services.conversations import ConversationService, Entry

SLACK = timedelta(seconds=2)
"""What is committed now may have been written so long before: it is looked for once more, and told once. What the
page was made with is not told."""
LONGEST_STAMP = 18
"""Digits."""
LONGEST = timedelta(hours=1)
"""Who was away for longer has a page to read anew."""
IN_TIME = (View.OPEN, View.UNREAD, View.CLOSED)
"""What was said last stands at the top."""
PAGE = "X-Page"
"""A page names itself by the beginning of the keys under which it sends messages."""
PAGE_NAME = re.compile("[0-9a-f]{8}")


class _Told(NamedTuple):
    """Of a conversation: as of when, and what its row showed, whether it was read apart."""

    at: datetime
    row: Hashable


@bp.get("/conversations/events")
def inbox_events() -> Response:
    given = {name: value for name, value in request.args.items() if name not in ("since", ONCE)}
    wanted = read(ConversationFilter, given)
    since = _since()
    told: dict[int, _Told] = {}

    def news() -> News:
        nonlocal since
        with web.own_session() as session:
            viewer = web.viewer()
            found = ConversationService(session, viewer.workspace_id).news(wanted, viewer.user_id, since - SLACK)
            now = {entry.id: _Told(entry.conversation.touched_at, _row(entry)) for entry, _is_found in found}
            began, shown = since - SLACK, told or {id_: each for id_, each in now.items() if each.at <= since}
            changes = [
                (entry, _change(entry, wanted.view, began, told.get(entry.id)) if is_found else "gone")
                for entry, is_found in found
                if entry.id not in shown or shown[entry.id].at != now[entry.id].at
            ]
            told.update(now)
            since = max([since, *(entry.conversation.touched_at for entry, _is_found in found)])
            html = render_template(INBOX + "_news.html", news=changes)
        return News(html, is_last=False, id=stamp(since))

    return stream(inbox_topic(web.viewer().workspace_id), news)


@bp.get("/conversations/<int:conversation_id>/events")
def conversation_events(conversation_id: int) -> Response:
    web.service(ConversationService).get(conversation_id)
    since, page = _since(), request.headers.get(PAGE, "")
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
            said = [each for each in said if each.id in told or not _was_answered(each.message, page)]
            told.update(touched)
            since = max([since, *(each.message.touched_at for each in said)])
            html = render_template(INBOX + "_said.html", chat=chat, news=said, began=began, **words())
        return News(html, is_last=False, id=stamp(since))

    return stream(conversation_topic(web.viewer().workspace_id, conversation_id), news)


def _change(entry: Entry, view: View, began: datetime, told: _Told | None) -> str:
    """What is to be done to its row."""
    if told and told.row == _row(entry) and not entry.conversation.unread:
        return "read"
    return "new" if view in IN_TIME and entry.last and entry.last.created_at > began else "changed"


def _row(entry: Entry) -> Hashable:
    """What a row shows, whether it was read apart."""
    chat, fan, last = entry.conversation, entry.fan, entry.last
    of_chat = chat.waiting_since, chat.pinned_at, chat.snoozed_until, chat.closed_at
    return *of_chat, last and last.touched_at, fan.name, fan.tier, fan.total_spent_cents, entry.assignee


def _was_answered(message: Message, page: str) -> bool:
    """Whether the page that listens sent it and nothing became of it yet: that was the answer to its form."""
    if message.key is None or message.state not in WAITING or not PAGE_NAME.fullmatch(page):
        return False
    return message.key.hex.startswith(page)


def _since() -> datetime:
    """From when on: what the page was made with, or what this stream told before it broke off."""
    now = datetime.now(UTC)
    said = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    if not (said.isascii() and said.isdigit() and len(said) < LONGEST_STAMP):
        return now
    return min(max(EPOCH + timedelta(microseconds=int(said)), now - LONGEST), now)
