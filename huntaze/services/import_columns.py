"""What the columns of a file mean, and the readers of their cells: names, dates and amounts as people write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from pydantic import TypeAdapter, ValidationError

from huntaze.models.subscriber import Status, Tier
from huntaze.schemas.base import Email
from huntaze.schemas.imports import DATE_NOTATIONS, DATES, MONEY, Column, Field, Notation, notations_of
from huntaze.services.errors import Problem

LOCALES = ("en", "fr")

NAMES: dict[Field, tuple[str, ...]] = {
    Field.USERNAME: ("username", "user", "handle", "login", "fan", "nom d'utilisateur", "identifiant", "pseudo"),
    Field.PLATFORM_ID: ("platform id", "id", "fan id", "onlyfans id", "id plateforme", "id de la plateforme"),
    Field.DISPLAY_NAME: ("display name", "name", "full name", "nom", "nom affiché", "nom complet"),
    Field.EMAIL: ("email", "e-mail", "email address", "mail", "courriel", "adresse e-mail"),
    Field.TIER: ("tier", "plan", "level", "niveau", "formule", "abonnement"),
    Field.STATUS: ("status", "state", "subscription status", "statut", "état"),
    Field.MONTHLY_PRICE: (
        "monthly price", "monthly price cents", "price", "subscription price", "prix", "prix mensuel", "tarif",
    ),
    Field.COUNTRY: ("country", "country code", "pays"),
    Field.JOINED: (
        "joined", "joined at", "joined on", "subscribed at", "subscribed", "since", "start date", "created at",
        "inscription", "inscrit le", "date d'inscription", "abonné depuis", "arrivée",
    ),
    Field.LAST_ACTIVE: (
        "last active", "last active at", "last seen", "last seen at", "last activity", "dernière activité",
        "vu le", "dernière visite",
    ),
    Field.RENEWS: (
        "renews", "renews at", "renewal", "renewal date", "expires", "expires at", "renouvellement",
        "date de renouvellement", "expire le",
    ),
    Field.TOTAL_SPENT: (
        "total spent", "total spent cents", "spent", "spend", "total spend", "total", "lifetime spend",
        "total dépensé", "dépense totale", "dépenses", "dépensé",
    ),
}  # fmt: skip
"""How files call them, without case, accents and punctuation. The first of a file's columns with such a name wins."""

TIERS = {**{tier.value: tier for tier in Tier}, "gratuit": Tier.FREE, "basique": Tier.BASIC, "essentiel": Tier.BASIC}
STATUSES = {
    **{status.value: status for status in Status},
    "canceled": Status.CANCELLED, "inactive": Status.EXPIRED,
    "actif": Status.ACTIVE, "active": Status.ACTIVE, "expire": Status.EXPIRED, "expiree": Status.EXPIRED,
    "inactif": Status.EXPIRED, "annule": Status.CANCELLED, "annulee": Status.CANCELLED, "resilie": Status.CANCELLED,
    "resiliee": Status.CANCELLED,
}  # fmt: skip
SIGNS = {"$": ("USD", "CAD", "AUD", "NZD", "MXN"), "€": ("EUR",), "£": ("GBP",), "¥": ("JPY",)}
MOST_CENTS = 10**11

_USERNAME = re.compile(r"@?([a-z0-9._-]{1,100})")
_PLATFORM_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PLAIN_EMAIL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_TIME = (
    r"(?:(?:[T ]|, ?| à | at )\s*(?P<hour>\d{1,2})[:h](?P<minute>\d{2})?(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
_ISO = re.compile(r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})" + _TIME, re.IGNORECASE)
_NUMBERS = re.compile(r"(?P<first>\d{1,2})([-/.])(?P<second_>\d{1,2})\2(?P<year>\d{4}|\d{2})" + _TIME, re.IGNORECASE)
_DAY_MONTH = re.compile(r"(?P<day>\d{1,2})(?:er|st|nd|rd|th)?[ -](?P<name>[^\W\d_]+)\.?,?[ -](?P<year>\d{4})" + _TIME,
                        re.IGNORECASE)  # fmt: skip
_MONTH_DAY = re.compile(r"(?P<name>[^\W\d_]+)\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})" + _TIME,
                        re.IGNORECASE)  # fmt: skip
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2009']+")
_AMOUNT = re.compile(r"(-?)\D*?(\d[\d.,]*)\D*")
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

_email = TypeAdapter(Email)


class Refused(Exception):
    """The cell is none of its column's; `problem` says what it should be."""

    def __init__(self, kind: str, **detail: Any) -> None:
        super().__init__(kind)
        self.problem = Problem(kind, detail)


@dataclass(frozen=True)
class Ground:
    """What cells are read against: the workspace's currency and zone (times without a zone are of that one)."""

    currency: str
    zone: ZoneInfo


def guess(header: Sequence[str]) -> tuple[Column, ...]:
    """What each column probably means, by its name; each meaning is given once."""
    known = {_plain(name): field for field, names in reversed(NAMES.items()) for name in reversed(names)}
    taken: set[Field] = set()
    columns = []
    for name in header:
        field = known.get(_plain(name))
        if field in taken:
            field = None
        notation = Notation.CENTS if field in MONEY and _plain(name).endswith("cents") else None
        columns.append(Column(field=field, notation=notation))
        taken |= {field} if field else set()
    return tuple(columns)


class NotationVote:
    """Every cell of a column says which notations it could be of; the one with the fewest misfits wins."""

    def __init__(self, field: Field, ground: Ground, locale: str) -> None:
        prefers = (Notation.DAY_FIRST, Notation.COMMA) if locale == "fr" else (Notation.MONTH_FIRST, Notation.POINT)
        candidates = [notation for notation in notations_of(field) if notation != Notation.CENTS]
        candidates.sort(key=lambda notation: notation not in prefers)  # the preferred one wins a tie
        self.readers = {notation: reader(field, notation, ground) for notation in candidates}
        self.misfits = dict.fromkeys(candidates, 0)

    def count(self, cell: str) -> None:
        if cell[:4].isdecimal() and cell[4:5] == "-":
            return  # 2025-12-31 is the same in each
        for notation, read in self.readers.items():
            try:
                read(cell)
            except Refused:
                self.misfits[notation] += 1

    @property
    def winner(self) -> Notation:
        return min(self.misfits, key=lambda notation: self.misfits[notation])


def reader(field: Field, notation: Notation | None, ground: Ground) -> Callable[[str], Any]:
    """Reads a cell that is not empty, blanks around it taken off; raises Refused."""
    if field in DATES:
        day_first = notation != Notation.MONTH_FIRST
        return lambda cell: read_time(cell, ground.zone, day_first=day_first)
    if field in MONEY:
        chosen = notation or Notation.POINT
        return lambda cell: read_cents(cell, chosen, ground.currency)
    return _READERS[field]


def read_time(cell: str, zone: ZoneInfo, *, day_first: bool) -> datetime:
    """UTC. A day is its first moment in `zone`, and so is a time that names no zone. Raises Refused."""
    parts = _match_date(cell)
    if parts is None:
        raise Refused("import_date")
    first = parts.get("first")
    if first is not None:
        second = int(parts["second_"])
        day, month = (int(first), second) if day_first else (second, int(first))
        if month > 12 >= day:
            raise Refused("import_date_order", order=DATE_NOTATIONS[not day_first].value)
    else:
        day = int(parts["day"])
        month = int(parts["month"]) if parts.get("month") else _months().get(_plain(parts["name"]), 0)
    year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
    try:
        when = datetime(year, month, day, *_clock(parts), tzinfo=_zone(parts, zone))
        when = when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("import_date") from None
    if not _FIRST <= when < _LAST:
        raise Refused("import_date_range", first=_FIRST.year, last=_LAST.year - 1)
    return when


def read_cents(cell: str, notation: Notation, currency: str) -> int:
    """Minor units. Raises Refused for another currency than the workspace's, and for less than nothing."""
    text = _BLANKS.sub("", cell.replace("−", "-"))
    found = _AMOUNT.fullmatch(text)
    if found is not None:
        _refuse_foreign(text, currency)
    if found is None or ((found[1] or text.startswith("(")) and re.search(r"[1-9]", text)):
        raise Refused("import_amount_negative" if found else "import_amount")
    digits = found[2]
    if notation == Notation.CENTS:
        whole, fraction, scale = digits, "", 1
    else:
        point, group = (".", ",") if notation == Notation.POINT else (",", ".")
        whole, mark, fraction = digits.partition(point)
        if group in fraction or point in fraction or (mark and not fraction):
            raise Refused("import_amount")
        if group in whole and not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+", whole):
            raise Refused("import_amount")
        whole, scale = whole.replace(group, ""), 100
    if not whole.isdecimal() or len(whole) > 15:
        raise Refused("import_amount")
    if len(fraction.rstrip("0")) > 2:
        raise Refused("import_amount_places")
    cents = int(whole) * scale + (int(fraction[:2].ljust(2, "0")) if fraction else 0)
    if cents > MOST_CENTS:
        raise Refused("less_than_equal", le=MOST_CENTS // 100)
    return cents


def _username(cell: str) -> str:
    found = _USERNAME.fullmatch(cell.lower())
    if found is None:
        bare = cell.removeprefix("@")
        raise Refused("string_too_long", max_length=100) if len(bare) > 100 else Refused("string_pattern_mismatch")
    return found[1]


def _platform_id(cell: str) -> str:
    if re.fullmatch(r"\d[.,]?\d*E\+?\d+", cell, re.IGNORECASE):
        raise Refused("import_id_rounded")  # 1.23457E+11: a spreadsheet has dropped the rest
    if not _PLATFORM_ID.fullmatch(cell):
        raise Refused("import_platform_id")
    return cell


def _display_name(cell: str) -> str:
    if "\n" in cell or "\r" in cell or "\t" in cell:
        raise Refused("line_break")
    if not cell.isprintable() and any(unicodedata.category(char) in ("Cc", "Cs") for char in cell):
        raise Refused("control_character")
    if len(cell) > 100:
        raise Refused("string_too_long", max_length=100)
    return cell


def _read_email(cell: str) -> str:
    if len(cell) > 254:
        raise Refused("string_too_long", max_length=254)
    folded = cell.lower()
    local = folded.partition("@")[0]
    if len(local) <= 64 and _PLAIN_EMAIL.fullmatch(folded):
        return folded  # as nearly all are; the full check takes 50 times as long
    try:
        return _email.validate_python(cell)
    except ValidationError:
        raise Refused("email") from None


def _tier(cell: str) -> str:
    try:
        return TIERS[_plain(cell)].value
    except KeyError:
        raise Refused("enum", expected=", ".join(tier.value for tier in Tier)) from None


def _status(cell: str) -> str:
    try:
        return STATUSES[_plain(cell)].value
    except KeyError:
        raise Refused("enum", expected=", ".join(status.value for status in Status)) from None


def _country(cell: str) -> str:
    try:
        return _territories()[_plain(cell)]
    except KeyError:
        raise Refused("import_country") from None


_READERS: dict[Field, Callable[[str], Any]] = {
    Field.USERNAME: _username,
    Field.PLATFORM_ID: _platform_id,
    Field.DISPLAY_NAME: _display_name,
    Field.EMAIL: _read_email,
    Field.TIER: _tier,
    Field.STATUS: _status,
    Field.COUNTRY: _country,
}


def _refuse_foreign(text: str, currency: str) -> None:
    for sign, currencies in SIGNS.items():
        if sign in text and currency not in currencies:
            raise Refused("import_currency", currency=currency)
    for code in re.findall(r"(?<![A-Za-z])[A-Za-z]{3}(?![A-Za-z])", text):
        if code.upper() != currency:
            raise Refused("import_currency", currency=currency)


def _match_date(cell: str) -> dict[str, Any] | None:
    for pattern in (_ISO, _NUMBERS, _DAY_MONTH, _MONTH_DAY):
        found = pattern.fullmatch(cell)
        if found:
            return found.groupdict()
    return None


def _clock(parts: dict[str, Any]) -> tuple[int, int, int]:
    hour, half = int(parts["hour"] or 0), (parts["half"] or "")[:1].lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(hour)
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, int(parts["minute"] or 0), int(parts["second"] or 0)


def _zone(parts: dict[str, Any], zone: ZoneInfo) -> Any:
    named = parts["zone"]
    if not named:
        return zone
    if named.upper() in ("Z", "UTC"):
        return UTC
    digits = named[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if named[0] == "-" else offset)


@cache
def _months() -> dict[str, int]:
    months: dict[str, int] = {}
    for locale in LOCALES:
        for width in ("wide", "abbreviated"):
            for number, name in Locale(locale).months["format"][width].items():
                months[_plain(name)] = number
    return months


@cache
def _territories() -> dict[str, str]:
    """ISO 3166's code by itself and by the plain name in each of our languages."""
    countries = {
        _plain(name): code
        for locale in LOCALES
        for code, name in Locale(locale).territories.items()
        if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "QO", "XA", "XB", "ZZ")
    }
    return countries | {code.lower(): code for code in countries.values()}


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    """Without case, accents and punctuation: "Dernière activité" is "derniereactivite"."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if char.isalnum())
