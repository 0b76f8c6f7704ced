"""A fan who asks to be erased: the person goes, the payments stay without a name, and later files leave them out.

What remains is a tombstone: the HMAC-SHA-256 of each thing by which the fan would be known again, under a key that
is derived from SECRET_KEY for one workspace. It can be compared with, and nothing can be read from it.

Whatever adds fans asks it first, in its own transaction:

    erasures.hold()                                             # nobody is erased until this transaction ends
    select(...).where(~erasures.erased("username", staged.c.username))   # many, in PostgreSQL
    execute(f"... WHERE NOT {erased_sql('username', 's.username')}", erasures.parameters())  # the same, by hand
    erasures.readmit(new.username, anyway=...)                  # one, typed by a person

A table that holds texts about fans without pointing at them (refused rows of an import, say) is emptied of them in
`_forget_texts`.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    SQLColumnExpression,
    Text,
    and_,
    cast,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.imports import Import, ImportChunk, ImportRow, ImportState
from huntaze.models.notification import Notification
from huntaze.models.platform_account import WebhookDelivery
from huntaze.models.subscriber import Subscriber, SubscriberTag, Tag
from huntaze.models.tombstone import Tombstone
from huntaze.models.transaction import Transaction
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem

IDENTITIES = ("username", "platform_id")
"""The columns of Subscriber by which a platform or a file knows a fan again, as far as there are such columns."""
KEPT = {"transactions": "What was earned stays in the sums and in the taxes; it has no column that names the fan."}
"""The tables whose rows outlive the fan they belonged to (ON DELETE SET NULL), and why. All others go along."""
SHORTEST = 3
"""Characters of a name that is looked for inside a text: a shorter one would hit everywhere."""

BLOCK = 64
"""Bytes (RFC 2104: that of SHA-256)."""


@dataclass(frozen=True, slots=True)
class Erased:
    """By which words the fan was known, and how many payments stay without them."""

    words: tuple[str, ...]
    payments: int


class ErasureService:
    """The erased fans of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, secret_key: str) -> None:
        self.session = session
        self.workspace_id = workspace_id
        info = f"tombstones:{workspace_id}".encode()
        self._key = HKDF(SHA256(), 32, salt=None, info=info).derive(secret_key.encode())

    def erase(self, subscriber_id: int, typed_name: str) -> Erased | None:
        """Deletes the person with notes, tags and notifications. None if it was done before: twice is once.

        Raises NotFound, and Invalid unless `typed_name` is the fan's user name.
        """
        self._lock("pg_advisory_xact_lock")
        fan = self.session.scalar(select(Subscriber).where(*self._fan(subscriber_id)).with_for_update())
        if fan is None:
            if self._was(subscriber_id, typed_name):
                return None
            raise NotFound(subscriber_id)
        if typed_name != fan.username:
            raise Invalid({"username": [Problem("other_username", {"username": fan.username})]})
        self._bury(fan)
        erased = Erased(words_for(fan), self._payments(subscriber_id))
        self._forget_texts(fan)
        tags = self._tags(subscriber_id)
        self.session.execute(delete(Subscriber).where(*self._fan(subscriber_id)))
        self._drop_unused(tags)
        return erased

    def hold(self) -> None:
        """Until the end of this transaction nobody is erased: what `erased` says now stays true. Many may hold."""
        self._lock("pg_advisory_xact_lock_shared")

    def erased(self, identity: str, value: ColumnElement[str]) -> ColumnElement[bool]:
        """As a condition of a query: a fan who has `value` (folded) as `identity` asked to be erased."""
        inner, outer = self._pads()
        text = func.convert_to(literal(f"{identity}:").concat(value), "UTF8")
        digest = func.sha256(_bytes(outer).concat(func.sha256(_bytes(inner).concat(text))))
        return (
            select(Tombstone).where(Tombstone.workspace_id == self.workspace_id, Tombstone.digest == digest).exists()
        )

    def parameters(self) -> dict[str, int | bytes]:
        """Of `erased_sql`."""
        inner, outer = self._pads()
        return {"erased_in": self.workspace_id, "erased_inner": inner, "erased_outer": outer}

    def is_erased(self, username: str) -> bool:
        """Whether the fan of that (folded) user name asked to be erased."""
        return self._tombstone(username) is not None

    def readmit(self, username: str, *, anyway: bool) -> bool:
        """Before a person adds a fan of this name. True if that one had asked to be erased, and is let in again.

        Raises Conflict for such a fan unless `anyway`. Then the tombstones go: files and syncs know the fan again.
        """
        if not username:
            return False
        self.hold()
        erased_id = self._tombstone(username)
        if erased_id is None:
            return False
        if not anyway:
            raise Conflict({"anyway": [Problem("erased", {"username": username})]})
        here = Tombstone.workspace_id == self.workspace_id, Tombstone.erased_id == erased_id
        self.session.execute(delete(Tombstone).where(*here))
        return True

    def _forget_texts(self, fan: Subscriber) -> None:
        self.session.execute(delete(Notification).where(naming(fan)))
        self.session.execute(delete(WebhookDelivery).where(posted_about(fan)))
        of_rows = ImportRow.workspace_id == self.workspace_id
        for column in (ImportRow.cells, ImportRow.problems):
            self.session.execute(delete(ImportRow).where(of_rows, said_in(cast(column, Text), fan)))
        for found, nothing in ((Import.head, Import.head.concat({"shown": []})), (Import.problems, [])):
            named = Import.workspace_id == self.workspace_id, said_in(cast(found, Text), fan)
            self.session.execute(update(Import).where(*named).values({found: nothing}))
        self._drop_waiting_files()

    def _drop_waiting_files(self) -> None:
        """Files that wait to be imported may name anyone, in any encoding: they are to be sent again."""
        waiting = (
            update(Import)
            .where(
                Import.workspace_id == self.workspace_id,
                Import.state.in_((ImportState.CHECKING, ImportState.READY)),
            )
            .values(
                state=ImportState.UNREADABLE, failure={"kind": "file_erasure", "detail": {}}, head={}, problems=[]
            )
            .returning(Import.id)
        )
        files = list(self.session.scalars(waiting))
        here = ImportChunk.workspace_id == self.workspace_id, ImportChunk.import_id.in_(files)
        self.session.execute(delete(ImportChunk).where(*here))

    def _bury(self, fan: Subscriber) -> None:
        known = {identity: getattr(fan, identity, None) for identity in IDENTITIES}
        digests = [self._digest(identity, str(value)) for identity, value in known.items() if value is not None]
        # One may be there: of a fan who was erased, came in again past us, and is erased once more.
        here = Tombstone.workspace_id == self.workspace_id, Tombstone.digest.in_(digests)
        self.session.execute(delete(Tombstone).where(*here))
        for digest in digests:
            self.session.add(Tombstone(workspace_id=self.workspace_id, digest=digest, erased_id=fan.id))
        self.session.flush()

    def _was(self, subscriber_id: int, typed_name: str) -> bool:
        return self._tombstone(typed_name) == subscriber_id

    def _tombstone(self, username: str) -> int | None:
        digest = self._digest("username", username)
        here = Tombstone.workspace_id == self.workspace_id, Tombstone.digest == digest
        return self.session.scalar(select(Tombstone.erased_id).where(*here))

    def _digest(self, identity: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{identity}:{value}".encode(), "sha256")

    def _pads(self) -> tuple[bytes, bytes]:
        """HMAC's inner and outer key (RFC 2104), so that PostgreSQL's sha256 can do the rest."""
        key = self._key.ljust(BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)

    def _fan(self, subscriber_id: int) -> tuple[ColumnElement[bool], ...]:
        return Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id

    def _payments(self, subscriber_id: int) -> int:
        theirs = Transaction.workspace_id == self.workspace_id, Transaction.subscriber_id == subscriber_id
        return self.session.scalar(select(func.count()).select_from(Transaction).where(*theirs)) or 0

    def _tags(self, subscriber_id: int) -> list[int]:
        theirs = SubscriberTag.workspace_id == self.workspace_id, SubscriberTag.subscriber_id == subscriber_id
        return list(self.session.scalars(select(SubscriberTag.tag_id).where(*theirs)))

    def _drop_unused(self, tag_ids: list[int]) -> None:
        """A tag that only this fan had may be their name."""
        used = (
            select(SubscriberTag)
            .where(SubscriberTag.workspace_id == Tag.workspace_id, SubscriberTag.tag_id == Tag.id)
            .exists()
        )
        self.session.execute(delete(Tag).where(Tag.workspace_id == self.workspace_id, Tag.id.in_(tag_ids), ~used))

    def _lock(self, function: str) -> None:
        key = func.hashtextextended(f"erasures:{self.workspace_id}", 0)
        self.session.execute(select(getattr(func, function)(key)))


def erased_sql(identity: str, value: str) -> str:
    """`ErasureService.erased` for a statement that is written by hand; `value` is an expression of it."""
    text = f"convert_to('{identity}:' || {value}, 'UTF8')"
    digest = f"sha256(%(erased_outer)s || sha256(%(erased_inner)s || {text}))"
    return f"EXISTS (SELECT FROM tombstones WHERE workspace_id = %(erased_in)s AND digest = {digest})"


def words_for(fan: Subscriber) -> tuple[str, ...]:
    """By which words a text would name this fan."""
    words = (fan.username, fan.display_name, fan.email or "")
    return tuple(dict.fromkeys(word for word in words if len(word) >= SHORTEST))


def naming(fan: Subscriber) -> ColumnElement[bool]:
    """The workspace's notifications that lead to this fan, or say their name."""
    path = rf"/subscribers/{fan.id}($|[/?#])"
    text = Notification.title.concat(" ").concat(Notification.body)
    here = Notification.workspace_id == fan.workspace_id
    return here & or_(Notification.url.regexp_match(path), said_in(text, fan))


def posted_about(fan: Subscriber) -> ColumnElement[bool]:
    """The workspace's webhooks that wait to be stored, and are about this fan. The others have no body any more.

    A platform names the fan by number and user name. One too many is no loss: the next sync tells what it said.
    """
    text = func.encode(WebhookDelivery.body, "escape")
    number = fan.platform_id if fan.platform_id and fan.platform_id.isalnum() else None
    by_number = text.regexp_match(rf"(^|[^[:alnum:]]){number}($|[^[:alnum:]])") if number else false()
    here = WebhookDelivery.workspace_id == fan.workspace_id, WebhookDelivery.body.is_not(None)
    return and_(*here, or_(by_number, said_in(text, fan)))


def said_in(text: SQLColumnExpression[str], fan: Subscriber) -> ColumnElement[bool]:
    """The text says the fan's name or e-mail as a word of its own."""
    words = [re.sub(r"([\\.*+?^${}()|\[\]-])", r"\\\1", word) for word in words_for(fan)]
    patterns = [rf"(^|[^[:alnum:]_]){word}($|[^[:alnum:]_])" for word in words]
    return or_(false(), *(text.regexp_match(pattern, flags="i") for pattern in patterns))


def _bytes(value: bytes) -> ColumnElement[bytes]:
    return literal(value, LargeBinary)
