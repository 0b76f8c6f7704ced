"""Bulk loading: what a good folder becomes, and that a bad one leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from huntaze.models.conversation import Conversation, Message
from huntaze.models.subscriber import Subscriber
from huntaze.models.transaction import Transaction
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.analytics import Range
from huntaze.services.analytics import AnalyticsService
from huntaze.services.load import Loaded, LoadService
from huntaze.services.load_files import LoadError
from huntaze.services.passwords import verify_password
from huntaze.system import system_session

USERS = """\
id,email,name,password,created_at
1,{email},Jade Rivers,a-good-password,2023-11-16 00:00:00+00
"""
SUBSCRIBERS = """\
id,user_id,username,display_name,email,tier,status,monthly_price_cents,total_spent_cents,country,\
joined_at,last_active_at,renews_at
3,1,@Sofia.T,"Thornton, Sofia", Sofia@Mail.test ,basic,active,999,77,US,\
2025-01-01 00:30:36+00,2026-11-17 00:09:42+00,2026-12-06 22:04:25+00
8,1,ruby2,さくら 🌸,,free,expired,0,0,,2025-01-02 02:00:00+02,,
"""
TRANSACTIONS = """\
id,user_id,subscriber_id,type,status,gross_cents,fee_cents,net_cents,created_at
1,1,8,tip,completed,500,100,400,2025-02-01 10:00:00+00
2,1,3,subscription,completed,999,200,799,2025-02-02 10:00:00+00
9,1,3,ppv,refunded,1999,400,1599,2025-02-03 10:00:00+00
7,1,3,message,completed,300,60,240,2025-02-03 11:00:00
"""
GOOD = {"users.csv": USERS, "subscribers.csv": SUBSCRIBERS, "transactions.csv": TRANSACTIONS}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a good folder with an e-mail of this test's own; with `old` in `file` become `new`."""
    email = f"{uuid4().hex}@load.test"

    def write(file: str = "", old: str = "", new: str = "") -> Path:
        for name, content in GOOD.items():
            content = content.replace("{email}", email)
            if name == file:
                assert old in content
                content = content.replace(old, new, 1)
            (tmp_path / name).write_bytes(content.encode())
        return tmp_path

    return write


def load(app: Flask, folder: Path, seen: list[tuple[str, int]] | None = None) -> Loaded:
    steps = [] if seen is None else seen
    with app.app_context(), system_session() as session:
        return LoadService(session).load(folder, lambda what, rows: steps.append((what, rows)))


def counts(app: Flask) -> list[int | None]:
    with app.app_context(), system_session() as session:
        tables = (User, Workspace, Membership, Subscriber, Transaction)
        return [session.scalar(select(func.count()).select_from(table)) for table in tables]


def test_a_folder_becomes_a_workspace_of_its_own(app: Flask, write: Write) -> None:
    folder, seen = write(), list[tuple[str, int]]()
    (folder / "campaigns.csv").write_text("id\n")
    loaded = load(app, folder, seen)
    assert (loaded.subscribers, loaded.transactions, loaded.ignored) == (2, 4, ("campaigns.csv",))
    assert ("Reading transactions.csv", 4) in seen

    with app.app_context(), system_session() as session:
        user = session.get_one(User, loaded.user_id)
        assert (user.email, user.name) == (loaded.email, "Jade Rivers")
        assert verify_password(user.password_hash, "a-good-password")
        assert session.get_one(Membership, (loaded.workspace_id, loaded.user_id)).role == Role.OWNER
        workspace = session.get_one(Workspace, loaded.workspace_id)
        assert (workspace.name, workspace.currency) == ("Jade Rivers", "USD")

        here = Subscriber.workspace_id == loaded.workspace_id
        sofia, ruby = session.scalars(select(Subscriber).where(here).order_by(Subscriber.id)).all()
        assert (sofia.username, sofia.display_name, sofia.email) == ("sofia.t", "Thornton, Sofia", "sofia@mail.test")
        assert (ruby.name, ruby.email, ruby.country, ruby.last_active_at) == ("さくら 🌸", None, "", None)
        assert ruby.joined_at == datetime(2025, 1, 2, tzinfo=UTC)

        paid = select(Transaction).where(Transaction.workspace_id == loaded.workspace_id)
        rows = session.scalars(paid.order_by(Transaction.id)).all()
        assert [row.subscriber_id for row in rows] == [ruby.id, sofia.id, sofia.id, sofia.id]
        assert [(row.gross_cents, row.currency) for row in rows[:2]] == [(500, "USD"), (999, "USD")]
        assert rows[3].occurred_at == datetime(2025, 2, 3, 11, tzinfo=UTC)


def test_what_a_fan_spent_comes_from_the_completed_transactions(app: Flask, write: Write) -> None:
    loaded = load(app, write())
    with app.app_context(), system_session() as session:
        here = Subscriber.workspace_id == loaded.workspace_id
        spent = select(Subscriber.username, Subscriber.total_spent_cents).where(here)
        found = {row.username: row.total_spent_cents for row in session.execute(spent)}
        assert found == {"sofia.t": 1299, "ruby2": 500}


def test_a_chargeback_takes_back_what_was_paid(app: Flask, write: Write) -> None:
    taken = "1,1,8,chargeback,completed,-500,-100,-400,2025-02-09 10:00:00+00\n"
    loaded = load(app, write("transactions.csv", "2,1,3,sub", f"{taken.replace('1,', '4,', 1)}2,1,3,sub"))
    with app.app_context(), system_session() as session:
        here = Subscriber.workspace_id == loaded.workspace_id
        assert session.scalar(select(Subscriber.total_spent_cents).where(here, Subscriber.username == "ruby2")) == 0
        overview = AnalyticsService(session, loaded.workspace_id).overview(Range.ALL, date(2025, 2, 28))
        assert overview.earnings == (1299, 1039, 4)


def test_two_creators_with_the_same_ids_and_fans_do_not_meet(app: Flask, write: Write) -> None:
    first = load(app, write())
    second = load(app, write("users.csv", "@load.test", "@second.test"))
    assert first.workspace_id != second.workspace_id
    with app.app_context(), system_session() as session:
        astray = (
            select(func.count())
            .select_from(Transaction)
            .join(Subscriber, Subscriber.id == Transaction.subscriber_id)
            .where(Subscriber.workspace_id != Transaction.workspace_id)
        )
        assert session.scalar(astray) == 0


def test_other_tables_line_ends_and_order_of_columns_are_read(app: Flask, write: Write) -> None:
    folder = write()
    users = (folder / "users.csv").read_text().splitlines()
    swapped = "".join(",".join(reversed(line.split(","))) + "\r\n" for line in users)
    (folder / "users.csv").write_bytes(b"\xef\xbb\xbf" + swapped.encode())
    assert load(app, folder).subscribers == 2


def test_a_taken_email_is_refused_with_a_remedy(app: Flask, write: Write) -> None:
    load(app, write())
    before = counts(app)
    with pytest.raises(LoadError) as raised:
        load(app, write("users.csv", ",Jade Rivers,", ",Someone Else,"))
    error = raised.value
    assert (error.file, error.line, error.column) == ("users.csv", 2, "email")
    assert "put another e-mail into the file" in str(error)
    assert counts(app) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column"),
    [
        ("users.csv", "id,email,name", "id,mail,name", 1, "email"),
        ("users.csv", "@load.test", "", 2, "email"),
        ("users.csv", "a-good-password", "short", 2, "password"),
        ("users.csv", "a-good-password", "password123", 2, "password"),
        ("users.csv", "\n1,", "\nx,", 2, "id"),
        ("users.csv", "16 00:00:00+00\n", "16 00:00:00+00\n2,b@load.test,B,a-good-password,\n", None, None),
        ("users.csv", "Jade Rivers", '"Jade', None, None),
        ("subscribers.csv", "tier,", "tears,", 1, "tier"),
        ("subscribers.csv", ",country", ",country,country", 1, "country"),
        ("subscribers.csv", "8,1,", "3,1,", 3, "id"),
        ("subscribers.csv", "8,1,", "eight,1,", 3, "id"),
        ("subscribers.csv", "8,1,", "8,2,", 3, "user_id"),
        ("subscribers.csv", "ruby2", "SOFIA.T", 3, "username"),
        ("subscribers.csv", "ruby2", "", 3, "username"),
        ("subscribers.csv", "ruby2", "r" * 10_000, 3, "username"),
        ("subscribers.csv", "ruby2", "مرحبا", 3, "username"),
        ("subscribers.csv", "さくら", "a\tb", 3, "display_name"),
        ("subscribers.csv", "さくら 🌸", '"a\nb"', 4, "display_name"),
        ("subscribers.csv", " Sofia@Mail.test ", "sofia", 2, "email"),
        ("subscribers.csv", "basic", "gold", 2, "tier"),
        ("subscribers.csv", "expired", "gone", 3, "status"),
        ("subscribers.csv", ",999,", ",9.99,", 2, "monthly_price_cents"),
        ("subscribers.csv", ",999,", ",-999,", 2, "monthly_price_cents"),
        ("subscribers.csv", "2025-01-02 02", "2025-02-30 02", 3, "joined_at"),
        ("subscribers.csv", "2025-01-02 02:00:00+02", "infinity", 3, "joined_at"),
        ("subscribers.csv", "2025-01-02 02:00:00+02", "", 3, "joined_at"),
        ("subscribers.csv", "2026-12-06 22", "20261-12-06 22", 2, "renews_at"),
        ("subscribers.csv", ",US,", ",USA,", 2, "country"),
        ("subscribers.csv", "8,1,ruby2", "8,1", 3, None),
        ("subscribers.csv", '"Thornton', "Thornton", 4, None),
        ("transactions.csv", "ppv", '"ppv', 6, None),
        ("transactions.csv", "1,1,8,tip", "1,1,5,tip", 2, "subscriber_id"),
        ("transactions.csv", "7,1,3,message", "7,1,99,message", 5, "subscriber_id"),
        ("transactions.csv", "9,1,3", "1,1,3", 4, "id"),
        ("transactions.csv", "ppv", "present", 4, "type"),
        ("transactions.csv", "refunded", "lost", 4, "status"),
        ("transactions.csv", "1999,400,1599", "1999,400,1600", 4, "net_cents"),
        ("transactions.csv", "500,100", "5e2,100", 2, "gross_cents"),
        ("transactions.csv", "500,100,400", "-500,0,-500", 2, "gross_cents"),
        ("transactions.csv", "500,100,400", "500,-100,600", 2, "fee_cents"),
        ("transactions.csv", "tip,completed,500,100,400", "chargeback,completed,500,0,500", 2, "gross_cents"),
        ("transactions.csv", "500,100,400", "99999999999,0,99999999999", 2, "gross_cents"),
        ("transactions.csv", "2025-02-01 10:00:00+00", "01/02/25 noon", 2, "created_at"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_and_nothing_is_stored(
    app: Flask, write: Write, file: str, old: str, new: str, line: int | None, column: str | None
) -> None:
    before = counts(app)
    with pytest.raises(LoadError) as raised:
        load(app, write(file, old, new))
    error = raised.value
    assert (error.file, error.line, error.column) == (file, line, column)
    assert "Nothing was stored." in str(error)
    assert counts(app) == before


@pytest.mark.parametrize("file", GOOD)
def test_a_file_that_is_missing_empty_or_no_text_is_named(app: Flask, write: Write, file: str) -> None:
    folder, before = write(), counts(app)
    header = (folder / file).read_bytes().partition(b"\n")[0]
    for content in (None, b"", b"\xff\xfe\x00", header + b"\n1,1,\xff\n"):
        if content is None:
            (folder / file).unlink()
        else:
            (folder / file).write_bytes(content)
        with pytest.raises(LoadError) as raised:
            load(app, folder)
        assert raised.value.file == file
    assert counts(app) == before


CONVERSATIONS = """\
id,user_id,subscriber_id,status,auto_reply,unread_count,message_count,last_message_at,last_message_preview,created_at
5,1,8,open,false,1,3,2025-03-02 10:00:00+00,And you?,2025-03-01 10:00:00+00
6,1,3,closed,true,0,1,2025-03-03 10:00:00+00,Bye,2025-03-01 10:00:00+00
"""
MESSAGES = """\
id,conversation_id,sender,body,created_at
1,5,fan,"'=1+1, she said
and left",2025-03-01 10:00:00+00
2,5,bot,Hello {name},2025-03-01 11:00:00+00
3,5,fan,And you?,2025-03-02 10:00:00+00
4,6,fan,Bye,2025-03-03 10:00:00+00
"""


@pytest.fixture
def talk(write: Write) -> Write:
    """The same with conversations."""

    def write_talk(file: str = "", old: str = "", new: str = "") -> Path:
        folder = write()
        for name, content in (("conversations.csv", CONVERSATIONS), ("messages.csv", MESSAGES)):
            if name == file:
                assert old in content
                content = content.replace(old, new, 1)
            (folder / name).write_text(content)
        return folder

    return write_talk


def test_what_was_said_comes_along(app: Flask, talk: Write) -> None:
    loaded = load(app, talk())
    assert (loaded.conversations, loaded.messages, loaded.ignored) == (2, 4, ())
    with app.app_context(), system_session() as session:
        here = Conversation.workspace_id == loaded.workspace_id
        first, second = session.scalars(select(Conversation).where(here).order_by(Conversation.id))
        said = select(Message).where(Message.conversation_id == first.id).order_by(Message.id)
        assert [(row.direction, row.body) for row in session.scalars(said)] == [
            ("inbound", "=1+1, she said\nand left"),
            ("outbound", "Hello {name}"),
            ("inbound", "And you?"),
        ]
        assert (first.unread, first.waiting_since) == (1, datetime(2025, 3, 2, 10, tzinfo=UTC))
        assert first.account_id is None
        assert (second.unread, second.closed_at) == (0, datetime(2025, 3, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("conversations.csv", "5,1,8", "5,1,9", "conversations.csv, line 2, column subscriber_id: There is no"),
        ("conversations.csv", "6,1,3", "6,1,8", "column subscriber_id: An earlier line has the same."),
        ("conversations.csv", "closed", "shut", "column status: It must be one of open"),
        ("messages.csv", "2,5", "2,55", "messages.csv, column conversation_id: There is no conversation 55"),
        ("messages.csv", "5,bot", "5,robot", "column sender: It must be one of fan"),
        ("messages.csv", "5,bot", "5,", "column sender: It must be one of fan"),
        ("messages.csv", "body,", "", "messages.csv, line 1, column body: The column is missing."),
    ],
)
def test_what_is_wrong_with_what_was_said(app: Flask, talk: Write, file: str, old: str, new: str, said: str) -> None:
    before = counts(app)
    with pytest.raises(LoadError) as refused:
        load(app, talk(file, old, new))
    assert said in str(refused.value)
    assert counts(app) == before
