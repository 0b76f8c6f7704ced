"""A subscriber as typed, as changed, as filtered and as answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from huntaze.models.base import Cents
from huntaze.models.subscriber import Status, Tier
from huntaze.schemas.base import Day, Email, Line, Optional, Schema, Text


def _without_at(name: str) -> str:
    bare = name.removeprefix("@")
    if len(bare) > LONGEST_NAME:
        raise PydanticCustomError(
            "string_too_long", "Use at most {max_length} characters.", {"max_length": LONGEST_NAME}
        )
    return bare


LONGEST_NAME = 100

# The platform's own rule for user names: letters, digits, dot, dash, underscore; case does not count.
Username = Annotated[
    str,
    StringConstraints(to_lower=True, min_length=1, pattern=r"^@?[A-Za-z0-9._-]+$"),
    AfterValidator(_without_at),
]


class NewSubscriber(Schema):
    """What the add dialog and POST say."""

    username: Username
    display_name: Annotated[Line, Field(max_length=100)] = ""
    email: Annotated[Email | None, Optional] = None
    tier: Tier = Tier.FREE
    anyway: bool = Field(default=False, exclude=True, description="Also if this fan asked to be erased.")


class SubscriberChange(Schema):
    """What the edit form and PATCH say: only what is named is changed."""

    username: Username = ""
    display_name: Annotated[Line, Field(max_length=100)] = ""
    email: Annotated[Email | None, Optional] = None
    tier: Tier = Tier.FREE
    status: Status = Status.ACTIVE
    anyway: bool = Field(default=False, exclude=True, description="Also if the fan of that name asked to be erased.")


class Sort(StrEnum):
    """The orders of the list."""

    JOINED = "joined"
    SPENT = "spent"
    SEEN = "seen"
    USERNAME = "username"


class SubscriberFilter(Schema):
    """The query of the list: it is the URL. Spend bounds are in major units of the workspace's currency.

    `joined_since` and `renews_before` are days of the workspace's time zone: joined on that day or later, and to
    renew or end from today on but before that day.
    """

    q: Annotated[Text, Field(max_length=100)] = ""
    tier: Annotated[Tier | None, Optional] = None
    status: Annotated[Status | None, Optional] = None
    tag: Annotated[Annotated[Line, Field(max_length=40)] | None, Optional] = None
    spent_min: Annotated[Decimal | None, Optional] = Field(default=None, ge=0, le=10**9, decimal_places=2)
    spent_max: Annotated[Decimal | None, Optional] = Field(default=None, ge=0, le=10**9, decimal_places=2)
    joined_since: Annotated[Day | None, Optional] = None
    renews_before: Annotated[Day | None, Optional] = None
    archived: bool = False
    sort: Annotated[
        Sort, BeforeValidator(lambda chosen: chosen or Sort.JOINED, json_schema_input_type=Sort | None)
    ] = Sort.JOINED
    after: Annotated[str, Field(max_length=400)] = ""

    @property
    def active(self) -> int:
        """How many filters narrow the list (search and order are not filters)."""
        narrowing = (
            self.tier, self.status, self.tag, self.spent_min, self.spent_max, self.joined_since, self.renews_before,
        )  # fmt: skip
        return sum(value is not None for value in narrowing) + self.archived

    @property
    def query(self) -> dict[str, str]:
        """As in a URL: what is searched and filtered, without order and page."""
        said = self.model_dump(mode="json", exclude_defaults=True, exclude_none=True, exclude={"sort", "after"})
        return {name: "1" if value is True else str(value) for name, value in said.items()}


class TypedUsername(Schema):
    """A user name typed once more, before its fan is erased."""

    username: Username


class NewNote(Schema):
    body: Annotated[Text, Field(min_length=1, max_length=5000)]


class NewTag(Schema):
    name: Annotated[Line, Field(min_length=1, max_length=40)]


class TagOut(Schema):
    """A tag as the API answers it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str


class SubscriberOut(Schema):
    """A subscriber as the API answers it. Money is in minor units of the workspace's currency, times are UTC."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    username: str
    display_name: str
    email: str | None
    tier: Tier
    status: Status
    monthly_price_cents: Cents
    total_spent_cents: Cents
    country: str
    joined_at: datetime
    last_active_at: datetime | None
    renews_at: datetime | None
    archived_at: datetime | None
    tags: list[TagOut]


class SubscriberList(Schema):
    """A page of subscribers; `next` is the value of `after` for the next one."""

    items: list[SubscriberOut]
    next: str | None
