"""What was typed into a form whose session had ended, kept for its author to come back to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.sign_in import PARKED, ParkedForm
from huntaze.models.user import Membership
from huntaze.services.vault import Vault

MOST = 65_536
"""Bytes that are kept of one form."""


class ParkedFormService:
    """Works through the system door: its author is not signed in. The text is encrypted for that author alone."""

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.vault = Vault(secret_key, "parked forms")

    def park(self, user_id: UserId, typed: Mapping[str, str]) -> int | None:
        """Keeps what was typed for an hour; returns its number, or None when it is too much."""
        plain = json.dumps(dict(typed)).encode()
        if len(plain) > MOST:
            return None
        parked = ParkedForm(user_id=user_id, ciphertext=self.vault.seal(plain, _context(user_id)))
        self.session.add(parked)
        self.session.flush()
        return parked.id

    def unpark(self, parked_id: int, user_id: UserId) -> dict[str, str]:
        """What that user had typed; empty when it is not theirs or too old."""
        sealed = self.session.scalar(
            select(ParkedForm.ciphertext).where(
                ParkedForm.id == parked_id,
                ParkedForm.user_id == user_id,
                ParkedForm.created_at > datetime.now(UTC) - PARKED,
            )
        )
        plain = self.vault.open(sealed, _context(user_id)) if sealed else None
        return json.loads(plain) if plain else {}

    def forget(self, workspace_id: WorkspaceId, words: Collection[str]) -> None:
        """Deletes what members of the workspace had typed about someone who is erased, and goes by one of `words`."""
        members = select(Membership.user_id).where(Membership.workspace_id == workspace_id)
        rows = self.session.execute(
            select(ParkedForm.id, ParkedForm.user_id, ParkedForm.ciphertext).where(ParkedForm.user_id.in_(members))
        )
        wanted = [word.casefold() for word in words]
        for id_, user_id, sealed in rows.all():
            plain = self.vault.open(sealed, _context(user_id)) or b"{}"
            typed = " ".join(map(str, json.loads(plain).values())).casefold()
            if any(word in typed for word in wanted):
                self.session.execute(delete(ParkedForm).where(ParkedForm.id == id_))

    def purge(self) -> int:
        """Deletes what is too old; returns how many."""
        old = delete(ParkedForm).where(ParkedForm.created_at < datetime.now(UTC) - PARKED)
        return cast("CursorResult[Any]", self.session.execute(old)).rowcount


def _context(user_id: UserId) -> str:
    return f"parked_forms:{user_id}"
