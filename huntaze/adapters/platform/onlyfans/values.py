"""Values of an answer, checked: what does not fit raises ValueError, which pydantic turns into the field's error."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

from huntaze.adapters.platform.records import Cents

T = TypeVar("T")

DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,20})?", re.ASCII)
PRICE_TEXT = re.compile(r"\$(\d{1,7}(?:\.\d\d)?)", re.ASCII)
LONGEST_ID = 64
MOST = Decimal(10) ** 12
"""Cents; ten thousand million dollars are no amount."""


def cents(value: object) -> int:
    """Dollars, which may be an int, a float or digits, to cents. Raises ValueError unless they are whole cents."""
    match value:
        case bool():
            raise ValueError("is no amount")
        case int() | float():
            text = str(value)
        case str():
            text = value.strip()
        case _:
            raise ValueError("is no amount")
    if not DECIMAL.fullmatch(text):
        raise ValueError("is no amount")
    exact = Decimal(text) * 100
    whole = exact.to_integral_value()
    if abs(exact - whole) > Decimal("0.0001"):  # what sums of floats leave behind is less
        raise ValueError("is not in whole cents")
    if abs(whole) > MOST:
        raise ValueError("is too much")
    return int(whole)


def price_in(text: object) -> Cents | None:
    """The amount of a notification, which is "$12.00", or None if it is written in any other way."""
    found = PRICE_TEXT.fullmatch(text) if isinstance(text, str) else None
    return Cents(cents(found[1])) if found else None


def platform_id(value: object) -> str:
    match value:
        case bool():
            raise ValueError("is no id")
        case int() if value >= 0:
            return str(value)
        case float() if value.is_integer() and 0 <= value < 2**53:
            return str(int(value))
        case str() if 0 < len(value) <= LONGEST_ID and value.isprintable() and value == value.strip():
            return value
    raise ValueError("is no id")


def utc(value: object) -> datetime:
    """ISO 8601; where it names no zone it is UTC, as the vendor says of all times."""
    if not isinstance(value, str):
        raise ValueError("is no time")
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no time") from None


def text(value: object) -> str:
    """A text that a database can hold."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("is no text")
    return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _listed(value: Any) -> Any:
    """A list may come as an object with its positions as names."""
    return [] if value is None else list(value.values()) if isinstance(value, dict) else value


def _object(value: Any) -> Any:
    """An empty object may come as an empty list."""
    return None if value == [] else value


Id = Annotated[str, BeforeValidator(platform_id)]
Money = Annotated[Cents, BeforeValidator(cents)]
Utc = Annotated[datetime, BeforeValidator(utc)]
Text = Annotated[str, BeforeValidator(text)]
Many = Annotated[list[T], BeforeValidator(_listed)]
Maybe = Annotated[T | None, BeforeValidator(_object)]
