"""One row of a file: its values, or what is wrong with it; and what a whole file looks like before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from huntaze.schemas.imports import Column, Delimiter, Encoding, Field, ImportSettings, notations_of
from huntaze.services.csv_files import Unreadable, find_delimiter, find_encoding, rows
from huntaze.services.import_columns import Ground, NotationVote, Refused, guess, reader

SHOWN = 20
"""Rows of the file that the mapping page shows."""
SHOWN_CELL = 80
"""Characters of a cell that the mapping page shows."""
EXAMPLES = 3
"""Rows that are named for each kind of problem."""
STORED = tuple(each for each in Field if each != Field.TOTAL_SPENT)
FORMULA = "=+-@\t\r'"
"""A spreadsheet takes a cell that begins like this for a formula: the export writes a quote before it."""

Chunks = Callable[[], Iterator[bytes]]
"""The file from its beginning, as often as it is called."""


class CellProblem(NamedTuple):
    """column: from 0; None where it is the row as a whole."""

    column: int | None
    kind: str
    detail: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"column": self.column, "kind": self.kind, "detail": self.detail}


class Row(NamedTuple):
    """`values` are those of STORED; None: the file says nothing of it."""

    number: int
    cells: list[str]
    values: tuple[Any, ...]
    problems: list[CellProblem]


class RowReader:
    """Reads rows in their order, and remembers whom it has seen: the second row of a fan is refused."""

    def __init__(self, columns: Sequence[Column], ground: Ground) -> None:
        self.width = len(columns)
        self.readers = [
            (place, column.field, reader(column.field, column.notation, ground))
            for place, column in enumerate(columns)
            if column.field is not None
        ]
        self.seen: dict[Field, dict[str, int]] = {Field.USERNAME: {}, Field.PLATFORM_ID: {}}

    def read(self, number: int, cells: list[str]) -> Row:
        values: dict[Field, Any] = {}
        problems: list[CellProblem] = []
        if len(cells) != self.width:
            problems.append(CellProblem(None, "import_row_length", {"cells": len(cells), "columns": self.width}))
            return Row(number, cells, (), problems)
        for place, meaning, read in self.readers:
            cell = clean(cells[place])
            if not cell:
                continue
            try:
                values[meaning] = read(cell)
            except Refused as refused:
                problems.append(CellProblem(place, refused.problem.kind, dict(refused.problem.detail)))
        if not problems:
            problems = self._identity(number, values)
        return Row(number, cells, tuple(values.get(each) for each in STORED), problems)

    def _identity(self, number: int, values: dict[Field, Any]) -> list[CellProblem]:
        problems = []
        named = False
        for meaning, seen in self.seen.items():
            value = values.get(meaning)
            if value is None:
                continue
            named = True
            first = seen.setdefault(value, number)
            if first != number:
                place = next(place for place, each, _read in self.readers if each == meaning)
                problems.append(CellProblem(place, "import_twice", {"row": first}))
        return problems if named else [CellProblem(None, "import_nobody", {})]


def clean(cell: str) -> str:
    """A cell without the blanks around it and without the quote that keeps it from being a formula."""
    cell = cell.strip(" \u00a0\u202f\ufeff\n\r\t")
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in FORMULA else cell


@dataclass
class Checked:
    """What a whole file looks like. rows: the number of the last one; refused: how many break a rule."""

    settings: ImportSettings
    shown: list[dict[str, Any]] = field(default_factory=list)
    problems: dict[tuple[int | None, str], dict[str, Any]] = field(default_factory=dict)
    rows: int = 0
    good: int = 0
    refused: int = 0

    def add(self, row: Row) -> None:
        self.rows = row.number
        if row.problems:
            self.refused += 1
        else:
            self.good += 1
        for problem in row.problems:
            key = problem.column, problem.kind
            found = self.problems.setdefault(key, {**problem.as_json(), "rows": 0, "examples": []})
            found["rows"] += 1
            if len(found["examples"]) < EXAMPLES:
                found["examples"].append(row.number)
        if len(self.shown) < SHOWN:
            cells = [shown(cell) for cell in row.cells[: len(self.settings.names)]]
            problems = [problem.as_json() for problem in row.problems]
            self.shown.append({"row": row.number, "cells": cells, "problems": problems})


def check(chunks: Chunks, settings: ImportSettings, ground: Ground, locale: str) -> Checked:
    """Reads the whole file: what was left open in the settings is found out, each problem counted.

    Raises Unreadable.
    """
    encoding = settings.encoding or find_encoding(chunks())
    delimiter = settings.delimiter or find_delimiter(chunks(), encoding)
    header = _header(chunks, encoding, delimiter)
    columns = settings.columns
    if columns is None or len(columns) != len(header):
        columns = guess(header)
    columns = _find_notations(chunks, encoding, delimiter, columns, ground, locale)
    names = tuple(shown(name) for name in header)
    checked = Checked(ImportSettings(encoding=encoding, delimiter=delimiter, columns=columns, names=names))
    each = rows(chunks(), encoding, delimiter)
    next(each)
    reading = RowReader(columns, ground)
    for number, cells in each:
        checked.add(reading.read(number, cells))
    if not checked.rows:
        raise Unreadable("no_rows")
    return checked


def shown(cell: str) -> str:
    """As much of a cell as a page shows, and as PostgreSQL can hold."""
    cell = storable(cell)
    return cell if len(cell) <= SHOWN_CELL else cell[: SHOWN_CELL - 1] + "…"


def storable(cell: str) -> str:
    return cell.replace("\0", "\ufffd") if "\0" in cell else cell


def _header(chunks: Chunks, encoding: Encoding, delimiter: Delimiter) -> list[str]:
    _row, header = next(rows(chunks(), encoding, delimiter), (0, []))
    if not header:
        raise Unreadable("empty")
    return [clean(name) for name in header]


def _find_notations(
    chunks: Chunks,
    encoding: Encoding,
    delimiter: Delimiter,
    columns: tuple[Column, ...],
    ground: Ground,
    locale: str,
) -> tuple[Column, ...]:
    """The columns with a notation wherever there is a choice of them."""
    votes = {
        place: NotationVote(column.field, ground, locale)
        for place, column in enumerate(columns)
        if column.field is not None and notations_of(column.field) and column.notation is None
    }
    if not votes:
        return columns
    for _row, cells in rows(chunks(), encoding, delimiter):
        for place, vote in votes.items():
            cell = clean(cells[place]) if place < len(cells) else ""
            if cell:
                vote.count(cell)
    return tuple(
        column.model_copy(update={"notation": votes[place].winner}) if place in votes else column
        for place, column in enumerate(columns)
    )
