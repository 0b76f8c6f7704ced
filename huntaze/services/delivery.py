"""Messages that go out: handed in, taken back, and what a person says of one that failed or is in doubt.

What is done to all of an account is in delivery_control.py, what is shown of them in delivery_stories.py, who sends
them in delivery_run.py.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.conversation import PLACES, WAITING, Conversation, DeliveryState, Direction, Message
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.platform_record import VaultItem
from huntaze.models.subscriber import Subscriber
from huntaze.schemas.message import Draft
from huntaze.services.delivery_control import LaneService
from huntaze.services.delivery_terms import AT_ACCOUNT, TERMS, obstacle
from huntaze.services.errors import Conflict, NotFound, Problem


class Queued(NamedTuple):
    """duplicate: it was handed in before, with the same key."""

    message: Message
    duplicate: bool


class DeliveryService:
    """What one workspace sends."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.lanes = LaneService(session, workspace_id)

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
        chat = self._chat(fan)
        if (why := obstacle(fan, account, chat)) is not None:
            raise Conflict({"_" if why.kind in AT_ACCOUNT else "subscriber_id": [why]})
        assert account is not None  # noqa: S101  that would be an obstacle
        TERMS[account.platform].check(draft, self._not_ready(draft.media, account))
        now = self.lanes.now()
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
        self.lanes.open(account.id)
        if not later:
            if not bulk:
                self._keep_in_order(chat.id)
            self.lanes.wake(account.id)
        self.lanes.tell([chat.id])
        return Queued(self.get(message_id), False)

    # What becomes of one ---------------------------------------------------------------------------

    def get(self, message_id: int) -> Message:
        """One that we send. Raises NotFound."""
        found = self.session.scalar(select(Message).where(*self._ours(), Message.id == message_id))
        if found is None:
            raise NotFound(message_id)
        return found

    def cancel(self, message_id: int) -> Message:
        """It will not go out. Twice is once. Raises NotFound; Conflict when it is too late."""
        message = self._locked(message_id)
        if message.state in WAITING:
            message.state = DeliveryState.CANCELLED
            self.lanes.tell([message.conversation_id])
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

    # Helpers ---------------------------------------------------------------------------------------

    def _not_ready(self, media: list[str], account: PlatformAccount) -> set[str]:
        if not media:
            return set()
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
        return fan

    def _account(self, fan: Subscriber) -> PlatformAccount | None:
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == fan.account_id
        return self.session.scalar(select(PlatformAccount).where(*here))

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

    def _locked(self, message_id: int) -> Message:
        """With its lane. Raises NotFound."""
        message = self.get(message_id)
        if message.account_id is not None:
            self.lanes.hold(message.account_id)
        query = select(Message).where(*self._ours(), Message.id == message_id)
        locked = self.session.scalar(query.with_for_update().execution_options(populate_existing=True))
        if locked is None:
            raise NotFound(message_id)
        return locked

    def _settle(self, message_id: int, user_id: UserId, state: DeliveryState) -> Message:
        message = self._locked(message_id)
        if message.state is DeliveryState.UNKNOWN:
            message.state, message.settled_by = state, user_id
            self.lanes.tell([message.conversation_id])
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
