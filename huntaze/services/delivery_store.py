"""What a delivery worker reads and writes, for many lanes at once: through the system door, in few transactions.

A lane belongs to the worker whose id is in it, as long as that worker's heart beats; its fence is checked with each
claim and each outcome, so that what a worker says that was taken for dead is not written down any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import getpid
from socket import gethostname
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import DeliveryState, Failure
from huntaze.models.delivery import AttemptOutcome, Halt
from huntaze.models.platform_account import Platform
from huntaze.services.delivery_rules import Rules
from huntaze.services.platform_policies import POLICIES

Key = tuple[int, int]
"""(workspace, account)"""

# An account may be written to by itself: it is connected, and its owner has accepted what the table says now.
_OPEN = """p.key_sealed IS NOT NULL AND p.erase_asked_at IS NULL AND p.policy_accepted_at IS NOT NULL
       AND p.policy_version = CAST(:versions AS jsonb) ->> p.platform"""
_RUNS = """l.paused_at IS NULL AND (l.stop_at IS NULL OR l.stop_at > clock_timestamp())"""
_OF_ACCOUNT = """JOIN platform_accounts AS p ON p.workspace_id = l.workspace_id AND p.id = l.account_id"""
_FREE = """NOT EXISTS (SELECT FROM delivery_workers AS w WHERE w.id = l.worker_id
                        AND w.heartbeat_at > clock_timestamp() - make_interval(secs => :lease))"""
# In order, so that each lane is looked up in the index of its state: where one account has all that waits the planner
# thinks that any row will do, and EXISTS read all of them for each lane that has none (5 s with 1,000 and 10,000).
_QUEUED = """(SELECT true FROM messages AS m WHERE m.workspace_id = l.workspace_id AND m.account_id = l.account_id
       AND m.state = 'queued' ORDER BY m.bulk, m.place LIMIT 1)"""
_SENDING = """(SELECT true FROM messages AS m WHERE m.workspace_id = l.workspace_id AND m.account_id = l.account_id
       AND m.state = 'sending' ORDER BY m.conversation_id LIMIT 1)"""
_DUE = f"""p.key_sealed IS NOT NULL AND ({_SENDING} OR ({_OPEN} AND {_RUNS}
       AND (l.not_before IS NULL OR l.not_before <= clock_timestamp()) AND {_QUEUED}))"""

REGISTER = "INSERT INTO delivery_workers (process) VALUES (:process) RETURNING id"
FORGET = "DELETE FROM delivery_workers WHERE heartbeat_at < now() - interval '1 day'"
BEAT = """
UPDATE delivery_workers SET heartbeat_at = clock_timestamp()
 WHERE id = :worker AND heartbeat_at > clock_timestamp() - make_interval(secs => :lease)
"""
# As long as others work there is a second one who looks whether they still do.
DUE = f"""SELECT EXISTS (SELECT FROM lanes WHERE worker_id IS NOT NULL)
    OR EXISTS (SELECT FROM lanes AS l {_OF_ACCOUNT} WHERE {_FREE} AND {_DUE})"""
SOON = """
SELECT EXISTS (SELECT FROM messages WHERE state = 'scheduled' AND sent_at <= now() + make_interval(secs => :seconds))
"""
TAKE = f"""
WITH free AS (
    SELECT l.workspace_id, l.account_id FROM lanes AS l {_OF_ACCOUNT} WHERE {_FREE} AND {_DUE}
     LIMIT :most FOR UPDATE OF l SKIP LOCKED
)
UPDATE lanes AS l SET worker_id = :worker, fence = l.fence + 1
  FROM free AS f, platform_accounts AS p
 WHERE l.workspace_id = f.workspace_id AND l.account_id = f.account_id
   AND p.workspace_id = l.workspace_id AND p.id = l.account_id
RETURNING l.workspace_id, l.account_id, l.fence, p.platform, p.external_id, p.key_sealed, l.failures,
          ARRAY(SELECT extract(epoch FROM clock_timestamp() - each)::float
                  FROM unnest(l.completed_at) AS each) AS ages,
          extract(epoch FROM l.not_before - clock_timestamp())::float AS wait
"""
# What nobody knows the end of. The time of its call counts as one of the pace, as if it had ended just now.
DOUBTS = """
SELECT m.workspace_id, m.account_id, m.id AS message_id, m.conversation_id, s.platform_id AS chat, a.id AS attempt_id,
       a.finished_at IS NULL AS open, extract(epoch FROM a.deadline_at - clock_timestamp())::float AS wait
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (workspace bigint, account bigint)
  JOIN messages AS m ON m.workspace_id = r.workspace AND m.account_id = r.account AND m.state = 'sending'
  JOIN conversations AS c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
  JOIN subscribers AS s ON s.workspace_id = c.workspace_id AND s.id = c.subscriber_id
  JOIN LATERAL (SELECT * FROM attempts AS a WHERE a.workspace_id = m.workspace_id AND a.message_id = m.id
                 ORDER BY a.id DESC LIMIT 1) AS a ON true
"""
CLAIM = f"""
WITH held AS (
    SELECT l.workspace_id, l.account_id, l.fence
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (workspace bigint, account bigint, fence bigint)
      JOIN lanes AS l ON l.workspace_id = r.workspace AND l.account_id = r.account
      {_OF_ACCOUNT}
     WHERE l.fence = r.fence AND l.worker_id = :worker AND {_RUNS} AND {_OPEN}
       FOR NO KEY UPDATE OF l SKIP LOCKED
), next AS (
    SELECT h.fence, m.* FROM held AS h CROSS JOIN LATERAL (
        SELECT m.workspace_id, m.account_id, m.id FROM messages AS m
         WHERE m.workspace_id = h.workspace_id AND m.account_id = h.account_id AND m.state = 'queued'
           AND NOT EXISTS (SELECT FROM messages AS o WHERE o.workspace_id = m.workspace_id
                              AND o.account_id = m.account_id AND o.conversation_id = m.conversation_id
                              AND o.state = 'sending')
         ORDER BY m.bulk, m.place LIMIT 1) AS m
), claimed AS (
    UPDATE messages AS m SET state = 'sending' FROM next AS n
     WHERE m.workspace_id = n.workspace_id AND m.id = n.id AND m.state = 'queued'
    RETURNING m.workspace_id, m.account_id, m.id, m.conversation_id, m.key, m.body, m.price_cents, m.media, n.fence
), tried AS (
    INSERT INTO attempts (workspace_id, message_id, fence, worker_id, key, body, started_at, deadline_at)
    SELECT workspace_id, id, fence, :worker, key,
           jsonb_build_object('text', body, 'price_cents', price_cents, 'media', to_jsonb(media)),
           clock_timestamp(), clock_timestamp() + make_interval(secs => :deadline)
      FROM claimed RETURNING id, workspace_id, message_id
)
SELECT c.workspace_id, c.account_id, c.id AS message_id, c.conversation_id, t.id AS attempt_id, c.key, c.body,
       c.price_cents, c.media, s.platform_id AS chat
  FROM claimed AS c
  JOIN tried AS t ON t.workspace_id = c.workspace_id AND t.message_id = c.id
  JOIN conversations AS v ON v.workspace_id = c.workspace_id AND v.id = c.conversation_id
  JOIN subscribers AS s ON s.workspace_id = v.workspace_id AND s.id = v.subscriber_id
"""
FINISH = """
WITH told AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        workspace bigint, account bigint, fence bigint, message bigint, attempt bigint, state text, failure text,
        platform_id text, at timestamptz, outcome text, detail text, ages jsonb, failures bigint, wait float,
        halt text, pause boolean)
), held AS (
    SELECT l.workspace_id, l.account_id, l.fence FROM lanes AS l
      JOIN (SELECT DISTINCT workspace, account, fence FROM told) AS t
        ON t.workspace = l.workspace_id AND t.account = l.account_id
     WHERE l.fence = t.fence AND l.worker_id = :worker
     ORDER BY l.workspace_id, l.account_id FOR NO KEY UPDATE OF l
), valid AS (
    SELECT t.* FROM told AS t JOIN held AS h ON h.workspace_id = t.workspace AND h.account_id = t.account
), became AS (
    UPDATE messages AS m
       SET state = v.state, failure = v.failure, platform_id = coalesce(v.platform_id, m.platform_id),
           sent_at = CASE v.state WHEN 'sent' THEN coalesce(v.at, clock_timestamp()) ELSE m.sent_at END
      FROM valid AS v
     WHERE m.workspace_id = v.workspace AND m.id = v.message AND v.state IS NOT NULL AND m.state = 'sending'
    RETURNING m.workspace_id, m.conversation_id
), tried AS (
    UPDATE attempts AS a SET finished_at = clock_timestamp(), outcome = v.outcome, detail = v.detail
      FROM valid AS v WHERE a.workspace_id = v.workspace AND a.id = v.attempt
), paced AS (
    UPDATE lanes AS l
       SET completed_at = ARRAY(SELECT clock_timestamp() - make_interval(secs => each::float)
                                  FROM jsonb_array_elements_text(v.ages) AS each),
           failures = v.failures, halt = CASE WHEN l.paused_at IS NULL THEN v.halt ELSE l.halt END,
           not_before = CASE WHEN v.wait > 0 THEN clock_timestamp() + make_interval(secs => v.wait) END,
           paused_at = coalesce(l.paused_at, CASE WHEN v.pause THEN clock_timestamp() END)
      FROM valid AS v
     WHERE v.ages IS NOT NULL AND l.workspace_id = v.workspace AND l.account_id = v.account
)
SELECT workspace_id, conversation_id FROM became
"""
# A webhook was quicker and did not know its text again: what it stored is ours.
TWINS = """
DELETE FROM messages AS m
 USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (workspace bigint, message bigint, platform_id text),
       messages AS ours
 WHERE ours.workspace_id = r.workspace AND ours.id = r.message AND m.workspace_id = r.workspace
   AND m.conversation_id = ours.conversation_id AND m.platform_id = r.platform_id AND m.key IS NULL
"""
RELEASE = """
UPDATE lanes AS l SET worker_id = NULL
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (workspace bigint, account bigint, fence bigint)
 WHERE l.workspace_id = r.workspace AND l.account_id = r.account AND l.fence = r.fence AND l.worker_id = :worker
"""
# After all outcomes are written down: a claim of ours that is still open never became a call, as when nobody could
# say whether its transaction was committed.
UNBEGUN = """
UPDATE messages AS m SET state = 'queued' FROM lanes AS l, attempts AS a
 WHERE l.worker_id = :worker AND m.workspace_id = l.workspace_id AND m.account_id = l.account_id
   AND m.state = 'sending' AND a.workspace_id = m.workspace_id AND a.message_id = m.id AND a.worker_id = :worker
   AND a.fence = l.fence AND a.finished_at IS NULL
"""
LEAVE = "UPDATE lanes SET worker_id = NULL WHERE worker_id = :worker"
GONE = "DELETE FROM delivery_workers WHERE id = :worker"
SCHEDULED = """
WITH due AS (
    SELECT workspace_id, id FROM messages WHERE state = 'scheduled' AND sent_at <= now()
     ORDER BY sent_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED
), queued AS (
    UPDATE messages AS m SET state = 'queued', place = nextval('message_places')
      FROM due AS d WHERE m.workspace_id = d.workspace_id AND m.id = d.id
    RETURNING m.workspace_id, m.account_id, m.conversation_id, m.bulk
), along AS (
    UPDATE messages AS m SET bulk = false FROM queued AS q
     WHERE m.workspace_id = q.workspace_id AND m.conversation_id = q.conversation_id
       AND m.state IN ('queued', 'sending') AND m.bulk AND NOT q.bulk
)
SELECT workspace_id, account_id, conversation_id FROM queued
"""
PURGE = """
DELETE FROM attempts WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM attempts WHERE started_at < now() - interval '30 days' LIMIT 10000))
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A lane that is ours now. ages: seconds since its last calls ended; wait: seconds that it is to wait."""

    key: Key
    fence: int
    platform: Platform
    external_id: str
    key_sealed: bytes | None
    failures: int
    ages: Sequence[float]
    wait: float | None

    @property
    def workspace_id(self) -> int:
        return self.key[0]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message whose call ended without a word, or whose worker did. wait: seconds until that call has ended for
    sure; open: it is not written down that it has."""

    key: Key
    message_id: int
    attempt_id: int
    conversation_id: int
    chat: str
    wait: float
    open: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A message to send now, and the attempt that is written down for it."""

    key: Key
    message_id: int
    attempt_id: int
    conversation_id: int
    chat: str
    idempotency_key: UUID
    body: str
    price_cents: int
    media: Sequence[str]


@dataclass(frozen=True, slots=True)
class Pace:
    """What a call leaves behind in its lane. ends: when the last ones ended (time.monotonic()); wait: seconds."""

    ends: Sequence[float]
    failures: int = 0
    wait: float = 0.0
    halt: Halt | None = None
    pause: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """state None: it is still to be found out. pace: None where the lane has nothing to do with it."""

    key: Key
    fence: int
    message_id: int
    attempt_id: int
    outcome: AttemptOutcome
    state: DeliveryState | None
    failure: Failure | None = None
    platform_id: str | None = None
    at: datetime | None = None
    detail: str = ""
    pace: Pace | None = None


class DeliveryStore:
    """In the session's transaction, for one worker."""

    def __init__(self, session: Session, rules: Rules, worker_id: int = 0) -> None:
        self.session = session
        self.rules = rules
        self.worker_id = worker_id

    def register(self) -> int:
        self._run(FORGET)
        return int(self._run(REGISTER, process=f"{gethostname()}:{getpid()}").scalar_one())

    def beat(self) -> bool:
        """False: others take us for dead, and may have our lanes."""
        return bool(self._run(BEAT, lease=self.rules.lease).rowcount)

    def is_due(self) -> bool:
        """Whether there is a lane that nobody has and somebody should, or a message that is due within a minute."""
        due = self._run(DUE, lease=self.rules.lease, versions=_versions()).scalar_one()
        return bool(due or self._run(SOON, seconds=self.rules.run).scalar_one())

    def take(self, most: int) -> list[Taken]:
        """Makes lanes ours that have something to send or to find out, and that nobody has."""
        found = self._run(TAKE, lease=self.rules.lease, versions=_versions(), most=most)
        return [
            Taken(
                (row.workspace_id, row.account_id), row.fence, Platform(row.platform), row.external_id,
                row.key_sealed, row.failures, row.ages, row.wait,
            )
            for row in found
        ]  # fmt: skip

    def doubts(self, keys: Iterable[Key]) -> list[Doubt]:
        """What was under way in lanes that were just taken."""
        rows = [{"workspace": workspace, "account": account} for workspace, account in keys]
        return [
            Doubt(
                (row.workspace_id, row.account_id), row.message_id, row.attempt_id, row.conversation_id, row.chat,
                row.wait, row.open,
            )
            for row in self._run(DOUBTS, rows)
        ]  # fmt: skip

    def claim(self, lanes: Mapping[Key, int]) -> list[Claim]:
        """The next message of each of these lanes (with their fences), as far as they are ours and not paused."""
        rows = [{"workspace": key[0], "account": key[1], "fence": fence} for key, fence in lanes.items()]
        found = self._run(CLAIM, rows, deadline=self.rules.deadline, versions=_versions())
        return [
            Claim(
                (row.workspace_id, row.account_id), row.message_id, row.attempt_id, row.conversation_id, row.chat,
                row.key, row.body, row.price_cents, row.media,
            )
            for row in found
        ]  # fmt: skip

    def finish(self, outcomes: Sequence[Outcome]) -> list[tuple[WorkspaceId, int]]:
        """Writes down what became of calls, as far as the lanes are still ours. Returns whose chats changed."""
        rows = [_row(each) for each in outcomes]
        return [(row.workspace_id, row.conversation_id) for row in self._run(FINISH, rows)]

    def drop_twins(self, outcomes: Sequence[Outcome]) -> None:
        """After `finish` met a message of the platform's that is one of ours."""
        self._run(TWINS, [_row(each) for each in outcomes if each.platform_id])

    def release(self, lanes: Mapping[Key, int]) -> None:
        rows = [{"workspace": key[0], "account": key[1], "fence": fence} for key, fence in lanes.items()]
        self._run(RELEASE, rows)

    def leave(self) -> None:
        """No call is under way, and all outcomes are written down: the lanes are for others."""
        for statement in (UNBEGUN, LEAVE, GONE):
            self._run(statement)

    def queue_scheduled(self) -> list[tuple[WorkspaceId, int, int]]:
        """What was scheduled, and is due. Returns (workspace, account, conversation) of each."""
        return [(row.workspace_id, row.account_id, row.conversation_id) for row in self._run(SCHEDULED)]

    def purge(self) -> None:
        """Forgets what was tried long ago."""
        self._run(PURGE)

    def _run(
        self, statement: str, rows: Sequence[Mapping[str, Any]] | None = None, **given: Any
    ) -> CursorResult[Any]:
        if rows is not None:
            given["rows"] = json.dumps(rows)
        if ":worker" in statement:
            given["worker"] = self.worker_id
        result = self.session.execute(text(statement), given)
        assert isinstance(result, CursorResult)  # noqa: S101  for its row count
        return result


def _versions() -> str:
    return json.dumps({each.value: policy.version for each, policy in POLICIES.items()})


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "workspace": outcome.key[0],
        "account": outcome.key[1],
        "fence": outcome.fence,
        "message": outcome.message_id,
        "attempt": outcome.attempt_id,
        "state": outcome.state,
        "failure": outcome.failure,
        "platform_id": outcome.platform_id,
        "at": outcome.at.isoformat() if outcome.at else None,
        "outcome": outcome.outcome,
        "detail": outcome.detail[:500] or None,
    }
    if outcome.pace is not None:
        pace = outcome.pace
        row |= {
            "ages": [time.monotonic() - end for end in pace.ends],
            "failures": pace.failures,
            "wait": pace.wait,
            "halt": pace.halt,
            "pause": pace.pause,
        }
    return row
