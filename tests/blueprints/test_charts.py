"""The arithmetic of charts, and what the kit's macros make of it."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta
from itertools import pairwise

import brotli
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from huntaze.blueprints.charts import ALL_MARKED, INTERVALS, Chart, Point, slices, spark, ticks
from huntaze.blueprints.formats import change, days, mark, money, money_short

SIZE = 1_228
"""Bytes: 1.2 KB, what a chart of 30 points may take (issue 4), compressed alone as pages are."""

values = st.lists(st.integers(-(10**12), 10**12), max_size=60)


def chart(values: list[int], least: int = 1) -> Chart:
    return Chart([Point(f"p{at}", f"m{at}", value) for at, value in enumerate(values)], str, str, least)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ([], [1, 0]),
        ([0], [1, 0]),
        ([1], [1, 0]),
        ([5], [6, 4, 2, 0]),
        ([8], [8, 6, 4, 2, 0]),
        ([9], [10, 5, 0]),
        ([100], [100, 50, 0]),
        ([23_999], [30_000, 20_000, 10_000, 0]),
        ([-5, 10], [10, 5, 0, -5]),
        ([-300], [0, -100, -200, -300]),
        ([10**12 + 7], [1_500_000_000_000, 1_000_000_000_000, 500_000_000_000, 0]),
    ],
)
def test_ticks_are_what_a_person_would_choose(of: list[int], expected: list[int]) -> None:
    assert ticks(of) == expected


def test_the_smallest_step_of_money_is_a_whole_one() -> None:
    assert ticks([], least=100) == ticks([99], least=100) == [100, 0]
    assert ticks([150], least=100) == [200, 100, 0]


@given(values)
def test_all_values_are_between_the_ticks(values: list[int]) -> None:
    found = ticks(values)
    steps = {high - low for high, low in pairwise(found)}
    assert len(steps) == 1, "evenly apart"
    assert str(steps.pop()).rstrip("0") in ("1", "2", "5")
    assert 0 in found
    assert 2 <= len(found) <= INTERVALS + 2
    assert all(found[-1] <= value <= found[0] for value in values)


@given(values.filter(bool))
def test_what_is_drawn_stays_in_its_box(values: list[int]) -> None:
    drawn = chart(values)
    for path in (drawn.grid, drawn.line, drawn.bars):
        heights = re.findall(r"(?:[ML]\S+ |V)(-?\d+)", path)
        assert all(0 <= int(height) <= 100 for height in heights)
    assert len(drawn.bars.split("M")) - 1 == sum(map(bool, values)), "a bar for what is not zero"


@given(st.integers(1, 60))
def test_labels_are_even_and_inside(count: int) -> None:
    marks = chart(list(range(count))).marks
    assert 1 <= len(marks) <= (ALL_MARKED if count <= ALL_MARKED else 4)
    assert all(0 < mark.x < 100 for mark in marks)
    assert abs(marks[0].x - (100 - marks[-1].x)) <= 100 / count + 1, "as far from both ends"


def test_bars_go_from_zero_both_ways() -> None:
    drawn = chart([10, -10, 0])
    assert drawn.ticks == [10, 5, 0, -5, -10]
    assert drawn.bars == "M0.5 50V0M1.5 50V100"


def test_a_single_point_can_be_seen() -> None:
    assert chart([5]).line == "M0 17h1"
    assert spark([7]) == "M0 50h1"
    assert spark([]) == ""


def test_a_sparkline_uses_its_height() -> None:
    assert spark([10, 30, 20]) == "M0 100L1 0L2 50"


@given(st.lists(st.integers(-100, 10**9), max_size=8))
def test_the_shares_of_a_donut_are_the_whole(values: list[int]) -> None:
    parts = slices([(str(value), value) for value in values])
    positive = any(value > 0 for value in values)
    assert sum(part.share for part in parts) == (100 if positive else 0)
    assert all(part.share == 0 for part in parts if part.value <= 0)
    assert [part.value for part in parts] == values


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize("macro", ["bars", "line"])
def test_thirty_points_are_small(app: Flask, locale: str, macro: str) -> None:
    rng = random.Random(3)  # noqa: S311  invented figures
    first = date(2026, 10, 28)
    dates = [first + timedelta(days=number) for number in range(30)]
    with app.test_request_context(headers={"Accept-Language": locale}):
        points = [Point(days(day, day), mark(day, 1, 30), rng.randint(-9_000, 999_999)) for day in dates]
        drawn = Chart(points, lambda cents: money(cents, "USD"), lambda cents: money_short(cents, "USD"), 100)
        html = str(getattr(app.jinja_env.get_template("_ui/chart.html").module, macro)("step", "Earnings", drawn))
        for point in points:
            assert f"<th scope=row>{point.label}" in html.replace('"', "")
            assert money(point.value, "USD") in html
    assert len(brotli.compress(html.encode(), quality=5)) <= SIZE


@pytest.mark.parametrize(
    ("locale", "axis", "label", "week", "month", "more"),
    [
        ("en", "$1.5K", "Tue, Nov 3", "Nov 3 – 9", "Nov 2026", "+12%"),
        ("fr", "1,5 k $US", "mar. 3 nov.", "3–9 nov.", "nov. 2026", "+12%"),
    ],
)
def test_labels_are_the_readers(
    app: Flask, locale: str, axis: str, label: str, week: str, month: str, more: str
) -> None:
    def plain(text: str) -> str:
        return re.sub(r"[\s\u2009\u202f\xa0]", " ", text)

    third = date(2026, 11, 3)
    with app.test_request_context(headers={"Accept-Language": locale}):
        assert plain(money_short(150_000, "USD")) == axis
        assert plain(days(third, third)) == label
        assert plain(days(third, date(2026, 11, 9))) == week
        assert plain(days(date(2026, 11, 1), date(2026, 11, 30))) == month
        assert days(date(2026, 1, 1), date(2026, 12, 31)) == "2026"
        assert change(112, 100) == more
        assert change(50, 0) == change(5000, 1) == change(5, -5) == "", "says nothing"
