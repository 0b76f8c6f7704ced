"""The schemas' ground rules and the field types that several of them share."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError


class Schema(BaseModel):
    """Strips white space and refuses a field it does not know: nothing is assigned by accident."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


def _visible(value: str) -> str:
    value = value.replace("\r\n", "\n")  # as a textarea sends it
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in value):
        raise PydanticCustomError("control_character", "Remove the control characters.")
    return value


def _email(value: str) -> str:
    try:
        # A fan's or a demo's address is written down, not written to: .test is as good as any.
        checked = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise PydanticCustomError("email", "Write an e-mail address like name@example.com.") from None
    return checked.normalized.lower()


def _nothing(value: object) -> object:
    """A form sends an empty field as an empty text."""
    return None if isinstance(value, str) and not value.strip() else value


def _one_line(value: str) -> str:
    if "\n" in value or "\t" in value:
        raise PydanticCustomError("line_break", "Write this on one line.")
    return value


def _day(value: object) -> object:
    """pydantic also takes a number as a day: that of so many seconds after 1970."""
    if isinstance(value, str) and not _DAY.fullmatch(value.strip()):
        raise PydanticCustomError("date_parsing", "Write a day like 2026-12-31.")
    return value


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Text = Annotated[str, AfterValidator(_visible)]
Line = Annotated[Text, AfterValidator(_one_line)]
Email = Annotated[Text, StringConstraints(max_length=254), AfterValidator(_email)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Optional = BeforeValidator(_nothing)
