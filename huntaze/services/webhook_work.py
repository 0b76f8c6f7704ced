"""What a worker does with the webhooks that wait: it stores what they say.

Each delivery is a transaction of its own, in the order in which they came. Workers take turns by a lock that lasts as
long as such a transaction: one that is killed loses nothing, and several at once do nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from huntaze.adapters.platform import WebhookReader
from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import Platform, PlatformAccount, WebhookDelivery
from huntaze.services.platform_events import PlatformEvents, want_sync

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
"""Then a delivery is given up: the next sync tells what it said."""

PATIENCE = timedelta(minutes=10)
"""So long an event waits for the message that it is about: a platform's third and last try comes within it."""

Transaction = Callable[[], AbstractContextManager[Session]]
"""Opens a session of the workspace: committed at the end."""


class WebhookWork:
    """The waiting deliveries of one account."""

    def __init__(
        self,
        transaction: Transaction,
        workspace_id: WorkspaceId,
        account_id: int,
        readers: Mapping[Platform, WebhookReader],
        secret_key: str,
    ) -> None:
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.account_id = account_id
        self.readers = readers
        self.secret_key = secret_key

    def run(self) -> None:
        """Goes on until nothing waits.

        Raises OperationalError where the database is away, or a transaction gave way to another: the rest waits.
        """
        done: int | None = 0
        while done is not None:
            done = self._next(done)

    def _next(self, after: int) -> int | None:
        """Stores the next delivery behind that id, and returns its own; None if there is none."""
        delivery_id = None
        try:
            with self.transaction() as session:
                self._take_turns(session)
                delivery = session.scalar(self._waiting(after))
                if delivery is None:
                    return None
                delivery_id = delivery.id
                self._store(session, delivery)
        except OperationalError:
            raise
        except Exception as error:
            if delivery_id is None:
                raise
            # By its kind alone: its text may quote what a fan wrote.
            about = {"error": type(error).__name__, "account_id": self.account_id, "delivery_id": delivery_id}
            log.error("webhook not stored", extra=about)
            self._failed(delivery_id)
        return delivery_id

    def _store(self, session: Session, delivery: WebhookDelivery) -> None:
        """What is about a message that did not come yet waits for it; by then it is in the table, or will be."""
        account = session.get_one(PlatformAccount, (self.workspace_id, self.account_id))
        event = self.readers[account.platform].read(delivery.body or b"")
        done = PlatformEvents(session, self.workspace_id, self.account_id, self.secret_key).store(event)
        if done or datetime.now(UTC) - delivery.received_at > PATIENCE:
            _finish(delivery)

    def _failed(self, delivery_id: int) -> None:
        """Keeps it for another time, or gives it up; the sync looks in both cases."""
        here = WebhookDelivery.workspace_id == self.workspace_id, WebhookDelivery.id == delivery_id
        with self.transaction() as session:
            delivery = session.scalar(select(WebhookDelivery).where(*here).with_for_update())
            if delivery is None:  # erased meanwhile
                return
            delivery.attempts += 1
            if delivery.attempts >= MOST_ATTEMPTS:
                _finish(delivery)
            want_sync(session, self.workspace_id, self.account_id)

    def _waiting(self, after: int) -> Select[WebhookDelivery]:
        return (
            select(WebhookDelivery)
            .where(
                WebhookDelivery.workspace_id == self.workspace_id,
                WebhookDelivery.account_id == self.account_id,
                WebhookDelivery.processed_at.is_(None),
                WebhookDelivery.id > after,
            )
            .order_by(WebhookDelivery.id)
            .limit(1)
        )

    def _take_turns(self, session: Session) -> None:
        key = func.hashtextextended(f"webhooks:{self.workspace_id}:{self.account_id}", 0)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def _finish(delivery: WebhookDelivery) -> None:
    delivery.body = None
    delivery.processed_at = datetime.now(UTC)
