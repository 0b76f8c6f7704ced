"""Storing what a platform says: its fields win, ours stay; once per id, in any order; money to the cent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.adapters.platform import (
    Cents,
    Chargeback,
    Chat,
    Fan,
    Message,
    Payout,
    Period,
    Transaction,
    TransactionKind,
    TransactionStatus,
)
from huntaze.models.base import WorkspaceId
from huntaze.models.conversation import Conversation
from huntaze.models.conversation import Message as Said
from huntaze.models.domain_event import DomainEvent
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.platform_record import Payout as Paid
from huntaze.models.subscriber import Status, Subscriber, Tier
from huntaze.models.subscription import SubscriptionPeriod
from huntaze.models.transaction import Transaction as Payment
from huntaze.models.workspace import Workspace
from huntaze.services.erasure import ErasureService
from huntaze.services.errors import NotFound
from huntaze.services.platform_store import PlatformStore, Stored
from tests.factories import PlatformAccountFactory, SubscriberFactory, WorkspaceFactory
from tests.servers import SECRET_KEY

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2025, 3, 1, 12, tzinfo=UTC)


def fan(id_: str, username: str | None = None, **said: Any) -> Fan:
    nothing: dict[str, Any] = dict.fromkeys(
        ["name", "nickname", "active", "renews", "subscribed_at", "expires_at", "price", "spent", "last_seen"]
    )
    return Fan(id=id_, username=username, lists=(), **{**nothing, **said})


def payment(id_: str, fan_id: str | None = "7", gross: int = 1000, **said: Any) -> Transaction:
    given: dict[str, Any] = {
        "kind": TransactionKind.TIP,
        "status": TransactionStatus.DONE,
        "fee": Cents(gross // 5),
        "net": Cents(gross - gross // 5),
        "vat": Cents(21),
        "tax": Cents(0),
        "currency": "USD",
        "description": "Tip",
        "at": THEN,
        **said,
    }
    return Transaction(id=id_, fan_id=fan_id, gross=Cents(gross), **given)


def chargeback(id_: str, of: str | None, fan_id: str | None = None, gross: int = 1000) -> Chargeback:
    net = Cents(gross - gross // 5)
    return Chargeback(id_, of, fan_id, TransactionKind.TIP, Cents(gross), net, "USD", THEN + timedelta(days=3))


def message(id_: str, chat: str = "7", body: str = "Hello", **said: Any) -> Message:
    given: dict[str, Any] = {
        "mine": False,
        "price": Cents(0),
        "opened": None,
        "tip": False,
        "media": (),
        "media_count": 0,
        "mass_id": None,
        "at": THEN,
        "changed_at": None,
        **said,
    }
    return Message(id=id_, chat_id=chat, text=body, **given)


@pytest.fixture
def account(workspace: Workspace) -> PlatformAccount:
    return PlatformAccountFactory(workspace_id=workspace.id, connected_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def store(session: Session, workspace: Workspace, account: PlatformAccount) -> PlatformStore:
    return store_of(session, account)


def store_of(session: Session, account: PlatformAccount) -> PlatformStore:
    return PlatformStore(session, account.workspace_id, account.id, SECRET_KEY)


def fans_of(session: Session) -> dict[str | None, Subscriber]:
    session.expire_all()
    return {row.platform_id: row for row in session.scalars(select(Subscriber))}


def events(session: Session) -> list[tuple[str, int | None]]:
    rows = session.execute(select(DomainEvent.kind, DomainEvent.gross_cents).order_by(DomainEvent.id))
    return [(row.kind.value, row.gross_cents) for row in rows]


def test_a_fan_comes_as_the_platform_says(session: Session, store: PlatformStore) -> None:
    told = fan(
        "7", "Ann.B", name="Ann", nickname="Annie", active=True, renews=True, price=Cents(999),
        subscribed_at=THEN, expires_at=THEN + timedelta(days=30), last_seen=THEN + timedelta(days=1),
    )  # fmt: skip
    assert store.fans([told]) == Stored(1)
    assert store.fans([told]) == Stored(0), "nothing new"
    ann = fans_of(session)["7"]
    assert (ann.username, ann.display_name, ann.status, ann.renews) == ("ann.b", "Annie", Status.ACTIVE, True)
    assert (ann.monthly_price_cents, ann.joined_at, ann.renews_at) == (999, THEN, THEN + timedelta(days=30))
    assert ann.last_active_at == THEN + timedelta(days=1)
    assert events(session) == [("subscribed", 999)]


def test_what_is_ours_stays_and_what_was_not_said_too(session: Session, store: PlatformStore) -> None:
    store.fans([fan("7", "ann", name="Ann", active=True, renews=True, price=Cents(999), subscribed_at=THEN)])
    ann = fans_of(session)["7"]
    ann.tier, ann.email, ann.country = Tier.VIP, "ann@x.test", "FR"
    session.flush()
    store.fans([fan("7", active=False, expires_at=THEN)])
    ann = fans_of(session)["7"]
    assert (ann.tier, ann.email, ann.country) == (Tier.VIP, "ann@x.test", "FR")
    assert (ann.username, ann.display_name, ann.renews, ann.joined_at) == ("ann", "Ann", False, THEN)
    assert ann.status == Status.EXPIRED
    assert [kind for kind, _ in events(session)] == ["subscribed", "expired"]


def test_a_fan_from_a_file_is_the_same_one(session: Session, store: PlatformStore, account: PlatformAccount) -> None:
    by_name = SubscriberFactory(workspace_id=account.workspace_id, username="ann")
    by_id = SubscriberFactory(workspace_id=account.workspace_id, username="bo.old", platform_id="8")
    other = SubscriberFactory(workspace_id=account.workspace_id, username="cy", platform_id="99")
    store.fans([fan("7", "ann"), fan("8", "bo"), fan("9", "cy")])
    found = fans_of(session)
    assert (found["7"].id, found["8"].id, found["8"].username) == (by_name.id, by_id.id, "bo")
    assert found["99"].id == other.id
    assert found["9"].id != other.id, "another person of the same name"
    assert [found[id_].account_id for id_ in ("7", "8", "9", "99")] == [account.id] * 3 + [None]


def test_names_change_hands(session: Session, store: PlatformStore) -> None:
    store.fans([fan("1", "ann"), fan("2", "bo"), fan("3", "cy")])
    store.fans([fan("1", "bo"), fan("2", "ann")])
    assert [fans_of(session)[id_].username for id_ in "123"] == ["bo", "ann", "cy"]
    store.fans([fan("4", "cy")])
    assert fans_of(session)["3"].username == "~3", "until its new name is told"
    store.fans([fan("3", "di"), fan("5", "EL"), fan("6", "el")])
    found = fans_of(session)
    assert (found["3"].username, found["5"].username, found["6"].username) == ("di", "~5", "el")


def test_two_accounts_may_have_the_same_fan(session: Session, store: PlatformStore, account: PlatformAccount) -> None:
    second = store_of(session, PlatformAccountFactory(workspace_id=account.workspace_id))
    for each in (store, second):
        each.fans([fan("7", "ann")])
        each.transactions([payment("t1")])
        each.messages("7", [message("m1")])
    assert session.scalar(select(func.count()).select_from(Subscriber)) == 2
    assert session.scalars(select(Subscriber.total_spent_cents)).all() == [1000, 1000]


def test_money_is_kept_to_the_cent_and_once(session: Session, store: PlatformStore) -> None:
    store.fans([fan("7", "ann", active=True)])
    pending = payment("t1", gross=999, status=TransactionStatus.PENDING, fee=Cents(199), net=Cents(799))
    assert store.transactions([pending, payment("t2", gross=500)]) == Stored(2)
    assert fans_of(session)["7"].total_spent_cents == 500
    done = replace(pending, status=TransactionStatus.DONE)
    assert store.transactions([done]) == Stored(1)
    assert store.transactions([pending, done, pending]) == Stored(0), "late news does not move it back"
    row = session.scalars(select(Payment).where(Payment.platform_id == "t1")).one()
    assert (row.gross_cents, row.fee_cents, row.net_cents, row.vat_cents) == (999, 200, 799, 21)
    assert fans_of(session)["7"].total_spent_cents == 1499
    assert events(session) == [("tip", 999), ("tip", 500)]


def test_a_chargeback_takes_back_once(session: Session, store: PlatformStore) -> None:
    store.transactions([payment("t1"), payment("t2", gross=300)])
    store.transactions([payment("t1", status=TransactionStatus.REVERSED)])
    assert fans_of(session)["7"].total_spent_cents == 300, "reversed, and no more is known"
    for _ in range(2):
        store.chargebacks([chargeback("t1", "t1")])
    assert fans_of(session)["7"].total_spent_cents == 300, "1000 - 1000 + 300"
    store.transactions([payment("t1", status=TransactionStatus.REVERSED), payment("t1")])
    net = session.scalar(select(func.sum(Payment.net_cents)).where(Payment.status == "completed"))
    earned = session.scalar(text("SELECT sum(net_cents) FROM daily_earnings"))
    assert net == earned == 240
    assert events(session)[-1] == ("chargeback", -1000)


def test_money_of_another_currency_is_kept_out(session: Session, store: PlatformStore) -> None:
    assert store.transactions([payment("t1", currency="EUR"), payment("t2")]) == Stored(1, rejected=1)


def test_a_payment_brings_its_fan(session: Session, store: PlatformStore) -> None:
    store.transactions([payment("t1", "7")])
    store.transactions([payment("t0", "7", at=LONG_AGO)])
    ann = fans_of(session)["7"]
    assert (ann.username, ann.status, ann.joined_at, ann.total_spent_cents) == ("~7", Status.EXPIRED, LONG_AGO, 2000)
    store.fans([fan("7", "ann", active=True, subscribed_at=LONG_AGO)])
    assert (fans_of(session)["7"].username, fans_of(session)["7"].status) == ("ann", Status.ACTIVE)


def test_the_erased_stay_away_and_their_money_stays(
    session: Session, store: PlatformStore, account: PlatformAccount
) -> None:
    store.fans([fan("7", "ann", name="Ann")])
    store.transactions([payment("t1")])
    store.messages("7", [message("m1")])
    ErasureService(session, account.workspace_id, SECRET_KEY).erase(fans_of(session)["7"].id, "ann")
    store.fans([fan("7", "ann.new", name="Ann"), fan("8", "ann")])
    store.transactions([payment("t1"), payment("t2")])
    store.chargebacks([chargeback("c1", "t2", "7")])
    store.chats([Chat("7", "ann.new", "Ann", 1, True, message("m2"))])
    store.messages("7", [message("m3")])
    store.periods("7", [Period(THEN, None, None)])
    assert fans_of(session) == {}
    assert session.scalar(select(func.count()).select_from(Payment).where(Payment.subscriber_id.is_(None))) == 3
    for model in (Said, Conversation, DomainEvent, SubscriptionPeriod):
        assert session.scalar(select(func.count()).select_from(model)) == 0


def test_history_is_no_news(session: Session, store: PlatformStore) -> None:
    store.fans([fan("7", "ann", active=True, subscribed_at=LONG_AGO)])
    store.transactions([payment("t1", at=LONG_AGO)])
    store.messages("7", [message("m1", at=LONG_AGO)])
    assert events(session) == []


def test_chats_have_their_last_message_and_are_behind_until_read(session: Session, store: PlatformStore) -> None:
    store.fans([fan("7", "ann", nickname="Annie")])
    chat = Chat("7", "ann", "Ann", 2, True, message("m2", at=THEN + timedelta(hours=1)))
    assert store.chats([chat]) == Stored(2)
    assert store.chats([chat]) == Stored(0)
    found = session.scalars(select(Conversation)).one()
    assert (found.platform_unread, found.behind) == (2, True)
    assert found.last_message_at == THEN + timedelta(hours=1)
    assert fans_of(session)["7"].display_name == "Annie", "a chat knows no nickname"
    store.messages("7", [message("m1"), message("m2", at=THEN + timedelta(hours=1))])
    store.caught_up("7")
    store.chats([chat])
    session.expire_all()
    assert not session.scalars(select(Conversation)).one().behind
    assert session.scalars(select(Said.platform_id).order_by(Said.sent_at)).all() == ["m1", "m2"]
    assert [kind for kind, _ in events(session)] == ["message", "message"]


def test_what_changed_last_is_what_was_said(session: Session, store: PlatformStore) -> None:
    new = message(
        "m1", body="Hello!", changed_at=THEN + timedelta(minutes=5), mine=True, price=Cents(500), opened=False
    )
    old = replace(new, text="Helo", changed_at=None)
    store.messages("7", [new])
    store.messages("7", [old])
    store.unlocked("7", "m1")
    store.messages("7", [new])
    store.deleted("m1")
    said = session.scalars(select(Said)).one()
    assert (said.body, said.is_opened) == ("Hello!", True)
    assert said.deleted_at is not None
    assert store.messages("7", [message("m9", body="nul\0 and half \ud83d")]) == Stored(1)


def test_periods_take_the_place_of_what_was_known(session: Session, store: PlatformStore) -> None:
    store.fans([fan("7", "ann")])
    first, second = Period(LONG_AGO, THEN, Cents(999)), Period(THEN, None, None)
    store.periods("7", [first, second])
    assert store.periods("7", [first, second]) == Stored(0)
    store.periods("7", [replace(first, end=LONG_AGO)])
    rows = session.execute(select(SubscriptionPeriod.started_at, SubscriptionPeriod.ends_at)).all()
    assert [tuple(row) for row in rows] == [(LONG_AGO, LONG_AGO)]


def test_whom_a_sweep_did_not_meet_is_gone_and_may_come_back(session: Session, store: PlatformStore) -> None:
    store.fans([fan("7", "ann", active=True), fan("8", "bo", active=True)])
    session.execute(text("UPDATE subscribers SET created_at = now() - interval '1 day'"))
    now = datetime.now(UTC)
    store.fans([fan("7", "ann", active=True)], listed_at=now)
    assert store.vanish(now) == Stored(1)
    assert [fans_of(session)[id_].vanished_at is None for id_ in "78"] == [True, False]
    store.fans([fan("8", active=True)])
    assert fans_of(session)["8"].vanished_at is None


def test_an_account_that_is_gone_or_of_a_stranger_is_not_found(session: Session, account: PlatformAccount) -> None:
    stranger = PlatformAccountFactory()
    for id_ in (stranger.id, account.id + 999_999):
        with pytest.raises(NotFound):
            PlatformStore(session, account.workspace_id, id_, SECRET_KEY).fans([fan("7", "ann")])


def test_payouts_are_by_invoice(session: Session, store: PlatformStore) -> None:
    payout = Payout("INV-1", Cents(50_000), "USD", "pending", THEN)
    assert store.payouts([payout, replace(payout, id=None)]) == Stored(2)
    assert store.payouts([replace(payout, state="approved")]) == Stored(1)
    assert session.scalars(select(Paid.state).where(Paid.platform_id == "INV-1")).one() == "approved"


IDS = st.sampled_from(["1", "2", "3"])
FANS = {id_: fan(id_, f"name{id_}", name=f"N{id_}", active=id_ != "3", subscribed_at=LONG_AGO, price=Cents(100),
                 expires_at=THEN, renews=False) for id_ in "123"}  # fmt: skip
LAST = message("m2", "3", at=THEN + timedelta(2))
STATES = [TransactionStatus.PENDING, TransactionStatus.DONE, TransactionStatus.REVERSED]
Call = tuple[str, Callable[[PlatformStore], object]]
CALLS: list[Call] = [
    *((f"fan {id_}", lambda store, id_=id_: store.fans([FANS[id_]])) for id_ in "123"),
    *(
        (f"t{n} {state}", lambda store, n=n, state=state: store.transactions(
            [payment(f"t{n}", str(n), gross=100 * n, status=state, at=THEN + timedelta(days=n))]))
        for n in (1, 2) for state in (STATES if n == 1 else STATES[:2])
    ),
    ("chargeback", lambda store: store.chargebacks([chargeback("c1", "t1", None, 100)])),
    ("m1", lambda store: store.messages("3", [message("m1", "3", at=THEN + timedelta(1))])),
    ("m2", lambda store: store.messages("3", [LAST])),
    ("chat", lambda store: store.chats([Chat("3", "name3", "N3", 1, True, LAST)])),
    ("read", lambda store: store.messages("3", [message("m1", "3", at=THEN + timedelta(1), body="Edited",
                                                        changed_at=THEN + timedelta(3))])),
]  # fmt: skip
STATE = """
SELECT 's', platform_id, username, display_name, status, renews::text, joined_at::text, total_spent_cents::text
  FROM subscribers WHERE workspace_id = :id
UNION ALL SELECT 't', t.platform_id, t.status, t.gross_cents::text, s.platform_id, t.reverses, t.type,
       t.net_cents::text
  FROM transactions t LEFT JOIN subscribers s ON s.workspace_id = t.workspace_id AND s.id = t.subscriber_id
 WHERE t.workspace_id = :id
UNION ALL SELECT 'm', platform_id, body, direction, sent_at::text, changed_at::text, '', '' FROM messages
 WHERE workspace_id = :id
UNION ALL SELECT 'c', s.platform_id, last_message_at::text, '', '', '', '', ''
  FROM conversations c JOIN subscribers s ON s.workspace_id = c.workspace_id AND s.id = c.subscriber_id
 WHERE c.workspace_id = :id
UNION ALL SELECT 'e', kind, split_part(reference, ':', 2), gross_cents::text, occurred_at::text, '', '', ''
  FROM domain_events WHERE workspace_id = :id
UNION ALL SELECT 'd', type, day::text, sum(gross_cents)::text, sum(net_cents)::text, '', '', '' FROM daily_earnings
 WHERE workspace_id = :id GROUP BY type, day HAVING sum(payments) <> 0
"""


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(CALLS), st.lists(st.sampled_from(CALLS), max_size=8))
def test_any_order_and_repetition_gives_the_same(app_engine: Engine, order: list[Call], again: list[Call]) -> None:
    """Every call once in some order with repetitions: rows, sums, events and figures are as in the natural order."""
    states = []
    for calls in (CALLS, [*order, *again]):
        workspace = WorkspaceFactory()
        account = PlatformAccountFactory(workspace_id=workspace.id, connected_at=datetime(2026, 1, 1, tzinfo=UTC))
        with Session(app_engine) as session:
            tenancy.enter(session, WorkspaceId(workspace.id))
            for _name, call in calls:
                call(store_of(session, account))
            states.append(sorted(map(str, session.execute(text(STATE), {"id": workspace.id}))))
            session.rollback()
    assert states[0] == states[1]
