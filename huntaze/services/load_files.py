"""The neutral CSV files of one creator: their columns, the rules for a value, and what is said when one breaks it."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from huntaze.models.subscriber import Status, Tier
from huntaze.models.transaction import TransactionStatus, TransactionType
from huntaze.schemas.account import Registration
from huntaze.services.passwords import is_common

NOT_YET = ("campaigns.csv",)
"""Neutral files that Huntaze has no table for so far."""


@dataclass(eq=False)
class LoadError(Exception):
    """The first thing that is wrong with the files, and what to do. The line counts from 1, header included."""

    file: str
    problem: str
    remedy: str = "Correct the file and load it again."
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        where = [self.file]
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.column is not None:
            where.append(f"column {self.column}")
        return f"{', '.join(where)}: {self.problem} Nothing was stored. {self.remedy}"


class Column(NamedTuple):
    """PostgreSQL's type for a column, its rule as a CHECK ("": none), and the same in words."""

    type: str
    rule: str
    must_be: str
    may_be_empty: bool = False
    may_be_missing: bool = False


def _choice(column: str, values: Iterable[str]) -> Column:
    values = list(values)
    return Column("text", f"{column} IN ({str(values)[1:-1]})", f"one of {', '.join(values)}")


def _time(column: str, *, may_be_empty: bool = False, may_be_missing: bool = False) -> Column:
    # PostgreSQL reads the years 4713 BC to 294276 and "infinity"; Python does not.
    rule = f"{column} >= '2000-01-01' AND {column} < '2100-01-01'"
    return Column("timestamptz", rule, "a time like 2026-05-31 18:30:00+00 (UTC)", may_be_empty, may_be_missing)


def _amount(column: str) -> Column:
    # What a chargeback takes back is negative, its fee included.
    rule = f"CASE type WHEN '{TransactionType.CHARGEBACK}' THEN {column} <= 0 ELSE {column} >= 0 END"
    return Column("integer", rule, f"{_CENTS}; of a chargeback, from 0 down, like -1999")


_ID = Column("integer", "id > 0", "a whole number from 1")
_OWNER = Column("integer", "user_id = {user_id}", "the id of the creator in users.csv")
_CENTS = "a whole number of cents from 0, like 1999"

USERS = ("id", "email", "name", "password", "created_at")
SUBSCRIBERS = {
    "id": _ID,
    "user_id": _OWNER,
    "username": Column(
        "text",
        "username ~ '^ *''?@?[A-Za-z0-9._-]{1,100} *$'",
        "1 to 100 letters, digits, dots, dashes or underscores",
    ),
    "platform_id": Column(
        "text",
        "length(platform_id) BETWEEN 1 AND 64 AND platform_id !~ '[[:cntrl:]]'",
        "up to 64 characters, without control characters",
        may_be_empty=True,
        may_be_missing=True,
    ),
    "display_name": Column(
        "text",
        "length(display_name) <= 100 AND display_name !~ '[[:cntrl:]]'",
        "up to 100 characters, without control characters",
        may_be_empty=True,
    ),
    "email": Column(
        "text",
        r"length(email) <= 254 AND email ~ '^ *([^@\s]+@[^@\s]+)? *$'",
        "an e-mail address like name@example.com",
        may_be_empty=True,
    ),
    "tier": _choice("tier", (tier.value for tier in Tier)),
    "status": _choice("status", (status.value for status in Status)),
    "monthly_price_cents": Column("integer", "monthly_price_cents >= 0", _CENTS),
    # Read and dropped: the transactions know better.
    "total_spent_cents": Column("integer", "", "a whole number of cents", may_be_empty=True),
    "country": Column("text", "country ~ '^[A-Z]{2}$'", "two capital letters, like US", may_be_empty=True),
    "joined_at": _time("joined_at"),
    "last_active_at": _time("last_active_at", may_be_empty=True),
    "renews_at": _time("renews_at", may_be_empty=True),
    "archived_at": _time("archived_at", may_be_empty=True, may_be_missing=True),
    # Read and dropped: what a platform said of its account here, which is not connected there.
    **{
        name: Column("text", "", "anything", may_be_empty=True, may_be_missing=True)
        for name in ("account_id", "platform_id", "renews", "listed_at", "vanished_at")
    },
    # And when rows of ours were written.
    "created_at": Column("text", "", "a time", may_be_empty=True, may_be_missing=True),
    "updated_at": Column("text", "", "a time", may_be_empty=True, may_be_missing=True),
}
TRANSACTIONS = {
    "id": _ID,
    "user_id": _OWNER,
    # Empty where the fan was erased.
    "subscriber_id": Column("integer", "", "the id of a subscriber in subscribers.csv, or empty", may_be_empty=True),
    "type": _choice("type", (kind.value for kind in TransactionType)),
    "status": _choice("status", (status.value for status in TransactionStatus)),
    "gross_cents": _amount("gross_cents"),
    "fee_cents": _amount("fee_cents"),
    "net_cents": Column("integer", "net_cents = gross_cents - fee_cents", "gross_cents less fee_cents"),
    "created_at": _time("created_at"),
    **{
        name: Column("text", "", "anything", may_be_empty=True, may_be_missing=True)
        for name in ("account_id", "platform_id", "reverses", "vat_cents")
    },
    "currency": Column("text", "currency ~ '^[A-Z]{3}$'", "three capital letters, like USD", True, True),
}


def _dropped(*names: str) -> dict[str, Column]:
    """Read and not kept: what is added up anew here, or says nothing here."""
    return {name: Column("text", "", "anything", may_be_empty=True, may_be_missing=True) for name in names}


CONVERSATIONS = {
    "id": _ID,
    "user_id": _OWNER,
    "subscriber_id": Column("integer", "subscriber_id > 0", "the id of a subscriber in subscribers.csv"),
    "status": Column("text", "status IN ('open', 'pending', 'closed')", "one of open, pending, closed", True, True),
    "unread_count": Column("integer", "unread_count >= 0", "a whole number from 0", True, True),
    "can_send": Column("boolean", "", "true or false", True, True),
    **{
        name: _time(name, may_be_empty=True, may_be_missing=True)
        for name in ("last_message_at", "created_at", "read_at", "pinned_at", "snoozed_until", "closed_at")
    },
    **_dropped(
        "auto_reply", "message_count", "last_message_preview", "account_id", "platform_unread", "behind",
        "last_message_id", "unread", "waiting_since", "assignee_id", "touched_at",
    ),
}  # fmt: skip
# Who wrote it is in `sender` (neutral files) or in `direction` (our own exports), and when likewise.
MESSAGES = {
    "id": _ID,
    "user_id": Column("integer", "user_id = {user_id}", _OWNER.must_be, True, True),
    "conversation_id": Column("integer", "conversation_id > 0", "the id of a conversation in conversations.csv"),
    "sender": Column("text", "sender IN ('fan', 'creator', 'bot')", "one of fan, creator, bot", True, True),
    "direction": Column("text", "direction IN ('inbound', 'outbound')", "one of inbound, outbound", True, True),
    "body": Column("text", "length(body) <= 20000", "up to 20,000 characters", may_be_empty=True),
    "created_at": _time("created_at"),
    "sent_at": _time("sent_at", may_be_empty=True, may_be_missing=True),
    "deleted_at": _time("deleted_at", may_be_empty=True, may_be_missing=True),
    "state": Column("text", "length(state) <= 20", "the state of a message", True, True),
    "price_cents": Column("integer", "price_cents >= 0", _CENTS, True, True),
    "media_count": Column("integer", "media_count >= 0", "a whole number from 0", True, True),
    "is_tip": Column("boolean", "", "true or false", True, True),
    "is_opened": Column("boolean", "", "true or false", True, True),
    **_dropped(
        "account_id", "platform_id", "changed_at", "key", "bulk", "place", "author_id", "queued_at",
        "cancel_on_reply", "media", "failure", "settled_by", "unsend_asked_at", "touched_at",
    ),
}  # fmt: skip


def read_creator(path: Path) -> tuple[int, Registration]:
    """The id and the log-in of the one creator in users.csv, under the rules for registering. Raises LoadError."""
    read_header(path, USERS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise LoadError(path.name, f"This is not CSV in UTF-8 ({error}).") from None
    if len(rows) != 1:
        problem = f"It has {len(rows)} creators, and a load is of exactly one."
        raise LoadError(path.name, problem, "Put each creator's files into a folder of their own.")
    given = {column: rows[0][column] or "" for column in USERS}
    if not re.fullmatch(r"[1-9][0-9]{0,8}", given["id"]):
        raise LoadError(path.name, f"It must be {_ID.must_be}.", line=2, column="id")
    log_in = {column: given[column] for column in ("name", "email", "password")}
    try:
        new = Registration.model_validate({**log_in, "business": given["name"]})
    except ValidationError as error:
        first = error.errors()[0]
        raise LoadError(path.name, f"{first['msg'].rstrip('.')}.", line=2, column=str(first["loc"][0])) from None
    if is_common(new.password):
        raise LoadError(path.name, "This password is one that anyone would guess.", line=2, column="password")
    return int(given["id"]), new


def read_header(path: Path, columns: Iterable[str], optional: Collection[str] = ()) -> list[str]:
    """The columns of the file in its own order. Raises LoadError unless they are these, each once.

    Those that are `optional` may be missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except FileNotFoundError:
        raise LoadError(path.name, f"There is no such file in {path.parent}.", "Add it and load again.") from None
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise LoadError(path.name, f"It can't be read as CSV in UTF-8 ({error}).") from None
    columns = list(columns)
    for what, wrong in (
        ("missing", [column for column in columns if column not in header and column not in optional]),
        ("not known", [column for column in header if column not in columns]),
        ("there twice", [column for column in header if header.count(column) > 1]),
    ):
        if wrong:
            remedy = f"The first line must name the columns {', '.join(c for c in columns if c not in optional)}."
            raise LoadError(path.name, f"The column is {what}.", remedy, line=1, column=wrong[0])
    return header
