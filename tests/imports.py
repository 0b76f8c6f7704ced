"""An import as a member and a worker do it, without the web: tests of what becomes of the rows."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from huntaze.jobs import imports as jobs
from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.imports import Import
from huntaze.models.subscriber import Subscriber
from huntaze.schemas.imports import Column, ImportSettings
from huntaze.services.imports import ImportService
from tests.factories import MemberFactory

PART = 64 * 1024


@dataclass
class Importing:
    """Of one workspace. Files are texts, in UTF-8, or bytes."""

    app: Flask
    workspace_id: int
    locale: str = "en"

    def whole(self, file: str | bytes) -> Import:
        """From the file to the report."""
        return self.run(self.checked(file).id)

    def sent(self, file: str | bytes) -> int:
        """Uploaded, and nothing more."""
        content = file.encode() if isinstance(file, str) else file
        author = UserId(MemberFactory(workspace_id=self.workspace_id).user_id)
        with self.app.app_context(), workspace_session(self.workspace_id) as session:
            service = ImportService(session, WorkspaceId(self.workspace_id))
            import_id = service.open(author, "fans.csv", self.locale)
            for number, place in enumerate(range(0, len(content), PART)):
                service.add_chunk(import_id, number, content[place : place + PART])
            service.uploaded(import_id, len(content))
        return import_id

    def checked(self, file: str | bytes) -> Import:
        return self.work(self.sent(file))

    def mapped(self, import_id: int, fields: list[str | None]) -> Import:
        """With these meanings of its columns."""
        with self.app.app_context(), workspace_session(self.workspace_id) as session:
            service = ImportService(session, WorkspaceId(self.workspace_id))
            settings = ImportSettings.model_validate(service.get(import_id).settings)
            columns = tuple(Column.model_validate({"field": field}) for field in fields)
            service.remap(import_id, settings.model_copy(update={"columns": columns}))
        return self.work(import_id)

    def started(self, import_id: int) -> None:
        with self.app.app_context(), workspace_session(self.workspace_id) as session:
            ImportService(session, WorkspaceId(self.workspace_id)).run(import_id)

    def run(self, import_id: int) -> Import:
        self.started(import_id)
        return self.work(import_id)

    def undone(self, import_id: int) -> Import:
        with self.app.app_context(), workspace_session(self.workspace_id) as session:
            ImportService(session, WorkspaceId(self.workspace_id)).undo(import_id)
        return self.work(import_id)

    def work(self, import_id: int) -> Import:
        """What the worker does."""
        with self.app.app_context():
            jobs.work(self.workspace_id, import_id)
            return self.get(import_id)

    def get(self, import_id: int) -> Import:
        with self.app.app_context(), workspace_session(self.workspace_id) as session:
            found = session.scalars(
                select(Import).where(Import.id == import_id).options(undefer(Import.head), undefer(Import.problems))
            ).one()
            session.expunge(found)
            return found

    def fans(self, owner: Session) -> list[Subscriber]:
        """By id."""
        owner.expire_all()
        here = Subscriber.workspace_id == self.workspace_id
        return list(owner.scalars(select(Subscriber).where(here).order_by(Subscriber.id)))
