"""What fans paid."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from huntaze.models.base import Cents, WorkspaceId
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType
from huntaze.services.keyset import Order, Page, read_time

NEWEST = Order("paid", Transaction.occurred_at, Transaction.id, lambda row: row.occurred_at, read_time)


class Total(NamedTuple):
    """What one kind of payment adds up to: gross, in minor units of the workspace's currency."""

    kind: TransactionType
    gross_cents: Cents
    payments: int


class EarningsService:
    """The transactions of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def timeline(self, subscriber_id: int, after: str = "") -> Page[Transaction]:
        """A fan's payments, newest first. Raises Invalid for a cursor of another list."""
        wanted = {"workspace_id": self.workspace_id, "subscriber_id": subscriber_id}
        query = NEWEST.page(_OF_FAN, after) if after else _LATEST
        return NEWEST.split(self.session.scalars(query, wanted).all())

    def totals(self, subscriber_id: int) -> list[Total]:
        """The fan's completed payments by kind, the largest first."""
        wanted = {"workspace_id": self.workspace_id, "subscriber_id": subscriber_id}
        found = self.session.execute(_TOTALS, wanted)
        return [Total(kind, Cents(int(cents)), count) for kind, cents, count in found]


# What the page of a fan asks is built once.
_OF_FAN = select(Transaction).where(
    Transaction.workspace_id == bindparam("workspace_id"), Transaction.subscriber_id == bindparam("subscriber_id")
)
_LATEST = NEWEST.page(_OF_FAN, "")
_GROSS = func.sum(Transaction.gross_cents)
_TOTALS = (
    select(Transaction.type, _GROSS, func.count())
    .where(
        Transaction.workspace_id == bindparam("workspace_id"),
        Transaction.subscriber_id == bindparam("subscriber_id"),
        Transaction.status == TransactionStatus.COMPLETED,
    )
    .group_by(Transaction.type)
    .order_by(_GROSS.desc())
)
