"""CSV as people have it: which encoding and separator, and its rows one by one, in little memory.

Whatever can't be read raises Unreadable with what is wrong and where; a row counts as a spreadsheet counts it,
the header is row 1 and a blank line is a row too.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

from huntaze.schemas.imports import Delimiter, Encoding
from huntaze.services.errors import Problem

MOST_ROWS = 200_000
MOST_COLUMNS = 200
LONGEST_CELL = 10_000
"""Characters; what we store is at most 254 long."""
LONGEST_LINE = 256 * 1024
"""Characters without a line break."""
LOOKED_AT = 64 * 1024
"""Bytes from which the separator is guessed."""

_NO_TEXT = (
    (b"PK\x03\x04", "workbook"),  # .xlsx, .ods, and any other zip
    (b"\xd0\xcf\x11\xe0", "workbook"),  # .xls
    (b"%PDF", "no_csv"),
    (b"\x89PNG", "no_csv"),
    (b"\xff\xd8\xff", "no_csv"),
    (b"GIF8", "no_csv"),
    (b"\x1f\x8b", "packed"),
    (b"BZh", "packed"),
    (b"7z\xbc\xaf", "packed"),
    (b"Rar!", "packed"),
    (b"\xfd7zXZ", "packed"),
    (b"SQLite format 3", "no_csv"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_MARKUP = re.compile(rb"\s*(<!doctype|<html|<\?xml|\{\s*\"|\[\s*[\[{])", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=(.)\r?\n?$", re.IGNORECASE)


class Unreadable(Exception):
    """The file as a whole can't be read; nothing of it is stored."""

    def __init__(self, kind: str, **detail: Any) -> None:
        super().__init__(kind)
        self.problem = Problem(f"file_{kind}", detail)


def find_encoding(chunks: Iterable[bytes]) -> Encoding:
    """The encoding of the file, of which all is looked at. Raises Unreadable for what is no text."""
    pieces = iter(chunks)
    begin = next(pieces, b"")
    for magic, kind in _NO_TEXT:
        if begin.startswith(magic):
            raise Unreadable(kind)
    if _MARKUP.match(begin.removeprefix(codecs.BOM_UTF8)):
        raise Unreadable("no_csv")
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding.UTF16
    if (wide := _wide(begin[:LOOKED_AT])) is not None:
        return wide
    controls = len(_CONTROLS.findall(begin[:LOOKED_AT]))
    if controls > 8 and controls > len(begin[:LOOKED_AT]) // 50:
        raise Unreadable("no_csv")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(begin)
        for piece in pieces:
            decoder.decode(piece)
    except UnicodeDecodeError:
        return Encoding.WESTERN
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Unreadable("cut_off") from None  # in the middle of a character
    return Encoding.UTF8


def find_delimiter(chunks: Iterable[bytes], encoding: Encoding) -> Delimiter:
    """The separator with which the most of the first rows are as long as the header, and that is long."""
    begin = next(iter(chunks), b"")[:LOOKED_AT]
    text = codecs.getincrementaldecoder(encoding)("replace").decode(begin).removeprefix("\ufeff")
    lines = io.StringIO(text, newline="").readlines(LOOKED_AT)
    if lines and (named := _SEPARATOR_LINE.match(lines[0])):
        for delimiter in Delimiter:
            if delimiter.char == named[1]:
                return delimiter
    scores = {delimiter: _score(lines, delimiter) for delimiter in Delimiter}
    return max(scores, key=lambda delimiter: scores[delimiter])


def rows(chunks: Iterable[bytes], encoding: Encoding, delimiter: Delimiter) -> Iterator[tuple[int, list[str]]]:
    """(row, cells) of each row that is not blank, the header first. Raises Unreadable."""
    file = io.TextIOWrapper(io.BufferedReader(_Chunks(chunks)), encoding, newline="")
    reader = csv.reader(_lines(file, encoding), delimiter=delimiter.char, strict=True)
    row = 0
    while True:
        row += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _explain(error, row) from None
        if row - 1 > MOST_ROWS:
            raise Unreadable("too_many_rows", most=MOST_ROWS)
        if len(cells) > MOST_COLUMNS:
            raise Unreadable("too_many_columns", row=row, most=MOST_COLUMNS)
        for place, cell in enumerate(cells):
            if len(cell) > LONGEST_CELL:
                raise Unreadable("cell_too_long", row=row, column=letters(place), most=LONGEST_CELL)
        if any(cells) and not all(cell.isspace() or not cell for cell in cells):
            yield row, cells


def letters(place: int) -> str:
    """A column as a spreadsheet names it: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _wide(begin: bytes) -> Encoding | None:
    """UTF-16 without its mark, if it is: every other byte of western text is zero."""
    half = len(begin) // 2
    if begin[1::2].count(0) > 0.4 * half and begin[0::2].count(0) < 0.1 * half:
        return Encoding.UTF16_LITTLE
    if begin[0::2].count(0) > 0.4 * half and begin[1::2].count(0) < 0.1 * half:
        return Encoding.UTF16_BIG
    return None


def _score(lines: list[str], delimiter: Delimiter) -> tuple[int, int]:
    try:
        found = [len(cells) for cells in csv.reader(lines[:50], delimiter=delimiter.char) if cells]
    except csv.Error:
        return 0, 0
    if not found or found[0] == 1:
        return 0, 0
    return sum(length == found[0] for length in found), found[0]


def _lines(file: io.TextIOWrapper, encoding: Encoding) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(LONGEST_LINE)
        except UnicodeDecodeError as error:
            if error.reason in ("unexpected end of data", "truncated data"):
                raise Unreadable("cut_off") from None
            raise Unreadable("encoding", line=number, encoding=encoding.value) from None
        if not line:
            return
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise Unreadable("endless_line", line=number, most=LONGEST_LINE)
        if number == 1:
            line = line.removeprefix("\ufeff")
            if _SEPARATOR_LINE.match(line):  # a note to Excel, and no row
                line = "\n"
        yield line


def _explain(error: csv.Error, row: int) -> Unreadable:
    text = str(error)
    if "field limit" in text:
        return Unreadable("endless_quote", row=row)
    if "unexpected end" in text:
        return Unreadable("open_quote", row=row)
    return Unreadable("quotes", row=row)


class _Chunks(io.RawIOBase):
    """The file's parts as one stream, of which one part at a time is in memory."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
