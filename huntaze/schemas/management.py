"""A person's profile and a workspace's settings, as typed, as changed and as answered."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from huntaze.models.user import Role
from huntaze.schemas.base import Line, Optional, Schema

CONTINENTS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip
"""The areas of the IANA database that people live in; the rest are old names and abbreviations."""


@cache
def time_zones() -> list[str]:
    """The zones to choose from, as "Europe/Paris", sorted; UTC first."""
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(CONTINENTS) and "/" in zone)]


@cache
def _zones_by_word() -> dict[str, str]:
    """Zones by what people type: the full name, or the city alone where only one is called so."""
    zones: dict[str, str] = {}
    cities = [zone.rpartition("/")[2].lower() for zone in time_zones()]
    for zone, city in zip(time_zones(), cities, strict=True):
        if cities.count(city) == 1:
            zones[city] = zone
    return zones | {zone.lower(): zone for zone in available_timezones()}


def _time_zone(typed: str) -> str:
    zone = _zones_by_word().get(typed.strip().lower().replace(" ", "_"))
    if zone is None:
        raise PydanticCustomError("time_zone", "Name a time zone of the IANA database, like Europe/Paris.")
    return zone


Language = Literal["en", "fr"]
TimeZone = Annotated[Line, Field(max_length=60), AfterValidator(_time_zone)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class ProfileChange(Schema):
    """What the form and PUT say. Without a time zone the person lives by the workspace's, without a language by
    their browser's."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    time_zone: Annotated[TimeZone | None, Optional] = None
    locale: Annotated[Language | None, Optional] = None


class ProfileOut(Schema):
    """The viewer, as the API answers them. picture: a path of this site."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    email: str
    role: Role
    time_zone: str | None
    locale: str | None
    picture: str | None


class WorkspaceChange(Schema):
    """What the form and PUT say. Its money is in `currency` (ISO 4217), its days are in `time_zone` (IANA)."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    currency: Currency
    time_zone: TimeZone


class WorkspaceOut(Schema):
    """A workspace's settings as the API answers them."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    currency: str
    time_zone: str
