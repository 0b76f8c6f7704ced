"""The rows of the platform's answers as they come, and the records that they are for us.

The client's own models check nothing and make every field optional; these check what we use, and only that.
What is about money is in `wire_money`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from huntaze.adapters.platform import records
from huntaze.adapters.platform.onlyfans.text import plain
from huntaze.adapters.platform.onlyfans.values import Id, Many, Maybe, Money, Text, Utc
from huntaze.adapters.platform.records import Cents, Raw


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class ListState(Wire):
    id: Id
    has_user: bool = False


class Subscription(Wire):
    subscribe_at: Utc | None = None
    expired_at: Utc | None = None
    price: Money | None = None
    total_summ: Money | None = None
    subscribes_summ: Money | None = None
    tips_summ: Money | None = None
    messages_summ: Money | None = None
    posts_summ: Money | None = None
    streams_summ: Money | None = None

    def spent(self) -> records.Spent | None:
        """None if the total is not told; a kind that is not told is 0."""
        if self.total_summ is None:
            return None
        kinds = (self.subscribes_summ, self.tips_summ, self.messages_summ, self.posts_summ, self.streams_summ)
        return records.Spent(self.total_summ, *(Cents(kind or 0) for kind in kinds))


class Fan(Wire):
    id: Id
    username: Text = ""
    name: Text = ""
    display_name: Text = ""
    last_seen: Utc | None = None
    lists_states: Many[ListState] = Field(default_factory=list)
    subscribed_on: bool | None = None
    subscribed_on_data: Maybe[Subscription] = None

    def record(self, raw: Raw) -> records.Fan:
        subscription = self.subscribed_on_data or Subscription()
        on = {state.id for state in self.lists_states if state.has_user}
        renewal = on & {"rebill_on", "rebill_off"}
        return records.Fan(
            id=self.id,
            username=self.username or None,
            name=self.name or None,
            nickname=self.display_name or None,
            active=self.subscribed_on,
            renews="rebill_on" in renewal if len(renewal) == 1 else None,
            subscribed_at=subscription.subscribe_at,
            expires_at=subscription.expired_at,
            price=subscription.price,
            spent=subscription.spent(),
            last_seen=self.last_seen,
            lists=tuple(sorted(on - renewal)),
            raw=raw,
        )


class Period(Wire):
    subscribe_date: Utc
    expire_date: Utc | None = None
    price: Money | None = None

    def record(self, raw: Raw) -> records.Period:
        return records.Period(self.subscribe_date, self.expire_date, self.price, raw)


class User(Wire):
    id: Id
    username: Text = ""
    name: Text = ""


class Attachment(Wire):
    id: Id


class Message(Wire):
    id: Id
    text: Text = ""
    price: Money | None = None
    is_free: bool | None = None
    is_opened: bool | None = None
    is_tip: bool = False
    is_sent_by_me: bool | None = None
    from_user: Maybe[User] = None
    media: Many[Attachment] = Field(default_factory=list)
    media_count: int | None = None
    created_at: Utc
    changed_at: Utc | None = None
    queue_id: Id | None = None
    is_from_queue: bool = False

    def record(self, raw: Raw, chat_id: str, *, mine: bool | None = None) -> records.Message:
        """mine: who sent it, where the answer need not say so. Raises ValueError if nobody says it."""
        if mine is None:
            mine = self.is_sent_by_me
        if mine is None:
            if self.from_user is None:
                raise ValueError("isSentByMe: is missing, and so is fromUser")
            mine = self.from_user.id != chat_id
        if self.price is None and not self.is_free:
            raise ValueError("price: is missing, and isFree does not say that there is none")
        return records.Message(
            id=self.id,
            chat_id=chat_id,
            mine=mine,
            text=plain(self.text),
            price=self.price or Cents(0),
            opened=self.is_opened,
            tip=self.is_tip,
            media=tuple(each.id for each in self.media),
            media_count=len(self.media) if self.media_count is None else self.media_count,
            mass_id=self.queue_id if self.is_from_queue and self.queue_id != "0" else None,
            at=self.created_at,
            changed_at=self.changed_at,
            raw=raw,
        )


class Chat(Wire):
    fan: User
    unread_messages_count: int = 0
    can_send_message: bool = True
    last_message: Maybe[Message] = None

    def record(self, raw: Raw) -> records.Chat:
        last = self.last_message
        return records.Chat(
            id=self.fan.id,
            fan_username=self.fan.username or None,
            fan_name=self.fan.name or None,
            unread=self.unread_messages_count,
            can_send=self.can_send_message,
            last_message=last.record(raw["lastMessage"], self.fan.id) if last else None,
            raw=raw,
        )


class Mass(Wire):
    id: Id
    date: Utc
    total: int | None = None
    pending: int | None = None
    is_done: bool = False
    is_canceled: bool = False
    has_error: bool = False
    can_unsend: bool = False
    unsend_seconds: int | None = None

    def record(self, raw: Raw) -> records.MassMessage:
        return records.MassMessage(
            id=self.id,
            at=self.date,
            total=self.total,
            pending=self.pending,
            done=self.is_done,
            canceled=self.is_canceled,
            failed=self.has_error,
            can_cancel_for=self.unsend_seconds if self.can_unsend else None,
            raw=raw,
        )


class MassOverview(Wire):
    id: Id
    date: Utc
    raw_text: Text = ""
    text: Text = ""
    sent_count: int = 0
    viewed_count: int = 0
    is_canceled: bool = False

    def record(self, raw: Raw) -> records.MassResult:
        text = self.raw_text or plain(self.text)
        return records.MassResult(self.id, self.date, text, self.sent_count, self.viewed_count, self.is_canceled, raw)


class Counters(Wire):
    likes_count: int | None = None
    tips_summ: Money | None = None


class Media(Wire):
    id: Id
    type: Text = "photo"
    duration: int | None = None
    created_at: Utc | None = None
    is_ready: bool = True
    has_error: bool = False
    counters: Maybe[Counters] = None

    def record(self, raw: Raw) -> records.Media:
        counters = self.counters or Counters()
        return records.Media(
            id=self.id,
            kind=self.type,
            seconds=self.duration or 0,
            at=self.created_at,
            ready=self.is_ready,
            failed=self.has_error,
            likes=counters.likes_count,
            tips=counters.tips_summ,
            raw=raw,
        )


class Revenue(Wire):
    total: Money | None = None
    spenders_count: int | None = None
    is_loading: bool = False


class TrackingLink(Wire):
    id: Id
    campaign_name: Text = ""
    campaign_url: Text = ""
    clicks_count: int = 0
    subscribers_count: int = 0
    created_at: Utc | None = None
    revenue: Maybe[Revenue] = None

    def record(self, raw: Raw) -> records.TrackingLink:
        revenue = self.revenue or Revenue()
        return records.TrackingLink(
            id=self.id,
            name=self.campaign_name,
            url=self.campaign_url or None,
            clicks=self.clicks_count,
            subscribers=self.subscribers_count,
            spenders=revenue.spenders_count,
            revenue=None if revenue.is_loading else revenue.total,
            at=self.created_at,
            raw=raw,
        )


class Me(Wire):
    id: Id
    username: Text = ""
    name: Text = ""
    subscribers_count: int | None = None


class ConnectedAccount(BaseModel):
    """The one answer in snake_case."""

    id: Id
    display_name: Text = ""
    onlyfans_id: Id | None = None
    onlyfans_username: Text = ""
    is_authenticated: bool = False

    def record(self, raw: Raw) -> records.Account:
        return records.Account(
            id=self.id,
            user_id=self.onlyfans_id,
            username=self.onlyfans_username or None,
            name=self.display_name or None,
            connected=self.is_authenticated,
            active_fans=None,
            limits=records.Limits(),
            raw=raw,
        )


class Sent(Wire):
    """What a send answers; only the id must be there."""

    id: Id
