"""Payouts, the vault and tracking links, as a platform tells them: what was told last counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert

from huntaze.adapters.platform import Media, TrackingLink
from huntaze.adapters.platform import Payout as PayoutTold
from huntaze.models.platform_record import Payout, VaultItem
from huntaze.models.platform_record import TrackingLink as Link
from huntaze.services.platform_scope import Scope, clean


def store_payouts(scope: Scope, payouts: Sequence[PayoutTold]) -> int:
    """Returns how many were new or changed, as all here do."""
    rows = [
        {
            "platform_id": each.id or each.at.isoformat(),
            "amount_cents": each.amount,
            "currency": each.currency,
            "state": clean(each.state),
            "requested_at": each.at,
        }
        for each in payouts
    ]
    return _store(scope, Payout, rows)


def store_media(scope: Scope, media: Sequence[Media]) -> int:
    rows = [
        {
            "platform_id": each.id,
            "kind": clean(each.kind),
            "duration_seconds": each.seconds or None,
            "is_ready": each.ready,
            "failed": each.failed,
            "created_at": each.at,
        }
        for each in media
    ]
    return _store(scope, VaultItem, rows)


def store_links(scope: Scope, links: Sequence[TrackingLink]) -> int:
    rows = [
        {
            "platform_id": each.id,
            "name": clean(each.name),
            "clicks": each.clicks,
            "fans": each.subscribers,
            "revenue_cents": each.revenue,
            "created_at": each.at,
        }
        for each in links
    ]
    return _store(scope, Link, rows)


def _store(scope: Scope, model: type[Payout | VaultItem | Link], rows: list[dict[str, Any]]) -> int:
    unique = {row["platform_id"]: row for row in rows}
    if not unique:
        return 0
    here = {"workspace_id": scope.workspace_id, "account_id": scope.account_id}
    put = insert(model).values([{**here, **row} for row in unique.values()])
    told = [name for name in rows[0] if name != "platform_id"]
    change = put.on_conflict_do_update(
        index_elements=["workspace_id", "account_id", "platform_id"],
        set_={name: put.excluded[name] for name in told},
        where=or_(*(getattr(model, name).is_distinct_from(put.excluded[name]) for name in told)),
    )
    return len(scope.session.execute(change.returning(model.platform_id)).all())
