"""Makes the fans of an account and what they paid until now, out of a seed."""

from __future__ import annotations

from random import Random

from huntaze.simulator.clock import DAY, MONTH
from huntaze.simulator.columns import DELETED, SUM_OF, Fans, Kind, Payments

SPAN = 730 * DAY
PRICES = (499, 999, 999, 1_499, 2_000)
"""Of a subscription, in cents."""
STAYS = 0.85
"""How likely a fan pays for one month more."""


def populate(fans: Fans, payments: Payments, rng: Random, *, count: int, rows: int, now: int) -> None:
    """Fill empty columns with `count` fans who made at least `rows` payments, the last before `now`."""
    packed = _subscribe(fans, rng, count, now)
    packed += _spend(fans, rng, rows - len(packed), now)
    packed.sort()
    for entry in packed:
        at, fan, kind, cents = entry >> 44, entry >> 20 & 0xFFFFFF, entry >> 17 & 7, entry & 0x1FFFF
        payments.add(at, fan, kind, cents)
        fans.sums[SUM_OF[kind]][fan] += cents
        fans.seen[fan] = at
    for row in range(150, len(payments), 400):
        payments.reverse(row, min(payments.at[row] + 9 * DAY, now - 1))


def amount(kind: Kind, rng: Random) -> int:
    """What is usual to pay, in cents."""
    if kind is Kind.TIP:
        return 500 * (1 + int(rng.random() ** 3 * 39))
    return 300 + int(rng.random() ** 2 * 4_700) // 100 * 100 + (99 if rng.random() < 0.5 else 0)


def _pack(at: int, fan: int, kind: int, cents: int) -> int:
    """One integer that sorts by time: a million of them sort in half the time and memory of tuples."""
    return at << 44 | fan << 20 | kind << 17 | cents


def _subscribe(fans: Fans, rng: Random, count: int, now: int) -> list[int]:
    packed = []
    start, step = now - SPAN, SPAN / max(count, 1)
    for n in range(count):
        at = start + int((n + rng.random() * 0.9) * step)
        months = 1
        while at + months * MONTH < now and rng.random() < STAYS:
            months += 1
        price = PRICES[int(rng.random() * len(PRICES))]
        fan = fans.add(at, price, rebill=rng.random() < 0.8 and at + months * MONTH > now, months=months)
        if n % 200 == 199:
            fans.flags[fan] |= DELETED
        packed.append(_pack(at, fan, Kind.SUBSCRIPTION, price))
        packed += [_pack(at + month * MONTH, fan, Kind.RENEWAL, price) for month in range(1, months)]
    return packed


def _spend(fans: Fans, rng: Random, rows: int, now: int) -> list[int]:
    packed = []
    kinds = (Kind.TIP,) * 4 + (Kind.MESSAGE,) * 9 + (Kind.POST,) * 2 + (Kind.STREAM,)
    count = len(fans)
    for _ in range(rows if count else 0):
        fan = int(rng.random() * count)
        if rng.random() < 0.5:
            fan -= fan % 25  # one fan in 25 spends half of everything
        begin = fans.subscribed[fan]
        at = begin + int(rng.random() * (min(fans.expires[fan], now) - begin))
        kind = kinds[int(rng.random() * len(kinds))]
        packed.append(_pack(at, fan, kind, amount(kind, rng)))
    return packed
