"""Erasing a fan: what goes, what stays, and that nobody comes back unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, column, func, insert, select, text, values
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import Base, UserId, WorkspaceId
from huntaze.models.notification import Notification
from huntaze.models.subscriber import Note, Subscriber, SubscriberTag, Tag
from huntaze.models.tombstone import Tombstone
from huntaze.models.transaction import Transaction, TransactionStatus
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewNote, NewSubscriber, NewTag, SubscriberChange
from huntaze.services.erasure import KEPT, ErasureService, erased_sql
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.notes import NoteService
from huntaze.services.subscribers import SubscriberService
from huntaze.services.tags import TagService
from tests.factories import (
    MemberFactory,
    NoteFactory,
    NotificationFactory,
    SubscriberFactory,
    TagFactory,
    TaggedFactory,
    TransactionFactory,
    WorkspaceFactory,
)
from tests.servers import SECRET_KEY
from tests.waiting import wait_until

Enter = Callable[[], Session]
ANY_NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
SAME_ENGINE = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def enter(app_engine: Engine, workspace: Workspace) -> Iterator[Enter]:
    """Further sessions in the workspace, for what happens at once."""
    opened: list[Session] = []

    def enter() -> Session:
        session = Session(app_engine)
        tenancy.enter(session, WorkspaceId(workspace.id))
        opened.append(session)
        return session

    yield enter
    for session in opened:
        session.close()


def erasures(session: Session, workspace: Workspace) -> ErasureService:
    return ErasureService(session, WorkspaceId(workspace.id), SECRET_KEY)


def test_the_person_goes_and_the_payments_stay_without_a_name(
    session: Session, owner: Session, workspace: Workspace
) -> None:
    fan, other = (SubscriberFactory(workspace_id=workspace.id) for _ in range(2))
    for subscriber in (fan, other):
        NoteFactory(subscriber=subscriber)
        TransactionFactory(subscriber=subscriber, gross_cents=700)
    shared, own = (TagFactory(workspace_id=workspace.id) for _ in range(2))
    for subscriber, tag in ((fan, shared), (other, shared), (fan, own)):
        TaggedFactory(subscriber=subscriber, tag=tag)

    erased = erasures(session, workspace).erase(fan.id, fan.username)
    session.commit()

    assert erased is not None
    assert erased.payments == 1
    here = workspace.id
    assert owner.scalars(select(Subscriber.id).where(Subscriber.workspace_id == here)).all() == [other.id]
    assert owner.scalars(select(Note.subscriber_id).where(Note.workspace_id == here)).all() == [other.id]
    assert owner.scalars(select(SubscriberTag.tag_id).where(SubscriberTag.workspace_id == here)).all() == [shared.id]
    assert owner.scalars(select(Tag.id).where(Tag.workspace_id == here)).all() == [shared.id], "a tag may be a name"
    paid = select(Transaction.subscriber_id, Transaction.gross_cents).where(Transaction.workspace_id == here)
    assert sorted(map(tuple, owner.execute(paid)), key=str) == [(other.id, 700), (None, 700)]
    stones = select(Tombstone.erased_id).where(Tombstone.workspace_id == here)
    assert owner.scalars(stones).all() == [fan.id]


def test_notifications_that_name_the_fan_go(session: Session, owner: Session, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id, username="a.b", display_name="Zoë (x) 🌊", email="z+1@e.test")
    member = MemberFactory(workspace_id=workspace.id)
    about = [
        {"title": "New fan", "url": f"/onlyfans/subscribers/{fan.id}"},
        {"title": "New fan", "url": f"/onlyfans/subscribers/{fan.id}?x=1"},
        {"title": "@A.B wrote"},
        {"title": "Money", "body": "from zoë (x) 🌊, at last"},
        {"title": "z+1@e.test bounced"},
    ]
    not_about = [
        {"title": "New fan", "url": f"/onlyfans/subscribers/{fan.id}1"},
        {"title": "aXb wrote, and a.bc"},
        {"title": "Zoë wrote"},
    ]
    for values_ in [*about, *not_about]:
        NotificationFactory(member=member, **values_)
    NotificationFactory(title="@a.b of another workspace")
    erasures(session, workspace).erase(fan.id, "a.b")
    session.commit()
    left = owner.scalars(select(Notification.title).where(Notification.workspace_id == workspace.id)).all()
    assert sorted(left) == sorted(row["title"] for row in not_about)
    others = select(func.count()).where(Notification.title == "@a.b of another workspace")
    assert owner.scalar(others)


def test_the_name_must_be_typed_and_twice_is_once(session: Session, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    service = erasures(session, workspace)
    with pytest.raises(Invalid):
        service.erase(fan.id, "someone.else")
    assert service.erase(fan.id, fan.username) is not None
    assert service.erase(fan.id, fan.username) is None
    with pytest.raises(NotFound):
        service.erase(fan.id, "someone.else")
    with pytest.raises(NotFound):
        service.erase(fan.id + 1, fan.username)


def test_nothing_can_be_read_from_a_tombstone_and_each_workspace_has_its_own(
    session: Session, workspace: Workspace, app_engine: Engine
) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    erasures(session, workspace).erase(fan.id, fan.username)
    session.commit()
    [digest] = session.scalars(select(Tombstone.digest)).all()
    assert len(digest) == 32
    elsewhere = WorkspaceFactory()
    with Session(app_engine) as theirs:
        tenancy.enter(theirs, WorkspaceId(elsewhere.id))
        assert theirs.scalar(select(func.count()).select_from(Tombstone)) == 0
        assert not erasures(theirs, elsewhere).is_erased(fan.username)
        SubscriberFactory(workspace_id=elsewhere.id, username=fan.username)
    # The same name has another digest there: two workspaces can't be compared.
    assert erasures(session, workspace)._digest("username", "x") != erasures(session, elsewhere)._digest(
        "username", "x"
    )


def test_an_erased_fan_is_let_in_only_on_purpose(session: Session, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    service = erasures(session, workspace)
    service.erase(fan.id, fan.username)
    with pytest.raises(Conflict) as raised:
        service.readmit(fan.username, anyway=False)
    assert raised.value.errors["anyway"][0].kind == "erased"
    assert service.is_erased(fan.username)
    assert service.readmit(fan.username, anyway=True)
    assert not service.is_erased(fan.username)
    assert not service.readmit(fan.username, anyway=True), "once is enough"
    assert not service.readmit("someone.new", anyway=False)


@SAME_ENGINE
@given(names=st.lists(ANY_NAME))
def test_the_database_reckons_as_we_do(app_engine: Engine, names: list[str]) -> None:
    """The set-based form, over any names."""
    names = sorted(set(names))
    with Session(app_engine) as session:
        workspace = WorkspaceFactory()
        tenancy.enter(session, WorkspaceId(workspace.id))
        service = erasures(session, workspace)
        gone = names[::2]
        for number, name in enumerate(gone):
            stone = Tombstone(
                workspace_id=WorkspaceId(workspace.id), digest=service._digest("username", name), erased_id=number
            )
            session.add(stone)
        session.flush()
        if names:
            staged = values(column("name", String), name="staged").data([(name,) for name in names])
            found = session.scalars(select(staged.c.name).where(service.erased("username", staged.c.name))).all()
            assert sorted(found) == sorted(gone)
            by_hand = (
                f"SELECT name FROM unnest(%(names)s::text[]) AS s (name) WHERE {erased_sql('username', 's.name')}"
            )
            result = session.connection().exec_driver_sql(by_hand, {"names": names, **service.parameters()})
            assert sorted(result.scalars()) == sorted(gone)
        session.rollback()


def test_a_staging_table_is_joined_not_looped(session: Session, workspace: Workspace) -> None:
    service = erasures(session, workspace)
    staged = Table("staged_names", MetaData(), Column("id", Integer), Column("name", String), prefixes=["TEMPORARY"])
    staged.create(session.connection())
    session.execute(insert(staged), [{"id": n, "name": f"name{n}"} for n in range(2000)])
    query = select(staged.c.id).where(~service.erased("username", staged.c.name))
    compiled = query.compile(session.connection())
    plan = session.connection().exec_driver_sql("EXPLAIN " + str(compiled), dict(compiled.params)).scalars().all()
    assert "Anti Join" in "\n".join(plan), plan
    assert len(session.scalars(query).all()) == 2000


def test_erasing_twice_at_once_is_once(enter: Enter, owner: Session, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    TransactionFactory(subscriber=fan)

    def erase(_n: int) -> int | None:
        with enter() as session:
            erased = erasures(session, workspace).erase(fan.id, fan.username)
            session.commit()
        return erased.payments if erased else None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(map(str, pool.map(erase, range(8)))) == ["1"] + ["None"] * 7
    assert owner.scalar(select(func.count()).where(Tombstone.workspace_id == workspace.id)) == 1


@pytest.mark.parametrize("what", ["note", "tag", "change"])
def test_what_is_written_meanwhile_goes_along_or_finds_nobody(
    enter: Enter, owner: Session, workspace: Workspace, what: str
) -> None:
    author = MemberFactory(workspace_id=workspace.id)
    here = WorkspaceId(workspace.id)

    def write(session: Session, fan_id: int) -> None:
        if what == "note":
            NoteService(session, here).add(fan_id, UserId(author.user_id), NewNote(body="Likes blue."))
        elif what == "tag":
            TagService(session, here).add(fan_id, NewTag(name="kind"))
        else:
            fan = session.get_one(Subscriber, (here, fan_id))
            fan.display_name = "Changed"
            session.flush()

    # The writer is first: the eraser waits for it.
    fan = SubscriberFactory(workspace_id=workspace.id)
    writer, eraser = enter(), enter()
    write(writer, fan.id)
    pid = _pid(eraser)
    with ThreadPoolExecutor(1) as pool:
        erased = pool.submit(lambda: (erasures(eraser, workspace).erase(fan.id, fan.username), eraser.commit()))
        _wait_until_blocked(owner, pid)
        writer.commit()
        erased.result(30)
    # The eraser is first: the writer finds nobody.
    second = SubscriberFactory(workspace_id=workspace.id)
    erasures(eraser, workspace).erase(second.id, second.username)
    if what != "change":  # that one is in test_subscribers: the row was read before
        pid = _pid(writer)
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write, writer, second.id)
            _wait_until_blocked(owner, pid)
            eraser.commit()
            with pytest.raises(NotFound):
                written.result(30)
    eraser.commit()
    for model in (Note, SubscriberTag, Subscriber):
        assert owner.scalar(select(func.count()).where(model.workspace_id == workspace.id)) == 0


def test_who_holds_keeps_the_eraser_waiting(enter: Enter, owner: Session, workspace: Workspace) -> None:
    """An import's batch reads the tombstones and then adds fans: nobody is erased in between."""
    fan = SubscriberFactory(workspace_id=workspace.id)
    first, second, eraser = enter(), enter(), enter()
    erasures(first, workspace).hold()
    erasures(second, workspace).hold()
    pid = _pid(eraser)
    with ThreadPoolExecutor(1) as pool:
        erased = pool.submit(lambda: (erasures(eraser, workspace).erase(fan.id, fan.username), eraser.commit()))
        _wait_until_blocked(owner, pid)
        first.commit()
        second.commit()
        erased.result(30)
    with pytest.raises(Conflict):
        erasures(first, workspace).readmit(fan.username, anyway=False)


def test_a_change_of_a_fan_who_was_erased_meanwhile_is_not_found(enter: Enter, workspace: Workspace) -> None:
    fan = SubscriberFactory(workspace_id=workspace.id)
    changer, eraser = enter(), enter()
    subscribers = SubscriberService(changer, WorkspaceId(workspace.id))
    subscribers.get(fan.id)
    erasures(eraser, workspace).erase(fan.id, fan.username)
    eraser.commit()
    with pytest.raises(NotFound):
        subscribers.change(fan.id, SubscriberChange(display_name="New"))


@SAME_ENGINE
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(TransactionStatus), st.integers(0, 10**7), st.integers(1, 700)),
        max_size=20,
    ),
    st.sets(st.integers(0, 3)),
)
def test_erasing_changes_no_sum(
    app_engine: Engine, payments: list[tuple[int, TransactionStatus, int, int]], gone: set[int]
) -> None:
    workspace = WorkspaceFactory()
    here = WorkspaceId(workspace.id)
    with Session(app_engine) as session:
        tenancy.enter(session, here)
        subscribers = SubscriberService(session, here)
        fans = [subscribers.add(NewSubscriber(username=f"fan{number}")) for number in range(4)]
        for fan, status, cents, hours in payments:
            session.add(
                Transaction(
                    workspace_id=here,
                    subscriber_id=fans[fan].id,
                    type="tip",
                    status=status,
                    gross_cents=cents,
                    fee_cents=cents // 5,
                    net_cents=cents - cents // 5,
                    currency="USD",
                    occurred_at=func.now() - func.make_interval(0, 0, 0, 0, hours),
                )
            )
        session.flush()
        before = _sums(session)
        for number in gone:
            assert erasures(session, workspace).erase(fans[number].id, f"fan{number}") is not None
        assert _sums(session) == before
        session.rollback()


def test_every_table_that_points_at_a_fan_says_what_becomes_of_it() -> None:
    """CASCADE: it goes along. SET NULL: it stays without the fan, and services/erasure.py says why."""
    kept = set()
    for table in Base.metadata.tables.values():
        pointing = [
            constraint
            for constraint in table.foreign_key_constraints
            if constraint.referred_table.name == "subscribers"
        ]
        for constraint in pointing:
            assert constraint.ondelete in ("CASCADE", "SET NULL (subscriber_id)"), table.name
            if constraint.ondelete != "CASCADE":
                kept.add(table.name)
        named = {column_.name for column_ in table.c if "subscriber" in column_.name}
        covered = {column_.name for constraint in pointing for column_ in constraint.columns}
        assert named <= covered, f"{table.name}: a fan's number without a foreign key outlives the fan"
    assert kept == KEPT.keys()


def _sums(session: Session) -> list[tuple[object, ...]]:
    day = func.date_trunc("day", Transaction.occurred_at)
    sums = (func.sum(Transaction.gross_cents), func.sum(Transaction.fee_cents), func.sum(Transaction.net_cents))
    query = select(day, Transaction.status, *sums, func.count()).group_by(day, Transaction.status)
    return sorted(map(tuple, session.execute(query)), key=str)


def _pid(session: Session) -> int:
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    assert pid is not None
    return int(pid)


def _wait_until_blocked(owner: Session, pid: int) -> None:
    """Until that connection waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE pid = :pid AND NOT granted")
    wait_until(lambda: owner.scalar(waiting, {"pid": pid}), otherwise=lambda: "it did not wait")
