"""Tries that cost something when they are wrong: a few are free, then the pauses grow.

The counters are in PostgreSQL, so that they hold while Valkey is away.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.tries import Tries
from huntaze.services.errors import TooManyTries


@dataclass(frozen=True, slots=True)
class Lane:
    """After `free` tries the next must wait for `pause`, the one after it for twice as long, at most for `longest`.

    `forgotten`: so long after the last try it counts from zero.
    """

    name: str
    free: int
    pause: timedelta
    longest: timedelta
    forgotten: timedelta

    def after(self, count: int) -> timedelta:
        """The pause after that many tries."""
        if count < self.free:
            return timedelta()
        return min(self.longest, self.pause * (1 << min(count - self.free, 20)))


# NIST SP 800-63B, 3.2.2 allows 100 wrong passwords in a row: ACCOUNT allows about as many in a day.
_PAUSES = (timedelta(seconds=30), timedelta(minutes=15))
ACCOUNT = Lane("account", 5, *_PAUSES, timedelta(days=1))
"""Passwords for one e-mail from anywhere."""
DEVICE = Lane("device", 10, *_PAUSES, timedelta(days=1))
"""Passwords from a device that signed in to this account before: strangers' guesses don't make its owner wait."""
ADDRESS = Lane("address", 30, *_PAUSES, timedelta(hours=1))
"""Wrong passwords for whatever account from one network address, which many phones of one provider may share."""
PASSWORD = Lane("password", 5, *_PAUSES, timedelta(days=1))
"""Passwords asked for again in a session: it may have been stolen."""
LETTER = Lane("letter", 1, timedelta(minutes=1), timedelta(hours=1), timedelta(hours=6))
"""Mails of ours to one mailbox that anybody can ask for."""
ASKING = Lane("asking", 20, timedelta(minutes=1), timedelta(hours=1), timedelta(hours=1))
"""Registrations and forgotten passwords from one network address."""

Whose = tuple[Lane, str]
"""A lane, and whose it is: an e-mail, a device, a network address, a user's id."""


class TryService:
    """Counts in the transaction that it is given: make that one of its own, or a refusal undoes the count."""

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self._secret = secret_key.encode()

    def take(self, *lanes: Whose) -> None:
        """One try in each of the lanes, counted before it is known whether it was right: fifty at once are fifty.

        Raises TooManyTries, and counts nothing, when one of them must wait. Lanes of a kind come in one order
        always, or two requests could wait for each other.
        """
        rows = [(lane, self._row(lane, whose)) for lane, whose in lanes]
        now = datetime.now(UTC)  # the rows are ours by now, maybe after others had them
        later = max((row.next_at for _lane, row in rows if row.next_at), default=now)
        if later > now:
            raise TooManyTries(later)
        for lane, row in rows:
            row.count = 1 if row.forgotten_at <= now else row.count + 1
            pause = lane.after(row.count)
            row.next_at = now + pause if pause else None
            row.forgotten_at = now + pause + lane.forgotten

    def forget(self, *lanes: Whose) -> None:
        """It was right: these count from zero."""
        keys = [self._key(lane, whose) for lane, whose in lanes]
        self.session.execute(delete(Tries).where(Tries.key.in_(keys)))

    def give_back(self, lane: Lane, whose: str) -> None:
        """It was right, but the lane is not the asker's alone: this one did not count."""
        key = self._key(lane, whose)
        fewer = update(Tries).where(Tries.key == key, Tries.count > 0)
        self.session.execute(fewer.values(count=Tries.count - 1, next_at=None))

    def purge(self) -> int:
        """Deletes the counters that are forgotten; returns how many."""
        old = delete(Tries).where(Tries.forgotten_at < datetime.now(UTC))
        return cast("CursorResult[Any]", self.session.execute(old)).rowcount

    def _row(self, lane: Lane, whose: str) -> Tries:
        """The counter, for this transaction alone: one statement, as another may forget it between two."""
        key = self._key(lane, whose)
        new = insert(Tries).values(key=key, forgotten_at=datetime.now(UTC) + lane.forgotten)
        mine = new.on_conflict_do_update(index_elements=[Tries.key], set_={"key": key}).returning(Tries)
        return self.session.scalars(mine.execution_options(populate_existing=True)).one()

    def _key(self, lane: Lane, whose: str) -> bytes:
        return hmac.digest(self._secret, f"tries:{lane.name}:{whose}".encode(), "sha256")
