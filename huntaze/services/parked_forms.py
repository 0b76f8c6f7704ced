"""What was typed into a form whose session had ended, kept for its author to come back to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.sign_in import PARKED, ParkedForm
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

    def purge(self) -> int:
        """Deletes what is too old; returns how many."""
        old = delete(ParkedForm).where(ParkedForm.created_at < datetime.now(UTC) - PARKED)
        return cast("CursorResult[Any]", self.session.execute(old)).rowcount


def _context(user_id: UserId) -> str:
    return f"parked_forms:{user_id}"
