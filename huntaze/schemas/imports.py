"""How a file of subscribers is read: what the mapping page says, and what an import keeps."""

from __future__ import annotations

from enum import StrEnum

from huntaze.schemas.base import Schema


class Field(StrEnum):
    """What a column may mean."""

    USERNAME = "username"
    PLATFORM_ID = "platform_id"
    DISPLAY_NAME = "display_name"
    EMAIL = "email"
    TIER = "tier"
    STATUS = "status"
    MONTHLY_PRICE = "monthly_price"
    COUNTRY = "country"
    JOINED = "joined_at"
    LAST_ACTIVE = "last_active_at"
    RENEWS = "renews_at"
    TOTAL_SPENT = "total_spent"  # read and not stored: the payments make the sum


DATES = (Field.JOINED, Field.LAST_ACTIVE, Field.RENEWS)
MONEY = (Field.MONTHLY_PRICE, Field.TOTAL_SPENT)


class Notation(StrEnum):
    """How the dates or the amounts of a column are written, where that is not plain from each of them."""

    DAY_FIRST = "day_first"  # 31/12/2025
    MONTH_FIRST = "month_first"  # 12/31/2025
    POINT = "point"  # 1,234.56
    COMMA = "comma"  # 1 234,56
    CENTS = "cents"  # 123456


DATE_NOTATIONS = (Notation.DAY_FIRST, Notation.MONTH_FIRST)
MONEY_NOTATIONS = (Notation.POINT, Notation.COMMA, Notation.CENTS)


def notations_of(field: Field | None) -> tuple[Notation, ...]:
    """Those that a column of this meaning can have."""
    if field in DATES:
        return DATE_NOTATIONS
    return MONEY_NOTATIONS if field in MONEY else ()


class Encoding(StrEnum):
    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF16_LITTLE = "utf-16-le"
    UTF16_BIG = "utf-16-be"
    WESTERN = "cp1252"  # Latin-1 as Windows writes it


class Delimiter(StrEnum):
    COMMA = "comma"
    SEMICOLON = "semicolon"
    TAB = "tab"

    @property
    def char(self) -> str:
        return {Delimiter.COMMA: ",", Delimiter.SEMICOLON: ";", Delimiter.TAB: "\t"}[self]


class Column(Schema):
    """What one column means. `notation` is None where it is still to be found out, or there is none."""

    field: Field | None = None
    notation: Notation | None = None


class ImportSettings(Schema):
    """How one file is read. None: still to be found out. `names` are those of its columns, as its header says."""

    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    columns: tuple[Column, ...] | None = None
    names: tuple[str, ...] = ()
