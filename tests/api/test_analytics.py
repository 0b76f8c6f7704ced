"""/api/analytics: the figures of the dashboard, for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.conftest import Browser
from tests.factories import SubscriberFactory, TransactionFactory

PATH = "/api/analytics/overview"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_a_period_and_the_one_before(as_viewer: Browser) -> None:
    fan = SubscriberFactory(workspace_id=as_viewer.member.workspace_id, joined_at=NOON - timedelta(days=1))
    for days, cents in ((0, 2_000), (6, 3_000), (7, 10_000), (14, 1)):
        TransactionFactory(subscriber=fan, gross_cents=cents, occurred_at=NOON - timedelta(days=days))
    with time_machine.travel(NOON, tick=False):
        answer = as_viewer.get(f"{PATH}?range=7d").json
    assert answer is not None
    steps = answer.pop("steps")
    assert answer == {
        "range": "7d",
        "currency": "USD",
        "time_zone": "UTC",
        "period": {"first": "2026-11-20", "last": "2026-11-26"},
        "earnings": {"gross_cents": 5_000, "net_cents": 4_000, "payments": 2},
        "before": {"first": "2026-11-13", "last": "2026-11-19"},
        "earnings_before": {"gross_cents": 10_000, "net_cents": 8_000, "payments": 1},
        "fans": {"total": 1, "active": 1, "new": 1, "new_before": 0, "expiring": 0},
    }
    assert len(steps) == 7
    assert steps[-1] == {
        "first": "2026-11-26", "last": "2026-11-26", "gross_cents": 2_000, "net_cents": 1_600, "payments": 1,
    }  # fmt: skip


def test_all_time_has_nothing_before(as_viewer: Browser) -> None:
    answer = as_viewer.get(f"{PATH}?range=all").json
    assert answer is not None
    assert answer["before"] is answer["earnings_before"] is answer["fans"]["new_before"] is None
    assert len(answer["steps"]) == 1, "today"


def test_thirty_days_unless_said_otherwise(as_viewer: Browser) -> None:
    assert (as_viewer.get(PATH).json or {})["range"] == "30d"


@pytest.mark.parametrize(("query", "field"), [("range=1d", "range"), ("range=7D", "range"), ("from=1", "from")])
def test_bad_input_is_named(as_viewer: Browser, query: str, field: str) -> None:
    response = as_viewer.get(f"{PATH}?{query}")
    assert response.status_code == 422
    assert [error["field"] for error in (response.json or {})["errors"]] == [field]


def test_nobody_is_told(nobody: Browser) -> None:
    assert nobody.get(PATH).status_code == 401
