"""What happened last in a workspace, and how those who look at it are told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Result, Select, bindparam, select
from sqlalchemy.orm import Session

from huntaze.models.base import Cents, WorkspaceId
from huntaze.models.domain_event import DomainEvent, EventKind
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType

RECENT = 5
"""Events that the dashboard shows: with long names, too, they fit in a kilobyte."""
NO_ROW_OF_THEIR_OWN = (EventKind.MESSAGE, EventKind.EXPIRED)
"""All others are payments or fans too, whose rows also tell what became of them, and what files brought."""
TOPICS = "topics"


class Happening(NamedTuple):
    """A payment (with its type and what is left of it), an event, or (with neither) a fan who came."""

    at: datetime
    subscriber_id: int
    name: str
    payment: TransactionType | None = None
    status: TransactionStatus | None = None
    net_cents: Cents = Cents(0)
    event: EventKind | None = None


class ActivityService:
    """What happened in one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def newest(self) -> list[Happening]:
        """The latest first. Three queries, each from the end of an index."""
        found = [*self._payments(), *self._fans(), *self._events()]
        return sorted(found, key=lambda happening: happening.at, reverse=True)[:RECENT]

    def _payments(self) -> list[Happening]:
        return [
            Happening(at, id_, display_name or username, type_, status, net_cents)
            for at, id_, display_name, username, type_, status, net_cents in self._found(_PAYMENTS)
        ]

    def _fans(self) -> list[Happening]:
        return [
            Happening(at, id_, display_name or username) for at, id_, display_name, username in self._found(_FANS)
        ]

    def _events(self) -> list[Happening]:
        return [
            Happening(at, id_, display_name or username, event=kind)
            for at, id_, display_name, username, kind in self._found(_EVENTS)
        ]

    def _found(self, query: Select[*tuple[Any, ...]]) -> Result[*tuple[Any, ...]]:
        return self.session.connection().execute(query, {"workspace_id": self.workspace_id})


# Built once, and read past the ORM, which has nothing to do there: that was two thirds of their time.
_HERE = bindparam("workspace_id", type_=BigInteger)
_WHO = Subscriber.id, Subscriber.display_name, Subscriber.username
_PAYMENTS = (
    select(Transaction.occurred_at, *_WHO, Transaction.type, Transaction.status, Transaction.net_cents)
    .join(
        Subscriber,
        (Subscriber.workspace_id == Transaction.workspace_id) & (Subscriber.id == Transaction.subscriber_id),
    )
    .where(Transaction.workspace_id == _HERE)
    .order_by(Transaction.occurred_at.desc(), Transaction.id.desc())
    .limit(RECENT)
)
_FANS = (
    select(Subscriber.joined_at, *_WHO)
    .where(Subscriber.workspace_id == _HERE, Subscriber.archived_at.is_(None))
    .order_by(Subscriber.joined_at.desc(), Subscriber.id.desc())
    .limit(RECENT)
)
_NEWEST = (
    select(DomainEvent.occurred_at, DomainEvent.subscriber_id, DomainEvent.kind)
    .where(DomainEvent.workspace_id == _HERE)
    .order_by(DomainEvent.occurred_at.desc(), DomainEvent.id.desc())
    .limit(RECENT)
    .subquery()
)
# Of the newest, those for which no payment and no fan stands: an older one has RECENT newer before it.
_EVENTS = (
    select(_NEWEST.c.occurred_at, *_WHO, _NEWEST.c.kind)
    .join(Subscriber, Subscriber.id == _NEWEST.c.subscriber_id)
    .where(Subscriber.workspace_id == _HERE, _NEWEST.c.kind.in_(NO_ROW_OF_THEIR_OWN))
)


def topic(workspace_id: WorkspaceId) -> str:
    """Of the signal that something happened in a workspace."""
    return f"activity:{workspace_id}"


def happened(session: Session, workspace_id: WorkspaceId) -> None:
    """This transaction writes down that something happened: once it is committed, those who look are told.

    Whoever commits it sends the signal (jobs/workspace_session.py).
    """
    session.info.setdefault(TOPICS, set()).add(topic(workspace_id))
