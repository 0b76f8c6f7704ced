"""Fans and payments of one account, in columns: 100,000 and 1,000,000 of them fit into 40 MB."""

from __future__ import annotations

from array import array
from enum import IntEnum
from hashlib import blake2b

from huntaze.simulator.clock import MONTH


class Kind(IntEnum):
    """What was paid for."""

    SUBSCRIPTION = 0
    RENEWAL = 1
    TIP = 2
    MESSAGE = 3
    POST = 4
    STREAM = 5


class Sum(IntEnum):
    """The sums that the platform keeps for a fan, and which kinds go into them."""

    SUBSCRIBES = 0
    TIPS = 1
    MESSAGES = 2
    POSTS = 3
    STREAMS = 4


SUM_OF = (Sum.SUBSCRIBES, Sum.SUBSCRIBES, Sum.TIPS, Sum.MESSAGES, Sum.POSTS, Sum.STREAMS)

FIRST = ("Ava", "Ben", "Chloé", "Dario", "Élise", "Finn", "Gwen", "Hugo", "Iris", "Jon", "Kay", "Léa", "Max", "Noor")
LAST = ("Ash", "Brook", "Cole", "Dune", "Elm", "Fox", "Grey", "Hart", "Ivy", "Jay", "Kite", "Lark", "Moss")
ODD = ("Tom & Jerry", "O'Neil <3", "Zoë 🌹", 'The "Duke"', "李雷")

REBILL = 1
DELETED = 2


class Fans:
    """Fan `n` is the n-th who ever subscribed. Times are seconds since 1970, money is cents."""

    def __init__(self, account: int) -> None:
        self._base = 10_000_000 * account
        self.subscribed = array("I")
        self.expires = array("I")
        self.price = array("H")
        self.seen = array("I")
        self.flags = bytearray()
        self.sums = tuple(array("I") for _ in Sum)
        self.renamed: dict[int, str] = {}
        self._periods: dict[int, list[tuple[int, int]]] = {}
        """Of those who left and came back; the others' follow from when they came and when it expires."""

    def __len__(self) -> int:
        return len(self.flags)

    def add(self, at: int, price: int, *, rebill: bool, months: int = 1) -> int:
        self.subscribed.append(at)
        self.expires.append(at + months * MONTH)
        self.price.append(price)
        self.seen.append(at)
        self.flags.append(REBILL if rebill else 0)
        for column in self.sums:
            column.append(0)
        return len(self) - 1

    def id(self, fan: int) -> int:
        return self._base + fan * 7 + 3

    def find(self, user_id: str) -> int | None:
        """The fan of a platform id, unless there is none or it is deleted."""
        if not user_id.isdecimal():
            return None
        fan, rest = divmod(int(user_id) - self._base - 3, 7)
        return fan if not rest and 0 <= fan < len(self) and not self.deleted(fan) else None

    def name(self, fan: int) -> str:
        if fan % 97 == 96:
            return ODD[fan // 97 % len(ODD)]
        return f"{FIRST[fan % len(FIRST)]} {LAST[fan // len(FIRST) % len(LAST)]}"

    def username(self, fan: int) -> str:
        renamed = self.renamed.get(fan)
        return renamed or f"{LAST[fan % len(LAST)]}_{FIRST[fan // 5 % 2]}{self.id(fan) % 10_000_000}".lower()

    def deleted(self, fan: int) -> bool:
        return bool(self.flags[fan] & DELETED)

    def rebills(self, fan: int) -> bool:
        return bool(self.flags[fan] & REBILL)

    def total(self, fan: int) -> int:
        return sum(column[fan] for column in self.sums)

    def periods(self, fan: int) -> list[tuple[int, int]]:
        """Start and end of each subscription, the oldest first."""
        if fan in self._periods:
            return self._periods[fan]
        return [(at, at + MONTH) for at in range(self.subscribed[fan], self.expires[fan], MONTH)]

    def renew(self, fan: int) -> None:
        end = self.expires[fan]
        if fan in self._periods:
            self._periods[fan].append((end, end + MONTH))
        self.expires[fan] = end + MONTH

    def cut(self, fan: int, at: int) -> None:
        """The last subscription ends at this time."""
        if at < self.expires[fan]:
            *earlier, (begin, _) = self.periods(fan)
            self._periods[fan] = [*earlier, (begin, at)]
            self.expires[fan] = at

    def come_back(self, fan: int, at: int) -> None:
        self._periods[fan] = [*self.periods(fan), (at, at + MONTH)]
        self.expires[fan] = at + MONTH
        self.flags[fan] |= REBILL


class Payments:
    """In order of time, so that a row's number never changes; what is paid later comes behind."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()
        self.at = array("I")
        self.fan = array("I")
        self.cents = array("I")
        self.kind = bytearray()
        self.reversed: dict[int, int] = {}
        """Row -> when it was charged back, in the order in which that happened."""
        self.net_total = 0

    def __len__(self) -> int:
        return len(self.kind)

    def add(self, at: int, fan: int, kind: int, cents: int) -> int:
        self.at.append(at)
        self.fan.append(fan)
        self.kind.append(kind)
        self.cents.append(cents)
        self.net_total += cents - fee(cents)
        return len(self) - 1

    def id(self, row: int) -> str:
        return blake2b(b"%s/%d" % (self._salt, row), digest_size=16).hexdigest()

    def reverse(self, row: int, at: int) -> None:
        self.reversed[row] = at
        self.net_total -= self.cents[row] - fee(self.cents[row])


def fee(cents: int) -> int:
    """What the platform keeps: a fifth, to the nearest cent."""
    return (cents * 2 + 5) // 10


def vat(fan: int, cents: int) -> int:
    """A fifth of all fans live where tax is added."""
    return cents // 5 if fan % 5 == 0 else 0
