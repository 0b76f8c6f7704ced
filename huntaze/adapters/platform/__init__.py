"""The platform where a creator's fans are. OnlyFans is the first; nothing above this package knows which it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from huntaze.adapters.platform.errors import Outcome, PermanentError, PlatformError, Reason, RetryableError
from huntaze.adapters.platform.records import (
    Account,
    Balances,
    Capabilities,
    Cents,
    Chargeback,
    Chat,
    Event,
    EventKind,
    Fan,
    FanKind,
    Limits,
    MassDraft,
    MassMessage,
    MassResult,
    Media,
    Message,
    MessageDraft,
    Page,
    Payout,
    Period,
    Rejected,
    SendResult,
    Spent,
    TrackingLink,
    Transaction,
    TransactionKind,
    TransactionStatus,
    UploadFile,
)

__all__ = [
    "Account",
    "Balances",
    "Capabilities",
    "Cents",
    "Chargeback",
    "Chat",
    "Event",
    "EventKind",
    "Fan",
    "FanKind",
    "Limits",
    "MassDraft",
    "MassMessage",
    "MassResult",
    "Media",
    "Message",
    "MessageDraft",
    "Outcome",
    "Page",
    "Payout",
    "Period",
    "PermanentError",
    "PlatformAdapter",
    "PlatformError",
    "Reason",
    "Rejected",
    "RetryableError",
    "SendResult",
    "Spent",
    "TrackingLink",
    "Transaction",
    "TransactionKind",
    "TransactionStatus",
    "UploadFile",
    "WebhookReader",
]


class WebhookReader(Protocol):
    """How the webhooks of one platform are read: it needs no account and no connection."""

    def parse(self, headers: Mapping[str, str], body: bytes, secret: str) -> Event:
        """As PlatformAdapter.parse_webhook."""

    def read(self, body: bytes) -> Event:
        """One that `parse` verified when it came. Raises PermanentError MALFORMED."""


class PlatformAdapter(Protocol):
    """One creator's account at a platform. Every call is one request: retries and pace are the caller's.

    All but `send_message` raise PermanentError or RetryableError. Lists begin with the newest and go on with the
    cursor of the page before; rows that can't be read are in `rejected`, and do not keep the others from coming.
    """

    caps: Capabilities

    async def account(self) -> Account: ...

    async def accounts(self) -> Page[Account]:
        """All accounts that the key may act for, whichever this adapter is of."""

    async def list_fans(self, kind: FanKind, cursor: str | None = None) -> Page[Fan]: ...

    async def get_fan(self, fan_id: str) -> Fan:
        """Raises PermanentError NOT_FOUND."""

    async def subscription_history(self, fan_id: str) -> Page[Period]: ...

    async def list_chats(self, cursor: str | None = None) -> Page[Chat]: ...

    async def list_messages(self, chat_id: str, cursor: str | None = None) -> Page[Message]: ...

    async def send_message(
        self, chat_id: str, draft: MessageDraft, key: str, *, not_after: float | None = None
    ) -> SendResult:
        """Raises nothing that a platform or a network can cause. key: the message's own, the same at each attempt.

        not_after: of time.monotonic(). From then on nothing is written any more, and the result is NOT_SENT.
        """

    async def delete_message(self, chat_id: str, message_id: str) -> None: ...

    async def send_mass(self, draft: MassDraft) -> MassMessage:
        """Has no key: after an error whose outcome is UNKNOWN look with `list_mass`, and do not repeat it."""

    async def list_mass(self) -> Page[MassMessage]:
        """Those that are pending, scheduled or recently sent."""

    async def mass_results(self, cursor: str | None = None) -> Page[MassResult]: ...

    async def list_buyers(self, mass_id: str, cursor: str | None = None) -> Page[Fan]: ...

    async def cancel_mass(self, mass_id: str) -> None:
        """Unsend it, or cancel what is scheduled."""

    async def list_media(self, cursor: str | None = None) -> Page[Media]: ...

    async def upload_media(self, file: UploadFile) -> Media: ...

    async def list_transactions(self, since: datetime, marker: str | None = None) -> Page[Transaction]: ...

    async def list_chargebacks(self, cursor: str | None = None) -> Page[Chargeback]: ...

    async def balances(self) -> Balances: ...

    async def list_payouts(self, cursor: str | None = None) -> Page[Payout]: ...

    async def list_tracking_links(self, cursor: str | None = None) -> Page[TrackingLink]: ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, secret: str) -> Event:
        """Verify the signature, then read it. body: the bytes as they came. Raises PermanentError
        SIGNATURE if the platform did not sign it with `secret`, MALFORMED if it is no event at all."""

    async def aclose(self) -> None:
        """Close the connections."""
