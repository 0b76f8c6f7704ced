"""Which figures are asked for, and how the API answers them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from huntaze.models.base import Cents
from huntaze.schemas.base import Schema


class Range(StrEnum):
    """How far back, today included: so many days, this month and the eleven before it, or everything."""

    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "year"
    ALL = "all"


class OverviewQuery(Schema):
    """The query of the dashboard: it is the URL."""

    range: Annotated[
        Range, BeforeValidator(lambda chosen: chosen or Range.MONTH, json_schema_input_type=Range | None)
    ] = Range.MONTH


class Out(Schema):
    model_config = ConfigDict(from_attributes=True)


class EarningsOut(Out):
    """Completed payments: what fans paid (gross) and what is left of it after fees (net)."""

    gross_cents: Cents
    net_cents: Cents
    payments: int


class SpanOut(Out):
    """From the first to the last day, both included; days are the workspace's."""

    first: date
    last: date


class StepOut(EarningsOut, SpanOut):
    """A part of the period: a day, a week or a month."""


class FansOut(Out):
    """Without the archived. active: now. new: who joined in the period. expiring: active, and renews or ends within
    7 days, today included."""

    total: int
    active: int
    new: int
    new_before: int | None
    expiring: int


class OverviewOut(Out):
    """Figures of a period, and of the one of the same length before it (none for `all`).

    Money is in minor units of `currency`; days begin at midnight in `time_zone`. Always fresh.
    """

    range: Range
    currency: str
    time_zone: str
    period: SpanOut
    earnings: EarningsOut
    before: SpanOut | None
    earnings_before: EarningsOut | None
    steps: list[StepOut]
    fans: FansOut
