"""Who the viewer is: their name, their time zone, their language and their picture."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.user import Membership, Picture, User
from huntaze.schemas.management import ProfileChange
from huntaze.services.errors import NotFound
from huntaze.services.pictures import portrait


class ProfileService:
    """The people of one workspace; through the system door, because users belong to no workspace."""

    system_door: ClassVar[Literal[True]] = True

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def get(self, user_id: UserId) -> User:
        """Raises NotFound for someone who is no member."""
        user = self.session.scalar(
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == self.workspace_id, User.id == user_id)
        )
        if user is None:
            raise NotFound(user_id)
        return user

    def change(self, user_id: UserId, change: ProfileChange) -> User:
        """Raises NotFound."""
        user = self.get(user_id)
        user.name, user.time_zone, user.locale = change.name, change.time_zone, change.locale
        self.session.flush()
        return user

    def show(self, user_id: UserId, file: bytes) -> None:
        """The picture from now on, made of an uploaded file. Raises Invalid for what is no picture."""
        webp = portrait(file)
        digest = hashlib.sha256(webp).hexdigest()[:16]
        put = insert(Picture).values(user_id=user_id, webp=webp)
        self.session.execute(
            put.on_conflict_do_update(index_elements=[Picture.user_id], set_={"webp": put.excluded.webp})
        )
        self.session.execute(update(User).where(User.id == user_id).values(picture=digest))

    def hide(self, user_id: UserId) -> None:
        """Without a picture from now on."""
        self.session.execute(delete(Picture).where(Picture.user_id == user_id))
        self.session.execute(update(User).where(User.id == user_id).values(picture=None))

    def picture(self, user_id: int) -> bytes:
        """A member's picture, as WebP. Raises NotFound for those without one and for those of other workspaces."""
        webp = self.session.scalar(
            select(Picture.webp)
            .join(Membership, Membership.user_id == Picture.user_id)
            .where(Membership.workspace_id == self.workspace_id, Picture.user_id == user_id)
        )
        if webp is None:
            raise NotFound(user_id)
        return webp
