"""The arithmetic of the kit's charts (templates/_ui/chart.html): ticks, and paths in boxes that are stretched.

Pure: numbers in, numbers and SVG path data out. Values are whole numbers (minor units, or things counted). A box is
100 high, zero to a hundred from the top; each point of a chart is one wide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil

Write = Callable[[int], str]

INTERVALS = 4
"""Between the lines of a chart, at most: more is noise on a phone."""
ALL_MARKED, MARKS = 7, 4
"""So few points have a label each; of more so many have one: "Apr 2026" fits four times into 240 px."""
NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Point:
    """label: what it is of, as read out; mark: the same as short as it goes, to stand under the chart."""

    label: str
    mark: str
    value: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A label under the chart, centred at `x` percent of its width."""

    x: int
    text: str


@dataclass(frozen=True)
class Chart:
    """Points with their axes. `write` says a value in full, `write_short` in a few characters, for the axis; `least`
    is the smallest step of the axis (100 where it is to show whole dollars)."""

    points: Sequence[Point]
    write: Write
    write_short: Write
    least: int = 1

    @cached_property
    def ticks(self) -> list[int]:
        return ticks(self._values, self.least)

    @property
    def grid(self) -> str:
        """The path of the lines behind it."""
        return "".join(f"M0 {_y(tick, self.ticks)}h{len(self.points)}" for tick in self.ticks)

    @property
    def bars(self) -> str:
        """The path of the bars, to be stroked `thickness` wide: each from zero."""
        zero = _y(0, self.ticks)
        return "".join(
            f"M{number}.5 {zero}V{_y(value, self.ticks)}" for number, value in enumerate(self._values) if value
        )

    @property
    def thickness(self) -> str:
        """Of a bar, in the width of a point: so that few of them are no walls."""
        return f"{min(0.7, 0.12 * len(self.points)):.2f}"

    @property
    def line(self) -> str:
        """The path of the line. A single point is as wide as the box, so that it can be seen."""
        heights = [_y(value, self.ticks) for value in self._values]
        if len(heights) == 1:
            return f"M0 {heights[0]}h1"
        return "".join(f"{'L' if number else 'M'}{number}.5 {y}" for number, y in enumerate(heights))

    @property
    def marks(self) -> list[Mark]:
        """Some labels, evenly apart and about as far from both ends."""
        count = len(self.points)
        every = 1 if count <= ALL_MARKED else ceil(count / MARKS)
        numbers = range((count - 1) % every // 2, count, every)
        return [Mark(round(100 * (number + 0.5) / count), self.points[number].mark) for number in numbers]

    @property
    def _values(self) -> list[int]:
        return [point.value for point in self.points]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a whole. start and share are percents of the circle; what is not positive has no share."""

    label: str
    value: int
    start: int
    share: int


def ticks(values: Sequence[int], least: int = 1) -> list[int]:
    """The values of the axis from the top down: round ones, evenly apart, zero among them, all values within.

    `least` is a power of ten: the smallest step.
    """
    low, high = min(0, 0, *values), max(0, 0, *values)
    step = _step(high - low, least)
    bottom, top = low // step, -(-high // step)
    return [number * step for number in range(max(top, bottom + 1), bottom - 1, -1)]


def spark(values: Sequence[int]) -> str:
    """The path of a sparkline in a box of 100 high and len(values) - 1 wide: from its least to its largest value."""
    low, high = min(values, default=0), max(values, default=0)
    heights = [round(100 - 100 * (value - low) / (high - low)) if high > low else 50 for value in values]
    if len(heights) == 1:
        return f"M0 {heights[0]}h1"
    return "".join(f"{'L' if number else 'M'}{number} {y}" for number, y in enumerate(heights))


def slices(parts: Sequence[tuple[str, int]]) -> list[Slice]:
    """The parts of a donut in their order; the shares of what is positive add up to 100."""
    whole = sum(max(value, 0) for _, value in parts)
    ends, so_far = [0], 0
    for _, value in parts:
        so_far += max(value, 0)
        ends.append(round(100 * so_far / whole) if whole else 0)
    return [
        Slice(label, value, start, end - start)
        for (label, value), (start, end) in zip(parts, pairwise(ends), strict=True)
    ]


def _step(width: int, power: int) -> int:
    """The smallest step of 1, 2 or 5 and zeros of which INTERVALS are as wide; of a range around zero one more is."""
    while True:
        for nice in NICE:
            if nice * power * INTERVALS >= width:
                return nice * power
        power *= 10


def _y(value: int, ticks: Sequence[int]) -> int:
    top, bottom = ticks[0], ticks[-1]
    return round(100 * (top - value) / (top - bottom))
