"""What a worker does with an import: checks the file, stores its rows batch by batch, or undoes it.

Each step is a transaction that first locks the import's row and looks whether it is still to be done. So a
worker may be killed at any moment, and two may be at the same import: what is committed is done once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.imports import Import, ImportChunk, ImportState
from huntaze.models.workspace import Workspace
from huntaze.schemas.imports import Delimiter, Encoding, ImportSettings
from huntaze.services.csv_files import Unreadable, rows
from huntaze.services.erasure import ErasureService
from huntaze.services.import_columns import Ground
from huntaze.services.import_rows import STORED, Row, RowReader, check
from huntaze.services.import_store import COLUMNS, store
from huntaze.services.imports import ImportService

BATCH_ROWS = 2_500
"""A batch takes half a second here, and that is how often the progress moves."""
BATCH_CHARACTERS = 2_000_000
"""So that rows of long cells don't fill the memory."""
PASSES = 3
"""How often a check reads the file: for the encoding, for the notations, and row by row."""
TOLD_EVERY = 0.5
"""Seconds between two words about a check's progress."""

Transaction = Callable[[], AbstractContextManager[Session]]
"""Opens a session of the workspace: committed at the end."""


class ImportWork:
    """The work at one import. `tell` is called after each commit that changed what a page shows."""

    def __init__(
        self,
        transaction: Transaction,
        workspace_id: WorkspaceId,
        import_id: int,
        secret_key: str,
        tell: Callable[[], None],
    ) -> None:
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.import_id = import_id
        self.secret_key = secret_key
        self.tell = tell

    def run(self) -> None:
        """Goes on with the import until there is nothing to do."""
        with self.transaction() as session:
            found = session.get(Import, (self.workspace_id, self.import_id))
            if found is None or not found.is_at_work:
                return
            workspace = session.get_one(Workspace, self.workspace_id)
            ground = Ground(workspace.currency, ZoneInfo(workspace.time_zone))
            settings = ImportSettings.model_validate(found.settings)
            session.expunge(found)
        if found.state == ImportState.CHECKING:
            self._check(found, settings, ground)
        elif found.state == ImportState.RUNNING:
            self._store(found, settings, ground)
        else:
            self._undo()
        self.tell()

    def _check(self, found: Import, settings: ImportSettings, ground: Ground) -> None:
        tell = self._telling(found)
        values: dict[str, Any]
        try:
            checked = check(lambda: self._chunks(tell), settings, ground, found.locale)
        except Unreadable as error:
            failure = {"kind": error.problem.kind, "detail": dict(error.problem.detail)}
            values = {"state": ImportState.UNREADABLE, "failure": failure}
        else:
            values = {
                "state": ImportState.READY,
                "settings": checked.settings.model_dump(mode="json"),
                "head": {
                    "rows": checked.rows,
                    "good": checked.good,
                    "refused": checked.refused,
                    "shown": checked.shown,
                },
                "problems": sorted(checked.problems.values(), key=lambda problem: -problem["rows"]),
            }
        with self.transaction() as session:
            self._set(session, Import.state == ImportState.CHECKING, Import.revision == found.revision, **values)

    def _telling(self, found: Import) -> Callable[[int], None]:
        """Writes down how many bytes were read of all passes, now and then."""
        read, told = 0, time.monotonic()

        def tell(size: int) -> None:
            nonlocal read, told
            read += size
            if time.monotonic() < told + TOLD_EVERY:
                return
            told = time.monotonic()
            with self.transaction() as session:
                current = Import.revision == found.revision
                checking = Import.state == ImportState.CHECKING
                self._set(session, checking, current, done=read, total=PASSES * found.size)
            self.tell()

        return tell

    def _store(self, found: Import, settings: ImportSettings, ground: Ground) -> None:
        columns = settings.columns or ()
        meant = {column.field: place for place, column in enumerate(columns) if column.field}
        places = {name: meant[field] for name, field in zip(COLUMNS, STORED, strict=True) if field in meant}
        reading, done = RowReader(columns, ground), found.done
        encoding, delimiter = Encoding(settings.encoding or ""), Delimiter(settings.delimiter or "")
        each = rows(self._chunks(), encoding, delimiter)
        next(each, None)  # the header
        batch: list[Row] = []
        weight = 0
        for number, cells in each:
            row = reading.read(number, cells)  # those that are stored, too: a later row may be of the same fan
            if number <= done:
                continue
            batch.append(row)
            weight += sum(map(len, cells))
            if len(batch) == BATCH_ROWS or weight > BATCH_CHARACTERS:
                if not self._store_batch(batch, done, places):
                    return
                done, batch, weight = number, [], 0
        if batch:
            if not self._store_batch(batch, done, places):
                return
            done = batch[-1].number
        with self.transaction() as session:
            finished = {"state": ImportState.DONE, "finished_at": datetime.now(UTC), "head": {}, "problems": []}
            if self._set(session, Import.state == ImportState.RUNNING, Import.done == done, **finished):
                session.execute(delete(ImportChunk).where(*self._of(ImportChunk)))

    def _store_batch(self, batch: list[Row], after: int, places: dict[str, int]) -> bool:
        """Stores it, unless the import is no longer as far as `after`; returns whether it was."""
        with self.transaction() as session:
            here = session.scalar(
                select(Import.id)
                .where(self._is(), Import.state == ImportState.RUNNING, Import.done == after)
                .with_for_update()
            )
            if here is None:
                return False
            # One import of a workspace at a time: two of the same fans would wait for each other's rows.
            session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('import', :id))"),
                            {"id": self.workspace_id})  # fmt: skip
            stored = store(
                session, ErasureService(session, self.workspace_id, self.secret_key), self.import_id, batch, places
            )
            self._set(
                session,
                done=batch[-1].number,
                added=Import.added + stored.added,
                changed=Import.changed + stored.changed,
                unchanged=Import.unchanged + stored.unchanged,
                refused=Import.refused + stored.refused,
            )
        self.tell()
        return True

    def _undo(self) -> None:
        """Everything in one transaction: the import is undone, or it is as it was."""
        try:
            with self.transaction() as session:
                undoing = session.scalar(
                    select(Import.id).where(self._is(), Import.state == ImportState.UNDOING).with_for_update()
                )
                if undoing is None:
                    return
                ids = {"workspace": self.workspace_id, "import": self.import_id}
                session.execute(text(LOCK), ids)
                if ImportService(session, self.workspace_id).blocked(self.import_id):
                    self._set(session, state=ImportState.DONE, failure=_BLOCKED)
                    return
                session.execute(text(REMOVE_ADDED), ids)
                session.execute(text(PUT_BACK), ids)
                self._set(session, state=ImportState.UNDONE)
        except IntegrityError:  # something else is built on it: a name that is given back has a new bearer
            with self.transaction() as session:
                self._set(session, Import.state == ImportState.UNDOING, state=ImportState.DONE, failure=_BLOCKED)

    def _chunks(self, read: Callable[[int], None] = lambda size: None) -> Iterator[bytes]:
        """The file, a part at a time, each in a transaction of its own."""
        number = 0
        while True:
            with self.transaction() as session:
                content = session.scalar(
                    select(ImportChunk.content).where(*self._of(ImportChunk), ImportChunk.number == number)
                )
            if content is None:
                return
            read(len(content))
            yield content
            number += 1

    def _is(self) -> Any:
        return (Import.workspace_id == self.workspace_id) & (Import.id == self.import_id)

    def _of(self, model: type[ImportChunk]) -> tuple[Any, ...]:
        return model.workspace_id == self.workspace_id, model.import_id == self.import_id

    def _set(self, session: Session, *conditions: Any, **values: Any) -> bool:
        """Changes the import's row if the conditions hold; returns whether they did."""
        wanted = update(Import).where(self._is(), *conditions).values(touched_at=func.clock_timestamp(), **values)
        return session.scalar(wanted.returning(Import.id)) is not None


_BLOCKED = {"kind": "import_not_undoable", "detail": {}}

LOCK = """
SELECT count(*) FROM (
  SELECT s.id FROM subscribers AS s JOIN import_rows AS r ON r.workspace_id = s.workspace_id
     AND r.subscriber_id = s.id
   WHERE s.workspace_id = :workspace AND r.import_id = :import ORDER BY s.id FOR UPDATE OF s) AS locked
"""
REMOVE_ADDED = """
DELETE FROM subscribers AS s USING import_rows AS r
 WHERE s.workspace_id = :workspace AND r.workspace_id = :workspace AND r.import_id = :import
   AND r.outcome = 'added' AND s.id = r.subscriber_id
"""


def _as_before(name: str, type_: str) -> str:
    return f"{name} = CAST(r.before ->> '{name}' AS {type_})"


PUT_BACK = f"""
UPDATE subscribers AS s
   SET {", ".join(_as_before(name, type_) for name, type_ in {**COLUMNS, "updated_at": "timestamptz"}.items())}
  FROM import_rows AS r
 WHERE s.workspace_id = :workspace AND r.workspace_id = :workspace AND r.import_id = :import
   AND r.outcome = 'changed' AND s.id = r.subscriber_id
"""
