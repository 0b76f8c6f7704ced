"""Messages that go out: handed in, cancelled, paused, looked at. Who sends them is in delivery_run.py.

Whatever changes messages that wait takes the lane's row first: the worker that claims the next one passes over a lane
that is locked, and so sees all of a change or nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import PLACES, WAITING, Conversation, DeliveryState, Direction, Message
from huntaze.models.delivery import Attempt, Halt, Lane
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.platform_record import VaultItem
from huntaze.models.subscriber import Subscriber
from huntaze.schemas.message import Draft
from huntaze.services.activity import TOPICS
from huntaze.services.delivery_news import topics
from huntaze.services.delivery_terms import TERMS, Terms
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem
from huntaze.services.keyset import Order, Page
from huntaze.services.platform_policies import require_accepted

CHANNEL = "delivery"
"""Of PostgreSQL's NOTIFY: what is queued wakes a worker up, with the workspace and the account."""

NEWEST = Order("outgoing", Message.id, Message.id, lambda row: row.id, int)


class Queued(NamedTuple):
    """duplicate: it was handed in before, with the same key."""

    message: Message
    duplicate: bool


class Cancelled(NamedTuple):
    """How many will not go out, and of how many that can't be said any more: their call is under way."""

    cancelled: int
    sending: int


class OutgoingRow(NamedTuple):
    """A message with the fan whom it is for."""

    id: int
    message: Message
    subscriber_id: int
    name: str


class DeliveryService:
    """What one workspace sends."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    # Handing in ------------------------------------------------------------------------------------

    def queue(
        self,
        subscriber_id: int,
        draft: Draft,
        author_id: UserId | None,
        *,
        key: UUID | None = None,
        bulk: bool = False,
        at: datetime | None = None,
        cancel_on_reply: bool = False,
    ) -> Queued:
        """Hands a message in: now, or at a time. The same key is the same message, however often it comes.

        bulk: of a campaign or an automation: it waits for all that a person typed. Raises NotFound; Invalid for what
        the platform does not take; Conflict for a fan or an account that can't be written to now, or for a key that
        was used for something else.
        """
        if key is not None and (earlier := self._earlier(key)) is not None:
            return self._same(earlier, subscriber_id, draft)
        fan = self._fan(subscriber_id)
        account = self._account(fan)
        self._check(draft, TERMS[account.platform], account)
        chat = self._chat(fan)
        if not chat.can_send:
            raise Conflict({"subscriber_id": [Problem("fan_not_writable")]})
        now = self._now()
        later = at is not None and at > now
        new = {
            "workspace_id": self.workspace_id,
            "account_id": account.id,
            "conversation_id": chat.id,
            "direction": Direction.OUTBOUND,
            "state": DeliveryState.SCHEDULED if later else DeliveryState.QUEUED,
            "body": draft.text,
            "price_cents": draft.price_cents,
            "media": draft.media,
            "media_count": len(draft.media),
            "is_opened": None if not draft.price_cents else False,
            "key": key or uuid4(),
            "bulk": bulk,
            "place": None if later else PLACES.next_value(),
            "author_id": author_id,
            "queued_at": now,
            "sent_at": at if later else now,
            "cancel_on_reply": cancel_on_reply and later,
        }
        message_id = self.session.scalar(
            insert(Message)
            .values(new)
            .on_conflict_do_nothing(index_elements=["workspace_id", "key"], index_where=Message.key.is_not(None))
            .returning(Message.id)
        )
        if message_id is None:  # handed in twice at once
            assert key is not None  # noqa: S101  a key of our own is nobody else's
            earlier = self._earlier(key)
            if earlier is None:
                raise NotFound(key)
            return self._same(earlier, subscriber_id, draft)
        self._open_lane(account.id)
        if not later:
            if not bulk:
                self._keep_in_order(chat.id)
            self.wake(account.id)
        self._tell([chat.id])
        return Queued(self.get(message_id), False)

    def wake(self, account_id: int) -> None:
        """With the commit a worker looks at the lane, if one runs: whoever calls this asks for the job, too."""
        self.session.execute(select(func.pg_notify(CHANNEL, f"{self.workspace_id}:{account_id}")))

    # What becomes of one ---------------------------------------------------------------------------

    def get(self, message_id: int) -> Message:
        """One that we send. Raises NotFound."""
        found = self.session.scalar(select(Message).where(*self._ours(), Message.id == message_id))
        if found is None:
            raise NotFound(message_id)
        return found

    def attempts(self, message_id: int) -> list[Attempt]:
        """What was tried, the latest first."""
        here = Attempt.workspace_id == self.workspace_id, Attempt.message_id == message_id
        return list(self.session.scalars(select(Attempt).where(*here).order_by(Attempt.id.desc()).limit(20)))

    def cancel(self, message_id: int) -> Message:
        """It will not go out. Twice is once. Raises NotFound; Conflict when it is too late."""
        message = self._locked(message_id)
        if message.state in WAITING:
            message.state = DeliveryState.CANCELLED
            self._tell([message.conversation_id])
        elif message.state is not DeliveryState.CANCELLED:
            raise Conflict({"_": [Problem("too_late_to_cancel")]})
        return message

    def went_out(self, message_id: int, user_id: UserId) -> Message:
        """A person saw it at the platform. Twice is once. Raises NotFound; Conflict unless that is open."""
        return self._settle(message_id, user_id, DeliveryState.SENT)

    def drop(self, message_id: int, user_id: UserId) -> Message:
        """It is not to be sent again, whatever became of it. Twice is once. Raises NotFound, Conflict."""
        return self._settle(message_id, user_id, DeliveryState.CANCELLED)

    def send_again(self, message_id: int, user_id: UserId) -> Queued:
        """Drops one that failed or is in doubt, and hands the same in as a new one, with a key of its own, at the end
        of the line. Twice is once: the second finds the first. Raises NotFound, Conflict, Invalid."""
        old = self._locked(message_id)
        again = uuid5(old.key or uuid4(), "again")
        if (earlier := self._earlier(again)) is not None:
            return Queued(earlier, True)
        if old.state not in (DeliveryState.UNKNOWN, DeliveryState.FAILED):
            raise Conflict({"_": [Problem("nothing_to_decide")]})
        chat = self._chat_of(old)
        price = Decimal(old.price_cents) / 100 if old.price_cents else None
        draft = Draft.model_construct(text=old.body, price=price, media=list(old.media))
        new = self.queue(chat.subscriber_id, draft, user_id, key=again, bulk=old.bulk)
        old.state, old.settled_by = DeliveryState.CANCELLED, user_id  # only now: a refusal leaves it as it was
        return new

    # What becomes of a lane ------------------------------------------------------------------------

    def pause(self, account_id: int, user_id: UserId) -> None:
        """Once this is committed at most one call of the account is still under way. Raises NotFound."""
        lane = self._lane(account_id)
        if lane.paused_at is None:
            lane.paused_at, lane.paused_by, lane.halt = self._now(), user_id, Halt.PERSON
            self._tell()

    def resume(self, account_id: int) -> None:
        """Goes on at once, also where an error or the platform asked to wait. Twice is once. Raises NotFound."""
        lane = self._lane(account_id)
        lane.paused_at = lane.paused_by = lane.halt = lane.not_before = None
        if lane.stop_at is not None and lane.stop_at <= self._now():
            lane.stop_at = None
        lane.failures = 0
        self.wake(account_id)
        self._tell()

    def stop_at(self, account_id: int, at: datetime | None) -> None:
        """From that time on nothing more goes out until somebody resumes it; None: no such time. Raises NotFound."""
        self._lane(account_id).stop_at = at
        self.wake(account_id)
        self._tell()

    def cancel_all(self, account_id: int, *, bulk_only: bool = False) -> Cancelled:
        """All that waits will not go out. Raises NotFound."""
        self._lane(account_id)
        here = Message.workspace_id == self.workspace_id, Message.account_id == account_id
        kind = (Message.bulk,) if bulk_only else ()
        cancelled = (
            update(Message)
            .where(*here, *kind, Message.state.in_(WAITING))
            .values(state=DeliveryState.CANCELLED)
            .returning(Message.conversation_id)
        )
        chats = list(self.session.scalars(cancelled))
        sending = (
            select(func.count()).select_from(Message).where(*here, *kind, Message.state == DeliveryState.SENDING)
        )
        self._tell(chats[:100])
        return Cancelled(len(chats), self.session.scalar(sending) or 0)

    # Looking ---------------------------------------------------------------------------------------

    def page(
        self, after: str = "", *, account_id: int | None = None, states: Iterable[DeliveryState] = ()
    ) -> Page[OutgoingRow]:
        """What we send and sent, the latest first. Raises Invalid for a cursor of another list."""
        query: Any = (
            select(Message, Subscriber.id, Subscriber.display_name, Subscriber.username)
            .join(
                Conversation,
                (Conversation.workspace_id == Message.workspace_id) & (Conversation.id == Message.conversation_id),
            )
            .join(
                Subscriber,
                (Subscriber.workspace_id == Conversation.workspace_id)
                & (Subscriber.id == Conversation.subscriber_id),
            )
            .where(*self._ours())
        )
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

    # Helpers ---------------------------------------------------------------------------------------

    def _check(self, draft: Draft, terms: Terms, account: PlatformAccount) -> None:
        errors: dict[str, list[Problem]] = {}
        if not draft.text and not draft.media:
            errors["text"] = [Problem("message_empty")]
        elif len(draft.text) > terms.longest:
            errors["text"] = [Problem("string_too_long", {"max_length": terms.longest})]
        price = draft.price_cents
        if price and not terms.price_min <= price <= terms.price_max:
            bounds = {"least": terms.price_min // 100, "most": terms.price_max // 100}
            errors["price"] = [Problem("message_price", bounds)]
        elif price and not draft.media:
            errors["media"] = [Problem("price_without_media")]
        if len(draft.media) > terms.media_most:
            errors["media"] = [Problem("too_many_media", {"most": terms.media_most})]
        elif draft.media and (missing := self._not_ready(draft.media, account)):
            errors["media"] = [Problem("media_not_ready", {"media": ", ".join(sorted(missing)[:3])})]
        if errors:
            raise Invalid(errors)

    def _not_ready(self, media: list[str], account: PlatformAccount) -> set[str]:
        ready = select(VaultItem.platform_id).where(
            VaultItem.workspace_id == self.workspace_id,
            VaultItem.account_id == account.id,
            VaultItem.platform_id.in_(media),
            VaultItem.is_ready,
            ~VaultItem.failed,
        )
        return set(media) - set(self.session.scalars(ready))

    def _fan(self, subscriber_id: int) -> Subscriber:
        """Their row is held, so that the chat of one who has none is made once."""
        here = Subscriber.workspace_id == self.workspace_id, Subscriber.id == subscriber_id
        fan = self.session.scalar(select(Subscriber).where(*here).with_for_update(key_share=True))
        if fan is None:
            raise NotFound(subscriber_id)
        if fan.account_id is None or fan.platform_id is None:
            raise Conflict({"subscriber_id": [Problem("fan_without_account")]})
        if fan.vanished_at is not None:
            raise Conflict({"subscriber_id": [Problem("fan_gone")]})
        return fan

    def _account(self, fan: Subscriber) -> PlatformAccount:
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == fan.account_id
        account = self.session.scalars(select(PlatformAccount).where(*here)).one()
        if account.key_sealed is None or account.erase_asked_at is not None:
            raise Conflict({"_": [Problem("platform_disconnected")]})
        require_accepted(account)
        return account

    def _chat(self, fan: Subscriber) -> Conversation:
        """Held until the commit: what is queued for a chat gets its places in the order in which it is committed."""
        here = Conversation.workspace_id == self.workspace_id, Conversation.subscriber_id == fan.id
        query = select(Conversation).where(*here).with_for_update()
        found = self.session.scalar(query)
        if found is not None:
            return found
        new = {"workspace_id": self.workspace_id, "account_id": fan.account_id, "subscriber_id": fan.id}
        self.session.execute(insert(Conversation).values(new).on_conflict_do_nothing())
        return self.session.scalars(query).one()

    def _chat_of(self, message: Message) -> Conversation:
        here = Conversation.workspace_id == self.workspace_id, Conversation.id == message.conversation_id
        return self.session.scalars(select(Conversation).where(*here)).one()

    def _keep_in_order(self, conversation_id: int) -> None:
        """A reply overtakes what is sent to many, but not in its own chat: what waits there comes along, and what is
        being sent there, which may have to wait again."""
        for state in (DeliveryState.QUEUED, DeliveryState.SENDING):
            self.session.execute(
                update(Message)
                .where(
                    Message.workspace_id == self.workspace_id,
                    Message.conversation_id == conversation_id,
                    Message.state == state,
                    Message.bulk,
                )
                .values(bulk=False)
            )

    def _open_lane(self, account_id: int) -> None:
        new = {"workspace_id": self.workspace_id, "account_id": account_id}
        self.session.execute(insert(Lane).values(new).on_conflict_do_nothing())

    def _lane(self, account_id: int) -> Lane:
        """Held until the commit. Raises NotFound."""
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == account_id
        if self.session.scalar(select(PlatformAccount.id).where(*here)) is None:
            raise NotFound(account_id)
        self._open_lane(account_id)
        lane = select(Lane).where(Lane.workspace_id == self.workspace_id, Lane.account_id == account_id)
        return self.session.scalars(lane.with_for_update().execution_options(populate_existing=True)).one()

    def _locked(self, message_id: int) -> Message:
        """With its lane. Raises NotFound."""
        message = self.get(message_id)
        if message.account_id is not None:
            self._lane(message.account_id)
        query = select(Message).where(*self._ours(), Message.id == message_id)
        locked = self.session.scalar(query.with_for_update().execution_options(populate_existing=True))
        if locked is None:
            raise NotFound(message_id)
        return locked

    def _settle(self, message_id: int, user_id: UserId, state: DeliveryState) -> Message:
        message = self._locked(message_id)
        if message.state is DeliveryState.UNKNOWN:
            message.state, message.settled_by = state, user_id
            self._tell([message.conversation_id])
        elif message.state is not state:
            raise Conflict({"_": [Problem("nothing_to_decide")]})
        return message

    def _earlier(self, key: UUID) -> Message | None:
        return self.session.scalar(select(Message).where(*self._ours(), Message.key == key))

    def _same(self, earlier: Message, subscriber_id: int, draft: Draft) -> Queued:
        chat = self._chat_of(earlier)
        said = (chat.subscriber_id, earlier.body, earlier.price_cents, list(earlier.media))
        if said != (subscriber_id, draft.text, draft.price_cents, list(draft.media)):
            raise Conflict({"_": [Problem("key_used")]})
        return Queued(earlier, True)

    def _ours(self) -> tuple[ColumnElement[bool], ...]:
        return Message.workspace_id == self.workspace_id, Message.key.is_not(None)

    def _tell(self, conversation_ids: Iterable[int] = ()) -> None:
        self.session.info.setdefault(TOPICS, set()).update(topics(self.workspace_id, conversation_ids))

    def _now(self) -> datetime:
        now: datetime = self.session.scalars(select(func.clock_timestamp())).one()
        return now
