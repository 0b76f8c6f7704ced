"""The demo: two years of an invented creator's business, loaded through the same door as anyone's files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import pi, sin
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.notification import Notification
from huntaze.models.subscriber import Note, Subscriber
from huntaze.models.user import Membership, User
from huntaze.schemas.subscriber import NewTag
from huntaze.services.load import Loaded, LoadService
from huntaze.services.load_files import SUBSCRIBERS, TRANSACTIONS, USERS, Column
from huntaze.services.tags import TagService

EMAIL, PASSWORD, NAME = "demo@huntaze.test", "huntaze-demo", "Jade Rivers"
DAYS = 730
"""How far back it goes: 24 months."""

PRICES = {"free": 0, "basic": 999, "premium": 1999, "vip": 4999}
TIPS = (300, 500, 500, 1000, 1000, 1500, 2000, 2500, 5000)
PPV = (799, 999, 1299, 1499, 1999, 2499)

QUIET = 44
"""So many days ago the whale bought for the last time."""
WHALE, RIVAL, NEWCOMER, DISPUTER = "goldcoast_mike", "hana.s", "zoe_l", "anon4417"
DISPUTED, TAKEN_BACK = 9, 3
"""So many days ago a fan who had left had his bank take back his last few purchases."""
FANS = 300

# Fans with a name of their own; the rest are drawn from the two lists below.
NAMED = (
    (WHALE, "Mike 🌊", "AU"), (RIVAL, "佐藤 花", "JP"), (NEWCOMER, "Zoë Lindqvist", "SE"),
    ("joseangel88", "José Ángel", "ES"), ("sakura_fan", "さくら 🌸", "JP"), ("m.ali", "محمد علي", "AE"),
    ("noura_h", "نورة", "SA"), ("lukasz.w", "Łukasz Wójcik", "PL"), ("francois_b", "François Bérenger", "FR"),
    ("nightowl", "🌙 night owl", "US"), ("sorenk", "Søren Kjær", "DK"), ("anya_v", "Аня Волкова", "BG"),
    ("minjun.k", "김민준", "KR"), ("weiwei", "王伟", "SG"), ("bjorn_the_bear", "Björn 🐻", "SE"),
    ("eleni", "Ελένη", "GR"), ("truckerdave", "", "US"), (DISPUTER, "", "CA"), ("quietguy_77", "", "GB"),
    ("thesmiths", "Sam & Alex O'Neill", "IE"),
)  # fmt: skip
FIRST = """
Ava Liam Noah Mia Ethan Luna Leo Mason Aria Lucas Nora Owen Ivy Caleb Ruby Felix Hazel Jonah Stella Miles
Violet Silas Clara Jasper Hugo Naomi Theo Elena Oscar Finn Milo Maya Rafael Inès Mateo Diego Sofía Bruno André
Kenji Tariq Amira Yusuf Kofi Thandi Lars Freya Pavel Marek Giulia Marco Camille Rémy Sanjay Priya Arjun Wei
""".split()  # noqa: SIM905  a list would take a page
LAST = """
Adler Barnes Castillo Drake Foster Grant Hayes Keller Lawson Mercer Nolan Ortega Parker Quinn Reyes Sawyer
Turner Vance Walker Yates Abbott Bishop Dalton Frost Holloway Kendrick Monroe Prescott Ramsey Sterling
Whitaker Almeida Bianchi Costa Duarte Ferrari Hansen Kowalski Moreau Müller Novak Rossi Santos Tanaka Weber
Okafor Khan Patel
""".split()  # noqa: SIM905  a list would take a page
ASCII = str.maketrans("èéíü", "eeiu")
COUNTRIES = ("US",) * 9 + ("GB",) * 3 + ("CA",) * 2 + ("AU", "DE", "FR", "ES", "IT", "NL", "BR")

NOTES = {
    WHALE: (
        (200, "Prefers voice messages. Works shifts on a rig, answers at night (UTC+10)."),
        (38, "Has not opened anything for a while. Do not send a bundle: ask how he is."),
    ),
    RIVAL: ((61, "Collects every set. Wants a signed print of the autumn series 🍂"),),
    NEWCOMER: ((2, "Found us through the Lisbon photos. Birthday next week."),),
    DISPUTER: ((DISPUTED - 1, "Had his bank take three purchases back. If he returns: nothing made to order."),),
    "joseangel88": ((95, "Habla español. Custom video for his anniversary every year."),),
}
TAGS = {
    "whale": (WHALE, RIVAL),
    "VIP list": (WHALE, RIVAL, "nightowl", "m.ali", "francois_b"),
    "birthday soon": (NEWCOMER, "eleni", "bjorn_the_bear"),
    "custom requests": (RIVAL, "joseangel88", "minjun.k"),
    "win back": (WHALE, "truckerdave"),
}


@dataclass
class Fan:
    """`joined` and `left` are days before today (`left` 0: still there). `spend` is how often they buy extras:
    1 is usual, and above 3 they cost more, too. `hour` is the part of a day at which they came, and renew."""

    username: str
    tier: str
    joined: int
    left: int
    spend: float
    hour: float = 0.5
    name: str = ""
    country: str = ""

    @property
    def status(self) -> str:
        if not self.left:
            return "active"
        return "cancelled" if self.joined % 3 == 0 else "expired"


def create_demo(session: Session, today: date) -> bool:
    """The demo workspace, up to the beginning of `today` (UTC). False, and nothing done, where it exists."""
    if session.scalar(select(User.id).where(User.email == EMAIL)) is not None:
        return False
    with TemporaryDirectory(prefix="huntaze-demo-") as folder:
        write_demo(Path(folder), today)
        loaded = LoadService(session).load(Path(folder))
    _add_words(session, loaded, today)
    return True


def demo_workspace(session: Session) -> WorkspaceId:
    """Where the demo is; it must be there."""
    of_jade = select(Membership.workspace_id).join(User, User.id == Membership.user_id).where(User.email == EMAIL)
    return session.scalars(of_jade.order_by(Membership.workspace_id).limit(1)).one()


def write_demo(folder: Path, today: date, seed: int = 1) -> None:
    """users.csv, subscribers.csv and transactions.csv; the same arguments give the same bytes."""
    rng = Random(seed)  # noqa: S311  invented people, no secrets
    fans = _fans(rng)
    payments = sorted(payment for number, fan in enumerate(fans, 1) for payment in _payments(rng, number, fan, today))
    transactions = (
        (id_, 1, number, kind, status, cents, fee := (cents * 20 + 50) // 100, cents - fee, when)
        for id_, (when, number, kind, status, cents) in enumerate(payments, 1)
    )
    _write(folder, "users", USERS, [(1, EMAIL, NAME, PASSWORD, _at(today, DAYS, 0))])
    _write(
        folder,
        "subscribers",
        _needed(SUBSCRIBERS),
        (_row(rng, number, fan, today) for number, fan in enumerate(fans, 1)),
    )
    _write(folder, "transactions", _needed(TRANSACTIONS), transactions)


def _fans(rng: Random) -> list[Fan]:
    """In the order in which they joined."""
    stories = [
        Fan(WHALE, "vip", joined=512, left=0, spend=9),
        Fan(RIVAL, "vip", joined=430, left=0, spend=4),
        Fan(NEWCOMER, "premium", joined=6, left=0, spend=6),
        Fan("truckerdave", "premium", joined=330, left=24, spend=2),
        Fan(DISPUTER, "premium", joined=75, left=14, spend=3),
    ]
    known, fans = {fan.username: fan for fan in stories}, []
    for username, name, country in NAMED:
        fan = known.get(username) or _fan(rng, username)
        fan.name, fan.country = name, country
        fans.append(fan)
    usernames = {fan.username for fan in fans}
    while len(fans) < FANS:
        first, last = rng.choice(FIRST), rng.choice(LAST)
        username = f"{first}{rng.choice(('', '_', '.'))}{last}{rng.choice(('', '', rng.randrange(70, 100)))}"
        username = username.lower().translate(ASCII)
        if username not in usernames:
            usernames.add(username)
            fans.append(_fan(rng, username))
            fans[-1].name = rng.choices((f"{first} {last}", first, ""), (75, 19, 6))[0]
    # The wave: a month ago a discount brought many at once, and this week most of them let it run out.
    for fan in fans[-34:]:
        fan.tier, fan.joined, fan.spend = "basic", rng.randrange(31, 37), 0.3
        fan.left = fan.joined - 30 if rng.random() < 0.8 else 0
    return sorted(fans, key=lambda fan: -fan.joined)


def _fan(rng: Random, username: str) -> Fan:
    tier = rng.choices(list(PRICES), (35, 34, 22, 9))[0]
    joined = int(DAYS * rng.random() ** 1.4) + 1  # more and more as time goes by
    stays = int(rng.expovariate(1 / 420)) // 30 * 30 + 30
    left = joined - stays if stays < joined else 0
    spend = min(rng.lognormvariate(-0.3, 1.0), 3)
    return Fan(username, tier, joined, left, spend, rng.random(), country=rng.choice(COUNTRIES))


def _payments(rng: Random, number: int, fan: Fan, today: date) -> Iterator[tuple[str, int, str, str, int]]:
    """(when, number, type, status, gross in cents): a subscription every 30 days, and extras in between."""
    price, extras = PRICES[fan.tier], list[int]()
    for day in range(fan.joined, fan.left, -1):
        if price and (fan.joined - day) % 30 == 0:
            yield _at(today, day, fan.hour), number, "subscription", "completed", price
        if day == fan.joined or (fan.username == WHALE and day < QUIET):
            continue
        then = today - timedelta(days=day)
        for _ in range(_how_many(rng, 0.1 * fan.spend * _season(then))):
            kind = rng.choices(("tip", "ppv", "message", "stream"), (38, 34, 20, 8))[0]
            cents = {
                "tip": rng.choice(TIPS),
                "ppv": rng.choice(PPV),
                "message": 300 + 100 * rng.randrange(15),
                "stream": 500 * rng.randrange(1, 8),
            }[kind] * (3 if fan.spend > 3 else 1)
            rare, fresh = rng.random(), day <= 2
            status = "refunded" if rare < 0.012 else "pending" if fresh and rare < 0.3 else "completed"
            yield _at(today, day, rng.random()), number, kind, status, cents
            if status == "completed":
                extras.append(cents)
    if fan.username == DISPUTER:
        for cents in extras[-TAKEN_BACK:]:
            yield _at(today, DISPUTED, 0.4), number, "chargeback", "completed", -cents


def _season(day: date) -> float:
    """How much is bought on a day, 1 being usual: week-ends, summer, the holidays, Valentine's."""
    factor = (0.8, 0.8, 0.85, 0.95, 1.3, 1.4, 1.1)[day.weekday()]
    factor *= 1 + 0.15 * sin(2 * pi * (day.timetuple().tm_yday - 105) / 365)
    if (day.month, day.day) in ((2, 13), (2, 14), (12, 24), (12, 31)):
        factor *= 2.2
    return factor


def _how_many(rng: Random, mean: float) -> int:
    """A Poisson number of purchases."""
    count, left = 0, rng.expovariate(1)
    while left < mean:
        count, left = count + 1, left + rng.expovariate(1)
    return count


def _row(rng: Random, number: int, fan: Fan, today: date) -> tuple[object, ...]:
    price = PRICES[fan.tier]
    email = "" if number % 9 == 0 else f"{fan.username}@mail.test"
    seen = fan.left or min(int(rng.expovariate(1 / 6)), fan.joined - 1) + 1
    if fan.username == WHALE:
        seen = QUIET - 3
    renews = _at(today, fan.joined % 30 - 30, fan.hour) if price and not fan.left else ""
    joined, seen_at = _at(today, fan.joined, fan.hour), _at(today, seen, rng.random())
    return (
        number, 1, fan.username, fan.name, email, fan.tier, fan.status, price, "", fan.country,
        joined, max(joined, seen_at), renews,
    )  # fmt: skip


def _at(today: date, days: int, part: float) -> str:
    """A moment of the day `days` before today; `part` of 1 through the day, evenings being the busiest."""
    start = datetime.combine(today, time(), UTC) - timedelta(days=days)
    return (start + timedelta(seconds=int(86_399 * part**0.6))).isoformat(" ")


def _needed(columns: Mapping[str, Column]) -> list[str]:
    return [name for name, column in columns.items() if not column.may_be_missing]


def _write(folder: Path, name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _add_words(session: Session, loaded: Loaded, today: date) -> None:
    """What members would have added: tags, notes, and what the bell says."""
    here = Subscriber.workspace_id == loaded.workspace_id
    ids = {row.username: row.id for row in session.execute(select(Subscriber.username, Subscriber.id).where(here))}
    tags = TagService(session, loaded.workspace_id)
    for name, usernames in TAGS.items():
        for username in usernames:
            tags.add(ids[username], NewTag(name=name))
    by_jade = {"workspace_id": loaded.workspace_id, "author_id": loaded.user_id}
    for username, notes in NOTES.items():
        for days, body in notes:
            written = datetime.fromisoformat(_at(today, days, 0.5))
            session.add(Note(**by_jade, subscriber_id=ids[username], body=body, created_at=written))
    to_jade = {"workspace_id": loaded.workspace_id, "user_id": loaded.user_id}
    ended = "/onlyfans/subscribers?status=expired&sort=seen"
    quiet, disputer = (f"/onlyfans/subscribers/{ids[username]}" for username in (WHALE, DISPUTER))
    for days, title, body, url in (
        (1, "Many subscriptions ended this week", "Most of them began with last month's discount.", ended),
        (DISPUTED - 1, "A bank took three payments back", "They were anon4417's, who left two weeks ago.", disputer),
        (3, "Mike 🌊 has gone quiet", "Your biggest fan has bought nothing for weeks.", quiet),
    ):
        at = datetime.fromisoformat(_at(today, days, 0.5))
        session.add(Notification(**to_jade, title=title, body=body, url=url, created_at=at))
    session.flush()
