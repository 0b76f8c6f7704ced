"""What platforms post to us: stored before anything is made of it, and each event once.

Nobody is signed in when a webhook comes: who it is for follows from the token in its address, and that it is the
platform's from its signature. So this has the system door.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Event, EventKind, PermanentError, Reason, WebhookReader
from huntaze.models.platform_account import Platform, PlatformAccount, WebhookDelivery
from huntaze.models.webhook_refusal import WebhookRefusal
from huntaze.services.platform_keys import PlatformKeys, webhook_hash

log = logging.getLogger(__name__)

LARGEST = 1024 * 1024
"""Bytes of a webhook: a message with all its media is a few thousand."""
LONGEST_NAME = 100
"""Characters that are kept of an event's name, and of the platform's key of it."""
KEPT = timedelta(days=30)
"""How long a delivery is remembered, without its body: a platform repeats it for minutes, a replay may come later."""
LOST = timedelta(seconds=30)
"""A delivery that waits longer has lost its job."""
UNREADABLE = "(unreadable)"
"""The name of what is signed and is no event at all."""


class Verdict(Enum):
    """What became of what was posted."""

    STORED = auto()
    IGNORED = auto()
    """Nothing is to be done: it is there already, is about another account, or says nothing that we keep."""
    FORGED = auto()
    NOBODYS = auto()
    """No account has that address."""


class Receipt(NamedTuple):
    """account: workspace and id of the one for which there is work now."""

    verdict: Verdict
    account: tuple[int, int] | None = None


class WebhookInbox:
    """Takes what is posted."""

    def __init__(self, session: Session, secret_key: str) -> None:
        self.session = session
        self.keys = PlatformKeys(secret_key)

    def take(
        self, platform: Platform, token: str, headers: Mapping[str, str], body: bytes, reader: WebhookReader
    ) -> Receipt:
        """Verifies and stores it, in this transaction. What has no right signature is not read.

        Where there is no such account the signature is compared as well: an answer takes as long.
        """
        account = self._account(platform, token)
        secret = self.keys.webhook_secret(account) if account else None
        try:
            event = reader.parse(headers, body, secret or secrets.token_urlsafe(32))
        except PermanentError as error:
            if account is None:
                return Receipt(Verdict.NOBODYS)
            if error.reason is Reason.SIGNATURE:
                self._count_refusal(account)
                return Receipt(Verdict.FORGED)
            self._keep(account, _digest(body), UNREADABLE, None)
            return Receipt(Verdict.IGNORED)
        if account is None or event.kind is EventKind.PRESENCE:
            return Receipt(Verdict.IGNORED)
        known = event.kind is not EventKind.UNKNOWN and event.account_id == account.external_id
        new = self._keep(account, _reference(event, body), event.name, body if known else None)
        if not known:
            log.warning("webhook is not understood", extra=_ids(account))
        return (
            Receipt(Verdict.STORED, (account.workspace_id, account.id)) if new and known else Receipt(Verdict.IGNORED)
        )

    def waiting(self) -> Sequence[tuple[int, int]]:
        """The accounts (workspace and id) that have deliveries which lost their job."""
        lost = WebhookDelivery.processed_at.is_(None), WebhookDelivery.received_at < datetime.now(UTC) - LOST
        accounts = select(WebhookDelivery.workspace_id, WebhookDelivery.account_id).where(*lost).distinct()
        return [(workspace_id, account_id) for workspace_id, account_id in self.session.execute(accounts)]

    def purge(self) -> None:
        """Forgets what is older than KEPT and done with."""
        before = datetime.now(UTC) - KEPT
        for workspace_id, account_id in self.session.execute(
            select(PlatformAccount.workspace_id, PlatformAccount.id)
        ):
            old = delete(WebhookDelivery).where(
                WebhookDelivery.workspace_id == workspace_id,
                WebhookDelivery.account_id == account_id,
                WebhookDelivery.received_at < before,
                WebhookDelivery.processed_at.is_not(None),
            )
            self.session.execute(old)
        self.session.execute(delete(WebhookRefusal).where(WebhookRefusal.day < before.date()))

    def _account(self, platform: Platform, token: str) -> PlatformAccount | None:
        query = select(PlatformAccount).where(PlatformAccount.webhook_hash == webhook_hash(token))
        account = self.session.scalar(query.where(PlatformAccount.platform == platform))
        return account if account is not None and account.may_be_called else None

    def _keep(self, account: PlatformAccount, reference: str, name: str, body: bytes | None) -> bool:
        """Whether it was not there yet. body: None where there is nothing to be made of it."""
        delivery = {
            "workspace_id": account.workspace_id,
            "account_id": account.id,
            "reference": reference,
            "event": "".join(char for char in name if char.isprintable())[:LONGEST_NAME],
            "known": body is not None,
            "body": body,
            "processed_at": None if body is not None else func.now(),
        }
        once = insert(WebhookDelivery).values(delivery).on_conflict_do_nothing().returning(WebhookDelivery.id)
        return self.session.scalar(once) is not None

    def _count_refusal(self, account: PlatformAccount) -> None:
        log.warning("webhook without a right signature", extra=_ids(account))
        now = datetime.now(UTC)
        key = {"workspace_id": account.workspace_id, "account_id": account.id, "day": now.date()}
        more = {"refused": WebhookRefusal.refused + 1, "last_at": now}
        first = insert(WebhookRefusal).values(**key, refused=1, last_at=now)
        self.session.execute(first.on_conflict_do_update(index_elements=list(key), set_=more))


def _reference(event: Event, body: bytes) -> str:
    """By what a delivery is known again: the platform's key, or the body where it gives none."""
    if event.key is None or len(event.key) > LONGEST_NAME or not event.key.isprintable():
        return _digest(body)
    return f"key:{event.key}"


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _ids(account: PlatformAccount) -> dict[str, int]:
    return {"workspace_id": account.workspace_id, "account_id": account.id}
