"""CSV that a spreadsheet opens as it is meant: nothing in it is a formula, and the file is for nobody else."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

from flask import Response

from huntaze.services.import_rows import FORMULA


class Interrupted(Exception):
    """Whoever downloads may no longer do so."""


def csv_line(cells: Iterable[str], delimiter: str) -> str:
    """A row. A cell that a spreadsheet would run gets a quote before it; an import takes it off again."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(tuple(FORMULA)) else cell


def attachment(header: str, some: Callable[[], str | None], name: str) -> Response:
    """A file called `name`.csv, which nobody keeps on the way; `some` answers the next lines until there are none."""
    response = Response(_file(header, some), mimetype="text/csv")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}.csv\"; filename*=UTF-8''{quote(name, safe='')}.csv"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _file(header: str, some: Callable[[], str | None]) -> Iterator[str]:
    yield "\ufeff" + header  # without its mark Excel takes UTF-8 for Latin-1
    while (lines := some()) != "":
        if lines is None:
            raise Interrupted  # the server then breaks the connection off: no half file looks like a whole one
        yield lines
