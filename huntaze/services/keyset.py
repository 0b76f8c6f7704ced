"""Keyset pagination: a page begins after the last row of the one before, however deep it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, SQLColumnExpression, literal, tuple_

from huntaze.services.errors import Invalid, Problem

T = TypeVar("T")
PAGE = 50
"""Rows on a page of any list."""
LONGEST_CURSOR = 400
"""Characters; the longest of ours has a user name of 100 and takes 200."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the page behind them (None at the end)."""

    rows: Sequence[T]
    next: str | None


@dataclass(frozen=True)
class Window(Page[T]):
    """A page that also knows its way back: `previous` is a cursor for `before`, None at the beginning."""

    previous: str | None


@dataclass(frozen=True)
class Order:
    """A total order: by `key`, then by `id` in the same direction. `read` makes the key of a cursor's text."""

    name: str
    key: SQLColumnExpression[Any]
    id: SQLColumnExpression[int]
    value: Callable[[Any], Any]
    read: Callable[[str], Any]
    descending: bool = True

    def page(self, query: Select[Any], after: str) -> Select[Any]:
        """`query` in this order from behind the cursor, with one row more than a page holds.

        Raises Invalid for a cursor that is no cursor, or one of another list or order.
        """
        if after:
            key, id_ = self._decode(after)
            position = tuple_(literal(key), literal(id_))
            here = tuple_(self.key, self.id)
            query = query.where(here < position if self.descending else here > position)
        columns = (self.key, self.id)
        query = query.order_by(*(column.desc() if self.descending else column.asc() for column in columns))
        return query.limit(PAGE + 1)

    def split(self, rows: Sequence[T]) -> Page[T]:
        """The page of the rows that `page` fetched."""
        if len(rows) <= PAGE:
            return Page(rows, None)
        return Page(rows[:PAGE], self._encode(rows[PAGE - 1]))

    def window(self, query: Select[Any], after: str, before: str, size: int = PAGE) -> Select[Any]:
        """`query` in this order from behind `after`, or backwards from `before`; `see` takes what it fetches.

        Raises Invalid as `page` does.
        """
        backwards = bool(before)
        descending = self.descending is not backwards
        columns = self.key, self.id
        if after or before:
            key, id_ = self._decode(before or after, "before" if backwards else "after")
            position, here = tuple_(literal(key), literal(id_)), tuple_(*columns)
            query = query.where(here < position if descending else here > position)
        query = query.order_by(*(column.desc() if descending else column.asc() for column in columns))
        return query.limit(size + 1)

    def see(self, rows: Sequence[T], after: str, before: str, size: int = PAGE) -> Window[T]:
        """The rows that `window` fetched, in this order."""
        more, seen = len(rows) > size, list(rows[:size])
        if before:
            seen.reverse()
        ends = [self._encode(row) for row in (seen[0], seen[-1])] if seen else [None, None]
        return Window(
            seen,
            ends[1] if more or before else None,
            ends[0] if after or (before and more) else None,
        )

    def around(self, row: Any) -> str:
        """The cursor of a row, for what lies before or after it."""
        return self._encode(row)

    def _encode(self, row: Any) -> str:
        value = self.value(row)
        key = value.isoformat() if isinstance(value, datetime) else str(value)
        payload = json.dumps([self.name, key, row.id], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(payload.encode()).rstrip(b"=").decode()

    def _decode(self, cursor: str, field: str = "after") -> tuple[Any, int]:
        try:
            if len(cursor) > LONGEST_CURSOR:
                raise ValueError(cursor)
            padded = cursor + "=" * (-len(cursor) % 4)
            name, key, id_ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if name != self.name or not isinstance(key, str) or type(id_) is not int or not 0 < id_ < 2**63:
                raise ValueError
            return self.read(key), id_
        except (ValueError, TypeError, RecursionError):
            raise Invalid({field: [Problem("cursor")]}) from None


def read_time(text: str) -> datetime:
    """An aware time out of a cursor."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(text)
    return time


def read_text(text: str) -> str:
    """A text that PostgreSQL can hold, out of a cursor."""
    text.encode()  # a lone surrogate is no text
    if "\0" in text:
        raise ValueError(text)
    return text


def read_cents(text: str) -> int:
    value = int(text)
    if abs(value) >= 2**63:
        raise ValueError(text)
    return value
