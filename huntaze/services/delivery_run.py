"""One run of a delivery worker: it holds many lanes at once, and in each of them makes one call at a time.

Everything it knows is in PostgreSQL before it matters: that a message is being sent, before the call; what became of
it, before the next one of its chat. Calls are asynchronous; transactions run one after the other in a thread
(delivery_transactions.py), and each carries the outcomes and the claims of all lanes that have some. A worker that is
killed leaves `sending` behind, and the next one finds out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy.exc import InterfaceError, OperationalError

from huntaze.adapters import platform
from huntaze.adapters.platform import Cents, MessageDraft, PlatformAdapter, SendResult
from huntaze.models.platform_account import Platform
from huntaze.services.delivery_lanes import Lane
from huntaze.services.delivery_outcomes import gateway_of, verdict
from huntaze.services.delivery_rules import RULES, Rules
from huntaze.services.delivery_settling import settle
from huntaze.services.delivery_store import Claim, Doubt, Key, Outcome, Taken
from huntaze.services.delivery_transactions import Batch, Done, Sessions, TakenForDead, Transactions
from huntaze.services.platform_keys import PlatformKeys

log = logging.getLogger(__name__)

OpenPlatform = Callable[[Platform, str, str], PlatformAdapter]
Platforms = Callable[[int, float], AbstractAsyncContextManager[OpenPlatform]]
"""(connections, seconds of a call) -> opens adapters that share them."""
Listen = Callable[[], AsyncIterator[str]]
"""Yields what is notified, as long as the connection holds: "workspace:account"."""

NOTIFIED_SCAN = 0.1
"""Seconds between two looks for lanes, where notification follows notification."""


@dataclass(frozen=True, slots=True)
class _ReadBack:
    """What is in the chat of a doubt. answer: whether the message is among it."""

    doubt: Doubt
    rows: Sequence[platform.Message]
    answer: asyncio.Future[bool]


class DeliveryRun:
    """Sends for a while. `stop` ends it sooner: calls that are under way are waited for."""

    def __init__(
        self,
        sessions: Sessions,
        platforms: Platforms,
        secret_key: str,
        *,
        tell: Callable[[set[str]], object] = lambda _: None,
        listen: Listen | None = None,
        rules: Rules = RULES,
    ) -> None:
        """tell: is given topics whose listeners should look; called in a thread."""
        self._transactions = Transactions(sessions, rules, tell)
        self.platforms = platforms
        self.keys = PlatformKeys(secret_key)
        self.listen = listen
        self.rules = rules
        self.calls = 0
        self._lanes: dict[Key, Lane] = {}
        self._outcomes: list[Outcome] = []
        self._read_back: list[_ReadBack] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._stopping = self._loaded = self._crowded = False
        self._alive_until = self._scan_at = self._scanned_at = self._busy_at = 0.0

    def stop(self) -> None:
        """From the loop's thread: nothing is claimed any more."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Raises TakenForDead, and OperationalError if PostgreSQL is away at the beginning."""
        self._wake = asyncio.Event()
        began = self._busy_at = time.monotonic()
        due = await asyncio.to_thread(self._transactions.register)
        self._alive_until = began + self.rules.lease
        async with self.platforms(self.rules.lanes, self.rules.call) as self._open, asyncio.TaskGroup() as helpers:
            tasks = [helpers.create_task(self._beat())]
            if self.listen is not None:
                tasks.append(helpers.create_task(self._hear(self.listen)))
            try:
                if due:  # before it has lanes: they would wait
                    await self._load()
                    self._busy_at = time.monotonic()
                await self._go(until=began + self.rules.run)
            finally:
                doubts = [task for lane in self._lanes.values() for task in lane.doubts.values()]
                for task in (*tasks, *doubts, *self._calls):
                    task.cancel()

    # The loop ------------------------------------------------------------------------------------

    async def _go(self, until: float) -> None:
        """One transaction after the other, each with all that has come up."""
        while not (self._stopping and not self._calls):
            await self._transact()
            await self._rest(until)
            now = time.monotonic()
            if now >= until or (not self._lanes and now - self._busy_at > self.rules.linger):
                self._stopping = True
        while self._outcomes:
            await self._transact()
        await asyncio.to_thread(self._transactions.leave)

    async def _transact(self) -> None:
        now = time.monotonic()
        if now > self._alive_until:
            raise TakenForDead
        lanes, going = self._lanes.values(), not self._stopping
        outcomes, self._outcomes = self._outcomes, []
        written = {each.key for each in outcomes}
        ready = {lane.key: lane.fence for lane in lanes if going and not lane.calling and lane.look_at <= now}
        oldest = sorted(ready, key=lambda key: self._lanes[key].look_at)
        self._crowded = len(oldest) > self.rules.claims
        read_back, self._read_back = self._read_back[: self.rules.claims], self._read_back[self.rules.claims :]
        batch = Batch(
            outcomes,
            [(each.doubt, each.rows) for each in read_back],
            release={lane.key: lane.fence for lane in lanes if going and lane.is_idle and lane.key not in written},
            ready={key: ready[key] for key in oldest[: self.rules.claims]},
            scan=going and now >= self._scan_at,
            room=min(self.rules.taken, self.rules.lanes - len(lanes)),
            claim_taken=self._loaded,
        )
        if batch.is_empty:
            return
        try:
            done = await asyncio.to_thread(self._transactions.do, batch)
        except (OperationalError, InterfaceError) as error:
            # Whether it was committed nobody knows: outcomes may come twice, and what was claimed goes back in the
            # end. A new run starts afresh.
            log.warning("delivery waits for PostgreSQL", extra={"error": type(error).__name__})
            self._outcomes = outcomes + self._outcomes
            self._read_back = read_back + self._read_back
            self._stopping = True
            await asyncio.sleep(0.2)
            return
        if done.taken and not self._loaded:
            await self._load()
        self._answer(read_back, done.sent)
        self._follow(batch, done, now)

    def _answer(self, read_back: Sequence[_ReadBack], sent: Mapping[int, bool]) -> None:
        for each in read_back:
            if each.doubt.message_id not in sent:
                self._read_back.append(each)
            elif not each.answer.done():
                each.answer.set_result(sent[each.doubt.message_id])

    def _follow(self, batch: Batch, done: Done, began: float) -> None:
        """What the transaction brought begins."""
        for key in batch.release:
            del self._lanes[key]
        for key in batch.ready:
            # Nothing to send, or paused, or being changed just now. A notification makes us look sooner.
            self._lanes[key].look_at = began + self.rules.idle / 4
        for n, taken in enumerate(done.taken):
            self._hold(taken, time.monotonic() + n * self.rules.spread)
        for doubt in done.doubts:
            lane = self._lanes.get(doubt.key)
            if lane is not None:
                if doubt.open:
                    lane.ends.append(time.monotonic())  # a call of the pace, which ended nobody knows when
                self._find_out(lane, doubt, retry=True)
        for claim in done.claims:
            self._begin(claim, began)
        if batch.scan:
            self._scanned_at = began
            full = done.taken and len(done.taken) == batch.room
            self._scan_at = 0.0 if full else began + self.rules.scan

    async def _rest(self, until: float) -> None:
        """Until there is something to do, and a moment more: what comes up meanwhile is done together.

        Where lanes queue up to be asked the next transaction goes on at once, while the calls of this one begin.
        """
        self._wake.clear()
        if self._crowded:
            return
        now = time.monotonic()
        at = min([until, self._scan_at, *(lane.look_at for lane in self._lanes.values() if not lane.calling)])
        at = now + self.rules.scan if self._stopping else at
        if at > now and not (self._outcomes or self._read_back):
            try:
                async with asyncio.timeout(at - now):
                    await self._wake.wait()
            except TimeoutError:
                return
        await asyncio.sleep(self.rules.pause)

    # Lanes and calls -----------------------------------------------------------------------------

    def _hold(self, taken: Taken, begin_at: float) -> None:
        self._busy_at = time.monotonic()
        key = self.keys.api_key(taken)
        # With another SECRET_KEY than it was sealed with it opens nothing, and the platform will say so.
        adapter = self._open(taken.platform, key or "", taken.external_id)
        lane = Lane.of(taken, adapter, gateway_of(adapter.caps), self.rules)
        lane.not_before = max(lane.not_before, begin_at)
        self._lanes[taken.key] = lane

    def _begin(self, claim: Claim, claimed_at: float) -> None:
        lane = self._lanes[claim.key]
        lane.calling, lane.busy_at = True, time.monotonic()
        self._busy_at = lane.busy_at
        not_after = min(claimed_at + self.rules.write, self._alive_until)
        task = asyncio.create_task(self._call(lane, claim, not_after))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, lane: Lane, claim: Claim, not_after: float) -> None:
        await asyncio.sleep(max(0.0, lane.slot - time.monotonic()))
        draft = MessageDraft(claim.body, Cents(claim.price_cents), tuple(claim.media))
        self.calls += 1
        key = str(claim.idempotency_key)
        try:
            result = await lane.adapter.send_message(claim.chat, draft, key, not_after=not_after)
        except Exception as error:
            # By its kind alone: its text may quote the message.
            log.exception("a send broke off", exc_info=False, extra={"error": type(error).__name__})
            result = SendResult(platform.Outcome.UNKNOWN)
        told = verdict(result, lane.gateway)
        pace = lane.ended(told)
        sent = result.message
        self._outcomes.append(
            Outcome(
                lane.key, lane.fence, claim.message_id, claim.attempt_id, told.outcome, told.state, told.failure,
                sent.id if sent else None, sent.at if sent else None, told.detail, pace,
            )
        )  # fmt: skip
        if told.state is None:
            wait = self.rules.settle_after if told.ended else not_after + self.rules.call - time.monotonic()
            doubt = Doubt(claim.key, claim.message_id, claim.attempt_id, claim.conversation_id, claim.chat, wait)
            self._find_out(lane, doubt, retry=told.retry)
        self._wake.set()

    # What nobody knows the end of ----------------------------------------------------------------

    def _find_out(self, lane: Lane, doubt: Doubt, *, retry: bool) -> None:
        lane.doubts[doubt.message_id] = asyncio.create_task(self._settle(lane, doubt, retry))

    async def _settle(self, lane: Lane, doubt: Doubt, retry: bool) -> None:
        told = await settle(doubt, lane.adapter, lane.gateway, self._adopt, self.rules, retry=retry)
        self._outcomes.append(
            Outcome(
                lane.key, lane.fence, doubt.message_id, doubt.attempt_id, told.outcome, told.state, told.failure,
                detail=told.detail,
            )
        )  # fmt: skip
        lane.busy_at = time.monotonic()
        lane.look_at = min(lane.look_at, lane.slot)
        del lane.doubts[doubt.message_id]
        self._wake.set()

    async def _adopt(self, doubt: Doubt, rows: Sequence[platform.Message]) -> bool:
        """Together with whatever else was read back meanwhile: much, after a worker with 1,000 lanes was killed."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._read_back.append(_ReadBack(doubt, rows, answer))
        self._wake.set()
        return await answer

    # Being there ---------------------------------------------------------------------------------

    async def _load(self) -> None:
        """The first adapter loads its client, for seconds: our heart beats meanwhile."""
        for each in Platform:
            await asyncio.to_thread(self._open, each, "", "")
        self._loaded = True

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.rules.heartbeat)
            at = time.monotonic()
            try:
                alive = await asyncio.to_thread(self._transactions.beat)
            except (OperationalError, InterfaceError):
                if time.monotonic() > self._alive_until:
                    raise TakenForDead from None
                continue
            if not alive:
                raise TakenForDead
            self._alive_until = at + self.rules.lease

    async def _hear(self, listen: Listen) -> None:
        while True:
            try:
                async for payload in listen():
                    self._notified(payload)
            except OSError as error:
                log.warning("delivery hears nothing", extra={"error": type(error).__name__})
            await asyncio.sleep(self.rules.scan)

    def _notified(self, payload: str) -> None:
        workspace, _, account = payload.partition(":")
        lane = self._lanes.get((int(workspace), int(account)))
        if lane is not None:
            lane.look_at = min(lane.look_at, lane.slot - self.rules.claim_ahead)
        else:
            self._scan_at = min(self._scan_at, self._scanned_at + NOTIFIED_SCAN)
        self._busy_at = time.monotonic()
        self._wake.set()
