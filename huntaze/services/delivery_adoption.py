"""What was read back of chats with a message in doubt: whether ours is among it.

Through the system door, and for many accounts in one transaction. It is no matter who holds a lane: what was read is
true whoever says it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Result, text
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Message
from huntaze.models.base import WorkspaceId
from huntaze.services.delivery_store import Doubt, Key
from huntaze.services.platform_chats import ADOPT, BEHIND, SLACK, latest, message_rows
from huntaze.services.platform_scope import lock_name

ReadBack = tuple[Doubt, Sequence[Message]]
"""A doubt, and what is in its chat."""
HISTORY = timedelta(days=1)
"""What is older in a chat that was read back may stay unknown."""

# Nobody else stores what these accounts' platforms say until this transaction ends. Of others somebody does just now.
HOLD = """
SELECT r.workspace, r.account FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (workspace bigint, account bigint,
       name text) WHERE pg_try_advisory_xact_lock(hashtextextended(r.name, 0))
"""
ARE_SENT = """
SELECT m.id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (workspace bigint, message bigint)
  JOIN messages AS m ON m.workspace_id = r.workspace AND m.id = r.message WHERE m.state = 'sent'
"""


@dataclass(frozen=True, slots=True)
class Adopted:
    """sent: whether each message (by id) is. changed: (workspace, conversation) of those that became so."""

    sent: dict[int, bool]
    changed: list[tuple[WorkspaceId, int]]


def adopt(session: Session, read_back: Sequence[ReadBack]) -> Adopted:
    """Makes messages of the platform's ours that say the same as ours, and that nobody knows yet.

    Doubts of accounts that somebody else is storing something of are not in what is returned: they have to be asked
    again. Two statements for each account: callers give few at once (Rules.claims).
    """
    told: dict[Key, list[Message]] = {}
    for doubt, messages in read_back:
        told.setdefault(doubt.key, []).extend(messages)
    names = [
        {"workspace": workspace, "account": account, "name": lock_name(workspace, account)}
        for workspace, account in sorted(told)
    ]
    held = {(row.workspace, row.account) for row in _run(session, HOLD, names)}
    if not held:
        return Adopted({}, [])
    changed = [each for key in held for each in _adopt(session, key, latest(told[key]))]
    asked = [doubt for doubt, _ in read_back if doubt.key in held]
    rows = [{"workspace": doubt.key[0], "message": doubt.message_id} for doubt in asked]
    sent = set(_run(session, ARE_SENT, rows).scalars())
    return Adopted({doubt.message_id: doubt.message_id in sent for doubt in asked}, changed)


def _adopt(session: Session, key: Key, messages: Collection[Message]) -> list[tuple[WorkspaceId, int]]:
    here = {"workspace": key[0], "account": key[1]}
    mine = message_rows(each for each in messages if each.mine)
    found = _run(session, ADOPT, mine, **here, slack=SLACK.total_seconds()) if mine else ()
    # The rest is for the next sync: with its end the chat would seem to be known.
    rows = [{"fan": each.chat_id, "message": each.id, "at": each.at} for each in messages]
    _run(session, BEHIND, rows, **here, since=datetime.now(UTC) - HISTORY)
    return [(WorkspaceId(key[0]), row.conversation_id) for row in found]


def _run(session: Session, statement: str, rows: Sequence[Mapping[str, Any]], **given: object) -> Result[Any]:
    return session.execute(text(statement), {"rows": json.dumps(rows, default=datetime.isoformat), **given})
