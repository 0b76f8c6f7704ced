"""Everything that was read of a platform account goes, some thousand rows at a time, and at last the account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, literal_column, select
from sqlalchemy.orm import Session

from huntaze.models.base import Base, WorkspaceId
from huntaze.models.conversation import Conversation, Message
from huntaze.models.domain_event import DomainEvent
from huntaze.models.notification import Notification
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Subscriber

BATCH = 2_000
"""Rows of a transaction: few, so that nobody waits long for a lock of it."""


class PlatformErasure:
    """The accounts of one workspace whose owner asked for that."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def step(self, account_id: int) -> bool:
        """Deletes at most BATCH rows; those that point at them go along. False when there is nothing (left) to do.

        Begins anywhere: what an earlier run deleted is not there. The account's row is the last to go.
        """
        asked = self.session.scalar(
            select(PlatformAccount.id)
            .where(
                PlatformAccount.workspace_id == self.workspace_id,
                PlatformAccount.id == account_id,
                PlatformAccount.erase_asked_at.is_not(None),
            )
            .with_for_update()
        )
        if asked is None:
            return False
        for table, theirs in self._what(account_id):
            if self._delete_some(table, theirs):
                return True
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == account_id
        self.session.execute(delete(PlatformAccount).where(*here))
        return False

    def _what(self, account_id: int) -> list[tuple[Table, ColumnElement[bool]]]:
        """Tables with what is theirs. First those with many rows for each row that they hang on."""
        chats = select(Conversation.id).where(
            Conversation.workspace_id == self.workspace_id, Conversation.account_id == account_id
        )
        fans = select(Subscriber.id).where(
            Subscriber.workspace_id == self.workspace_id, Subscriber.account_id == account_id
        )
        indirect: list[tuple[Table, ColumnElement[bool]]] = [
            (_table(Message), Message.conversation_id.in_(chats)),
            (_table(DomainEvent), DomainEvent.subscriber_id.in_(fans)),
            (
                _table(Notification),
                Notification.url.in_(select(_page_of(Subscriber.id)).where(Subscriber.id.in_(fans))),
            ),
        ]
        return [*indirect, *((table, table.c.account_id == account_id) for table in _of_accounts())]

    def _delete_some(self, table: Table, theirs: ColumnElement[bool]) -> int:
        place: ColumnElement[Any] = literal_column(f"{table.name}.ctid")  # where a row lies: the quickest way to it
        some = select(place).select_from(table).where(table.c.workspace_id == self.workspace_id, theirs).limit(BATCH)
        chosen = delete(table).where(place == func.any(func.array(some.scalar_subquery())))
        return self.session.execute(chosen).rowcount  # type: ignore[attr-defined,no-any-return]


class PlatformErasureUpkeep:
    """For all workspaces: works through the system door."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def asked(self) -> list[tuple[WorkspaceId, int]]:
        """(workspace, account) of those that are to go."""
        query = select(PlatformAccount.workspace_id, PlatformAccount.id).where(
            PlatformAccount.erase_asked_at.is_not(None)
        )
        rows = self.session.execute(query.order_by(PlatformAccount.erase_asked_at))
        return [(row.workspace_id, row.id) for row in rows]


def _of_accounts() -> list[Table]:
    """What points at others comes before them; fans, whom most of it is about, come late."""
    return [table for table in reversed(Base.metadata.sorted_tables) if "account_id" in table.c]


def _page_of(subscriber_id: Any) -> ColumnElement[str]:
    return func.concat("/onlyfans/subscribers/", subscriber_id)


def _table(model: type[Base]) -> Table:
    return Base.metadata.tables[model.__tablename__]
