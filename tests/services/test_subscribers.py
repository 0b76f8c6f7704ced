"""The list of fans with its filters and orders, and what can be done to a fan."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pydantic import ValidationError
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import WorkspaceId
from huntaze.models.subscriber import Status, Subscriber, Tier
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewSubscriber, Sort, SubscriberChange, SubscriberFilter
from huntaze.services import subscribers as module
from huntaze.services.errors import Conflict, NotFound
from huntaze.services.keyset import PAGE
from huntaze.services.subscribers import SubscriberService
from tests.factories import SubscriberFactory, TagFactory, TaggedFactory

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def service(session: Session, workspace: Workspace) -> SubscriberService:
    return SubscriberService(session, WorkspaceId(workspace.id))


@pytest.fixture
def fan(workspace: Workspace) -> Callable[..., Subscriber]:
    def fan(username: str, **values: object) -> Subscriber:
        return SubscriberFactory(workspace_id=workspace.id, username=username, **values)

    return fan


def _names(service: SubscriberService, **wanted: object) -> list[str]:
    return [row.username for row in service.page(SubscriberFilter(**wanted)).rows]


def test_filters(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    ann = fan("ann", tier=Tier.VIP, total_spent_cents=1000)
    fan("bob", status=Status.EXPIRED, total_spent_cents=999)
    fan("cleo", tier=Tier.VIP, status=Status.CANCELLED, total_spent_cents=0)
    fan("dan", archived_at=NOON)
    TaggedFactory(subscriber=ann, tag=TagFactory(workspace_id=ann.workspace_id, name="Whale"))

    def found(**wanted: object) -> list[str]:
        return _names(service, sort=Sort.USERNAME, **wanted)

    assert found() == ["ann", "bob", "cleo"]
    assert found(tier="vip") == ["ann", "cleo"]
    assert found(tier="basic") == []
    assert found(status="expired") == ["bob"]
    assert found(tier="vip", status="cancelled") == ["cleo"]
    assert found(spent_min="10") == ["ann"]
    assert found(spent_min="9.99") == ["ann", "bob"]
    assert found(spent_max="9.99") == ["bob", "cleo"]
    assert found(spent_min="0.01", spent_max="9.99") == ["bob"]
    assert found(tag="whale") == ["ann"], "tags are compared without case"
    assert found(tag="whal") == []
    assert found(archived=True) == ["dan"]
    assert found(archived=True, tier="vip") == []


def test_days_are_those_of_the_workspace(
    service: SubscriberService, owner: Session, workspace: Workspace, fan: Callable[..., Subscriber]
) -> None:
    """In New York 1 June began at 4:00 UTC."""
    owner.execute(update(Workspace).where(Workspace.id == workspace.id).values(time_zone="America/New_York"))
    fan("early", joined_at=NOON.replace(hour=3, minute=59), renews_at=NOON.replace(hour=3, minute=59))
    fan("late", joined_at=NOON.replace(hour=4), renews_at=NOON.replace(hour=4))
    fan("week", joined_at=NOON, renews_at=NOON.replace(day=8, hour=3))
    fan("more", joined_at=NOON, renews_at=NOON.replace(day=8, hour=4))
    fan("never", joined_at=NOON - timedelta(days=1))
    with time_machine.travel(NOON, tick=False):
        assert set(_names(service, joined_since="2026-06-01")) == {"late", "week", "more"}
        assert set(_names(service, renews_before="2026-06-08")) == {"late", "week"}
        assert _names(service, renews_before="2026-06-08", joined_since="2026-06-02") == []
        assert _names(service, renews_before="2026-06-01") == []


def test_empty_parts_of_the_url_filter_nothing(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    fan("ann")
    empty = dict.fromkeys(("q", "tier", "status", "tag", "spent_min", "spent_max", "after"), "")
    assert _names(service, **empty) == ["ann"]
    assert SubscriberFilter(**empty).active == 0


@pytest.mark.parametrize("day", ["0", "1764000000", "2026-06-01T12:00", "2026-6-1", "٢٠٢٦-٠٦-٠١"])
def test_a_day_is_written_as_one(day: str) -> None:
    with pytest.raises(ValidationError):
        SubscriberFilter(joined_since=day)


def test_each_filter_counts_and_search_and_order_do_not() -> None:
    narrow = SubscriberFilter(tier="vip", status="active", tag="a", spent_min="0", spent_max="1", archived=True)
    assert narrow.active == 6
    assert SubscriberFilter(q="ann", sort=Sort.SPENT).active == 0


def test_orders(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    day = timedelta(days=1)
    fan("b", joined_at=NOON, total_spent_cents=5, last_active_at=NOON + 9 * day)
    fan("a", joined_at=NOON + day, total_spent_cents=0, last_active_at=None)
    fan("c", joined_at=NOON - day, total_spent_cents=2**40, last_active_at=NOON + 2 * day)
    assert _names(service) == ["a", "b", "c"], "the newest first"
    assert _names(service, sort=Sort.SPENT) == ["c", "b", "a"]
    assert _names(service, sort=Sort.SEEN) == ["b", "c", "a"], "who was never seen again was there when joining"
    assert _names(service, sort=Sort.USERNAME) == ["a", "b", "c"]


@pytest.mark.parametrize("sort", Sort)
def test_pages_have_each_fan_once_also_where_keys_are_equal(
    service: SubscriberService, owner: Session, workspace: Workspace, sort: Sort
) -> None:
    fans = 3 * PAGE + 7
    owner.execute(
        text(
            "INSERT INTO subscribers (workspace_id, username, joined_at, total_spent_cents)"
            " SELECT :workspace, 'fan' || n, timestamptz '2026-01-01' + n / 60 * interval '1 day',"
            " n / 70 * 3000000000"
            " FROM generate_series(1, :fans) n"
        ),
        {"workspace": workspace.id, "fans": fans},
    )
    seen: list[int] = []
    sizes, after = [], ""
    while after is not None:
        page = service.page(SubscriberFilter(sort=sort, after=after))
        assert page.count == (None if after else fans)
        seen += [row.id for row in page.rows]
        sizes.append(len(page.rows))
        after = page.next
    assert sizes == [PAGE, PAGE, PAGE, 7]
    assert len(set(seen)) == len(seen) == fans


def test_a_page_goes_on_where_it_was_although_rows_come_and_go(
    service: SubscriberService, fan: Callable[..., Subscriber]
) -> None:
    for n in range(PAGE + 5):
        fan(f"fan{n:03}", joined_at=NOON - timedelta(hours=n))
    first = service.page(SubscriberFilter())
    fan("newcomer", joined_at=NOON + timedelta(hours=1))
    service.archive(first.rows[-1].id)
    second = _names(service, after=first.next)
    assert second == [f"fan{n:03}" for n in range(PAGE, PAGE + 5)]


def test_the_count_is_exact_up_to_a_thousand(
    service: SubscriberService, owner: Session, workspace: Workspace
) -> None:
    add = text(
        "INSERT INTO subscribers (workspace_id, username, tier) SELECT :workspace, :name || n, :tier"
        " FROM generate_series(1, :fans) n"
    )
    owner.execute(add, {"workspace": workspace.id, "name": "v", "tier": "vip", "fans": module.COUNTED})
    full = service.page(SubscriberFilter())
    assert (full.count, full.count_capped) == (module.COUNTED, False)
    owner.execute(add, {"workspace": workspace.id, "name": "f", "tier": "free", "fans": 1})
    more = service.page(SubscriberFilter())
    assert (more.count, more.count_capped) == (module.COUNTED, True)
    assert service.page(SubscriberFilter(tier="free")).count == 1
    assert service.page(SubscriberFilter(tier="basic")).count == 0


def test_rows_bring_their_tags_by_name(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    ann, bob = fan("ann"), fan("bob")
    for name in ("zebra", "Apple", "mango"):
        TaggedFactory(subscriber=ann, tag=TagFactory(workspace_id=ann.workspace_id, name=name))
    rows = {row.username: row.tags for row in service.page(SubscriberFilter()).rows}
    assert [tag["name"] for tag in rows["ann"]] == ["Apple", "mango", "zebra"]
    assert rows["bob"] == []
    assert service.get(bob.id).tags == []


def test_a_new_fan_is_free_and_active(service: SubscriberService) -> None:
    added = service.add(NewSubscriber(username="@Ann.Lee", email="Ann@Example.test", display_name=" Ann Lee "))
    assert (added.username, added.email, added.display_name) == ("ann.lee", "ann@example.test", "Ann Lee")
    assert (added.tier, added.status) == (Tier.FREE, Status.ACTIVE)
    assert (added.monthly_price_cents, added.total_spent_cents, added.tags) == (0, 0, [])
    assert added.archived_at is None
    assert added.name == "Ann Lee"
    assert service.add(NewSubscriber(username="bob")).name == "bob"


def test_a_user_name_is_there_once_in_a_workspace(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    fan("ann", display_name="Ann")
    SubscriberFactory(username="bob")
    with pytest.raises(Conflict) as caught:
        service.add(NewSubscriber(username="@ANN"))
    assert [problem.kind for problem in caught.value.errors["username"]] == ["username_taken"]
    assert service.add(NewSubscriber(username="bob")).id, "another workspace's bob is not ours"


def test_who_is_archived_is_said_to_be(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    fan("ann", archived_at=NOON)
    with pytest.raises(Conflict) as caught:
        service.add(NewSubscriber(username="ann"))
    assert [problem.kind for problem in caught.value.errors["username"]] == ["username_archived"]


def test_a_double_tap_is_one_fan(service: SubscriberService) -> None:
    new = NewSubscriber(username="ann", tier=Tier.VIP)
    first = service.add(new)
    assert service.add(new).id == first.id
    with pytest.raises(Conflict):
        service.add(NewSubscriber(username="ann", tier=Tier.FREE))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)), pytest.raises(Conflict):
        service.add(new)


def test_fifty_at_once_add_one_fan(app_engine: Engine, owner: Session, workspace: Workspace) -> None:
    def add(tier: Tier) -> int | str:
        with Session(app_engine) as session, session.begin():
            tenancy.enter(session, WorkspaceId(workspace.id))
            try:
                return (
                    SubscriberService(session, WorkspaceId(workspace.id))
                    .add(NewSubscriber(username="ann", tier=tier))
                    .id
                )
            except Conflict:
                return "taken"

    # 10 connections: the pool has no more than 15.
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(add, [Tier.FREE, Tier.VIP] * 25))
    rows = owner.execute(select(Subscriber.id, Subscriber.tier).where(Subscriber.workspace_id == workspace.id)).all()
    assert len(rows) == 1
    assert set(outcomes) == {rows[0].id, "taken"}
    assert outcomes.count("taken") == 25, "the same form again is a double tap, the other one is not"


def test_a_change_sets_what_it_names(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    ann = fan("ann", display_name="Ann", email="ann@example.test", tier=Tier.VIP, status=Status.EXPIRED)
    changed = service.change(ann.id, SubscriberChange(display_name="Anna"))
    assert (changed.display_name, changed.email, changed.tier) == ("Anna", "ann@example.test", Tier.VIP)
    changed = service.change(ann.id, SubscriberChange(email=None, tier=Tier.BASIC, status=Status.ACTIVE))
    assert (changed.display_name, changed.email, changed.tier) == ("Anna", None, Tier.BASIC)
    assert changed.status is Status.ACTIVE
    assert changed.tags == []
    assert service.change(ann.id, SubscriberChange()).display_name == "Anna"


def test_a_change_says_when(service: SubscriberService, owner: Session, fan: Callable[..., Subscriber]) -> None:
    ann = fan("ann", updated_at=NOON)
    service.change(ann.id, SubscriberChange(display_name="Anna"))
    service.session.commit()
    assert owner.scalar(select(Subscriber.updated_at).where(Subscriber.id == ann.id)) > NOON


def test_a_fan_may_be_renamed_but_not_to_another(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    ann = fan("ann", display_name="Ann")
    fan("bob")
    assert service.change(ann.id, SubscriberChange(username="@Annie")).username == "annie"
    assert service.change(ann.id, SubscriberChange(username="annie")).username == "annie", "to the same"
    with pytest.raises(Conflict) as caught:
        service.change(ann.id, SubscriberChange(username="bob", display_name="Bob"))
    assert caught.value.errors["username"][0].kind == "username_taken"
    assert service.get(ann.id).display_name == "Ann", "and nothing else was changed either"


def test_archived_and_back(service: SubscriberService, fan: Callable[..., Subscriber]) -> None:
    ann = fan("ann")
    service.archive(ann.id)
    assert _names(service) == []
    assert _names(service, archived=True) == ["ann"]
    assert service.get(ann.id).archived_at is not None
    service.restore(ann.id)
    assert _names(service) == ["ann"]
    assert service.get(ann.id).archived_at is None


def test_archiving_twice_keeps_the_first_time(
    service: SubscriberService, owner: Session, fan: Callable[..., Subscriber]
) -> None:
    ann = fan("ann", archived_at=NOON)
    service.archive(ann.id)
    service.session.commit()
    assert owner.scalar(select(Subscriber.archived_at).where(Subscriber.id == ann.id)) == NOON


@pytest.mark.parametrize("fan_id", [0, -1, 2**62])
def test_who_does_not_exist_is_not_found(service: SubscriberService, fan_id: int) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: service.get(fan_id),
        lambda: service.change(fan_id, SubscriberChange()),
        lambda: service.archive(fan_id),
        lambda: service.restore(fan_id),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()


def test_nothing_is_deleted_by_archiving(
    service: SubscriberService, owner: Session, fan: Callable[..., Subscriber]
) -> None:
    ann = fan("ann")
    service.archive(ann.id)
    service.session.commit()
    assert owner.scalar(select(func.count()).where(Subscriber.id == ann.id)) == 1
