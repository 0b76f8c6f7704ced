"""Dollars, times, ids and HTML: what is read, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huntaze.adapters.platform.onlyfans.text import plain
from huntaze.adapters.platform.onlyfans.values import cents, platform_id, price_in, text, utc
from huntaze.simulator.shapes import dollars, html

AMOUNTS = st.integers(-(10**9), 10**9)


@given(AMOUNTS)
def test_cents_survive_their_way_through_dollars(amount: int) -> None:
    assert cents(dollars(amount)) == amount
    assert cents(amount / 100) == amount
    assert cents(str(Decimal(amount) / 100)) == amount


@given(st.lists(st.integers(0, 100_000), max_size=30))
def test_cents_survive_a_sum_of_floats(amounts: list[int]) -> None:
    assert cents(sum(amount / 100 for amount in amounts)) == sum(amounts)


@given(st.none() | st.booleans() | st.text() | st.floats() | st.integers() | st.binary() | st.lists(st.integers()))
def test_what_is_no_amount_is_refused_and_nothing_else_is_raised(value: object) -> None:
    try:
        amount = cents(value)
    except ValueError:
        return
    assert abs(Decimal(amount) / 100 - Decimal(str(value).strip())) < Decimal("0.000001")


@pytest.mark.parametrize(
    "value", [True, None, "", "1,50", "1e3", "٣", 0.001, 1e15, float("nan"), float("inf"), [5], b"5"]
)
def test_no_amounts(value: object) -> None:
    with pytest.raises(ValueError, match="is"):
        cents(value)


@pytest.mark.parametrize(
    ("value", "amount"),
    [("$12.00", 1_200), ("$3", 300), ("$13.99", 1_399), ("12.00", None), ("$1,234.00", None), (5, None)],
)
def test_prices_in_notifications_are_read_strictly(value: object, amount: int | None) -> None:
    assert price_in(value) == amount


@pytest.mark.parametrize(("value", "id_"), [(7, "7"), (7.0, "7"), ("a-b", "a-b"), (2**62, str(2**62))])
def test_ids(value: object, id_: str) -> None:
    assert platform_id(value) == id_


@pytest.mark.parametrize("value", [None, True, -1, 1.5, 1e300, "", " 7", "a\nb", "x" * 65, {}, []])
def test_no_ids(value: object) -> None:
    with pytest.raises(ValueError, match="is no id"):
        platform_id(value)


@pytest.mark.parametrize(
    "value",
    ["2026-06-01T12:00:00+00:00", "2026-06-01T14:00:00+02:00", "2026-06-01T12:00:00.000000Z", "2026-06-01 12:00:00"],
)
def test_times_are_in_utc(value: str) -> None:
    assert utc(value) == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert utc(value).tzinfo is UTC


@pytest.mark.parametrize("value", [None, 1_780_315_200, "", "soon", "0001-01-01T00:00:00+01:00"])
def test_no_times(value: object) -> None:
    with pytest.raises(ValueError, match="is no time"):
        utc(value)


@given(st.text())
@example("a  b\n\n c & <b>d</b> &amp; 5 < 6 <3 a<b\n")
def test_what_a_person_typed_survives_its_way_through_html(typed: str) -> None:
    assert plain(html(typed)) == typed


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<p>one</p>\n<p>two</p>\n", "one\ntwo"),
        ("a<br>b<br/>c<br />\nd", "a\nb\nc\nd"),
        ("&lt;3 &amp; &#128139; &nbsp;", "<3 & 💋 \xa0"),
        ('<a href="https://x.test">look</a> <strong>here</strong>', "look here"),
        ("<script>alert(1)</script>safe<style>p{}</style>", "safe"),
        ('<img src="x" alt="😀"> hi', "😀 hi"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ("5 < 6 and <3", "5 < 6 and <3"),
        ("<p></p>", ""),
    ],
)
def test_html_becomes_plain_text(markup: str, words: str) -> None:
    assert plain(markup) == words


def test_a_text_can_be_stored() -> None:
    assert text("a\0b\ud800c") == "ab\ufffdc"
    assert text("😀") == "😀"
    assert text(None) == ""
