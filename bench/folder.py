"""Where a measurement keeps its data and its results."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@contextmanager
def data_folder(keep: Path | None) -> Iterator[Path]:
    """The folder to keep, created if need be; else one that is gone at the end."""
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="huntaze-bench-") as name:
        folder = Path(name)
        try:
            yield folder
        finally:
            shutil.rmtree((folder / "servers").resolve(), ignore_errors=True)  # as root it is elsewhere
