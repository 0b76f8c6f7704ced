"""One creator's account, and all accounts together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from huntaze.simulator.chats import Chats
from huntaze.simulator.clock import DAY, Clock
from huntaze.simulator.columns import SUM_OF, Fans, Kind, Payments
from huntaze.simulator.keys import Keys
from huntaze.simulator.limits import Quota, TokenBucket
from huntaze.simulator.options import Options
from huntaze.simulator.population import populate

PENDING_DAYS = 7


@dataclass(slots=True)
class Media:
    id: int
    type: str
    created: int
    duration: int = 0
    name: str = ""
    size: int = 0
    sha256: str = ""


class Account:
    """What the platform knows about one creator."""

    def __init__(self, number: int, options: Options, clock: Clock, began: int) -> None:
        """began: when the world did; what came before is made here, and what came since is the actor's."""
        self.number = number
        self.id = f"acct_{number:06d}"
        self.user_id = 500_000_000 + number
        self.username = f"creator{number}"
        self.clock = clock
        self.began = now = began
        self.joined = now - 800 * DAY
        salt = f"{options.seed}/{self.id}"
        self.fans = Fans(number)
        self.payments = Payments(salt)
        populate(
            self.fans,
            self.payments,
            Random(salt),
            count=options.fans,
            rows=options.transactions,
            now=now,
        )
        self.chats = Chats(self.fans, number, now)
        self.media = [
            Media(1_000 + n, "video" if n % 3 == 2 else "photo", now - (40 - n) * DAY, 31 + n if n % 3 == 2 else 0)
            for n in range(40)
        ]
        self.quota = Quota(options.per_minute)
        self.bucket = TokenBucket(options.send_rate, options.send_burst)
        self.keys = Keys()
        self.payouts: list[dict[str, int]] = []
        self.changed()

    def changed(self) -> None:
        """Fans came, expired or returned."""
        self._lists: dict[str, Sequence[int]] = {}
        self._lists_until = 0

    def list_of(self, which: str) -> Sequence[int]:
        """The fans who are "active", "expired" or "all" of them, the newest first, deleted ones among them."""
        now = self.clock.now()
        everyone = range(len(self.fans) - 1, -1, -1)
        if which == "all":
            return everyone
        if not self._lists or now >= self._lists_until:
            expires = self.fans.expires
            active = [fan for fan in everyone if expires[fan] > now]
            self._lists = {"active": active, "expired": [fan for fan in everyone if expires[fan] <= now]}
            self._lists_until = min((expires[fan] for fan in active), default=2**62)
        return self._lists[which]

    def is_active(self, fan: int) -> bool:
        return self.fans.expires[fan] > self.clock.now()

    def pay(self, fan: int, kind: Kind, cents: int, at: int) -> int:
        """A fan pays; returns the row of the payment."""
        self.fans.sums[SUM_OF[kind]][fan] += cents
        self.fans.seen[fan] = at
        return self.payments.add(at, fan, kind, cents)


class World:
    """All accounts. Each is made when somebody asks for it, and is the same whenever that is."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self._accounts: dict[str, Account] = {}
        self._ids = {f"acct_{number:06d}": number for number in range(1, options.accounts + 1)}
        self._began = options.since or clock.now()

    def ids(self) -> list[str]:
        return list(self._ids)

    def account(self, account_id: str) -> Account | None:
        account = self._accounts.get(account_id)
        if account is None and account_id in self._ids:
            account = self._accounts[account_id] = Account(
                self._ids[account_id], self.options, self.clock, self._began
            )
        return account

    def made(self) -> list[Account]:
        """The accounts that somebody asked for, in the order of their numbers."""
        return sorted(self._accounts.values(), key=lambda account: account.number)
