"""The fans of an account, and what they do as time goes by."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from huntaze.simulator import payloads, shapes
from huntaze.simulator.chats import HEARD, Mass, Message
from huntaze.simulator.columns import DELETED, REBILL, Kind
from huntaze.simulator.population import PRICES, amount
from huntaze.simulator.webhooks import Webhooks
from huntaze.simulator.world import Account

Json = dict[str, Any]
Step = Callable[[int], None]
"""What happens at a time, which it is told."""

DEEDS = (
    *("message",) * 8,
    *("tip",) * 5,
    *("subscribe",) * 4,
    *("purchase",) * 2,
    *("unlock",) * 2,
    "return",
    "chargeback",
    "rename",
)
REPLIES, UNLOCKS = 0.5, 0.35
"""How likely a fan answers a message, and buys what is in it."""


class Actor:
    """Fans act at times of the account's clock; with the same seed and the same calls they do the same."""

    def __init__(self, account: Account, webhooks: Webhooks, *, seed: int, activity: float) -> None:
        """activity: what fans begin by themselves, in events an hour. 0: they only do what `act` says."""
        self._account = account
        self._webhooks = webhooks
        self._rng = Random(f"{seed}/{account.id}/actor")
        self._activity = activity
        self._agenda: list[tuple[int, int, Step]] = []
        self._ties = count()
        if activity:
            now, expires = account.began, account.fans.expires
            for fan in range(len(account.fans)):
                if expires[fan] > now:
                    self._plan(expires[fan], self._expiry_of(fan))
            self._plan_next(now)

    def advance(self, now: int) -> None:
        """Everything that is due happens."""
        while self._agenda and self._agenda[0][0] <= now:
            at, _, step = heapq.heappop(self._agenda)
            step(at)

    def sent(self, fan: int, message: Message) -> None:
        """The creator sent a message: the fan may answer, and buy."""
        if not self._activity:
            return
        if self._rng.random() < REPLIES:
            self._plan(message.at + self._rng.randint(4, 240), lambda at: self._say(fan, at))
        if message.price and self._rng.random() < UNLOCKS:
            self._plan(message.at + self._rng.randint(10, 600), lambda at: self._unlock(fan, message, at))

    def sent_to_many(self, mass: Mass) -> None:
        if not self._activity:
            return
        self._plan(mass.date + len(mass.fans) // 200, lambda _: self._finish(mass))
        if not mass.price:
            return
        for fan in self._rng.sample(sorted(mass.fans), k=min(len(mass.fans), 1 + len(mass.fans) // 20)):
            self._plan(mass.date + self._rng.randint(10, 3_600), lambda at, fan=fan: self._buy_copy(fan, mass, at))  # type: ignore[misc]

    def act(self, deed: str, at: int, fan: int | None, cents: int | None, text: str | None) -> Json:
        """Do one thing now. fan: None for any. Returns which fan it was. Raises KeyError for an unknown deed."""
        chosen = self._somebody() if fan is None else fan
        match deed:
            case "subscribe":
                chosen = self._subscribe(at)
            case "message":
                self._say(chosen, at, text)
            case "tip":
                self._tip(chosen, at, cents)
            case "purchase":
                self._pay(chosen, Kind.POST if self._rng.random() < 0.7 else Kind.STREAM, at, cents)
            case "unlock":
                self._unlock_something(chosen, at)
            case "renew":
                self._renew(chosen, at)
            case "expire":
                self._expire(chosen, at)
            case "return":
                self._return(chosen, at)
            case "chargeback":
                self._charge_back(fan, at)
            case "rename":
                self._account.fans.renamed[chosen] = f"{self._account.fans.username(chosen)[:20]}_{at % 1_000}"
            case "delete":
                self._account.fans.flags[chosen] |= DELETED
                self._account.chats.forget_order()
            case _:
                raise KeyError(deed)
        return {"deed": deed, "fan": str(self._account.fans.id(chosen)), "at": at}

    # What they do --------------------------------------------------------------------------------

    def _subscribe(self, at: int) -> int:
        account, price = self._account, self._rng.choice(PRICES)
        fan = account.fans.add(at, price, rebill=self._rng.random() < 0.8)
        account.changed()
        row = account.pay(fan, Kind.SUBSCRIPTION, price, at)
        self._tell("subscriptions.new", payloads.subscription(account, fan, at, row, "new_subscriber"))
        self._tell_payment(row)
        if self._activity:
            self._plan(account.fans.expires[fan], self._expiry_of(fan))
        return fan

    def _renew(self, fan: int, at: int) -> None:
        account = self._account
        account.fans.renew(fan)
        account.changed()
        row = account.pay(fan, Kind.RENEWAL, account.fans.price[fan], at)
        self._tell("subscriptions.renewed", payloads.subscription(account, fan, at, row, "returning_subscriber"))
        self._tell_payment(row)

    def _expire(self, fan: int, at: int) -> None:
        fans = self._account.fans
        fans.cut(fan, at)
        fans.flags[fan] &= ~REBILL
        self._account.changed()
        self._tell("subscriptions.expired", payloads.expiry(self._account, fan, at))

    def _return(self, fan: int, at: int) -> None:
        account = self._account
        if account.is_active(fan):
            return
        account.fans.come_back(fan, at)
        account.changed()
        row = account.pay(fan, Kind.SUBSCRIPTION, account.fans.price[fan], at)
        self._tell("subscriptions.new", payloads.subscription(account, fan, at, row, "returning_subscriber"))
        self._tell_payment(row)

    def _say(self, fan: int, at: int, text: str | None = None) -> None:
        account = self._account
        said = account.chats.add(fan, at, mine=False, text=text or self._rng.choice(HEARD))
        account.fans.seen[fan] = at
        self._tell("messages.received", payloads.received(account, fan, said))

    def _tip(self, fan: int, at: int, cents: int | None) -> None:
        account, gross = self._account, cents or amount(Kind.TIP, self._rng)
        said = account.chats.add(fan, at, mine=False, text=f"I sent you a ${gross / 100:.2f} tip", tip=gross)
        row = account.pay(fan, Kind.TIP, gross, at)
        self._tell("messages.received", payloads.received(account, fan, said))
        self._tell("tips.received", payloads.tip(account, fan, at, row))
        self._tell_payment(row)

    def _pay(self, fan: int, kind: Kind, at: int, cents: int | None) -> None:
        self._tell_payment(self._account.pay(fan, kind, cents or amount(kind, self._rng), at))

    def _unlock(self, fan: int, message: Message, at: int) -> None:
        if message.opened:
            return
        account = self._account
        account.chats.open(message)
        row = account.pay(fan, Kind.MESSAGE, message.price, at)
        self._tell("messages.ppv.unlocked", payloads.unlock(account, fan, at, row, message.id))
        self._tell_payment(row)

    def _unlock_something(self, fan: int, at: int) -> None:
        for message in self._account.chats.messages(fan, at):
            if message.mine and not message.opened and message.queue is None:
                self._unlock(fan, message, at)
                return

    def _finish(self, mass: Mass) -> None:
        if not mass.canceled:
            self._tell("chat_queue.finished", shapes.mass(self._account, mass))

    def _buy_copy(self, fan: int, mass: Mass, at: int) -> None:
        account = self._account
        if fan in mass.opened or mass.canceled or account.fans.deleted(fan):
            return
        mass.opened[fan] = at
        row = account.pay(fan, Kind.MESSAGE, mass.price, at)
        copy = mass.copies + fan
        self._tell("messages.ppv.unlocked", payloads.unlock(account, fan, at, row, copy))
        self._tell_payment(row)

    def _charge_back(self, fan: int | None, at: int) -> None:
        """Take back the last payment of a fan, or any of the last 500. The platform has no event for it."""
        payments = self._account.payments
        recent = range(len(payments) - 1, max(-1, len(payments) - 501), -1)
        rows = [row for row in recent if row not in payments.reversed and fan in (None, payments.fan[row])]
        if rows:
            payments.reverse(rows[0] if fan is not None else self._rng.choice(rows), at)

    # When they do it -----------------------------------------------------------------------------

    def _plan(self, at: int, step: Step) -> None:
        heapq.heappush(self._agenda, (at, next(self._ties), step))

    def _plan_next(self, at: int) -> None:
        wait = self._rng.expovariate(self._activity / 3_600)
        self._plan(at + max(1, round(wait)), self._do_something)

    def _do_something(self, at: int) -> None:
        if len(self._account.fans):
            self.act(self._rng.choice(DEEDS), at, None, None, None)
        self._plan_next(at)

    def _expiry_of(self, fan: int) -> Step:
        def step(at: int) -> None:
            fans = self._account.fans
            if fans.expires[fan] != at or fans.deleted(fan):
                return
            if fans.rebills(fan):
                self._renew(fan, at)
                self._plan(fans.expires[fan], step)
            else:
                self._expire(fan, at)

        return step

    def _somebody(self) -> int:
        """Newer fans are livelier."""
        fans = self._account.fans
        while True:
            fan = len(fans) - 1 - int(self._rng.random() ** 3 * len(fans))
            if not fans.deleted(fan):
                return fan

    def _tell(self, event: str, payload: Json) -> None:
        self._webhooks.emit(event, self._account.id, payload)

    def _tell_payment(self, row: int) -> None:
        if self._webhooks.hooks:
            self._tell("transactions.new", shapes.payment(self._account, row))
