"""Tells the world by webhooks: signed, repeated when refused, and on demand twice, held back or in another order."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import deque
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any

import aiohttp

WITHOUT_KEY = ("users.typing", "users.online", "users.offline")
EVENTS = (
    *(f"messages.{what}" for what in ("received", "sent", "deleted", "ppv.unlocked")),
    "tips.received",
    "transactions.new",
    *(f"subscriptions.{what}" for what in ("new", "renewed", "expired")),
    *(f"chat_queue.{what}" for what in ("updated", "finished")),
    *(f"accounts.{what}" for what in ("connected", "reconnected", "disconnected", "session_expired")),
    "accounts.authentication_failed",
    *(f"media_uploads.{what}" for what in ("completed", "failed")),
    *WITHOUT_KEY,
)


@dataclass
class Hook:
    id: str
    url: str
    secret: str | None = None
    events: frozenset[str] | None = None
    """None: all."""
    accounts: frozenset[str] | None = None


@dataclass
class Delivery:
    hook: Hook
    event: str
    body: bytes
    key: str | None
    statuses: list[int] = field(default_factory=list)
    """What was answered to each attempt; 0 where nothing was."""

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "OnlyFansAPI"}
        if self.key:
            headers["X-OFAPI-Idempotency-Key"] = self.key
        if self.hook.secret:
            headers["Signature"] = hmac.new(self.hook.secret.encode(), self.body, "sha256").hexdigest()
        return headers


class Webhooks:
    """Delivers in the order of events, unless it is told otherwise. Retries come later, and so out of order."""

    ATTEMPTS = 3
    PATIENCE = 10.0
    """Seconds in which a 2xx must come."""

    def __init__(self, seed: int) -> None:
        self.hooks: list[Hook] = []
        self.log: deque[Delivery] = deque(maxlen=10_000)
        self.pause = 1.0
        """Seconds before the second attempt; ten times that before the third."""
        self.copies = 1
        self.held = False
        self.shuffled = False
        self._salt = str(seed).encode()
        self._rng = Random(f"{seed}/webhooks")
        self._count = 0
        self._queue: list[Delivery] = []
        self._wake = asyncio.Event()
        self._retries: set[asyncio.Task[None]] = set()
        self._busy = False

    def subscribe(
        self, url: str, secret: str | None, events: frozenset[str] | None, accounts: frozenset[str] | None
    ) -> Hook:
        hook = Hook(f"wh_{len(self.hooks) + 1}", url, secret, events, accounts)
        self.hooks.append(hook)
        return hook

    def emit(self, event: str, account: str, payload: Any) -> None:
        """Tell each hook that wants to know."""
        self._count += 1
        hooks = [
            hook
            for hook in self.hooks
            if (hook.events is None or event in hook.events) and (hook.accounts is None or account in hook.accounts)
        ]
        if not hooks:
            return
        body = json.dumps({"event": event, "account_id": account, "payload": payload}).encode()
        key = None
        if event not in WITHOUT_KEY:
            key = blake2b(b"%s/%d" % (self._salt, self._count), digest_size=16).hexdigest()
        self._queue += [Delivery(hook, event, body, key) for hook in hooks for _ in range(self.copies)]
        self._wake.set()

    def idle(self) -> bool:
        """Whether there is nothing left to deliver that is not held back."""
        return not (self._busy or self._retries or (self._queue and not self.held))

    def flush(self) -> int:
        """Deliver what was held back; return how many that are."""
        self.held = False
        self._wake.set()
        return len(self._queue)

    async def run(self) -> None:
        """Deliver for ever."""
        timeout = aiohttp.ClientTimeout(total=self.PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self.held:
                    continue
                batch, self._queue = self._queue, []
                if self.shuffled:
                    self._rng.shuffle(batch)
                self._busy = True
                for delivery in batch:
                    self.log.append(delivery)
                    if not await self._attempt(session, delivery):
                        retry = asyncio.create_task(self._retry(session, delivery))
                        self._retries.add(retry)
                        retry.add_done_callback(self._retries.discard)
                self._busy = False

    async def _attempt(self, session: aiohttp.ClientSession, delivery: Delivery) -> bool:
        try:
            async with session.post(delivery.hook.url, data=delivery.body, headers=delivery.headers()) as response:
                delivery.statuses.append(response.status)
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError):
            delivery.statuses.append(0)
            return False

    async def _retry(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        for attempt in range(1, self.ATTEMPTS):
            await asyncio.sleep(self.pause * 10 ** (attempt - 1))
            if await self._attempt(session, delivery):
                return
