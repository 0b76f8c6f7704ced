"""The workspace's own words for its fans."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.subscriber import Subscriber, SubscriberTag, Tag
from huntaze.schemas.subscriber import NewTag
from huntaze.services.errors import Invalid, NotFound, Problem

MOST = 200
"""Tags a workspace may have: the filter offers them all."""


class TagService:
    """The tags of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def all(self) -> list[Tag]:
        """By name."""
        return list(self.session.scalars(_ALL, {"workspace_id": self.workspace_id}))

    def add(self, subscriber_id: int, new: NewTag) -> None:
        """Tags a fan; a new word becomes a tag. Twice is once. Raises NotFound, Invalid for too many tags."""
        self._require(subscriber_id)
        tag_id = self._find(new.name) or self._create(new.name)
        self.session.execute(
            insert(SubscriberTag)
            .values(workspace_id=self.workspace_id, subscriber_id=subscriber_id, tag_id=tag_id)
            .on_conflict_do_nothing()
        )

    def remove(self, subscriber_id: int, tag_id: int) -> None:
        """Takes the tag off this fan, and drops it when no other fan has it. Raises NotFound."""
        self._require(subscriber_id)
        if self.session.get(Tag, (self.workspace_id, tag_id)) is None:
            raise NotFound(tag_id)
        here = SubscriberTag.workspace_id == self.workspace_id, SubscriberTag.tag_id == tag_id
        self.session.execute(delete(SubscriberTag).where(*here, SubscriberTag.subscriber_id == subscriber_id))
        unused = ~select(SubscriberTag).where(*here).exists()
        self.session.execute(delete(Tag).where(Tag.workspace_id == self.workspace_id, Tag.id == tag_id, unused))

    def _require(self, subscriber_id: int) -> None:
        # Held until the end: whoever erases the fan waits, and takes the tag along.
        here = Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id
        held = select(Subscriber.id).where(*here).with_for_update(key_share=True, read=True)
        if self.session.scalar(held) is None:
            raise NotFound(subscriber_id)

    def _find(self, name: str) -> int | None:
        same = func.lower(Tag.name) == func.lower(name)
        return self.session.scalar(select(Tag.id).where(Tag.workspace_id == self.workspace_id, same))

    def _create(self, name: str) -> int:
        count = select(func.count()).select_from(Tag).where(Tag.workspace_id == self.workspace_id)
        if (self.session.scalar(count) or 0) >= MOST:
            raise Invalid({"name": [Problem("too_many_tags", {"most": MOST})]})
        created = self.session.scalar(
            insert(Tag).values(workspace_id=self.workspace_id, name=name).on_conflict_do_nothing().returning(Tag.id)
        )
        if created is None:  # someone else made it in this moment
            created = self._find(name)
        if created is None:
            raise NotFound(name)
        return created


_ALL = select(Tag).where(Tag.workspace_id == bindparam("workspace_id")).order_by(func.lower(Tag.name))
