"""What a platform account's vault has: photos, videos and sounds that a message can carry."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, case, cast, func, literal, select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_record import VaultItem
from huntaze.services.keyset import Order, Page, read_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = case(
    (VaultItem.platform_id.regexp_match("^[0-9]{1,18}$"), cast(VaultItem.platform_id, BigInteger)),
    else_=literal(0),
)
NEWEST = Order(
    "vault",
    func.coalesce(VaultItem.created_at, _EPOCH),
    _NUMBER,
    lambda row: row.created_at or _EPOCH,
    read_time,
)


class _Item:
    """An item with the number by which it is in order beside others of the same time."""

    def __init__(self, item: VaultItem) -> None:
        self.item = item
        self.created_at = item.created_at
        number = item.platform_id
        self.id = int(number) if number.isascii() and number.isdigit() and len(number) <= 18 else 0


class VaultItemService:
    """The vault items of one workspace's accounts."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, account_id: int | None, after: str = "") -> Page[VaultItem]:
        """What can be sent, the latest first; of no account, nothing."""
        query = select(VaultItem).where(
            VaultItem.workspace_id == self.workspace_id,
            VaultItem.account_id == account_id,
            VaultItem.is_ready,
            ~VaultItem.failed,
        )
        rows = [_Item(item) for item in self.session.scalars(NEWEST.page(query, after))]
        found = NEWEST.split(rows)
        return Page([row.item for row in found.rows], found.next)
