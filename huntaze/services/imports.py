"""Imports of CSV files: a file comes in by parts, is checked, stored by a worker, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, SQLColumnExpression, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, undefer

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import Conversation
from huntaze.models.domain_event import DomainEvent
from huntaze.models.imports import AT_WORK, Import, ImportChunk, ImportRow, ImportState, Outcome
from huntaze.models.subscriber import Note, Subscriber, SubscriberTag
from huntaze.models.subscription import SubscriptionPeriod
from huntaze.models.transaction import Transaction
from huntaze.schemas.imports import Column, Field, ImportSettings, notations_of
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem
from huntaze.services.keyset import Order, Page, read_time

LARGEST_FILE = 50 * 1024 * 1024
"""Bytes."""
KEPT = timedelta(days=30)
"""How long after an import its refused rows are kept, and it can be undone."""
UNUSED = timedelta(days=7)
"""A file that nobody imported, or that can't be read, is deleted after this time."""
HALF_SENT = timedelta(hours=6)
"""An upload that has not ended by then never will."""
STALLED = timedelta(seconds=30)
"""A worker writes down its progress far more often."""
BUILT_ON: dict[str, type[Note | SubscriberTag | Transaction | SubscriptionPeriod | Conversation | DomainEvent]] = {
    "noted": Note,
    "tagged": SubscriberTag,
    "paid": Transaction,
    "subscribed": SubscriptionPeriod,
    "talked": Conversation,
    "happened": DomainEvent,
}
"""What a fan may have whom an import added. tests/services/test_import_undo.py knows if one is missing."""

DOUBLE_TAP = timedelta(minutes=1)
"""The same file again within this time is a double tap, not a second import."""

NEWEST = Order("imports", Import.created_at, Import.id, lambda row: row.created_at, read_time)


class Blocked(NamedTuple):
    """Why an import can't be undone: so many of its fans were changed since, or are `noted`, `tagged`, `paid`."""

    kind: str
    fans: int


class ImportService:
    """The imports of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(self, after: str = "") -> Page[Import]:
        """Those that came in whole, newest first. Raises Invalid for a cursor of another list."""
        query = select(Import).where(Import.workspace_id == self.workspace_id, Import.state != ImportState.UPLOADING)
        return NEWEST.split(self.session.scalars(NEWEST.page(query, after)).all())

    def get(self, import_id: int) -> Import:
        """With what its check found. Raises NotFound."""
        found = self.session.scalar(
            select(Import)
            .where(self._is(import_id), Import.state != ImportState.UPLOADING)
            .options(undefer(Import.head), undefer(Import.problems))
        )
        if found is None:
            raise NotFound(import_id)
        return found

    def open(self, author_id: UserId, file_name: str, locale: str) -> int:
        """A file whose first part is here; returns its id. `locale` decides where two notations fit alike."""
        new = Import(workspace_id=self.workspace_id, author_id=author_id, file_name=file_name[:255], locale=locale)
        self.session.add(new)
        self.session.flush()
        return new.id

    def add_chunk(self, import_id: int, number: int, content: bytes) -> None:
        """The next part of the file, from 0."""
        self.session.execute(
            insert(ImportChunk).values(
                workspace_id=self.workspace_id, import_id=import_id, number=number, content=content
            )
        )

    def uploaded(self, import_id: int, size: int) -> int:
        """The last part is here: a worker checks the file. `size` in bytes.

        Returns the id of the import, which is that of an earlier one if the same file came a moment ago.
        """
        lock = func.hashtextextended(f"uploads:{self.workspace_id}", 0)
        self.session.execute(select(func.pg_advisory_xact_lock(lock)))
        twin = self._twin(import_id, size)
        if twin is not None:
            self.session.execute(delete(Import).where(self._is(import_id)))
            return twin
        self._move(import_id, ImportState.UPLOADING, state=ImportState.CHECKING, size=size)
        return import_id

    def _twin(self, import_id: int, size: int) -> int | None:
        """The import of which this upload is a double tap: same file, same person, still waiting."""
        mine = self.session.get_one(Import, (self.workspace_id, import_id))
        return self.session.scalar(
            select(Import.id)
            .where(
                Import.workspace_id == self.workspace_id,
                Import.author_id == mine.author_id,
                Import.file_name == mine.file_name,
                Import.size == size,
                Import.state.in_((ImportState.CHECKING, ImportState.READY, ImportState.UNREADABLE)),
                Import.created_at > datetime.now(UTC) - DOUBLE_TAP,
                self._content(Import.id) == self._content(import_id),
            )
            .limit(1)
        )

    def _content(self, import_id: int | SQLColumnExpression[int]) -> ScalarSelect[str]:
        return (
            select(
                func.string_agg(func.md5(ImportChunk.content), aggregate_order_by(literal(""), ImportChunk.number))
            )
            .where(ImportChunk.workspace_id == self.workspace_id, ImportChunk.import_id == import_id)
            .scalar_subquery()
        )

    def remap(self, import_id: int, settings: ImportSettings) -> None:
        """Has the file checked again, read in another way. Raises NotFound, Invalid, Conflict."""
        self.get(import_id)
        problems = _wrong(settings.columns or ())
        if problems:
            raise Invalid(problems)
        readable = (ImportState.READY, ImportState.UNREADABLE)
        settled = [column.model_copy(update={"notation": _fitting(column)}) for column in settings.columns or ()]
        wanted = settings.model_copy(update={"columns": tuple(settled) or None})
        moved = self._move(
            import_id,
            *readable,
            state=ImportState.CHECKING,
            settings=wanted.model_dump(mode="json"),
            revision=Import.revision + 1,
            failure=None,
            done=0,
            total=0,
        )
        if not moved:
            raise Conflict({"_": [Problem("import_moved_on")]})

    def run(self, import_id: int) -> None:
        """Has the rows stored; twice is once. Raises NotFound, Invalid, Conflict."""
        found = self.get(import_id)
        if found.state in (ImportState.RUNNING, ImportState.DONE):
            return
        columns = ImportSettings.model_validate(found.settings).columns or ()
        if not {Field.USERNAME, Field.PLATFORM_ID} & {column.field for column in columns}:
            raise Invalid({"_": [Problem("import_no_identity")]})
        rows = found.head.get("rows", 0)
        if not self._move(import_id, ImportState.READY, state=ImportState.RUNNING, done=0, total=rows):
            raise Conflict({"_": [Problem("import_moved_on")]})

    def remove(self, import_id: int) -> None:
        """Forgets a file that was not imported. Raises NotFound, Conflict."""
        self.get(import_id)
        fresh = Import.state.in_([ImportState.READY, ImportState.UNREADABLE, ImportState.CHECKING])
        removed = self.session.scalar(delete(Import).where(self._is(import_id), fresh).returning(Import.id))
        if removed is None:
            raise Conflict({"_": [Problem("import_moved_on")]})

    def refused(self, import_id: int, after: int = 0, limit: int = 500) -> list[ImportRow]:
        """The refused rows of the file behind the row `after`, in their order."""
        query = select(ImportRow).where(
            ImportRow.workspace_id == self.workspace_id,
            ImportRow.import_id == import_id,
            ImportRow.outcome == Outcome.REFUSED,
            ImportRow.row > after,
        )
        return list(self.session.scalars(query.order_by(ImportRow.row).limit(limit)))

    def blocked(self, import_id: int) -> list[Blocked]:
        """Why it can't be undone; empty if it can.

        An import can be undone as long as no fan of it was changed, archived or imported anew since, and no fan
        that it added has a note, a tag or a payment. (Those of a fan whom it changed stay as they are.)
        """
        stored = [
            ImportRow.workspace_id == self.workspace_id,
            ImportRow.import_id == import_id,
            Subscriber.workspace_id == self.workspace_id,
            Subscriber.id == ImportRow.subscriber_id,
        ]
        added = ImportRow.outcome == Outcome.ADDED
        questions = {"changed": select(func.count()).where(*stored, Subscriber.updated_at != ImportRow.stored_at)}
        for kind, model in BUILT_ON.items():
            theirs = select(model.subscriber_id).where(model.workspace_id == self.workspace_id)
            questions[kind] = select(func.count()).where(*stored, added, Subscriber.id.in_(theirs))
        found = self.session.execute(select(*(query.scalar_subquery() for query in questions.values()))).one()
        return [Blocked(kind, fans) for kind, fans in zip(questions, found, strict=True) if fans]

    def undo(self, import_id: int) -> None:
        """Has everything put back as it was before; twice is once. Raises NotFound, Conflict."""
        found = self.get(import_id)
        if found.state in (ImportState.UNDOING, ImportState.UNDONE):
            return
        if not is_undoable(found) or self.blocked(import_id):
            raise Conflict({"_": [Problem("import_not_undoable")]})
        self._move(import_id, ImportState.DONE, state=ImportState.UNDOING, failure=None, done=0, total=0)

    def _is(self, import_id: int) -> Any:
        return (Import.workspace_id == self.workspace_id) & (Import.id == import_id)

    def _move(self, import_id: int, *before: ImportState, **values: Any) -> bool:
        """Changes the row if it is in one of those states; returns whether it was."""
        moved = self.session.scalar(
            update(Import)
            .where(self._is(import_id), Import.state.in_(before))
            .values(touched_at=func.now(), **values)
            .returning(Import.id)
        )
        self.session.expire_all()
        return moved is not None


class ImportUpkeep:
    """What is to be done for all workspaces: works through the system door."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def stalled(self) -> Iterator[tuple[WorkspaceId, int]]:
        """(workspace, import) of those whose worker was killed, or whose job was lost."""
        late = Import.touched_at < func.now() - STALLED
        query = select(Import.workspace_id, Import.id).where(Import.state.in_(AT_WORK), late)
        return iter([(row.workspace_id, row.id) for row in self.session.execute(query.order_by(Import.touched_at))])

    def purge(self) -> None:
        """Deletes the files that nobody imported, and what was kept of old imports; their counts stay."""
        now = datetime.now(UTC)
        unused = Import.state.in_([ImportState.READY, ImportState.UNREADABLE])
        self.session.execute(
            delete(Import).where(
                or_(
                    (Import.state == ImportState.UPLOADING) & (Import.touched_at < now - HALF_SENT),
                    unused & (Import.touched_at < now - UNUSED),
                )
            )
        )
        old = select(Import.id).where(Import.finished_at < now - KEPT)
        self.session.execute(delete(ImportRow).where(ImportRow.import_id.in_(old)))


def topic(workspace_id: WorkspaceId, import_id: int) -> str:
    """Where it is told that an import got on."""
    return f"import:{workspace_id}:{import_id}"


def is_undoable(found: Import) -> bool:
    """Whether it was stored, and what is needed to undo it is still there."""
    if found.state != ImportState.DONE or found.finished_at is None:
        return False
    return found.added + found.changed > 0 and datetime.now(UTC) < found.finished_at + KEPT


def _wrong(columns: tuple[Column, ...]) -> dict[str, list[Problem]]:
    """Each meaning once."""
    problems: dict[str, list[Problem]] = {}
    first: dict[Field, int] = {}
    for place, column in enumerate(columns):
        if column.field is not None and first.setdefault(column.field, place) != place:
            problems[f"field-{place}"] = [Problem("import_meant_twice")]
    return problems


def _fitting(column: Column) -> Any:
    """The notation, unless it is one of dates for amounts or the other way round."""
    return column.notation if column.notation in notations_of(column.field) else None
