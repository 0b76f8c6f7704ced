"""Each migration can be undone and done again with rows in the tables, and leads to what the models say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from huntaze import MIGRATIONS, create_app, tenancy
from huntaze.config import Config
from huntaze.extensions import db
from huntaze.models.account_link import AccountLink, PendingAccount, Purpose
from huntaze.models.audit import AuditEvent
from huntaze.models.base import Base, UserId, WorkspaceId
from huntaze.models.conversation import Conversation, DeliveryState, Direction, Message
from huntaze.models.delivery import Attempt, DeliveryWorker, Lane
from huntaze.models.domain_event import DomainEvent, EventKind
from huntaze.models.draft import Draft
from huntaze.models.imports import Import, ImportChunk, ImportRow, Outcome
from huntaze.models.invitation import Invitation
from huntaze.models.mail import Mail
from huntaze.models.notification import Notification
from huntaze.models.platform_account import Platform, PlatformAccount, Resource, SyncState, WebhookDelivery
from huntaze.models.platform_check import PlatformCheck, Question
from huntaze.models.platform_record import Payout, TrackingLink, VaultItem
from huntaze.models.saved_reply import SavedReply
from huntaze.models.second_factor import AuthenticatorApp, HalfSignIn, Passkey, RecoveryCode, SpentChallenge
from huntaze.models.sign_in import ApiToken, ParkedForm, SignIn
from huntaze.models.subscriber import Subscriber
from huntaze.models.subscription import SubscriptionPeriod
from huntaze.models.tick import Tick
from huntaze.models.tombstone import Tombstone
from huntaze.models.transaction import Transaction, TransactionStatus, TransactionType
from huntaze.models.tries import Tries
from huntaze.models.user import Membership, Picture, Role, User
from huntaze.models.webhook_refusal import WebhookRefusal
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewNote, NewSubscriber, NewTag, SubscriberFilter
from huntaze.services.notes import NoteService
from huntaze.services.subscribers import SubscriberService
from huntaze.services.tags import TagService
from huntaze.system import system_session


@pytest.fixture
def app(new_database: Callable[..., Config]) -> Iterator[Flask]:
    """On a migrated database of its own."""
    app = create_app(new_database())
    with app.app_context():
        yield app
        for engine in db.engines.values():
            engine.dispose()
    app.extensions["redis"].close()


def test_the_migrations_lead_to_what_the_models_say(app: Flask) -> None:
    with db.engines["system"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_there_is_one_line_of_migrations_named_by_their_time() -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    assert len(script.get_heads()) == 1
    revisions = list(script.walk_revisions())
    assert all(datetime.strptime(revision.revision, "%Y%m%d_%H%M").replace(tzinfo=UTC) for revision in revisions)
    assert [revision.revision for revision in revisions] == sorted(
        (revision.revision for revision in revisions), reverse=True
    )


def test_each_step_goes_down_and_up_again(app: Flask) -> None:
    for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions():
        flask_migrate.downgrade(revision=revision.down_revision or "base")
        flask_migrate.upgrade(revision=revision.revision)
        flask_migrate.downgrade(revision=revision.down_revision or "base")


def test_down_and_up_with_rows_in_every_table(app: Flask) -> None:
    _fill()
    flask_migrate.downgrade(revision="base")
    assert inspect(db.engines["system"]).get_table_names() == ["alembic_version"]
    left = "SELECT count(*) FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS ("
    left += "SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    with system_session() as session:
        assert session.scalar(text(left)) == 0, "functions of ours"

    flask_migrate.upgrade()
    assert "subscribers" in inspect(db.engines["system"]).get_table_names()
    _fill()


def test_a_second_upgrade_changes_nothing(app: Flask) -> None:
    _fill()
    flask_migrate.upgrade()
    with system_session() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 2


def _fill() -> None:
    """A row in every table, through both doors."""
    now = datetime.now(UTC)
    with system_session() as session:
        workspace = Workspace(name="Studio")
        user = User(email="ann@huntaze.test", name="Ann", password_hash="-")
        session.add_all([workspace, user])
        session.flush()
        both = {"workspace_id": WorkspaceId(workspace.id), "user_id": UserId(user.id)}
        session.add(Membership(**both, role=Role.OWNER))
        session.flush()
        session.add_all(
            [
                SignIn(**both, token_hash=b"1", user_agent=""),
                ApiToken(**both, token_hash=b"2", name="script"),
                Notification(**both, title="Welcome"),
                ParkedForm(user_id=UserId(user.id), ciphertext=b"3"),
                Tick(name="purge", tick=now),
                Mail(ciphertext=b"4"),
                Picture(user_id=UserId(user.id), webp=b"5"),
                Invitation(
                    workspace_id=both["workspace_id"],
                    email="bob@huntaze.test",
                    role=Role.VIEWER,
                    shown_hash=b"6",
                    mailed_hash=b"7",
                ),
                AuthenticatorApp(user_id=both["user_id"], secret=b"5", last_step=1),
                RecoveryCode(user_id=both["user_id"], code_hash=b"6"),
                HalfSignIn(user_id=both["user_id"], token_hash=b"7", password_hash="-"),
                Passkey(
                    user_id=both["user_id"],
                    user_handle=b"",
                    credential_id=b"8",
                    public_key=b"",
                    sign_count=0,
                    name="Phone",
                ),
                SpentChallenge(challenge_hash=b"9"),
                AccountLink(user_id=UserId(user.id), purpose=Purpose.EMAIL, token_hash=b"5", email=user.email),
                PendingAccount(token_hash=b"6", email="x@huntaze.test", name="X", business="X", password_hash="-"),
                Tries(key=b"7", forgotten_at=now),
                AuditEvent(workspace_id=both["workspace_id"], action="test.done"),
                Tombstone(workspace_id=both["workspace_id"], digest=b"5", erased_id=1),
                Import(workspace_id=both["workspace_id"], id=1, file_name="fans.csv"),
            ]
        )
        session.flush()
        of_import = {"workspace_id": both["workspace_id"], "import_id": 1}
        session.add(ImportChunk(**of_import, number=0, content=b"username"))
        session.add(ImportRow(**of_import, row=2, outcome=Outcome.REFUSED))
        here = {"workspace_id": both["workspace_id"]}
        account = PlatformAccount(
            **here,
            platform=Platform.ONLYFANS,
            external_id="acct_1",
            key_sealed=b"8",
            webhook_hash=b"9",
            webhook_secret_sealed=b"10",
        )
        session.add(account)
        session.flush()
        of_account = {**here, "account_id": account.id}
        twin = Subscriber(**of_account, username="twin", platform_id="7")
        session.add(twin)
        session.flush()
        chat = Conversation(**of_account, subscriber_id=twin.id)
        session.add_all(
            [
                chat,
                PlatformCheck(
                    workspace_id=both["workspace_id"], platform=Platform.ONLYFANS, question=Question.CONNECT
                ),
                SyncState(**of_account, resource=Resource.SWEEP),
                WebhookRefusal(**of_account, day=now.date(), refused=1, last_at=now),
                WebhookDelivery(**of_account, reference="1", event="x", known=False, body=b"{}"),
                Payout(**of_account, platform_id="1", amount_cents=1, currency="USD", state="done", requested_at=now),
                VaultItem(**of_account, platform_id="1", kind="photo", is_ready=True, failed=False),
                TrackingLink(**of_account, platform_id="1", name="Link", clicks=1, fans=1),
                SubscriptionPeriod(**here, subscriber_id=twin.id, started_at=now),
                DomainEvent(**here, subscriber_id=twin.id, kind=EventKind.SUBSCRIBED, reference="1", occurred_at=now),
                Transaction(
                    **of_account,
                    platform_id="1",
                    subscriber_id=twin.id,
                    type=TransactionType.OTHER,
                    status=TransactionStatus.COMPLETED,
                    gross_cents=500,
                    fee_cents=100,
                    net_cents=400,
                    currency="USD",
                    occurred_at=now,
                ),
            ]
        )
        session.flush()
        session.add(
            Message(
                **here, conversation_id=chat.id, platform_id="1", direction=Direction.INBOUND, body="Hi", sent_at=now
            )
        )
        key = UUID(int=1)
        queued = Message(
            **of_account, conversation_id=chat.id, direction=Direction.OUTBOUND, state=DeliveryState.QUEUED,
            key=key, place=1, sent_at=now,
        )  # fmt: skip
        session.add_all([queued, Lane(**of_account), DeliveryWorker()])
        session.add_all(
            [
                Draft(**both, conversation_id=chat.id, body="Hello"),
                SavedReply(**here, name="Thanks", body="Thank you, {name}!"),
            ]
        )
        session.flush()
        session.add(
            Attempt(
                **here, message_id=queued.id, fence=1, worker_id=1, key=key, body={}, started_at=now, deadline_at=now
            )
        )
    with Session(db.engine) as session, session.begin():
        here = both["workspace_id"]
        tenancy.enter(session, here)
        subscribers = SubscriberService(session, here)
        fan = subscribers.add(NewSubscriber(username="helene.b", display_name="Hélène"))
        TagService(session, here).add(fan.id, NewTag(name="kind"))
        NoteService(session, here).add(fan.id, both["user_id"], NewNote(body="Likes blue."))
        session.add(
            Transaction(
                workspace_id=here,
                subscriber_id=fan.id,
                type=TransactionType.TIP,
                status=TransactionStatus.COMPLETED,
                gross_cents=500,
                fee_cents=100,
                net_cents=400,
                currency="USD",
                occurred_at=now,
            )
        )
        session.flush()
        assert [row.id for row in subscribers.page(SubscriberFilter(q="helene")).rows] == [fan.id]
    with system_session() as session:
        # A person may be there twice, with an account and without: the way down has to tell them apart.
        session.execute(text("UPDATE subscribers SET username = 'helene.b' WHERE username = 'twin'"))
        empty = [table for table in Base.metadata.tables if not session.scalar(text(f"SELECT count(*) FROM {table}"))]
        assert empty == [], "this test is to fill every table"
