"""Answers of the gateway, taken apart: `data`, `_meta`, `_pagination`, and what of them can't be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from huntaze.adapters.platform.errors import Outcome, Reason, RetryableError
from huntaze.adapters.platform.records import Limits, Page, Raw, Rejected

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
LONGEST_RAW = 20_000
"""Characters that are kept of an answer that is no JSON."""


@dataclass(frozen=True)
class Answer:
    """A 2xx. body: its JSON, whatever that is."""

    body: Any
    headers: Mapping[str, str]

    @classmethod
    def of(cls, response: httpx.Response) -> Answer:
        """Raises RetryableError MALFORMED if it is no JSON."""
        try:
            return cls(json.loads(response.content, parse_constant=_refuse_constant), response.headers)
        except (ValueError, RecursionError):
            raw = response.content[:LONGEST_RAW].decode(errors="replace")
            raise malformed("is no JSON", raw, status=response.status_code) from None

    def data(self) -> Raw:
        """`data` where it is one thing. Raises RetryableError MALFORMED."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        if not isinstance(data, dict):
            raise malformed("data: is no object", self.body)
        return data

    def rows(self, name: str = "list") -> list[Any]:
        """The rows of `data`, or of `data.list`: both shapes are seen. Raises RetryableError MALFORMED."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        rows = data.get(name) if isinstance(data, dict) else data
        if isinstance(rows, dict):
            rows = list(rows.values())
        if not isinstance(rows, list):
            raise malformed(f"data.{name}: is no list", self.body)
        return rows

    def has_more(self) -> bool | None:
        """What `data.hasMore` says; None if it says nothing."""
        more = _object(self.body, "data").get("hasMore")
        return more if isinstance(more, bool) else None

    def has_links(self) -> bool:
        """Whether the answer tells of pages at all."""
        return isinstance(self.body, dict) and "_pagination" in self.body

    def link(self, parameter: str) -> str | None:
        """`parameter` of the address of the next page, or None if there is no such page or address."""
        address = _object(self.body, "_pagination").get("next_page")
        if not isinstance(address, str):
            return None
        try:
            return parse_qs(urlsplit(address).query).get(parameter, [None])[0]
        except ValueError:
            return None

    def limits(self) -> Limits:
        """What `_meta` says, as far as it can be read: a call is not worth less without it."""
        meta = _object(self.body, "_meta")
        credits_, rates = _object(meta, "_credits"), _object(meta, "_rate_limits")
        return Limits(
            credits_used=_count(credits_.get("used")),
            credits_left=_count(credits_.get("balance")),
            per_minute=_count(rates.get("limit_minute")),
            left_this_minute=_count(rates.get("remaining_minute")),
        )

    def page(
        self, read: Callable[[Raw], T], cursor: str | None, next_cursor: str | None, name: str = "list"
    ) -> Page[T]:
        """The rows that `read` can read, and the others. Raises RetryableError MALFORMED if the next page is
        this one again, which would never end."""
        rows, rejected = [], []
        for raw in self.rows(name):
            try:
                if not isinstance(raw, dict):
                    raise ValueError("is no object")
                rows.append(read(raw))
            except ValueError as error:
                rejected.append(Rejected(reason_of(error), raw))
        if next_cursor is not None and next_cursor == cursor:
            raise malformed("the next page is this one", self.body)
        return Page(tuple(rows), next_cursor, self.limits(), tuple(rejected))

    def one(self, read: Callable[[Raw], T]) -> T:
        """`data`, read. Raises RetryableError MALFORMED."""
        return read_one(read, self.data(), self.body)


def read_one(read: Callable[[Raw], T], raw: Raw, body: Any) -> T:
    """Raises RetryableError MALFORMED with the whole body."""
    try:
        return read(raw)
    except ValueError as error:
        raise malformed(reason_of(error), body) from None


def is_replay(headers: Mapping[str, str]) -> bool:
    """Whether it is the kept answer to an earlier request with the same key."""
    return headers.get("Idempotent-Replayed", "").lower() == "true"


def malformed(detail: str, raw: object, *, status: int | None = None) -> RetryableError:
    return RetryableError(Reason.MALFORMED, outcome=Outcome.UNKNOWN, status=status, raw=raw, detail=detail)


def reason_of(error: ValueError) -> str:
    """Which fields are wrong and why, without what is in them: that may be a person's."""
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems[:5])


def _object(parent: Any, name: str) -> dict[str, Any]:
    child = parent.get(name) if isinstance(parent, dict) else None
    return child if isinstance(child, dict) else {}


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON, although Python reads them."""
    raise ValueError(name)
