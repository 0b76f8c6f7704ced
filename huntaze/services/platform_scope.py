"""One platform account's rows, as the modules that store them share it: who writes, who was erased, what is news."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CursorResult, Text, func, literal, select, text
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.domain_event import EventKind
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.workspace import Workspace
from huntaze.services.activity import happened
from huntaze.services.erasure import ErasureService
from huntaze.services.errors import NotFound

EVENTS = """
INSERT INTO domain_events (workspace_id, subscriber_id, kind, reference, gross_cents, occurred_at)
SELECT :workspace, s.id, r.kind, r.reference, r.gross_cents, r.occurred_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
       AS r (fan text, kind text, reference text, gross_cents bigint, occurred_at timestamptz)
  JOIN subscribers AS s ON s.workspace_id = :workspace AND s.account_id = :account AND s.platform_id = r.fan
 ORDER BY r.occurred_at, r.reference
    ON CONFLICT (workspace_id, kind, reference) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a fan. cause: the platform's id of it; gross_cents: what was paid, if anything."""

    kind: EventKind
    fan_id: str
    cause: str
    at: datetime
    gross_cents: int | None = None


class Scope:
    """One account. `enter` comes first in each method that stores something."""

    connected_at: datetime
    currency: str

    def __init__(self, session: Session, workspace_id: WorkspaceId, account_id: int, secret_key: str) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.account_id = account_id
        self.erasures = ErasureService(session, workspace_id, secret_key)

    def enter(self) -> None:
        """Until the transaction ends nobody else writes for the account, and nobody is erased. Raises NotFound."""
        self.erasures.hold()
        key = func.hashtextextended(lock_name(self.workspace_id, self.account_id), 0)
        self.session.execute(select(func.pg_advisory_xact_lock(key)))
        found = self.session.execute(
            select(PlatformAccount.connected_at, Workspace.currency)
            .join(Workspace, Workspace.id == PlatformAccount.workspace_id)
            .where(PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == self.account_id)
        ).one_or_none()
        if found is None:
            raise NotFound(self.account_id)
        self.connected_at, self.currency = found

    def run(self, statement: str, rows: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> CursorResult[Any]:
        """Executes SQL that may name :workspace, :account and :rows (as JSON)."""
        given = {"workspace": self.workspace_id, "account": self.account_id, **more}
        if rows is not None:
            given["rows"] = json.dumps(rows, default=datetime.isoformat)
        used = {name: value for name, value in given.items() if f":{name}" in statement}
        result = self.session.execute(text(statement), used)
        assert isinstance(result, CursorResult)  # noqa: S101  for its row count
        return result

    def erased(self, identity: str, values: Iterable[str]) -> set[str]:
        """Those of the platform ids (or folded user names) whose fan asked to be erased."""
        listed = literal(sorted(set(values)), ARRAY(Text))
        each = func.unnest(listed, type_=Text).column_valued("each")
        query = select(each).where(self.erasures.erased(identity, each))
        return set(self.session.scalars(query))

    def tell(self, news: Iterable[News]) -> None:
        """Writes events, each once, of fans who are there; nothing for what is older than the connection."""
        rows = [
            {
                "fan": each.fan_id,
                "kind": each.kind,
                "reference": f"{self.account_id}:{each.cause}",
                "gross_cents": each.gross_cents,
                "occurred_at": each.at,
            }
            for each in news
            if each.at > self.connected_at
        ]
        if rows and self.run(EVENTS, rows).rowcount:
            happened(self.session, self.workspace_id)


def lock_name(workspace_id: int, account_id: int) -> str:
    """Of the lock that is held by who stores what an account's platform says."""
    return f"platform:{workspace_id}:{account_id}"


def clean(said: str) -> str:
    """As PostgreSQL can keep it: without NUL, and without halves of characters."""
    return said.replace("\0", "").encode(errors="replace").decode()
