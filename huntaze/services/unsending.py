"""Messages that are to be taken back: the platform is asked, and what it answered is kept."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.adapters.platform import PermanentError, Reason, RetryableError
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Message
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.services.conversation_news import changed
from huntaze.services.conversation_replies import UNSEND
from huntaze.services.delivery_stories import with_fan
from huntaze.services.platform_keys import PlatformKeys
from huntaze.services.sync import OpenPlatform
from huntaze.services.sync_lease import Sessions

PATIENCE = 30.0
"""Seconds for a call."""
LOST = timedelta(minutes=1)
"""Asked for so long ago, and nothing came of it: a job was lost, or the platform could not be reached."""


class _Asked(NamedTuple):
    conversation_id: int
    chat_id: str
    message_id: str
    platform: Platform
    key: str | None
    external_id: str


class UnsendWork:
    """One message of one workspace. No transaction is open during the call."""

    def __init__(
        self,
        transaction: Sessions,
        workspace_id: WorkspaceId,
        message_id: int,
        secret_key: str,
        open_platform: OpenPlatform,
    ) -> None:
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.message_id = message_id
        self.keys = PlatformKeys(secret_key)
        self.open_platform = open_platform

    def run(self) -> None:
        """Takes it back, unless nobody asked. What the platform has no more is taken back, too; where it refuses, the
        message stays; where it can't be reached, it is asked again later."""
        with self.transaction() as session:
            asked = self._asked(session)
        if asked is None:
            return
        try:
            asyncio.run(self._call(asked))
        except PermanentError as error:
            gone = error.reason is Reason.NOT_FOUND
            self._store(asked, deleted_at=func.now() if gone else None)
        except RetryableError:
            return
        else:
            self._store(asked, deleted_at=func.now())

    async def _call(self, asked: _Asked) -> None:
        """Raises PlatformError."""
        if asked.key is None:
            raise PermanentError(Reason.UNAUTHORIZED)
        adapter = self.open_platform(asked.platform, asked.key, asked.external_id)
        try:
            async with asyncio.timeout(PATIENCE):
                await adapter.delete_message(asked.chat_id, asked.message_id)
        except TimeoutError:
            raise RetryableError(Reason.TIMED_OUT) from None
        finally:
            await adapter.aclose()

    def _asked(self, session: Session) -> _Asked | None:
        query = (
            with_fan(select(Message, Subscriber.platform_id, PlatformAccount))
            .join(
                PlatformAccount,
                (PlatformAccount.workspace_id == Message.workspace_id) & (PlatformAccount.id == Message.account_id),
            )
            .where(
                Message.workspace_id == self.workspace_id,
                Message.id == self.message_id,
                Message.unsend_asked_at.is_not(None),
                Message.deleted_at.is_(None),
            )
        )
        row = session.execute(query).one_or_none()
        if row is None:
            return None
        message, chat_id, account = row
        if chat_id is None or message.platform_id is None:
            return None
        return _Asked(
            message.conversation_id,
            chat_id,
            message.platform_id,
            account.platform,
            self.keys.api_key(account),
            account.external_id,
        )

    def _store(self, asked: _Asked, deleted_at: object) -> None:
        with self.transaction() as session:
            session.execute(
                update(Message)
                .where(Message.workspace_id == self.workspace_id, Message.id == self.message_id)
                .values(unsend_asked_at=None, deleted_at=deleted_at)
            )
            changed(session, self.workspace_id, [asked.conversation_id])


class UnsendUpkeep:
    """For all workspaces: works through the system door."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def lost(self, now: datetime) -> list[tuple[WorkspaceId, int]]:
        """(workspace, message) of those that wait. For those that are too old now nobody waits any more."""
        waits = Message.unsend_asked_at.is_not(None), Message.deleted_at.is_(None)
        late = update(Message).where(*waits, Message.sent_at < now - UNSEND).values(unsend_asked_at=None)
        self.session.execute(late)
        query = select(Message.workspace_id, Message.id).where(*waits, Message.unsend_asked_at < now - LOST)
        rows = self.session.execute(query.order_by(Message.unsend_asked_at).limit(100))
        return [(row.workspace_id, row.id) for row in rows]
