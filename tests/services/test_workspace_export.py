"""The workspace's export: whole, safe to open, loadable again, flat in memory, and broken when it broke off."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, LargeBinary, func, select, text
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import Base, UserId
from huntaze.models.conversation import Message
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.services.load import LoadService
from huntaze.services.sign_in import Viewer
from huntaze.services.workspace_export import LEFT_OUT, LEFT_OUT_COLUMNS, WorkspaceExport, exported_tables
from huntaze.system import system_session
from tests.factories import (
    ConversationFactory,
    MemberFactory,
    MessageFactory,
    OutgoingFactory,
    PlatformAccountFactory,
    SubscriberFactory,
    TransactionFactory,
    UserFactory,
    WorkspaceFactory,
)
from tests.routes import TENANTS, belongings

SECRET = ("secret", "hash", "token", "cipher", "password", "digest", "key")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def member(workspace: Workspace) -> Membership:
    return MemberFactory(workspace_id=workspace.id)


def export(engine: Engine, member: Membership, owner: Session) -> WorkspaceExport:
    user = owner.get_one(User, member.user_id)
    viewer = Viewer(
        user_id=UserId(user.id),
        name=user.name,
        email=user.email,
        email_confirmed=True,
        locale=None,
        workspace_id=member.workspace_id,
        workspace_name="Studio",
        currency="USD",
        time_zone="UTC",
        role=Role.OWNER,
        unread=0,
        waiting=0,
        unsure=0,
    )

    @contextmanager
    def opened() -> Iterator[Session]:
        with Session(engine) as session, session.begin():
            tenancy.enter(session, member.workspace_id)
            yield session

    return WorkspaceExport(opened, viewer, "Read me.", NOW)


def unpacked(data: bytes) -> dict[str, list[dict[str, str]]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return {
        name: list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")))
        for name in archive.namelist()
        if name.endswith(".csv")
    }


def test_each_table_is_in_it_or_left_out_for_a_reason(app_engine: Engine, member: Membership, owner: Session) -> None:
    colleague = belongings(member)["user_id"]
    stranger = MemberFactory()
    belongings(stranger)
    data = b"".join(export(app_engine, member, owner).chunks())
    files = unpacked(data)
    tables = {name.removesuffix(".csv") for name in files} - {"users", "workspace", "people"}
    assert tables == set(TENANTS) - LEFT_OUT.keys()
    assert all(files[f"{table}.csv"] for table in tables - {"audit_events"}), "belongings() has a row of each"
    assert {row["id"] for row in files["people.csv"]} == {str(member.user_id), str(colleague)}, (
        "and nobody of another workspace"
    )
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.namelist()[0] == "README.txt"
    assert archive.namelist()[-1] == "manifest.json"
    assert json.loads(archive.read("manifest.json"))["rows"] == {name: len(rows) for name, rows in files.items()}


def test_no_secret_is_in_it() -> None:
    """A later column that sounds like one must be named in LEFT_OUT_COLUMNS."""
    for table in exported_tables():
        for column in table.c:
            if (table.name, column.name) not in LEFT_OUT_COLUMNS:
                assert not isinstance(column.type, LargeBinary), f"{table.name}.{column.name}"
                assert not any(word in column.name for word in SECRET), f"{table.name}.{column.name}"
    assert LEFT_OUT.keys() <= Base.metadata.tables.keys()


def test_it_can_be_loaded_again(app: Flask, app_engine: Engine, owner: Session, tmp_path: Path) -> None:
    workspace = WorkspaceFactory(currency="EUR")
    member = MemberFactory(workspace_id=workspace.id, user_id=UserFactory(email=f"{id(tmp_path)}@export.test").id)
    when = datetime(2025, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    names = ["=1+1", "'=quoted", "'plain", "@a", "-b", "+c\u00e9", "Sofía 🌊", 'a,"b"']
    for number, name in enumerate(names):
        fan = SubscriberFactory(
            workspace_id=workspace.id,
            username=f"-fan{number}" if number % 2 else f"fan{number}",
            display_name=name,
            email=f"+{number}@e.test" if number else None,
            joined_at=when,
            archived_at=when if number == 3 else None,
            country="FR",
            total_spent_cents=500,
        )
        TransactionFactory(subscriber=fan, gross_cents=500, currency="EUR", occurred_at=when)
    gone = TransactionFactory(
        subscriber=fan, type="chargeback", gross_cents=-900, currency="EUR", status="pending", occurred_at=when
    )
    owner.execute(text("UPDATE transactions SET subscriber_id = NULL WHERE id = :id"), {"id": gone.id})

    chat = ConversationFactory(
        workspace_id=workspace.id, account=PlatformAccountFactory(workspace_id=workspace.id), subscriber_id=fan.id
    )
    MessageFactory(conversation=chat, body="=1+1", sent_at=when)
    OutgoingFactory(conversation=chat, body="Hello", state="sent", sent_at=when, price_cents=500, media_count=1)
    OutgoingFactory(conversation=chat, body="Not sent there, and not here")

    folder = tmp_path / "export"
    zipfile.ZipFile(io.BytesIO(b"".join(export(app_engine, member, owner).chunks()))).extractall(folder)
    users = (folder / "users.csv").read_text("utf-8-sig")
    user = owner.get_one(User, member.user_id)
    assert f"{user.email},{user.name},," in users
    again = users.replace(f"{user.email},{user.name},,", f"again{user.email},{user.name},a-good-password,")
    (folder / "users.csv").write_text(again)
    with app.app_context(), system_session() as session:
        loaded = LoadService(session).load(folder)
    assert (loaded.subscribers, loaded.transactions) == (len(names), len(names) + 1)
    assert (loaded.conversations, loaded.messages) == (1, 2)
    said = select(Message.direction, Message.body, Message.price_cents, Message.media_count, Message.sent_at)
    again_said = said.where(Message.workspace_id == loaded.workspace_id).order_by(Message.direction)
    assert [tuple(row) for row in owner.execute(again_said)] == [
        ("inbound", "=1+1", 0, 0, when),
        ("outbound", "Hello", 500, 1, when),
    ]

    fans = [
        Subscriber.username, Subscriber.display_name, Subscriber.email, Subscriber.tier, Subscriber.status,
        Subscriber.joined_at, Subscriber.archived_at, Subscriber.country, Subscriber.total_spent_cents,
    ]  # fmt: skip
    paid = [
        Subscriber.username, Transaction.type, Transaction.status, Transaction.gross_cents, Transaction.net_cents,
        Transaction.currency, Transaction.occurred_at,
    ]  # fmt: skip
    for workspace_id in (workspace.id, loaded.workspace_id):
        assert owner.scalar(select(Workspace.currency).where(Workspace.id == workspace_id)) == "EUR"

    def rows(workspace_id: int) -> tuple[object, ...]:
        fans_there = select(*fans).where(Subscriber.workspace_id == workspace_id)
        paid_there = (
            select(*paid)
            .select_from(Transaction)
            .outerjoin(Subscriber, Subscriber.id == Transaction.subscriber_id)
            .where(Transaction.workspace_id == workspace_id)
        )
        return tuple(sorted(map(tuple, owner.execute(query)), key=str) for query in (fans_there, paid_there))

    assert rows(workspace.id) == rows(loaded.workspace_id)


def test_a_spreadsheet_runs_nothing_of_it(app_engine: Engine, member: Membership, owner: Session) -> None:
    bad = ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"]
    for name in bad:
        SubscriberFactory(workspace_id=member.workspace_id, display_name=name)
    rows = unpacked(b"".join(export(app_engine, member, owner).chunks()))["subscribers.csv"]
    assert sorted(row["display_name"] for row in rows) == sorted("'" + name for name in bad)


def test_memory_stays_flat(app_engine: Engine, owner: Session) -> None:
    """Six times the fans take no more memory: rows go in batches, and what was made is sent."""
    peaks = []
    for fans in (10_000, 60_000):
        member = MemberFactory()
        many = text(
            "INSERT INTO subscribers (workspace_id, username, display_name)"
            " SELECT :workspace, 'fan' || n, 'Fan ' || md5(n::text) FROM generate_series(1, :fans) n"
        )
        owner.execute(many, {"workspace": member.workspace_id, "fans": fans})
        sent = 0
        tracemalloc.start()
        for chunk in export(app_engine, member, owner).chunks():
            sent += len(chunk)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sent > fans * 20
    assert peaks[1] < peaks[0] * 1.3, peaks


def test_what_broke_off_is_no_zip(app_engine: Engine, member: Membership, owner: Session) -> None:
    belongings(member)
    chunks = list(export(app_engine, member, owner).chunks())
    assert len(chunks) > 5
    zipfile.ZipFile(io.BytesIO(b"".join(chunks)))
    for end in range(len(chunks)):
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(b"".join(chunks[:end])))


def test_no_transaction_is_open_while_a_batch_is_sent(app_engine: Engine, member: Membership, owner: Session) -> None:
    """A slow phone keeps neither a connection nor a snapshot."""
    belongings(member)
    pool = app_engine.pool
    for _chunk in export(app_engine, member, owner).chunks():
        assert pool.checkedout() == 0  # type: ignore[attr-defined]


def test_what_is_added_meanwhile_breaks_nothing(app_engine: Engine, member: Membership, owner: Session) -> None:
    belongings(member)
    for _chunk in export(app_engine, member, owner).chunks():
        belongings(member)
    fans = select(func.count()).where(Subscriber.workspace_id == member.workspace_id)
    assert (owner.scalar(fans) or 0) > 2
