"""Reads a platform account: a first import that goes on where it stopped, then what is new, and a weekly sweep.

One worker at a time has an account: its lease is a number that each takes anew, and every page is stored in a
transaction that checks it. No transaction is open during a call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Page, PermanentError, PlatformAdapter, PlatformError, Reason, RetryableError
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation
from huntaze.models.platform_account import LEASE, Health, Platform, PlatformAccount, Resource, SyncState
from huntaze.models.subscriber import Subscriber
from huntaze.services.errors import NotFound
from huntaze.services.platform_health import health_of
from huntaze.services.platform_keys import PlatformKeys
from huntaze.services.platform_store import PlatformStore
from huntaze.services.sync_reading import READERS
from huntaze.services.sync_states import SyncStates

EVERY = timedelta(minutes=10)
"""How often is looked for news that no webhook told."""
SWEEP_EVERY = timedelta(days=7)
GIVEN_UP_FOR = timedelta(hours=1)
"""A refused key, a missing account: only a person can help, but they may do so at the platform."""
PAUSE = timedelta(minutes=1)
"""After errors that a few retries did not help against, and where a limit does not say how long."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
RETRIES = (1.0, 4.0)
"""Seconds to wait before trying a call again."""

Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a transaction of the workspace: committed at the end."""
OpenPlatform = Callable[[Platform, str, str], PlatformAdapter]

ALWAYS = (Resource.TRANSACTIONS, Resource.FANS_ACTIVE, Resource.CHATS)
IN_TURN = (Resource.FANS_EXPIRED, Resource.CHARGEBACKS, Resource.PAYOUTS, Resource.MEDIA, Resource.LINKS)
"""One of them each time: with those of ALWAYS an account where nothing happens costs four calls in ten minutes."""
FIRST = tuple(resource for resource in Resource if resource is not Resource.SWEEP)


class LeaseLost(Exception):
    """Another worker has the account, or it was disconnected."""


class SyncService:
    """One account of one workspace."""

    def __init__(
        self,
        transaction: Sessions,
        workspace_id: WorkspaceId,
        account_id: int,
        secret_key: str,
        open_platform: OpenPlatform,
        *,
        tell: Callable[[], object] = lambda: None,
        retries: tuple[float, ...] = RETRIES,
    ) -> None:
        """tell: called after each stored page."""
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.account_id = account_id
        self.secret_key = secret_key
        self.open_platform = open_platform
        self.tell = tell
        self.retries = retries
        self._lease = 0

    def run(self, seconds: float = 45) -> bool:
        """Reads for so long at most; returns whether there is more to read now. Nothing if another worker does."""
        opened = self._claim()
        if opened is None:
            return False
        try:
            return asyncio.run(self._read(*opened, time.monotonic() + seconds))
        except PlatformError as error:
            self._fail(error)
            return False
        except (LeaseLost, NotFound):
            return False
        finally:
            self._release()

    async def _read(self, platform: Platform, key: str | None, external_id: str, deadline: float) -> bool:
        if key is None:  # SECRET_KEY is another one than when it was stored
            raise PermanentError(Reason.UNAUTHORIZED)
        adapter = self.open_platform(platform, key, external_id)
        try:
            while (resource := self._next()) is not None:
                if resource is Resource.MESSAGES:
                    finished = await self._read_messages(adapter, deadline)
                else:
                    finished = await self._read_resource(adapter, resource, deadline)
                if not finished:
                    return True
            return False
        finally:
            await adapter.aclose()

    def _next(self) -> Resource | None:
        """What to read now; at the end of a round it writes down that all is read."""
        with self.transaction() as session:
            account = self._fenced(session)
            states = SyncStates(session, self.workspace_id, self.account_id)
            known = states.all()
            under_way = [r for r in Resource if r in known and known[r].started_at]
            unread = [r for r in FIRST if r not in known or known[r].finished_at is None]
            if under_way or unread:
                return (under_way or unread)[0]
            if Resource.SWEEP not in known:
                states.of(Resource.SWEEP).finished_at = datetime.now(UTC)  # the first import was as good as one
                session.flush()
                known = states.all()

            def read_since(resource: Resource) -> bool:
                finished = known[resource].finished_at
                return account.synced_at is None or (finished is not None and finished > account.synced_at)

            for resource in ALWAYS:
                if not read_since(resource):
                    return resource
            if not any(read_since(resource) for resource in IN_TURN):
                return min(IN_TURN, key=lambda resource: known[resource].finished_at or LONG_AGO)
            if self._behind(session) is not None:
                return Resource.MESSAGES
            swept = known[Resource.SWEEP].finished_at
            if swept is None or swept < datetime.now(UTC) - SWEEP_EVERY:
                return Resource.SWEEP
            account.synced_at = session.scalar(select(func.clock_timestamp()))
            if account.sync_wanted_at and account.sync_wanted_at <= self._began:
                account.sync_wanted_at = None
            return None

    async def _read_resource(self, adapter: PlatformAdapter, resource: Resource, deadline: float) -> bool:
        """Reads a pass, or on with it. Returns whether it came to its end in time."""
        reader = READERS[resource]
        with self.transaction() as session:
            self._fenced(session)
            states = SyncStates(session, self.workspace_id, self.account_id)
            state = states.begin(resource)
            first, fresh, cursor = state.finished_at is None, state.cursor is None, state.cursor
            since = states.since(state)
            began = state.started_at
        # What is read whole is fetched ahead; where only the beginning may be new, a call would be for nothing.
        ahead = first or reader.whole

        def fetch(at: str | None) -> asyncio.Task[Page[Any]]:
            return asyncio.create_task(self._call(partial(reader.fetch, adapter, at, since)))

        fetching = fetch(cursor)
        try:
            while True:
                page = await fetching
                if page.next is not None and ahead:
                    fetching = fetch(page.next)
                changed = await asyncio.to_thread(self._keep, resource, page, began)
                if page.next is None or (fresh and not ahead and not changed and not reader.bounded):
                    self._end(resource, began)
                    return True
                if time.monotonic() > deadline:
                    return False
                if not ahead:
                    fetching = fetch(page.next)
        finally:
            fetching.cancel()

    def _keep(self, resource: Resource, page: Page[Any], began: datetime | None) -> int:
        """Stores a page and where to go on, in one transaction. Returns how many rows were new or changed."""
        reader = READERS[resource]
        with self.transaction() as session:
            account = self._fenced(session)
            store = PlatformStore(session, self.workspace_id, self.account_id, self.secret_key)
            stored = reader.store(store, page.rows, began)
            state = SyncStates(session, self.workspace_id, self.account_id).of(resource)
            state.cursor = page.next
            state.seen += len(page.rows) - stored.rejected
            state.rejected += len(page.rejected) + stored.rejected
            self._count(account, state, page)
            newest = max((each.at for each in page.rows), default=None) if reader.bounded else None
            if newest is not None and (state.newest_in_pass is None or newest > state.newest_in_pass):
                state.newest_in_pass = newest
        self.tell()
        return stored.changed

    def _end(self, resource: Resource, began: datetime | None) -> None:
        with self.transaction() as session:
            self._fenced(session)
            if resource is Resource.SWEEP and began is not None:
                self._vanish(session, began)
            SyncStates(session, self.workspace_id, self.account_id).end(resource)

    def _vanish(self, session: Session, began: datetime) -> None:
        """A list that suddenly misses most fans is a fault of the list."""
        of_account = Subscriber.workspace_id == self.workspace_id, Subscriber.account_id == self.account_id
        here = select(func.count()).select_from(Subscriber).where(*of_account, Subscriber.vanished_at.is_(None))
        met = session.scalar(here.where(Subscriber.listed_at >= began)) or 0
        if 2 * met >= (session.scalar(here.where(Subscriber.listed_at.is_not(None))) or 0):
            PlatformStore(session, self.workspace_id, self.account_id, self.secret_key).vanish(began)

    async def _read_messages(self, adapter: PlatformAdapter, deadline: float) -> bool:
        """The newest messages of each chat that has some which we have not read, the latest chat first."""
        with self.transaction() as session:
            self._fenced(session)
            SyncStates(session, self.workspace_id, self.account_id).begin(Resource.MESSAGES)
        while time.monotonic() < deadline:
            with self.transaction() as session:
                chat = self._behind(session)
            if chat is None:
                self._end(Resource.MESSAGES, None)
                return True
            try:
                page: Page[Any] | None = await self._call(partial(adapter.list_messages, chat))
            except PermanentError as error:
                if error.reason is not Reason.NOT_FOUND:
                    raise
                page = None  # the fan deleted their account
            await asyncio.to_thread(self._keep_messages, chat, page)
        return False

    def _keep_messages(self, chat: str, page: Page[Any] | None) -> None:
        with self.transaction() as session:
            account = self._fenced(session)
            store = PlatformStore(session, self.workspace_id, self.account_id, self.secret_key)
            state = SyncStates(session, self.workspace_id, self.account_id).of(Resource.MESSAGES)
            if page is not None:
                store.messages(chat, page.rows)
                state.seen += len(page.rows)
                state.rejected += len(page.rejected)
                self._count(account, state, page)
            store.caught_up(chat)
        self.tell()

    def _behind(self, session: Session) -> str | None:
        of_fan = (Subscriber.workspace_id == self.workspace_id) & (Subscriber.id == Conversation.subscriber_id)
        return session.scalar(
            select(Subscriber.platform_id)
            .join(Conversation, of_fan)
            .where(
                Conversation.workspace_id == self.workspace_id,
                Conversation.account_id == self.account_id,
                Conversation.behind,
            )
            .order_by(Conversation.last_message_at.desc())
            .limit(1)
        )

    async def _call(self, ask: Callable[[], Awaitable[Page[Any]]]) -> Page[Any]:
        """Asks again where that may help at once. Raises PlatformError."""
        for pause in self.retries:
            try:
                return await ask()
            except RetryableError as error:
                if error.reason is Reason.RATE_LIMITED or (error.retry_after or 0) > pause:
                    raise
            await asyncio.sleep(pause)
        return await ask()

    def _count(self, account: PlatformAccount, state: SyncState, page: Page[Any]) -> None:
        limits = page.limits
        state.calls += 1
        state.credits += limits.credits_used or 0
        if limits.credits_left is not None:
            account.credits_left = limits.credits_left
        if limits.per_minute is not None:
            account.minute_limit, account.minute_left = limits.per_minute, limits.left_this_minute
        if account.health is not Health.CONNECTED:
            account.health, account.health_at = Health.CONNECTED, datetime.now(UTC)
        account.retry_at = None

    # The lease ------------------------------------------------------------------------------------

    def _claim(self) -> tuple[Platform, str | None, str] | None:
        with self.transaction() as session:
            claimed = session.scalar(
                update(PlatformAccount)
                .where(
                    *self._here(),
                    PlatformAccount.key_sealed.is_not(None),
                    or_(PlatformAccount.leased_until.is_(None), PlatformAccount.leased_until < func.now()),
                    or_(PlatformAccount.retry_at.is_(None), PlatformAccount.retry_at <= func.now()),
                )
                .values(lease=PlatformAccount.lease + 1, leased_until=func.now() + LEASE)
                .returning(PlatformAccount)
            )
            if claimed is None:
                return None
            self._lease = claimed.lease
            self._began = session.scalars(select(func.now())).one()
            return claimed.platform, PlatformKeys(self.secret_key).api_key(claimed), claimed.external_id

    def _fenced(self, session: Session) -> PlatformAccount:
        """The account, locked, if it is still ours. Raises LeaseLost."""
        account: PlatformAccount | None = session.scalar(
            update(PlatformAccount)
            .where(*self._here(), PlatformAccount.lease == self._lease, PlatformAccount.key_sealed.is_not(None))
            .values(leased_until=func.now() + LEASE)
            .returning(PlatformAccount)
        )
        if account is None:
            raise LeaseLost
        return account

    def _release(self) -> None:
        with self.transaction() as session:
            ours = PlatformAccount.lease == self._lease
            session.execute(update(PlatformAccount).where(*self._here(), ours).values(leased_until=None))

    def _fail(self, error: PlatformError) -> None:
        """Says how it fares and when to try again; what was read so far stays."""
        if isinstance(error, PermanentError):
            pause = GIVEN_UP_FOR
        else:
            pause = timedelta(seconds=error.retry_after) if error.retry_after else PAUSE
        with self.transaction() as session:
            now = session.scalars(select(func.now())).one()
            session.execute(
                update(PlatformAccount)
                .where(*self._here(), PlatformAccount.lease == self._lease, PlatformAccount.key_sealed.is_not(None))
                .values(health=health_of(error), health_at=now, retry_at=now + pause)
            )
        self.tell()

    def _here(self) -> tuple[Any, ...]:
        return PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == self.account_id


class SyncUpkeep:
    """Across workspaces: which accounts are due."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def due(self) -> list[tuple[int, int]]:
        """(workspace, account), who waits longest first: wanted, unfinished, or not looked at for a while."""
        at, now = PlatformAccount, func.now()
        unfinished = (
            select(SyncState)
            .where(SyncState.workspace_id == at.workspace_id, SyncState.account_id == at.id)
            .where(SyncState.started_at.is_not(None))
            .exists()
        )
        query = (
            select(at.workspace_id, at.id)
            .where(
                at.key_sealed.is_not(None),
                or_(at.leased_until.is_(None), at.leased_until < now),
                or_(at.retry_at.is_(None), at.retry_at <= now),
                or_(at.sync_wanted_at.is_not(None), at.synced_at.is_(None), at.synced_at <= now - EVERY, unfinished),
            )
            .order_by(at.synced_at.nulls_first())
        )
        return [(row.workspace_id, row.id) for row in self.session.execute(query)]
