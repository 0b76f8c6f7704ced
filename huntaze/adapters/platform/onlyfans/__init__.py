"""OnlyFans, through the gateway onlyfansapi.com and its client `onlyfans`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from huntaze.adapters.platform import PlatformAdapter, records
from huntaze.adapters.platform.errors import Outcome, PermanentError, PlatformError, Reason
from huntaze.adapters.platform.onlyfans import pages, webhooks, wire, wire_money
from huntaze.adapters.platform.onlyfans.answers import Answer, is_replay, malformed, read_one
from huntaze.adapters.platform.onlyfans.timeouts import Timeouts
from huntaze.adapters.platform.records import (
    Balances,
    Capabilities,
    Cents,
    Chargeback,
    Chat,
    Event,
    Fan,
    FanKind,
    MassDraft,
    MassMessage,
    MassResult,
    Media,
    Message,
    MessageDraft,
    Page,
    Payout,
    Period,
    Raw,
    SendResult,
    TrackingLink,
    Transaction,
    UploadFile,
)

if TYPE_CHECKING:
    import httpx
    from onlyfansapi import AsyncOnlyFansAPI

    from huntaze.adapters.platform.onlyfans.calls import Calls, Response

__all__ = ["OnlyFans", "Timeouts", "open_http_client"]

T_co = TypeVar("T_co", covariant=True)
FANS = 20
"""Fans on a page: the platform gives no more."""
ROWS = 100
"""Rows on a page of anything else."""


class OnlyFans(PlatformAdapter):
    """Belongs to one event loop; opens its connections at the first call."""

    caps = Capabilities(
        idempotent_send=True,
        native_mass=True,
        vault_upload=True,
        webhooks=True,
        delete_within=timedelta(hours=24),
        price_min=Cents(300),
        price_max=Cents(20_000),
        price_needs_media=True,
        upload_max=100 * 2**20,
    )

    def __init__(
        self,
        api_key: str,
        account_id: str,
        *,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        """base_url: None for the real gateway. http_client: one of `open_http_client`, to share its connections
        with other accounts; it is not closed with this adapter."""
        self._account = account_id
        self._timeouts = timeouts or Timeouts()
        self._arguments = api_key, base_url, self._timeouts, http_client

    @cached_property
    def _calls(self) -> Calls:
        """Made when it is needed: what it imports is large, and a webhook is read without."""
        from huntaze.adapters.platform.onlyfans.calls import Calls

        return Calls(*self._arguments)

    @property
    def _client(self) -> AsyncOnlyFansAPI:
        return self._calls.client

    async def aclose(self) -> None:
        if "_calls" in vars(self):
            await self._calls.aclose()

    async def __aenter__(self) -> OnlyFans:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # The account ---------------------------------------------------------------------------------

    async def account(self) -> records.Account:
        answer = await self._call(self._client.me.with_raw_response.retrieve(self._account))

        def read(raw: Raw) -> records.Account:
            me = wire.Me.model_validate(raw)
            return records.Account(
                id=self._account,
                user_id=me.id,
                username=me.username or None,
                name=me.name or None,
                connected=True,
                active_fans=me.subscribers_count,
                limits=answer.limits(),
                raw=raw,
            )

        return answer.one(read)

    async def accounts(self) -> Page[records.Account]:
        answer = await self._call(self._client.accounts.with_raw_response.list())
        if isinstance(answer.body, list):  # the one list without an envelope
            answer = Answer({"data": answer.body}, answer.headers)
        return answer.page(_reader(wire.ConnectedAccount), None, None)

    # Fans and chats ------------------------------------------------------------------------------

    async def list_fans(self, kind: FanKind, cursor: str | None = None) -> Page[Fan]:
        fans = self._client.fans.with_raw_response
        offset = pages.offset_of(cursor)
        match kind:
            case FanKind.ACTIVE:
                answer = await self._call(fans.list_active(self._account, limit=FANS, offset=offset))
            case FanKind.EXPIRED:
                answer = await self._call(fans.list_expired(self._account, limit=FANS, offset=offset))
            case FanKind.ALL:
                answer = await self._call(fans.list_all(self._account, limit=FANS, offset=offset))
        return answer.page(_reader(wire.Fan), cursor, pages.next_offset(answer, cursor, FANS))

    async def get_fan(self, fan_id: str) -> Fan:
        answer = await self._call(self._client.users.with_raw_response.list(self._account, ids=fan_id))
        data = answer.body.get("data") if isinstance(answer.body, dict) else None
        raw = data.get(fan_id) if isinstance(data, dict) else None
        if raw is None and (data == [] or isinstance(data, dict)):
            raise PermanentError(Reason.NOT_FOUND, outcome=Outcome.NOT_SENT, raw=answer.body)
        if not isinstance(raw, dict):
            raise malformed("data: is no object", answer.body)
        return read_one(_reader(wire.Fan), raw, answer.body)

    async def subscription_history(self, fan_id: str) -> Page[Period]:
        fans = self._client.fans.with_raw_response
        answer = await self._call(fans.get_subscription_history(fan_id, account=self._account))
        return answer.page(_reader(wire.Period), None, None)

    async def list_chats(self, cursor: str | None = None) -> Page[Chat]:
        offset = pages.offset_of(cursor)
        answer = await self._call(
            self._client.chats.with_raw_response.list(
                self._account, limit=str(ROWS), offset=str(offset), order="recent"
            )
        )
        return answer.page(_reader(wire.Chat), cursor, pages.next_offset(answer, cursor, ROWS))

    async def list_messages(self, chat_id: str, cursor: str | None = None) -> Page[Message]:
        messages = self._client.chats.messages.with_raw_response
        answer = await self._call(
            messages.list(chat_id, account=self._account, limit=str(ROWS), **_given(first_id=cursor))
        )

        def read(raw: Raw) -> Message:
            return wire.Message.model_validate(raw).record(raw, chat_id)

        return answer.page(read, cursor, pages.next_message(answer, ROWS))

    async def send_message(
        self, chat_id: str, draft: MessageDraft, key: str, *, not_after: float | None = None
    ) -> SendResult:
        try:
            answer = await self._call(
                self._client.chats.messages.with_raw_response.send(
                    chat_id,
                    account=self._account,
                    idempotency_key=key,
                    **_given(reply_to_message_id=int(draft.reply_to) if draft.reply_to else None),
                    **_content(draft),
                ),
                not_after=not_after,
            )
            read_one(wire.Sent.model_validate, answer.data(), answer.body)
        except PlatformError as error:
            return SendResult(error.outcome, replayed=error.replayed, error=error)
        return SendResult(
            Outcome.SENT,
            message=self._sent_message(answer, chat_id),
            replayed=is_replay(answer.headers),
            limits=answer.limits(),
        )

    async def delete_message(self, chat_id: str, message_id: str) -> None:
        messages = self._client.chats.messages.with_raw_response
        await self._call(messages.delete(message_id, account=self._account, chat_id=chat_id))

    # Messages to many ----------------------------------------------------------------------------

    async def send_mass(self, draft: MassDraft) -> MassMessage:
        answer = await self._call(
            self._client.mass_messaging.with_raw_response.send(
                self._account,
                **_given(
                    user_lists=draft.lists,
                    excluded_lists=draft.excluded_lists,
                    user_ids=draft.fan_ids,
                    scheduled_date=draft.at.astimezone(UTC).isoformat() if draft.at else None,
                ),
                **_content(draft),
            )
        )
        return answer.one(_reader(wire.Mass))

    async def list_mass(self) -> Page[MassMessage]:
        answer = await self._call(self._client.mass_messaging.with_raw_response.list(self._account))
        return answer.page(_reader(wire.Mass), None, None)

    async def mass_results(self, cursor: str | None = None) -> Page[MassResult]:
        """The cursor is a date, and belongs to the page before too: a row may come twice."""
        masses = self._client.mass_messaging.with_raw_response
        answer = await self._call(masses.retrieve_overview(self._account, limit=ROWS, **_given(end_date=cursor)))
        page = answer.page(_reader(wire.MassOverview), cursor, None, name="items")
        last = page.rows[-1].at.isoformat() if page.rows and answer.has_more() else None
        return Page(page.rows, None if last == cursor else last, page.limits, page.rejected)

    async def list_buyers(self, mass_id: str, cursor: str | None = None) -> Page[Fan]:
        messages = self._client.engagement.messages.with_raw_response
        answer = await self._call(
            messages.get_message_buyers(mass_id, account=self._account, limit=ROWS, offset=pages.offset_of(cursor))
        )
        return answer.page(_reader(wire.Fan), cursor, pages.next_offset(answer, cursor, ROWS))

    async def cancel_mass(self, mass_id: str) -> None:
        await self._call(self._client.mass_messaging.with_raw_response.delete(mass_id, account=self._account))

    # The vault -----------------------------------------------------------------------------------

    async def list_media(self, cursor: str | None = None) -> Page[Media]:
        vault = self._client.media.vault.with_raw_response
        answer = await self._call(vault.list(self._account, limit=ROWS, offset=pages.offset_of(cursor)))
        return answer.page(_reader(wire.Media), cursor, pages.next_offset(answer, cursor, ROWS))

    async def upload_media(self, file: UploadFile) -> Media:
        upload = self._client.media.vault.with_raw_response.upload(
            self._account, file=(file.name, file.content, file.type), timeout=self._timeouts.upload
        )
        answer = await self._call(upload, self._timeouts.upload)
        return answer.one(_reader(wire.Media))

    # Money ---------------------------------------------------------------------------------------

    async def list_transactions(self, since: datetime, marker: str | None = None) -> Page[Transaction]:
        """Without a date the gateway would give the last 30 days only."""
        transactions = self._client.transactions.with_raw_response
        start = since.astimezone(UTC).isoformat()
        answer = await self._call(
            transactions.list(self._account, limit=str(ROWS), start_date=start, **_given(marker=marker))
        )
        return answer.page(_reader(wire_money.Transaction), marker, pages.next_marker(answer))

    async def list_chargebacks(self, cursor: str | None = None) -> Page[Chargeback]:
        chargebacks = self._client.chargebacks.with_raw_response
        offset = str(pages.offset_of(cursor))
        answer = await self._call(chargebacks.list(self._account, limit=str(ROWS), offset=offset))
        return answer.page(_reader(wire_money.Chargeback), cursor, pages.next_full_page(answer, cursor, ROWS))

    async def balances(self) -> Balances:
        answer = await self._call(self._client.payouts.with_raw_response.retrieve_balances(self._account))
        return answer.one(lambda raw: wire_money.Balances.model_validate(raw).record(raw, answer.limits()))

    async def list_payouts(self, cursor: str | None = None) -> Page[Payout]:
        payouts = self._client.payouts.with_raw_response
        offset = str(pages.offset_of(cursor))
        answer = await self._call(payouts.list_requests(self._account, limit=str(ROWS), offset=offset))
        return answer.page(_reader(wire_money.Payout), cursor, pages.next_full_page(answer, cursor, ROWS))

    async def list_tracking_links(self, cursor: str | None = None) -> Page[TrackingLink]:
        links = self._client.tracking_links.with_raw_response
        answer = await self._call(links.list(self._account, limit=ROWS, offset=pages.offset_of(cursor)))
        return answer.page(_reader(wire.TrackingLink), cursor, pages.next_offset(answer, cursor, ROWS))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, secret: str) -> Event:
        return webhooks.parse(headers, body, secret)

    async def _call(
        self, request: Awaitable[Response], seconds: float | None = None, not_after: float | None = None
    ) -> Answer:
        from huntaze.adapters.platform.onlyfans.calls import call

        return await call(request, seconds or self._timeouts.total, not_after)

    def _sent_message(self, answer: Answer, chat_id: str) -> Message | None:
        """It is sent, whether or not we can read all that the platform made of it."""
        try:
            raw = answer.data()
            return wire.Message.model_validate(raw).record(raw, chat_id, mine=True)
        except ValueError:
            return None


def open_http_client(timeouts: Timeouts, connections: int) -> httpx.AsyncClient:
    """Connections that the adapters of many accounts can share; whoever opens them closes them."""
    from huntaze.adapters.platform.onlyfans import calls

    return calls.open_http_client(timeouts, connections)


class _Row(Protocol[T_co]):
    """A model of `wire`."""

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...

    def record(self, raw: Raw) -> T_co: ...


def _reader(model: type[_Row[T_co]]) -> Callable[[Raw], T_co]:
    """Reads a row with a model of `wire`, and makes it a record that keeps the row."""
    return lambda raw: model.model_validate(raw).record(raw)


def _given(**arguments: object) -> dict[str, Any]:
    """Those that say something: the client tells what is left out from what is empty."""
    return {name: value for name, value in arguments.items() if value}


def _content(draft: MessageDraft | MassDraft) -> dict[str, Any]:
    """What both ways of sending have in common; what is not set is not sent."""
    content: dict[str, Any] = {"text": draft.text} if draft.text or isinstance(draft, MassDraft) else {}
    if draft.price:
        content["price"] = draft.price // 100 if draft.price % 100 == 0 else draft.price / 100
    if draft.media:
        content["media_files"] = [_media_id(each) for each in draft.media]
    if draft.previews:
        content["previews"] = [_media_id(each) for each in draft.previews]
    if draft.locked_text:
        content["locked_text"] = True
    return content


def _media_id(media_id: str) -> int | str:
    """The vault's are numbers; those of fresh uploads are not."""
    return int(media_id) if media_id.isdecimal() else media_id
