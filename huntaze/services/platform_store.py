"""Stores what a platform says of one account, by page: the platform wins for its fields, ours stay.

Every method works in the session's transaction, may be called again with the same rows, and in any order; whoever
writes for an account waits for the one before. A field that is None was not said, and changes nothing. Events are
written beside what caused them, once per cause, for what is newer than the account's connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from huntaze.adapters.platform import Chargeback, Chat, Fan, Media, Message, Payout, Period, TrackingLink, Transaction
from huntaze.models.base import WorkspaceId


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows were new or had changed, and how many could not be kept (money of another currency)."""

    changed: int
    rejected: int = 0


class PlatformStore:
    """What is known of one platform account."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, account_id: int, secret_key: str) -> None:
        """secret_key: of the app, to know erased fans again. Raises NotFound when used, if the account is gone."""
        self.session = session
        self.workspace_id = workspace_id
        self.account_id = account_id

    def fans(self, fans: Sequence[Fan], *, listed: bool = False) -> Stored:
        """Adds and changes fans: known by id, or (from a file) by name. Erased ones are left out.

        listed: the rows are of a sweep of all fans (`vanish`).
        """
        raise NotImplementedError

    def periods(self, fan_id: str, periods: Sequence[Period]) -> Stored:
        """The whole subscription history of a fan: it takes the place of what was known. Of an unknown fan: nothing."""
        raise NotImplementedError

    def transactions(self, transactions: Sequence[Transaction]) -> Stored:
        """Payments. One of an unknown fan adds the fan; one of an erased fan is kept without a name."""
        raise NotImplementedError

    def chargebacks(self, chargebacks: Sequence[Chargeback]) -> Stored:
        """Money that was taken back: rows of their own, with negative amounts."""
        raise NotImplementedError

    def chats(self, chats: Sequence[Chat]) -> Stored:
        """Conversations with their last message; one with messages that we have not read becomes `behind`."""
        raise NotImplementedError

    def messages(self, chat_id: str, messages: Sequence[Message]) -> Stored:
        """Messages of one chat; adds the fan and the conversation where they are unknown."""
        raise NotImplementedError

    def caught_up(self, chat_id: str) -> None:
        """All messages of the chat are read: it is not `behind` any more."""
        raise NotImplementedError

    def unlocked(self, chat_id: str, message_id: str) -> Stored:
        """The fan paid for a message; of an unknown message: nothing (reading the chat tells)."""
        raise NotImplementedError

    def deleted(self, message_id: str) -> Stored:
        """The platform took a message back; of an unknown message: nothing."""
        raise NotImplementedError

    def payouts(self, payouts: Sequence[Payout]) -> Stored:
        raise NotImplementedError

    def media(self, media: Sequence[Media]) -> Stored:
        raise NotImplementedError

    def links(self, links: Sequence[TrackingLink]) -> Stored:
        raise NotImplementedError
