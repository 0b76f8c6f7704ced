"""A file of a form, part by part as it arrives: nothing of it is kept in memory or on a disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, cast

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

PART = 256 * 1024
"""Bytes of a file in memory at a time."""
AROUND = 64 * 1024
"""Bytes that the form may have beside the file."""

READ = 1024 * 1024
"""Bytes that the parser may hold: it reads 64 KB at a time, and keeps what could be the beginning of a boundary."""

OnPart = Callable[[str, int, bytes], None]
"""Called with the file's name, the number of the part (from 0), and the part."""


class TooLarge(Exception):
    """There are more bytes than are allowed."""


class Broken(Exception):
    """The form ends before its end."""


def receive(most: int, on_part: OnPart) -> int:
    """Hands on the first file of this request's form; returns its size in bytes, 0 without one.

    Raises TooLarge, Broken.
    """
    request.max_content_length = most + AROUND
    sinks: list[_Sink] = []

    def sink(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        sinks.append(_Sink(filename or "", most, on_part if not sinks else _ignore))
        return cast("IO[bytes]", sinks[-1])

    parser = FormDataParser(sink, max_form_memory_size=READ, max_form_parts=10, silent=False)
    try:
        parser.parse(request.stream, request.mimetype, request.content_length, request.mimetype_params)
    except RequestEntityTooLarge:
        raise TooLarge from None
    except ValueError:
        raise Broken from None
    if not sinks:
        return 0
    sinks[0].finish()
    return sinks[0].size


def _ignore(_name: str, _number: int, _part: bytes) -> None:
    """A second file."""


class _Sink:
    """What the form's parser takes for a temporary file: of the same size are the parts that leave it."""

    def __init__(self, name: str, most: int, on_part: OnPart) -> None:
        self.size = 0
        self._name = name
        self._most = most
        self._on_part = on_part
        self._number = 0
        self._held = bytearray()

    def write(self, content: bytes) -> int:
        self.size += len(content)
        if self.size > self._most:
            raise TooLarge
        self._held += content
        while len(self._held) >= PART:
            self._hand_on(bytes(self._held[:PART]))
            del self._held[:PART]
        return len(content)

    def seek(self, _place: int) -> int:
        """The parser goes back to the beginning, for somebody to read."""
        return 0

    def finish(self) -> None:
        if self._held:
            self._hand_on(bytes(self._held))

    def _hand_on(self, part: bytes) -> None:
        self._on_part(self._name, self._number, part)
        self._number += 1
