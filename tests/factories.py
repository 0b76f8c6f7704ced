"""Rows for tests, written through the system door and committed at once.

Nothing is deleted afterwards: each test makes a workspace of its own, so that tests share a database.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from os import getpid
from uuid import uuid4

from factory import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.alchemy import SQLAlchemyModelFactory
from sqlalchemy.orm import scoped_session, sessionmaker

from huntaze.models.audit import Action, AuditEvent
from huntaze.models.conversation import Conversation, DeliveryState, Direction, Message
from huntaze.models.delivery import Attempt, Lane
from huntaze.models.domain_event import DomainEvent, EventKind
from huntaze.models.draft import Draft
from huntaze.models.imports import Import, ImportChunk, ImportRow, ImportState, Outcome
from huntaze.models.invitation import Invitation
from huntaze.models.notification import Notification
from huntaze.models.platform_account import Platform, PlatformAccount, Resource, SyncState, WebhookDelivery
from huntaze.models.platform_check import CheckState, PlatformCheck, Question
from huntaze.models.platform_record import Payout, TrackingLink, VaultItem
from huntaze.models.saved_reply import SavedReply
from huntaze.models.second_factor import Passkey
from huntaze.models.sign_in import ApiToken, SignIn
from huntaze.models.subscriber import Note, Subscriber, SubscriberTag, Tag
from huntaze.models.subscription import SubscriptionPeriod
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType
from huntaze.models.user import Membership, Picture, Role, User
from huntaze.models.webhook_refusal import WebhookRefusal
from huntaze.models.workspace import Workspace
from huntaze.services.passwords import hash_password
from huntaze.services.platform_keys import PlatformKeys

PASSWORD = "a password of the tests"
SECRET_KEY = "a secret of the tests, 32 characters or more"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8DAAMIM/4EAAB/uBfsL2WiLAAAAAElFTkSuQmCC"
)
"""A picture of four pixels."""

# conftest.py gives it the owner's engine.
session = scoped_session(sessionmaker(expire_on_commit=False))


@cache
def password_hash() -> str:
    return hash_password(PASSWORD)


def sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Row(SQLAlchemyModelFactory):
    class Meta:
        abstract = True
        sqlalchemy_session = session
        sqlalchemy_session_persistence = "commit"


class UserFactory(Row):
    class Meta:
        model = User

    email = Sequence(lambda n: f"person{n}@huntaze.test")
    name = Sequence(lambda n: f"Person {n}")
    password_hash = LazyFunction(password_hash)
    email_confirmed_at = LazyFunction(lambda: datetime.now(UTC))


class WorkspaceFactory(Row):
    class Meta:
        model = Workspace

    name = Sequence(lambda n: f"Studio {n}")


class MemberFactory(Row):
    class Meta:
        model = Membership

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    user_id = LazyFunction(lambda: UserFactory().id)
    role = Role.OWNER


class SubscriberFactory(Row):
    class Meta:
        model = Subscriber

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    username = Sequence(lambda n: f"fan{n}")


class TagFactory(Row):
    class Meta:
        model = Tag

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    name = Sequence(lambda n: f"tag {n}")


class TaggedFactory(Row):
    """A fan with a tag."""

    class Meta:
        model = SubscriberTag
        exclude = ("subscriber", "tag")

    subscriber = SubFactory(SubscriberFactory)
    tag = SubFactory(TagFactory)
    workspace_id = SelfAttribute("subscriber.workspace_id")
    subscriber_id = SelfAttribute("subscriber.id")
    tag_id = SelfAttribute("tag.id")


class NoteFactory(Row):
    class Meta:
        model = Note
        exclude = ("subscriber",)

    subscriber = SubFactory(SubscriberFactory)
    workspace_id = SelfAttribute("subscriber.workspace_id")
    subscriber_id = SelfAttribute("subscriber.id")
    body = Sequence(lambda n: f"Note {n}")


class TransactionFactory(Row):
    class Meta:
        model = Transaction
        exclude = ("subscriber",)

    subscriber = SubFactory(SubscriberFactory)
    workspace_id = SelfAttribute("subscriber.workspace_id")
    subscriber_id = SelfAttribute("subscriber.id")
    type = TransactionType.TIP
    status = TransactionStatus.COMPLETED
    gross_cents = 1000
    fee_cents = LazyAttribute(lambda row: row.gross_cents // 5)
    net_cents = LazyAttribute(lambda row: row.gross_cents - row.fee_cents)
    currency = "USD"
    occurred_at = LazyFunction(lambda: datetime.now(UTC))


class PlatformAccountFactory(Row):
    """A connected account, whose key opens nothing."""

    class Meta:
        model = PlatformAccount

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    platform = Platform.ONLYFANS
    external_id = Sequence(lambda n: f"acct_{n}")
    username = Sequence(lambda n: f"creator{n}")
    key_sealed = b"sealed"
    webhook_hash = LazyFunction(lambda: secrets.token_bytes(32))
    webhook_secret_sealed = b"sealed"


class PlatformCheckFactory(Row):
    """A key that opens one account, which nobody has chosen yet. The key is sealed as the tests' app does."""

    class Meta:
        model = PlatformCheck
        exclude = ("key", "external_id")

    key = "sim-key"
    external_id = "acct_000001"
    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    platform = Platform.ONLYFANS
    question = Question.CONNECT
    key_sealed = LazyAttribute(lambda row: PlatformKeys(SECRET_KEY).seal_candidate(row.workspace_id, row.key))
    state = CheckState.GOOD
    found = LazyAttribute(
        lambda row: [{"id": row.external_id, "username": "creator1", "name": "Creator1", "connected": True}]
    )


class OfAccount(Row):
    class Meta:
        abstract = True
        exclude = ("account",)

    account = SubFactory(PlatformAccountFactory)
    workspace_id = SelfAttribute("account.workspace_id")
    account_id = SelfAttribute("account.id")


class SyncStateFactory(OfAccount):
    class Meta:
        model = SyncState

    resource = Resource.FANS_ACTIVE


class WebhookDeliveryFactory(OfAccount):
    class Meta:
        model = WebhookDelivery

    reference = Sequence(lambda n: f"delivery-{n}")
    event = "tips.received"
    known = True
    body = b"{}"


class WebhookRefusalFactory(OfAccount):
    class Meta:
        model = WebhookRefusal

    day = LazyFunction(lambda: datetime.now(UTC).date())
    refused = 1
    last_at = LazyFunction(lambda: datetime.now(UTC))


class PayoutFactory(OfAccount):
    class Meta:
        model = Payout

    platform_id = Sequence(lambda n: f"INV-{n}")
    amount_cents = 50_000
    currency = "USD"
    state = "approved"
    requested_at = LazyFunction(lambda: datetime.now(UTC))


class VaultItemFactory(OfAccount):
    class Meta:
        model = VaultItem

    platform_id = Sequence(lambda n: f"{n}")
    kind = "photo"
    is_ready = True
    failed = False


class TrackingLinkFactory(OfAccount):
    class Meta:
        model = TrackingLink

    platform_id = Sequence(lambda n: f"{n}")
    name = Sequence(lambda n: f"Link {n}")
    clicks = 10
    fans = 2


class PeriodFactory(Row):
    class Meta:
        model = SubscriptionPeriod
        exclude = ("subscriber",)

    subscriber = SubFactory(SubscriberFactory)
    workspace_id = SelfAttribute("subscriber.workspace_id")
    subscriber_id = SelfAttribute("subscriber.id")
    started_at = LazyFunction(lambda: datetime.now(UTC) - timedelta(days=10))
    ends_at = LazyFunction(lambda: datetime.now(UTC) + timedelta(days=20))
    price_cents = 999


class ConversationFactory(OfAccount):
    class Meta:
        model = Conversation

    subscriber_id = LazyAttribute(lambda row: SubscriberFactory(workspace_id=row.workspace_id).id)


class MessageFactory(Row):
    class Meta:
        model = Message
        exclude = ("conversation",)

    conversation = SubFactory(ConversationFactory)
    workspace_id = SelfAttribute("conversation.workspace_id")
    account_id = SelfAttribute("conversation.account_id")
    conversation_id = SelfAttribute("conversation.id")
    platform_id = Sequence(lambda n: f"{n}")
    direction = Direction.INBOUND
    body = Sequence(lambda n: f"Hello {n}")
    sent_at = LazyFunction(lambda: datetime.now(UTC))


class OutgoingFactory(MessageFactory):
    """One of ours that waits in the line."""

    platform_id = None
    direction = Direction.OUTBOUND
    state = DeliveryState.QUEUED
    key = LazyFunction(uuid4)
    place = Sequence(lambda n: n + 1)
    queued_at = LazyFunction(lambda: datetime.now(UTC))


class AttemptFactory(Row):
    class Meta:
        model = Attempt
        exclude = ("message",)

    message = SubFactory(OutgoingFactory)
    workspace_id = SelfAttribute("message.workspace_id")
    message_id = SelfAttribute("message.id")
    key = SelfAttribute("message.key")
    fence = 1
    worker_id = 1
    body = LazyAttribute(lambda row: {"text": row.message.body})
    started_at = LazyFunction(lambda: datetime.now(UTC))
    deadline_at = LazyFunction(lambda: datetime.now(UTC))


class DraftFactory(Row):
    """What a member has typed in a conversation."""

    class Meta:
        model = Draft
        exclude = ("conversation",)

    conversation = SubFactory(ConversationFactory)
    workspace_id = SelfAttribute("conversation.workspace_id")
    conversation_id = SelfAttribute("conversation.id")
    user_id = LazyAttribute(lambda row: MemberFactory(workspace_id=row.workspace_id).user_id)
    body = Sequence(lambda n: f"Not sent yet {n}")


class SavedReplyFactory(Row):
    class Meta:
        model = SavedReply

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    name = Sequence(lambda n: f"Reply {n}")
    body = "Thank you, {name}!"


class LaneFactory(OfAccount):
    class Meta:
        model = Lane


class DomainEventFactory(Row):
    class Meta:
        model = DomainEvent
        exclude = ("subscriber",)

    subscriber = SubFactory(SubscriberFactory)
    workspace_id = SelfAttribute("subscriber.workspace_id")
    subscriber_id = SelfAttribute("subscriber.id")
    kind = EventKind.TIP
    reference = Sequence(lambda n: f"test:{n}")
    gross_cents = 500
    occurred_at = LazyFunction(lambda: datetime.now(UTC))


class NotificationFactory(Row):
    class Meta:
        model = Notification
        exclude = ("member",)

    member = SubFactory(MemberFactory)
    workspace_id = SelfAttribute("member.workspace_id")
    user_id = SelfAttribute("member.user_id")
    title = Sequence(lambda n: f"Something happened {n}")


class PasskeyFactory(Row):
    """Of a device that nobody has: good for lists, and opens nothing."""

    class Meta:
        model = Passkey

    user_id = LazyFunction(lambda: UserFactory().id)
    user_handle = b"of nobody"
    credential_id = Sequence(lambda n: f"{getpid()}.{n}".encode())
    public_key = b""
    sign_count = 0
    name = Sequence(lambda n: f"Phone {n}")


class ImportFactory(Row):
    """A file that was checked, and waits to be imported."""

    class Meta:
        model = Import

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    file_name = Sequence(lambda n: f"fans{n}.csv")
    size = 20
    state = ImportState.READY
    settings = LazyFunction(
        lambda: {
            "encoding": "utf-8",
            "delimiter": "comma",
            "columns": [{"field": "username", "notation": None}],
            "names": ["username"],
        }
    )
    head = LazyFunction(lambda: {"rows": 2, "good": 1, "refused": 0, "shown": []})


class ImportChunkFactory(Row):
    class Meta:
        model = ImportChunk
        exclude = ("file",)

    file = SubFactory(ImportFactory)
    workspace_id = SelfAttribute("file.workspace_id")
    import_id = SelfAttribute("file.id")
    number = 0
    content = b"username\nimported.fan\n"


class ImportRowFactory(Row):
    """A row that changed a fan."""

    class Meta:
        model = ImportRow
        exclude = ("file", "subscriber")

    file = SubFactory(ImportFactory)
    subscriber = SubFactory(SubscriberFactory)
    workspace_id = SelfAttribute("file.workspace_id")
    import_id = SelfAttribute("file.id")
    subscriber_id = SelfAttribute("subscriber.id")
    row = 9_999
    outcome = Outcome.CHANGED


class SignInFactory(Row):
    """A browser session; `token` is what its cookie says."""

    class Meta:
        model = SignIn
        exclude = ("member", "token")

    member = SubFactory(MemberFactory)
    token = LazyFunction(lambda: secrets.token_hex(8))
    workspace_id = SelfAttribute("member.workspace_id")
    user_id = SelfAttribute("member.user_id")
    token_hash = LazyAttribute(lambda row: sha256(row.token))
    user_agent = "tests"


class ApiTokenFactory(Row):
    """A bearer token; `token` is what the header says."""

    class Meta:
        model = ApiToken
        exclude = ("member", "token")

    member = SubFactory(MemberFactory)
    token = Sequence(lambda n: f"api-token-{n}")
    workspace_id = SelfAttribute("member.workspace_id")
    user_id = SelfAttribute("member.user_id")
    name = "tests"
    token_hash = LazyAttribute(lambda row: sha256(row.token))


class InvitationFactory(Row):
    """An open invitation that was sent a while ago; `shown` and `mailed` are the secrets of its two links."""

    class Meta:
        model = Invitation
        exclude = ("shown", "mailed")

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    email = Sequence(lambda n: f"invited{n}@huntaze.test")
    role = Role.CHATTER
    shown = Sequence(lambda n: f"shown-{n}")
    mailed = Sequence(lambda n: f"mailed-{n}")
    shown_hash = LazyAttribute(lambda row: sha256(row.shown))
    mailed_hash = LazyAttribute(lambda row: sha256(row.mailed))
    sent_at = LazyFunction(lambda: datetime.now(UTC) - timedelta(hours=1))


class PictureFactory(Row):
    class Meta:
        model = Picture

    user_id = LazyFunction(lambda: UserFactory().id)
    webp = b"RIFF....WEBP"


class AuditEventFactory(Row):
    class Meta:
        model = AuditEvent

    workspace_id = LazyFunction(lambda: WorkspaceFactory().id)
    action = Action.MEMBER_LEFT
    detail = LazyFunction(dict)
