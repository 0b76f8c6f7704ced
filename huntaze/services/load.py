"""Bulk loading: one creator's neutral CSV files become a new workspace, or nothing happens at all.

COPY fills typed temporary tables whose constraints are the rules for the files: PostgreSQL checks while
it reads, and knows the line. Two set-based inserts then store what was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psycopg
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.schemas.account import Registration
from huntaze.services.accounts import AccountService
from huntaze.services.errors import Conflict, Invalid
from huntaze.services.load_files import (
    CONVERSATIONS,
    MESSAGES,
    NOT_YET,
    SUBSCRIBERS,
    TRANSACTIONS,
    Column,
    LoadError,
    read_creator,
    read_header,
)

CHUNK = 1024 * 1024
"""Bytes of a file in memory at a time."""

Progress = Callable[[str, int], None]
"""Called with what is being done ("Reading transactions.csv") and how many rows of it are done."""

SETTINGS = (
    "timezone = 'UTC'",  # of a time without a zone
    "datestyle = 'ISO, YMD'",
    "work_mem = '32MB'",
    "gin_pending_list_limit = '32MB'",  # the trigram index grows in few large steps
)

# A fan's new id is drawn as its line is read: no offset to reckon with, and the file's ids may have gaps.
STAGED_SUBSCRIBERS = """
  new_id bigint NOT NULL DEFAULT nextval(pg_get_serial_sequence('subscribers', 'id')),
  folded text GENERATED ALWAYS AS (lower(ltrim(trim(username), '''@'))) STORED
    CONSTRAINT "subscribers.username" UNIQUE,
  CONSTRAINT "subscribers.platform_id" UNIQUE (platform_id)
"""
STAGED_TRANSACTIONS = "line bigint GENERATED ALWAYS AS IDENTITY (START 2)"

UNKNOWN_SUBSCRIBER = b"""
SELECT line, subscriber_id FROM staged_transactions AS t
 WHERE subscriber_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM staged_subscribers AS s WHERE s.id = t.subscriber_id)
 ORDER BY line LIMIT 1
"""
# The sign that keeps a spreadsheet from running a text (as in our own exports) is not part of it.
STORE_SUBSCRIBERS = rb"""
INSERT INTO subscribers (workspace_id, id, platform_id, username, display_name, email, tier, status,
                         monthly_price_cents, total_spent_cents, country, joined_at, last_active_at, renews_at,
                         archived_at)
SELECT %s, new_id, platform_id, folded,
       coalesce(regexp_replace(trim(display_name), '^''(?=''*[=+@\t\r-])', ''), ''),
       nullif(lower(regexp_replace(trim(email), '^''(?=''*[=+@\t\r-])', '')), ''), tier, status,
       monthly_price_cents, coalesce(spent.cents, 0), coalesce(country, ''), joined_at, last_active_at, renews_at,
       archived_at
  FROM staged_subscribers
  LEFT JOIN (SELECT subscriber_id, sum(gross_cents) AS cents FROM staged_transactions
              WHERE status = 'completed' GROUP BY subscriber_id) AS spent ON spent.subscriber_id = id
 ORDER BY new_id
"""
CURRENCIES = b"SELECT min(currency), max(currency) FROM staged_transactions"
STORE_CURRENCY = b"UPDATE workspaces SET currency = %s WHERE id = %s"
STORE_TRANSACTIONS = b"""
INSERT INTO transactions (workspace_id, subscriber_id, type, status, gross_cents, fee_cents, net_cents,
                          currency, occurred_at)
SELECT w.id, s.new_id, t.type, t.status, t.gross_cents, t.fee_cents, t.net_cents, w.currency, t.created_at
  FROM staged_transactions AS t
  LEFT JOIN staged_subscribers AS s ON s.id = t.subscriber_id
  JOIN workspaces AS w ON w.id = %s
 ORDER BY t.line
"""


STAGED_CONVERSATIONS = """
  line bigint GENERATED ALWAYS AS IDENTITY (START 2),
  new_id bigint NOT NULL DEFAULT nextval(pg_get_serial_sequence('conversations', 'id')),
  CONSTRAINT "conversations.subscriber_id" UNIQUE (subscriber_id)
"""
STAGED_MESSAGES = "line bigint GENERATED ALWAYS AS IDENTITY"  # a text may have several lines: no line of the file
UNKNOWN_FAN = b"""
SELECT line, subscriber_id FROM staged_conversations AS c
 WHERE NOT EXISTS (SELECT FROM staged_subscribers AS s WHERE s.id = c.subscriber_id)
 ORDER BY line LIMIT 1
"""
UNKNOWN_CONVERSATION = b"""
SELECT id, conversation_id FROM staged_messages AS m
 WHERE NOT EXISTS (SELECT FROM staged_conversations AS c WHERE c.id = m.conversation_id)
 ORDER BY line LIMIT 1
"""
NO_SENDER = b"SELECT id FROM staged_messages WHERE sender IS NULL AND direction IS NULL ORDER BY line LIMIT 1"
STORE_CONVERSATIONS = b"""
INSERT INTO conversations (workspace_id, id, subscriber_id, can_send, last_message_at, read_at, pinned_at,
                           snoozed_until, closed_at, created_at)
SELECT %s, c.new_id, s.new_id, coalesce(can_send, true), last_message_at,
       coalesce(read_at, CASE WHEN unread_count = 0 THEN last_message_at END), pinned_at, snoozed_until,
       coalesce(closed_at, CASE WHEN c.status = 'closed' THEN coalesce(last_message_at, now()) END),
       coalesce(c.created_at, last_message_at, now())
  FROM staged_conversations AS c
  JOIN staged_subscribers AS s ON s.id = c.subscriber_id
 ORDER BY c.new_id
"""
# In the order of time: the search finds the latest ones by their ids. What was to be sent there is not sent here.
STORE_MESSAGES = rb"""
INSERT INTO messages (workspace_id, conversation_id, direction, body, price_cents, is_tip, media_count, is_opened,
                      sent_at, deleted_at)
SELECT %s, c.new_id, coalesce(direction, CASE sender WHEN 'fan' THEN 'inbound' ELSE 'outbound' END),
       coalesce(regexp_replace(body, '^''(?=''*[=+@\t\r-])', ''), ''), coalesce(price_cents, 0),
       coalesce(is_tip, false), coalesce(media_count, 0), is_opened, coalesce(sent_at, m.created_at), deleted_at
  FROM staged_messages AS m
  JOIN staged_conversations AS c ON c.id = m.conversation_id
 WHERE coalesce(state, 'sent') = 'sent'
 ORDER BY coalesce(sent_at, m.created_at), m.id
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was stored, and which files of the folder were left alone."""

    workspace_id: WorkspaceId
    user_id: UserId
    email: str
    subscribers: int
    transactions: int
    conversations: int
    messages: int
    ignored: tuple[str, ...]


class LoadService:
    """Works through the system door: the workspace is only just being made."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def load(self, folder: Path, on_progress: Progress = lambda what, rows: None) -> Loaded:
        """Stores the creator of users.csv with subscribers and transactions in the session's transaction; and, where
        there are such files, conversations and messages.

        Raises LoadError; the transaction can then only be rolled back.
        """
        listed_id, new = read_creator(folder / "users.csv")
        workspace_id, user_id = self._open_workspace(new)
        connection = self.session.connection().connection.driver_connection
        with cast("psycopg.Connection", connection).cursor() as cursor:
            for setting in SETTINGS:
                cursor.execute(f"SET LOCAL {setting}".encode())
            _create_stage(cursor, "subscribers", SUBSCRIBERS, STAGED_SUBSCRIBERS, listed_id)
            _create_stage(cursor, "transactions", TRANSACTIONS, STAGED_TRANSACTIONS, listed_id)
            _fill_stage(cursor, folder / "subscribers.csv", SUBSCRIBERS, on_progress)
            _fill_stage(cursor, folder / "transactions.csv", TRANSACTIONS, on_progress)
            cursor.execute("ANALYZE staged_subscribers, staged_transactions")
            _refuse_unknown_subscriber(cursor)
            _store_currency(cursor, workspace_id)
            on_progress("Storing subscribers", 0)
            subscribers = cursor.execute(STORE_SUBSCRIBERS, (workspace_id,)).rowcount
            on_progress("Storing transactions", 0)
            transactions = cursor.execute(STORE_TRANSACTIONS, (workspace_id,)).rowcount
            cursor.execute("SELECT gin_clean_pending_list('ix_subscribers_search')")
            conversations, messages = _store_talk(cursor, folder, workspace_id, listed_id, on_progress)
            cursor.execute("DROP TABLE staged_subscribers, staged_transactions")
            cursor.execute("ANALYZE subscribers, transactions, daily_earnings, daily_subscribers")
        ignored = tuple(name for name in NOT_YET if (folder / name).exists())
        return Loaded(workspace_id, user_id, new.email, subscribers, transactions, conversations, messages, ignored)

    def _open_workspace(self, new: Registration) -> tuple[WorkspaceId, UserId]:
        try:
            return AccountService(self.session).open(new, vouched=True)
        except Conflict:
            problem = f"Someone with the e-mail {new.email} has an account here already."
            remedy = "A load makes a new account: put another e-mail into the file."
            raise LoadError("users.csv", problem, remedy, line=2, column="email") from None
        except Invalid:
            problem = "Many people use this password."
            raise LoadError("users.csv", problem, "Choose another one.", line=2, column="password") from None


def _store_talk(
    cursor: psycopg.Cursor, folder: Path, workspace_id: WorkspaceId, listed_id: int, on_progress: Progress
) -> tuple[int, int]:
    """conversations.csv and messages.csv, which a folder may be without; how many of each were stored."""
    if not (folder / "conversations.csv").exists():
        return 0, 0
    _create_stage(cursor, "conversations", CONVERSATIONS, STAGED_CONVERSATIONS, listed_id)
    _create_stage(cursor, "messages", MESSAGES, STAGED_MESSAGES, listed_id)
    _fill_stage(cursor, folder / "conversations.csv", CONVERSATIONS, on_progress)
    _fill_stage(cursor, folder / "messages.csv", MESSAGES, on_progress)
    cursor.execute("ANALYZE staged_conversations, staged_messages")
    unknown = cursor.execute(UNKNOWN_FAN).fetchone()
    if unknown is not None:
        problem = f"There is no subscriber {unknown[1]} in subscribers.csv."
        raise LoadError("conversations.csv", problem, line=unknown[0], column="subscriber_id")
    unknown = cursor.execute(UNKNOWN_CONVERSATION).fetchone()
    if unknown is not None:
        problem = f"There is no conversation {unknown[1]} in conversations.csv, as message {unknown[0]} says."
        raise LoadError("messages.csv", problem, column="conversation_id")
    nobody = cursor.execute(NO_SENDER).fetchone()
    if nobody is not None:
        problem = f"It must be {MESSAGES['sender'].must_be}; of message {nobody[0]} it is empty."
        raise LoadError("messages.csv", problem, column="sender")
    on_progress("Storing conversations", 0)
    conversations = cursor.execute(STORE_CONVERSATIONS, (workspace_id,)).rowcount
    on_progress("Storing messages", 0)
    messages = cursor.execute(STORE_MESSAGES, (workspace_id,)).rowcount
    cursor.execute("SELECT gin_clean_pending_list('ix_messages_search')")
    cursor.execute("DROP TABLE staged_conversations, staged_messages")
    cursor.execute("ANALYZE conversations, messages")
    return conversations, messages


def _create_stage(cursor: psycopg.Cursor, name: str, columns: Mapping[str, Column], more: str, user_id: int) -> None:
    """A temporary table for one file. Each constraint has the name of its column, see `_explain`."""
    lines = []
    for column, (type_, rule, _, may_be_empty, _may_be_missing) in columns.items():
        check = f' CONSTRAINT "{column}" CHECK ({rule.replace("{user_id}", str(user_id))})' if rule else ""
        lines.append(f"{column} {type_}{'' if may_be_empty else ' NOT NULL'}{check}")
    lines += [more, f'CONSTRAINT "{name}.id" PRIMARY KEY (id)']
    cursor.execute(f"CREATE TEMPORARY TABLE staged_{name} ({', '.join(lines)})".encode())


def _fill_stage(cursor: psycopg.Cursor, path: Path, columns: Mapping[str, Column], on_progress: Progress) -> None:
    optional = {name for name, column in columns.items() if column.may_be_missing}
    listed = ", ".join(read_header(path, columns, optional))
    command = f"COPY staged_{path.stem} ({listed}) FROM STDIN (FORMAT csv, HEADER true, ENCODING 'UTF8')"
    rows = -1  # the header
    try:
        with path.open("rb") as file, cursor.copy(command.encode()) as copy:
            while chunk := file.read(CHUNK):
                copy.write(chunk)
                rows += chunk.count(b"\n")
                on_progress(f"Reading {path.name}", rows)
    except OSError as error:
        raise LoadError(path.name, f"It can't be read ({error}).") from None
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise _explain(error, path.name, columns) from None


def _explain(error: psycopg.Error, file: str, columns: Mapping[str, Column]) -> LoadError:
    """What PostgreSQL found while it read the file, in the words of the file."""
    # "COPY staged_subscribers, line 3, column tier: ..."; another language has other words around the names.
    place = re.match(r"COPY \w+, \D+(\d+)(?:, \S+ (\w+))?", error.diag.context or "")
    line = int(place[1]) if place else None
    # A constraint is named after its column; a unique one has its table in front, as indexes share names.
    named = (error.diag.constraint_name or error.diag.column_name or "").rpartition(".")[2]
    column = named or (place[2] if place else None)
    if column is None or column not in columns:
        return LoadError(file, f"This is not a line of CSV ({error.diag.message_primary}).", line=line)
    if isinstance(error, psycopg.errors.UniqueViolation):
        return LoadError(file, "An earlier line has the same.", line=line, column=column)
    return LoadError(file, f"It must be {columns[column].must_be}.", line=line, column=column)


def _refuse_unknown_subscriber(cursor: psycopg.Cursor) -> None:
    unknown = cursor.execute(UNKNOWN_SUBSCRIBER).fetchone()
    if unknown is not None:
        line, subscriber_id = unknown
        problem = f"There is no subscriber {subscriber_id} in subscribers.csv."
        raise LoadError("transactions.csv", problem, line=line, column="subscriber_id")


def _store_currency(cursor: psycopg.Cursor, workspace_id: WorkspaceId) -> None:
    """That of the payments, where the file says it."""
    lowest, highest = cursor.execute(CURRENCIES).fetchone() or (None, None)
    if lowest != highest:
        problem = f"There are payments in {lowest} and in {highest}, and a workspace has one currency."
        raise LoadError("transactions.csv", problem, column="currency")
    if lowest is not None:
        cursor.execute(STORE_CURRENCY, (lowest, workspace_id))
