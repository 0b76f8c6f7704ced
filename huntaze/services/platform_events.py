"""What the events of a platform mean for what we know. They come late, twice and in any order.

So an event only adds what is true whenever it is told: a message that was written, a payment that was made, that
there is such a fan. How something stands *now* (who is subscribed, whether the account works) no event says for sure:
it only makes the next sync come soon, and pulling is the truth.
"""

from __future__ import annotations

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Event, EventKind
from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import PlatformAccount
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
        if event.fan is not None and event.kind is not EventKind.EXPIRED:
            self.known.fans([event.fan])
        if event.transaction is not None:
            self.known.transactions([event.transaction])
        if event.message is not None:
            self.known.messages(event.message.chat_id, [event.message])
        if event.message_id is None:
            return True
        if event.kind is EventKind.MESSAGE_DELETED:
            return bool(self.known.deleted(event.message_id).changed)
        if event.kind is EventKind.MESSAGE_UNLOCKED and event.fan_id is not None:
            return bool(self.known.unlocked(event.fan_id, event.message_id).changed)
        return True


def want_sync(session: Session, workspace_id: WorkspaceId, account_id: int) -> None:
    """The next sync of the account comes soon. It was wanted from the first time on that it was."""
    account = PlatformAccount.workspace_id == workspace_id, PlatformAccount.id == account_id
    wanted = func.coalesce(PlatformAccount.sync_wanted_at, func.now())
    session.execute(update(PlatformAccount).where(*account).values(sync_wanted_at=wanted))
