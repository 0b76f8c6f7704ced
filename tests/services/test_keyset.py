"""Cursors: what goes out comes back, and nothing else is taken."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timezone
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction
from huntaze.schemas.subscriber import Sort
from huntaze.services import earnings, notes, notifications
from huntaze.services.errors import Invalid
from huntaze.services.keyset import PAGE, Order
from huntaze.services.subscribers import ORDERS

KEYS = {
    Sort.JOINED: "joined_at",
    Sort.SPENT: "total_spent_cents",
    Sort.SEEN: "seen_at",
    Sort.USERNAME: "username",
}
TIMES = st.datetimes(timezones=st.sampled_from([UTC, timezone.min, timezone.max]), min_value=datetime(2, 1, 1))  # noqa: DTZ001
VALUES = {
    Sort.JOINED: TIMES,
    Sort.SEEN: TIMES,
    Sort.SPENT: st.integers(-(2**63) + 1, 2**63 - 1),
    Sort.USERNAME: st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
}
IDS = st.integers(1, 2**63 - 1)


@given(data=st.data(), sort=st.sampled_from(Sort), id_=IDS)
def test_a_cursor_comes_back_as_it_went_out(data: st.DataObject, sort: Sort, id_: int) -> None:
    order, value = ORDERS[sort], data.draw(VALUES[sort])
    cursor = _cursor(order, _row(sort, value, id_))
    query = order.page(select(Subscriber.id), cursor)
    assert _parameters(query)[:2] == [value, id_]
    assert len(cursor) <= 400, "what the filter's schema takes"
    assert cursor.isascii()
    assert not set(cursor) & set("+/=%&")


@given(cursor=st.one_of(st.text(min_size=1, max_size=80), st.binary(max_size=60).map(lambda b: _b64(b) or "-")))
@pytest.mark.parametrize("order", [*ORDERS.values(), earnings.NEWEST, notes.NEWEST, notifications.NEWEST])
def test_what_is_no_cursor_is_refused(order: Order, cursor: str) -> None:
    with pytest.raises(Invalid) as caught:
        order.page(select(Subscriber.id), cursor)
    assert [problem.kind for problem in caught.value.errors["after"]] == ["cursor"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=4)
)


@given(payload=json_values)
def test_json_that_is_no_cursor_is_refused(payload: object) -> None:
    for order in ORDERS.values():
        with pytest.raises(Invalid):
            order.page(select(Subscriber.id), _b64(json.dumps(payload).encode()))


NOON = "2026-06-01T12:00:00+00:00"


@pytest.mark.parametrize(
    "payload",
    [
        ["joined", NOON],
        ["joined", NOON, 1, 1],
        ["joined", NOON, 0],
        ["joined", NOON, -1],
        ["joined", NOON, 2**63],
        ["joined", NOON, 1.0],
        ["joined", NOON, True],
        ["joined", NOON, "1"],
        ["joined", "2026-06-01T12:00:00", 1],  # of no zone
        ["joined", "yesterday", 1],
        ["joined", None, 1],
        ["joined", 5, 1],
        ["spent", NOON, 1],
        ["seen", NOON, 1],
        ["paid", NOON, 1],
        {"joined": NOON},
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(payload: object) -> None:
    with pytest.raises(Invalid):
        ORDERS[Sort.JOINED].page(select(Subscriber.id), _b64(json.dumps(payload).encode()))


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (Sort.SPENT, str(2**63)),
        (Sort.SPENT, "1e3"),
        (Sort.SPENT, "9" * 5000),
        (Sort.SPENT, ""),
        (Sort.USERNAME, "a\0b"),  # PostgreSQL has no such text
        (Sort.USERNAME, "\ud800"),
        (Sort.JOINED, "0001-01-01T00:00:00+23:59"),  # before the year 1 in UTC
        (Sort.JOINED, "9999-12-31T23:59:59-23:59"),
    ],
)
def test_a_key_that_no_row_has_is_refused_or_finds_its_place(session: Session, sort: Sort, key: str) -> None:
    """But it never fails in the database."""
    cursor = _b64(json.dumps([sort.value, key, 1]).encode())
    with contextlib.suppress(Invalid):
        session.execute(ORDERS[sort].page(select(Subscriber.id), cursor)).all()


@pytest.mark.parametrize("payload", [b"[" * 2_000, b"{}" * 2_000, b'["paid","' + b"9" * 2_000 + b'",1]'])
def test_a_cursor_that_is_far_too_long_is_refused(payload: bytes) -> None:
    with pytest.raises(Invalid):
        earnings.NEWEST.page(select(Transaction.id), _b64(payload))


def test_each_order_has_a_name_of_its_own() -> None:
    names = [order.name for order in (*ORDERS.values(), earnings.NEWEST, notes.NEWEST, notifications.NEWEST)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("rows", "on_the_page", "more"), [(0, 0, False), (PAGE, PAGE, False), (PAGE + 1, PAGE, True)]
)
def test_a_page_knows_whether_there_is_another(rows: int, on_the_page: int, more: bool) -> None:
    page = ORDERS[Sort.USERNAME].split([_row(Sort.USERNAME, f"fan{n}", n + 1) for n in range(rows)])
    assert len(page.rows) == on_the_page
    assert (page.next is not None) is more


def _row(sort: Sort, key: object, id_: int) -> SimpleNamespace:
    return SimpleNamespace(**{KEYS[sort]: key}, id=id_)


def _cursor(order: Order, row: object) -> str:
    cursor = order.split([row] * (PAGE + 1)).next
    assert cursor is not None
    return cursor


def _parameters(query: Select[int]) -> list[object]:
    return list(query.compile(dialect=postgresql.dialect()).params.values())


def _b64(payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
