"""What the events of a platform mean for what we know. They come late, twice and in any order.

So an event only adds what is true whenever it is told: a message that was written, a payment that was made, that
there is such a fan. How something stands *now* (who is subscribed, whether the account works) no event says for sure:
it only makes the next sync come soon, and pulling is the truth.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Event, EventKind, Fan
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.services.platform_store import PlatformStore

COMPLETE = {EventKind.MESSAGE_RECEIVED, EventKind.MESSAGE_SENT, EventKind.MESSAGE_DELETED, EventKind.MESSAGE_UNLOCKED}
"""What these say is all there is to know of it; after the others the sync looks, too."""


class PlatformEvents:
    """Stores what events of one account say, in the session's transaction."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, account_id: int, secret_key: str) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.account_id = account_id
        self.known = PlatformStore(session, workspace_id, account_id, secret_key)

    def store(self, event: Event) -> bool:
        """False for what is about a message that is not known yet: it has to come again. Twice is once."""
        if event.kind not in COMPLETE or event.problem:
            want_sync(self.session, self.workspace_id, self.account_id)
        if event.transaction is not None:
            self.known.transactions([event.transaction])
        if event.message is not None:
            self.known.messages(event.message.chat_id, [event.message])
        if event.fan is not None and (event.transaction or event.message or event.kind is EventKind.SUBSCRIBED):
            self._introduce(event, event.fan)
        if event.kind is EventKind.MESSAGE_DELETED and event.message_id:
            return bool(self.known.deleted(event.message_id).changed) or self._has(event.message_id)
        if event.kind is EventKind.MESSAGE_UNLOCKED and event.message_id and event.fan_id:
            return bool(self.known.unlocked(event.fan_id, event.message_id).changed) or self._has(event.message_id)
        return True

    def _introduce(self, event: Event, fan: Fan) -> None:
        """Gives a fan a name of whom no sync has told anything: what it told is newer than what an event says."""
        described = select(Subscriber.id).where(
            Subscriber.workspace_id == self.workspace_id,
            Subscriber.account_id == self.account_id,
            Subscriber.platform_id == fan.id,
            Subscriber.renews_at.is_not(None),
        )
        if self.session.scalar(described) is not None:
            return
        if event.kind is EventKind.SUBSCRIBED:
            fan = replace(fan, active=True, subscribed_at=event.at, price=event.amount)
        self.known.fans([fan])
        want_sync(self.session, self.workspace_id, self.account_id)

    def _has(self, message_id: str) -> bool:
        """Whether a message is known, and what was to be done to it is done already."""
        query = (
            select(Message.id)
            .join(
                Conversation,
                (Conversation.workspace_id == Message.workspace_id) & (Conversation.id == Message.conversation_id),
            )
            .where(
                Message.workspace_id == self.workspace_id,
                Conversation.account_id == self.account_id,
                Message.platform_id == message_id,
            )
            .limit(1)
        )
        return self.session.scalar(query) is not None


def want_sync(session: Session, workspace_id: WorkspaceId, account_id: int) -> None:
    """The next sync of the account comes soon. It was wanted from the first time on that it was."""
    account = PlatformAccount.workspace_id == workspace_id, PlatformAccount.id == account_id
    wanted = func.coalesce(PlatformAccount.sync_wanted_at, func.now())
    session.execute(update(PlatformAccount).where(*account).values(sync_wanted_at=wanted))
