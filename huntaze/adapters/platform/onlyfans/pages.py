"""Where the next page of a list begins: each list of the gateway tells it in its own way; we keep a cursor."""

from __future__ import annotations

from huntaze.adapters.platform.onlyfans.answers import Answer, malformed
from huntaze.adapters.platform.onlyfans.values import platform_id


def offset_of(cursor: str | None) -> int:
    return int(cursor) if cursor else 0


def next_offset(answer: Answer, cursor: str | None, limit: int) -> str | None:
    """Where the gateway's link points to, or a page on if it only says that there is more; what it says counts more
    than a link. A short page says nothing: deleted fans are taken out of it."""
    if answer.has_more() is False:
        return None
    linked = answer.link("offset")
    if linked and linked.isdecimal():
        return linked
    return str(offset_of(cursor) + limit) if answer.has_more() else None


def next_full_page(answer: Answer, cursor: str | None, limit: int) -> str | None:
    """For lists that do not say whether there is more: there may be, behind a full page."""
    return str(offset_of(cursor) + limit) if len(answer.rows()) >= limit else None


def next_marker(answer: Answer) -> str | None:
    """Raises RetryableError MALFORMED if there is more, and nothing tells where."""
    if answer.has_more() is False:
        return None
    marker = answer.data().get("nextMarker") or answer.link("marker")
    return _id_or_malformed(marker, answer) if marker is not None or answer.has_more() else None


def next_message(answer: Answer, limit: int) -> str | None:
    """The older shape has no link; then the last message of the page is where the next one begins."""
    if answer.has_links():
        return answer.link("first_id")
    rows = answer.rows()
    if not rows or not (answer.has_more() or len(rows) >= limit):
        return None
    last = rows[-1].get("id") if isinstance(rows[-1], dict) else None
    return _id_or_malformed(last, answer)


def _id_or_malformed(value: object, answer: Answer) -> str:
    try:
        return platform_id(value)
    except ValueError:
        raise malformed("the next page can't be told", answer.body) from None
