"""What members have typed to fans and not sent yet: it is there on each of their devices."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.draft import Draft
from huntaze.schemas.reply import DraftChange
from huntaze.services.errors import NotFound


class DraftService:
    """The drafts of one workspace's members."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def get(self, conversation_id: int, user_id: UserId) -> Draft | None:
        return self.session.scalar(select(Draft).where(*self._one(conversation_id, user_id)))

    def keep(self, conversation_id: int, user_id: UserId, typed: DraftChange) -> None:
        """What was typed last takes the place of what was there; nothing typed leaves no draft. Raises NotFound."""
        if not (typed.text.strip() or typed.price or typed.media):
            self.drop(conversation_id, user_id)
            return
        values = {"body": typed.text, "price": typed.price, "media": typed.media, "updated_at": func.now()}
        here = {
            "workspace_id": self.workspace_id,
            "conversation_id": conversation_id,
            "user_id": user_id,
        }
        try:
            with self.session.begin_nested():
                self.session.execute(
                    insert(Draft)
                    .values(**here, **values)
                    .on_conflict_do_update(index_elements=list(here), set_=values)
                )
        except IntegrityError:  # there is no such conversation
            raise NotFound(conversation_id) from None

    def drop(self, conversation_id: int, user_id: UserId) -> None:
        """It was sent, or given up."""
        self.session.execute(delete(Draft).where(*self._one(conversation_id, user_id)))

    def _one(self, conversation_id: int, user_id: UserId) -> tuple[ColumnElement[bool], ...]:
        return (
            Draft.workspace_id == self.workspace_id,
            Draft.conversation_id == conversation_id,
            Draft.user_id == user_id,
        )
