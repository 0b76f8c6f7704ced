"""Stores what a platform says of one account, by page: the platform wins for its fields, ours stay.

Every method works in the session's transaction, may be called again with the same rows, and in any order; whoever
writes for an account waits for the one before. A field that is None was not said, and changes nothing. Events are
written beside what caused them, once per cause, for what is newer than the account's connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from huntaze.adapters.platform import Chargeback, Chat, Fan, Media, Message, Payout, Period, TrackingLink, Transaction
from huntaze.models.base import WorkspaceId
from huntaze.services import platform_chats, platform_fans, platform_money, platform_records
from huntaze.services.platform_scope import Scope


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows were new or had changed, and how many could not be kept (money of another currency)."""

    changed: int
    rejected: int = 0


class PlatformStore:
    """What is known of one platform account. Each method raises NotFound if the account is gone."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, account_id: int, secret_key: str) -> None:
        """secret_key: of the app, to know erased fans again."""
        self._scope = Scope(session, workspace_id, account_id, secret_key)

    def fans(self, fans: Sequence[Fan], *, listed_at: datetime | None = None) -> Stored:
        """Adds and changes fans: known by id, or (from a file) by name. Erased ones are left out.

        listed_at: the rows are of a sweep of all fans, at this time (`vanish`). One who lost the name to another, and
        whose new name nobody told yet, is called ~ and their id.
        """
        self._scope.enter()
        return Stored(platform_fans.store(self._scope, fans, listed_at))

    def vanish(self, since: datetime) -> Stored:
        """After a sweep that began at `since`: whom it did not meet is gone from the platform, and expired."""
        self._scope.enter()
        return Stored(platform_fans.vanish(self._scope, since))

    def periods(self, fan_id: str, periods: Sequence[Period]) -> Stored:
        """The subscription history of a fan takes the place of what was known. Of an unknown fan: nothing."""
        self._scope.enter()
        return Stored(platform_fans.store_periods(self._scope, fan_id, periods))

    def transactions(self, transactions: Sequence[Transaction], *, add_up: bool = True) -> Stored:
        """Payments. One of an unknown fan adds the fan; one of an erased fan is kept without a name.

        add_up: False where so many come that what each fan spent is better added up once, after the last (`add_up`).
        """
        self._scope.enter()
        return Stored(*platform_money.store_payments(self._scope, transactions, add_up=add_up))

    def add_up(self, after: int) -> int | None:
        """What each of the fans behind that id spent in all; some fans. Returns where to go on, None at the end."""
        self._scope.enter()
        return platform_money.add_up_next(self._scope, after)

    def chargebacks(self, chargebacks: Sequence[Chargeback]) -> Stored:
        """Money that was taken back: rows of their own, with negative amounts."""
        self._scope.enter()
        return Stored(*platform_money.store_chargebacks(self._scope, chargebacks))

    def chats(self, chats: Sequence[Chat]) -> Stored:
        """Conversations with their last message; one with messages that we have not read becomes `behind`."""
        self._scope.enter()
        return Stored(platform_chats.store_chats(self._scope, chats))

    def messages(self, chat_id: str, messages: Sequence[Message]) -> Stored:
        """Messages of one chat; adds the fan and the conversation where they are unknown."""
        self._scope.enter()
        return Stored(platform_chats.store_messages(self._scope, chat_id, messages))

    def caught_up(self, chat_id: str) -> None:
        """The messages of the chat are read: it is not `behind` any more."""
        self._scope.enter()
        platform_chats.caught_up(self._scope, chat_id)

    def unlocked(self, chat_id: str, message_id: str) -> Stored:
        """The fan paid for a message; of an unknown message: nothing (reading the chat tells)."""
        self._scope.enter()
        return Stored(platform_chats.unlocked(self._scope, chat_id, message_id))

    def deleted(self, message_id: str) -> Stored:
        """The platform took a message back; of an unknown message: nothing."""
        self._scope.enter()
        return Stored(platform_chats.deleted(self._scope, message_id))

    def payouts(self, payouts: Sequence[Payout]) -> Stored:
        self._scope.enter()
        return Stored(platform_records.store_payouts(self._scope, payouts))

    def media(self, media: Sequence[Media]) -> Stored:
        self._scope.enter()
        return Stored(platform_records.store_media(self._scope, media))

    def links(self, links: Sequence[TrackingLink]) -> Stored:
        self._scope.enter()
        return Stored(platform_records.store_links(self._scope, links))
