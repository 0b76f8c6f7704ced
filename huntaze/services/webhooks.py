"""What came to the webhooks of a workspace's accounts and was of no use: for their pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import WebhookDelivery
from huntaze.models.webhook_refusal import WebhookRefusal
from huntaze.services.webhook_inbox import KEPT

MOST_NAMES = 20


class NotUnderstood(NamedTuple):
    """Events of a name that we do not know: how often within KEPT, and when last."""

    name: str
    times: int
    last_at: datetime


class Oddities(NamedTuple):
    """Within KEPT. refused: without a right signature; refused_at: the last of them."""

    unknown: Sequence[NotUnderstood]
    refused: int
    refused_at: datetime | None

    @property
    def is_empty(self) -> bool:
        return not self.unknown and not self.refused


class WebhookService:
    """The webhooks of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def oddities(self, account_id: int) -> Oddities:
        """Two queries. Empty for an account of another workspace."""
        since = datetime.now(UTC) - KEPT
        last = func.max(WebhookDelivery.received_at)
        unknown = (
            select(WebhookDelivery.event, func.count(), last)
            .where(
                WebhookDelivery.workspace_id == self.workspace_id,
                WebhookDelivery.account_id == account_id,
                WebhookDelivery.received_at >= since,
                ~WebhookDelivery.known,
            )
            .group_by(WebhookDelivery.event)
            .order_by(last.desc())
            .limit(MOST_NAMES)
        )
        refused = select(func.coalesce(func.sum(WebhookRefusal.refused), 0), func.max(WebhookRefusal.last_at)).where(
            WebhookRefusal.workspace_id == self.workspace_id,
            WebhookRefusal.account_id == account_id,
            WebhookRefusal.day >= since.date(),
        )
        count, at = self.session.execute(refused).one()
        return Oddities([NotUnderstood(*row) for row in self.session.execute(unknown)], int(count), at)
