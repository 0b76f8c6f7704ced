"""The settings of a workspace."""

from __future__ import annotations

from typing import ClassVar, Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from huntaze.models.audit import Action
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction
from huntaze.models.workspace import Workspace
from huntaze.schemas.management import WorkspaceChange
from huntaze.services.audit import AuditService
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem

CURRENCIES = (
    "AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "MXN", "MYR",
    "NOK", "NZD", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR",
)  # fmt: skip
"""What people are paid in; all have two decimals, which our minor units count on."""


class WorkspaceService:
    """One workspace; through the system door, because the app's role may read this row, but not write it."""

    system_door: ClassVar[Literal[True]] = True

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def get(self) -> Workspace:
        """Raises NotFound."""
        return self._get()

    def has_money(self) -> bool:
        """Whether an amount is written down here: then it is in this currency, and no other can be chosen."""
        payment = select(Transaction.id).where(Transaction.workspace_id == self.workspace_id).limit(1)
        priced = (
            select(Subscriber.id)
            .where(
                Subscriber.workspace_id == self.workspace_id,
                or_(Subscriber.monthly_price_cents > 0, Subscriber.total_spent_cents != 0),
            )
            .limit(1)
        )
        return self.session.scalar(payment) is not None or self.session.scalar(priced) is not None

    def change(self, actor_id: UserId, change: WorkspaceChange) -> Workspace:
        """Raises Invalid for a currency that nobody is paid in, Conflict for another one where there is money."""
        # The strongest lock: a payment that is being written points at this row, and one waits for the other.
        workspace = self._get(lock=True)
        if change.currency != workspace.currency:
            if change.currency not in CURRENCIES:
                raise Invalid({"currency": [Problem("currency")]})
            if self.has_money():
                raise Conflict({"currency": [Problem("currency_in_use", {"currency": workspace.currency})]})
        wanted = change.model_dump()
        changed = [name for name, value in wanted.items() if getattr(workspace, name) != value]
        for name in changed:
            setattr(workspace, name, wanted[name])
        self.session.flush()
        if changed:
            AuditService(self.session, self.workspace_id).record(
                actor_id, Action.WORKSPACE_CHANGED, **dict.fromkeys(changed, 1)
            )
        return workspace

    def _get(self, *, lock: bool = False) -> Workspace:
        query = select(Workspace).where(Workspace.id == self.workspace_id)
        found = self.session.scalar(query.with_for_update() if lock else query)
        if found is None:
            raise NotFound(self.workspace_id)
        return found
