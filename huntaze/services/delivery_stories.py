"""What is shown of messages that we send: all of them; of one, for whom it is, by whom, what was tried and what came
back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Message
from huntaze.models.delivery import Attempt
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.subscriber import Subscriber
from huntaze.models.user import User
from huntaze.services.errors import NotFound
from huntaze.services.keyset import Order, Page

MOST = 5
"""Doubts that are told at once: each takes a person a minute."""


NEWEST = Order("outgoing", Message.id, Message.id, lambda row: row.id, int)


class OutgoingRow(NamedTuple):
    """A message with the fan whom it is for."""

    id: int
    message: Message
    subscriber_id: int
    name: str


class Story(NamedTuple):
    """name: the fan's; handle: the account's; author: who wrote it, as far as they are a member still. attempts: the
    first one first."""

    message: Message
    subscriber_id: int
    name: str
    handle: str
    author: str | None
    attempts: Sequence[Attempt]


class StoryService:
    """Those of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def page(
        self, after: str = "", *, account_id: int | None = None, states: Iterable[DeliveryState] = ()
    ) -> Page[OutgoingRow]:
        """What we send and sent, the latest first. Raises Invalid for a cursor of another list."""
        query: Any = with_fan(select(Message, Subscriber.id, Subscriber.display_name, Subscriber.username))
        query = query.where(Message.workspace_id == self.workspace_id, Message.key.is_not(None))
        if account_id is not None:
            query = query.where(Message.account_id == account_id)
        wanted = list(states)
        if wanted:
            query = query.where(Message.state.in_(wanted))
        rows = [
            OutgoingRow(message.id, message, fan, name or username)
            for message, fan, name, username in self.session.execute(NEWEST.page(query, after))
        ]
        return NEWEST.split(rows)

    def get(self, message_id: int) -> Story:
        """Raises NotFound."""
        found = self._read(self._query().where(Message.id == message_id))
        if not found:
            raise NotFound(message_id)
        return found[0]

    def doubts(self) -> list[Story]:
        """What a person has to decide, the oldest first, MOST of them. Two queries: messages, attempts."""
        return self._read(
            self._query().where(Message.state == DeliveryState.UNKNOWN).order_by(Message.id).limit(MOST)
        )

    def _query(self) -> Any:
        """From the accounts, which are few, so that each finds its own by index."""
        ours = (
            select(Message, Subscriber.id, Subscriber.display_name, Subscriber.username, PlatformAccount, User.name)
            .select_from(PlatformAccount)
            .join(
                Message,
                (Message.workspace_id == PlatformAccount.workspace_id) & (Message.account_id == PlatformAccount.id),
            )
        )
        return (
            with_fan(ours)
            .outerjoin(User, User.id == Message.author_id)
            .where(PlatformAccount.workspace_id == self.workspace_id, Message.key.is_not(None))
        )

    def _read(self, query: Any) -> list[Story]:
        rows = self.session.execute(query).all()
        attempts: dict[int, list[Attempt]] = {message.id: [] for message, *_ in rows}
        tried = select(Attempt).where(Attempt.workspace_id == self.workspace_id, Attempt.message_id.in_(attempts))
        for attempt in self.session.scalars(tried.order_by(Attempt.id)) if attempts else ():
            attempts[attempt.message_id].append(attempt)
        return [
            Story(message, fan, name or username, account.handle, author, attempts[message.id])
            for message, fan, name, username, account, author in rows
        ]


def with_fan(query: Any) -> Any:
    """Joins the fans to a query of messages."""
    return query.join(
        Conversation,
        (Conversation.workspace_id == Message.workspace_id) & (Conversation.id == Message.conversation_id),
    ).join(
        Subscriber,
        (Subscriber.workspace_id == Conversation.workspace_id) & (Subscriber.id == Conversation.subscriber_id),
    )
