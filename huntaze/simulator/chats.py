"""The chats of one account: what was said before it all began follows from the fan, what is said later is kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from huntaze.simulator.clock import DAY
from huntaze.simulator.columns import Fans

HEARD = (
    "Hi! 😊",
    "Loved your last post",
    "What are you up to?",
    "Is there more of this?\nI'd pay <3",
    "Good night & thanks",
)
SAID = (
    "Hey you!",
    "Thank you, that means a lot",
    "New set is up, have a look",
    'I call it "sunset"\nyou will like it',
)
FIRST_LIVE = 9_000_000_000_000
"""Ids of what is said from now on; those of earlier messages are lower."""


@dataclass(slots=True)
class Message:
    id: int
    at: int
    mine: bool
    text: str
    price: int = 0
    media: tuple[int | str, ...] = ()
    opened: bool = True
    tip: int = 0
    queue: int | None = None
    reply_to: int | None = None


@dataclass(slots=True)
class Mass:
    """One message to many; its copies are made when somebody reads a chat."""

    id: int
    copies: int
    """The copy for fan n has this id plus n."""
    created: int
    date: int
    text: str
    price: int
    media: tuple[int | str, ...]
    fans: range | frozenset[int]
    canceled: bool = False
    opened: dict[int, int] = field(default_factory=dict)
    """Fan -> when."""

    def sent(self, now: int) -> int:
        """How many it has reached: 200 a second."""
        return 0 if now < self.date else min(len(self.fans), (now - self.date + 1) * 200)


class Chats:
    """All conversations of an account; a chat is named by its fan."""

    def __init__(self, fans: Fans, account: int, now: int) -> None:
        self._fans = fans
        self._began = now
        self._early_ids = account * 10_000_000_000
        self._early_count = len(fans)
        self._live: dict[int, list[Message]] = {}
        self._touched: dict[int, None] = {}
        self._next_id = FIRST_LIVE + account * 1_000_000_000
        self._gone: set[int] = set()
        self._opened: set[int] = set()
        self._order: list[int] = []
        self._order_is_old = True
        self._early_order: array[int] | None = None
        self.unread: dict[int, int] = {}
        self.masses: list[Mass] = []

    def add(self, fan: int, at: int, **what: object) -> Message:
        """Append a message; what it says goes by the names of Message's fields."""
        message = Message(self.new_ids(1), at, **what)  # type: ignore[arg-type]
        self._live.setdefault(fan, []).append(message)
        self._touched.pop(fan, None)
        self._touched[fan] = None
        self._order_is_old = True
        if message.mine:
            self.unread.pop(fan, None)
        else:
            self.unread[fan] = self.unread.get(fan, 0) + 1
        return message

    def new_ids(self, count: int) -> int:
        """The first of so many ids, which are higher than all before."""
        first = self._next_id
        self._next_id += count
        return first

    def messages(self, fan: int, now: int) -> list[Message]:
        """All that can be seen in a chat, the oldest first."""
        found = [*self._early(fan), *self._live.get(fan, ()), *self._copies(fan, now)]
        if self.masses:
            found.sort(key=lambda message: (message.at, message.id))
        return [message for message in found if message.id not in self._gone]

    def before(self, fan: int, message_id: int, now: int) -> list[Message]:
        """Those that are older than a message, the newest first."""
        messages = self.messages(fan, now)
        position = next((n for n, message in enumerate(messages) if message.id == message_id), None)
        if position is None:  # it was deleted
            return [message for message in reversed(messages) if message.id < message_id]
        return messages[:position][::-1]

    def find(self, fan: int, message_id: int, now: int) -> Message | None:
        return next((message for message in self.messages(fan, now) if message.id == message_id), None)

    def delete(self, message: Message) -> None:
        self._gone.add(message.id)

    def open(self, message: Message) -> None:
        """A fan paid for it."""
        message.opened = True
        self._opened.add(message.id)

    def order(self) -> list[int]:
        """The fans whose chats there are, the latest first; do not change it."""
        if self._order_is_old:
            deleted = self._fans.deleted
            early = [fan for fan in self._quiet() if fan not in self._touched and not deleted(fan)]
            self._order = [*(fan for fan in reversed(self._touched) if not deleted(fan)), *early]
            self._order_is_old = False
        return self._order

    def forget_order(self) -> None:
        """A fan went."""
        self._order_is_old = True

    def _quiet(self) -> array[int]:
        if self._early_order is None:
            last = [self._last_early(fan) for fan in range(self._early_count)]
            self._early_order = array("I", sorted(range(self._early_count), key=last.__getitem__, reverse=True))
        return self._early_order

    def _last_early(self, fan: int) -> int:
        begin = self._fans.subscribed[fan]
        return begin + _mix(fan) % max(1, min(begin + 90 * DAY, self._began) - begin)

    def _early(self, fan: int) -> Iterator[Message]:
        if fan >= self._early_count:
            return
        mixed = _mix(fan)
        count = 1 + mixed % 5
        for n in range(count):
            at = self._last_early(fan) - (count - 1 - n) * 61
            mine = (mixed + n) % 2 == 0
            id_ = self._early_ids + fan * 64 + n
            paid = mine and (mixed + n) % 3 == 0
            yield Message(
                id_,
                at,
                mine,
                (SAID if mine else HEARD)[(mixed // 7 + n) % 4],
                price=999 if paid else 0,
                media=(1_000 + mixed % 12,) if paid else (),
                opened=not paid or mixed % 4 == 0 or id_ in self._opened,
            )

    def _copies(self, fan: int, now: int) -> Iterator[Message]:
        for mass in self.masses:
            if fan in mass.fans and now >= mass.date and not mass.canceled:
                opened = not mass.price or fan in mass.opened
                yield Message(
                    mass.copies + fan,
                    mass.date,
                    True,
                    mass.text,
                    mass.price,
                    mass.media,
                    opened,
                    queue=mass.id,
                )


def _mix(fan: int) -> int:
    """A number that looks random, and is the same each time."""
    mixed = fan * 2_654_435_761 & 0xFFFFFFFF
    return mixed ^ mixed >> 15
