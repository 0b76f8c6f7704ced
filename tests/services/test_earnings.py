"""What a fan paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.transaction import TransactionStatus, TransactionType
from huntaze.models.workspace import Workspace
from huntaze.services.earnings import EarningsService, Total
from huntaze.services.errors import Invalid
from huntaze.services.keyset import PAGE
from tests.factories import SubscriberFactory, TransactionFactory

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def service(session: Session, workspace: Workspace) -> EarningsService:
    return EarningsService(session, WorkspaceId(workspace.id))


def test_the_timeline_has_every_payment_once(service: EarningsService) -> None:
    fan = SubscriberFactory(workspace_id=service.workspace_id)
    for n in range(PAGE + 20):
        TransactionFactory(subscriber=fan, occurred_at=NOON + timedelta(days=n // 30), gross_cents=n)
    TransactionFactory(subscriber=SubscriberFactory(workspace_id=service.workspace_id))
    first = service.timeline(fan.id)
    second = service.timeline(fan.id, first.next or "")
    rows = [*first.rows, *second.rows]
    assert (len(first.rows), len(second.rows), second.next) == (PAGE, 20, None)
    assert [row.gross_cents for row in rows] == list(reversed(range(PAGE + 20))), "the newest first"


def test_refunded_and_pending_are_in_the_timeline_and_not_in_the_totals(service: EarningsService) -> None:
    fan = SubscriberFactory(workspace_id=service.workspace_id)
    for status in TransactionStatus:
        TransactionFactory(subscriber=fan, status=status, gross_cents=700)
    assert len(service.timeline(fan.id).rows) == 3
    assert service.totals(fan.id) == [Total(TransactionType.TIP, 700, 1)]


def test_totals_by_kind_the_largest_first(service: EarningsService) -> None:
    fan = SubscriberFactory(workspace_id=service.workspace_id)
    paid = [("tip", 500), ("ppv", 2**40), ("tip", 250), ("renewal", 999), ("chargeback", -2000)]
    for kind, cents in paid:
        TransactionFactory(subscriber=fan, type=TransactionType(kind), gross_cents=cents)
    TransactionFactory(subscriber=SubscriberFactory(workspace_id=service.workspace_id), gross_cents=2**50)
    assert [(total.kind, total.gross_cents, total.payments) for total in service.totals(fan.id)] == [
        ("ppv", 2**40, 1),
        ("renewal", 999, 1),
        ("tip", 750, 2),
        ("chargeback", -2000, 1),
    ]
    assert all(type(total.gross_cents) is int for total in service.totals(fan.id))


def test_nothing_paid(service: EarningsService) -> None:
    fan = SubscriberFactory(workspace_id=service.workspace_id)
    assert service.totals(fan.id) == []
    assert service.timeline(fan.id).rows == []


def test_a_cursor_of_another_list_is_refused(service: EarningsService) -> None:
    with pytest.raises(Invalid):
        service.timeline(1, "WyJub3RlcyIsIjIwMjYtMDYtMDFUMTI6MDA6MDArMDA6MDAiLDFd")
