"""How each resource of a platform account is read and stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huntaze.adapters.platform import FanKind, Page, PlatformAdapter
from huntaze.models.platform_account import Resource, SyncState
from huntaze.services.platform_store import PlatformStore, Stored


@dataclass(frozen=True, slots=True)
class Reader:
    """fetch: a page behind a cursor, of what is newer than a time; store: in which pass the rows came.

    bounded: the platform itself leaves out what is older. whole: always read to the end. Of all others only the
    beginning is read again, up to a page with nothing new.
    """

    fetch: Callable[[PlatformAdapter, str | None, datetime], Awaitable[Page[Any]]]
    store: Callable[[PlatformStore, Sequence[Any], SyncState], Stored]
    bounded: bool = False
    whole: bool = False


READERS = {
    Resource.FANS_ACTIVE: Reader(
        lambda platform, cursor, _since: platform.list_fans(FanKind.ACTIVE, cursor),
        lambda store, rows, _state: store.fans(rows),
    ),
    Resource.FANS_EXPIRED: Reader(
        lambda platform, cursor, _since: platform.list_fans(FanKind.EXPIRED, cursor),
        lambda store, rows, _state: store.fans(rows),
    ),
    Resource.TRANSACTIONS: Reader(
        lambda platform, cursor, since: platform.list_transactions(since, cursor),
        lambda store, rows, state: store.transactions(rows, add_up=state.finished_at is not None),
        bounded=True,
    ),
    Resource.CHARGEBACKS: Reader(
        lambda platform, cursor, _since: platform.list_chargebacks(cursor),
        lambda store, rows, _state: store.chargebacks(rows),
    ),
    Resource.CHATS: Reader(
        lambda platform, cursor, _since: platform.list_chats(cursor),
        lambda store, rows, _state: store.chats(rows),
    ),
    Resource.PAYOUTS: Reader(
        lambda platform, cursor, _since: platform.list_payouts(cursor),
        lambda store, rows, _state: store.payouts(rows),
    ),
    Resource.MEDIA: Reader(
        lambda platform, cursor, _since: platform.list_media(cursor),
        lambda store, rows, _state: store.media(rows),
    ),
    Resource.LINKS: Reader(
        lambda platform, cursor, _since: platform.list_tracking_links(cursor),
        lambda store, rows, _state: store.links(rows),
    ),
    Resource.SWEEP: Reader(
        lambda platform, cursor, _since: platform.list_fans(FanKind.ALL, cursor),
        lambda store, rows, state: store.fans(rows, listed_at=state.started_at),
        whole=True,
    ),
}
