"""Reads a platform account: a first import that goes on where it stopped, then what is new, and a weekly sweep.

One worker at a time has an account (sync_lease.py), and every page is stored in a transaction that checks that it is
still this one. No transaction is open during a call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Page, PermanentError, PlatformAdapter, PlatformError, Reason, RetryableError
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation
from huntaze.models.platform_account import Health, Platform, PlatformAccount, Resource, SyncState
from huntaze.models.subscriber import Subscriber
from huntaze.services.errors import NotFound
from huntaze.services.platform_keys import PlatformKeys
from huntaze.services.platform_store import PlatformStore
from huntaze.services.sync_lease import LeaseLost, Sessions, SyncLease
from huntaze.services.sync_reading import READERS
from huntaze.services.sync_states import SyncStates
from huntaze.services.sync_totals import SyncTotals

AT_ONCE = 10
"""Pages that are stored in one transaction, at most, where what is read is read to its end."""
STORE_EVERY = 0.25
"""Seconds; pages that come faster are stored together: a transaction has a dozen statements, whatever it stores."""
SWEEP_EVERY = timedelta(days=7)
END = ""
"""The cursor of a pass that is read to its end, and has that still to be written down."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
RETRIES = (1.0, 4.0)
"""Seconds to wait before trying a call again."""

OpenPlatform = Callable[[Platform, str, str], PlatformAdapter]

ALWAYS = (Resource.TRANSACTIONS, Resource.FANS_ACTIVE, Resource.CHATS)
IN_TURN = (Resource.FANS_EXPIRED, Resource.CHARGEBACKS, Resource.PAYOUTS, Resource.MEDIA, Resource.LINKS)
"""One of them each time: with those of ALWAYS an account where nothing happens costs four calls in ten minutes."""
FIRST = tuple(resource for resource in Resource if resource is not Resource.SWEEP)


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
        self.lease = SyncLease(transaction, workspace_id, account_id)
        self.totals = SyncTotals(transaction, workspace_id, account_id, secret_key)

    def run(self, seconds: float = 45) -> bool:
        """Reads for so many seconds at most, if the account is due and no other worker has it.

        Returns whether there is more to read now.
        """
        account = self.lease.claim()
        if account is None:
            return False
        try:
            return self._read_for(account, seconds)
        except (LeaseLost, NotFound):
            return False
        finally:
            self.lease.release()

    def _read_for(self, account: PlatformAccount, seconds: float) -> bool:
        try:
            return asyncio.run(self._read(account, time.monotonic() + seconds))
        except PlatformError as error:
            self.lease.fail(error)
            if isinstance(error, PermanentError):  # only a person can help, who sees the fans until then
                self.totals.add_up_so_far(self.lease)
            self.tell()
            return False

    async def _read(self, account: PlatformAccount, deadline: float) -> bool:
        key = PlatformKeys(self.secret_key).api_key(account)
        if key is None:  # SECRET_KEY is another one than when it was stored
            raise PermanentError(Reason.UNAUTHORIZED)
        adapter = self.open_platform(account.platform, key, account.external_id)
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
            account = self.lease.hold(session)
            states = SyncStates(session, self.workspace_id, self.account_id)
            known = states.all()
            under_way = [r for r in Resource if r in known and known[r].started_at]
            unread = [r for r in FIRST if r not in known or known[r].finished_at is None]
            if under_way or unread:
                return (under_way or unread)[0]
            if Resource.SWEEP not in known:
                states.first_sweep()
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
            if account.sync_wanted_at and account.sync_wanted_at <= self.lease.began:
                account.sync_wanted_at = None
            return None

    async def _read_resource(self, adapter: PlatformAdapter, resource: Resource, deadline: float) -> bool:
        """Reads a pass, or on with it. Returns whether it came to its end in time."""
        reader = READERS[resource]
        with self.transaction() as session:
            self.lease.hold(session)
            states = SyncStates(session, self.workspace_id, self.account_id)
            state = states.begin(resource)
            first, fresh, cursor = state.finished_at is None, state.cursor is None, state.cursor
            since = states.since(state)
        if cursor == END:
            self._finish(resource, first)
            return True
        # What is read whole is fetched ahead; where only the beginning may be new, a call would be for nothing.
        ahead = first or reader.whole

        def fetch(at: str | None) -> asyncio.Task[Page[Any]]:
            return asyncio.create_task(self._call(partial(reader.fetch, adapter, at, since)))

        if ahead:
            if finished := await self._read_ahead(resource, cursor, fetch, deadline):
                self._finish(resource, first)
            return finished
        while True:
            page = await fetch(cursor)
            changed = await asyncio.to_thread(self._keep, resource, [page])
            cursor = page.next
            if cursor is None or (fresh and not changed and not reader.bounded):
                self._finish(resource, first)
                return True
            if time.monotonic() > deadline:
                return False

    async def _read_ahead(
        self,
        resource: Resource,
        cursor: str | None,
        fetch: Callable[[str | None], asyncio.Task[Page[Any]]],
        deadline: float,
    ) -> bool:
        """Stores what has come while the next pages come; what has come before an error is stored, too."""
        pages: list[Page[Any]] = []
        storing: asyncio.Future[Any] | None = None
        due = 0.0
        fetching = fetch(cursor)
        try:
            while True:
                pages.append(page := await fetching)
                if page.next is None or time.monotonic() > deadline:
                    break
                fetching = fetch(page.next)
                is_due = time.monotonic() >= due and (storing is None or storing.done())
                if is_due or len(pages) >= AT_ONCE:
                    if storing:
                        await storing
                    storing = asyncio.ensure_future(asyncio.to_thread(self._keep, resource, pages))
                    pages, due = [], time.monotonic() + STORE_EVERY
        finally:
            fetching.cancel()
            if storing:
                await storing
            if pages:
                await asyncio.to_thread(self._keep, resource, pages)
        return page.next is None

    def _keep(self, resource: Resource, pages: Sequence[Page[Any]]) -> int:
        """Stores pages and where to go on, in one transaction. Returns how many rows were new or changed."""
        reader = READERS[resource]
        with self.transaction() as session:
            # What a crash of PostgreSQL takes back of the rows, it takes back of the cursor.
            session.execute(text("SET LOCAL synchronous_commit = off"))
            account = self.lease.hold(session)
            store = PlatformStore(session, self.workspace_id, self.account_id, self.secret_key)
            rows = [row for page in pages for row in page.rows]
            state = SyncStates(session, self.workspace_id, self.account_id).of(resource)
            stored = reader.store(store, rows, state)
            state.cursor = pages[-1].next or END
            state.seen += len(rows) - stored.rejected
            state.rejected += sum(len(page.rejected) for page in pages) + stored.rejected
            for page in pages:
                self._count(account, state, page)
            newest = max((each.at for each in rows), default=None) if reader.bounded else None
            if newest is not None and (state.newest_in_pass is None or newest > state.newest_in_pass):
                state.newest_in_pass = newest
        self.tell()
        return stored.changed

    def _finish(self, resource: Resource, first: bool) -> None:
        if resource is Resource.TRANSACTIONS and first:
            self.totals.add_up(self.lease)
        self._end(resource)

    def _end(self, resource: Resource) -> None:
        with self.transaction() as session:
            self.lease.hold(session)
            states = SyncStates(session, self.workspace_id, self.account_id)
            if resource is Resource.SWEEP and (began := states.of(resource).started_at):
                self._vanish(session, began)
            states.end(resource)

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
            self.lease.hold(session)
            SyncStates(session, self.workspace_id, self.account_id).begin(Resource.MESSAGES)
        while time.monotonic() < deadline:
            with self.transaction() as session:
                chat = self._behind(session)
            if chat is None:
                self._end(Resource.MESSAGES)
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
            account = self.lease.hold(session)
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
