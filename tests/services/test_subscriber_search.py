"""Finding a fan by what one remembers of their name, user name or e-mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.subscriber import Subscriber
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import Sort, SubscriberFilter
from huntaze.services import subscribers as module
from huntaze.services.subscribers import SubscriberService
from tests.factories import SubscriberFactory, TagFactory, TaggedFactory


@pytest.fixture
def service(session: Session, workspace: Workspace) -> SubscriberService:
    return SubscriberService(session, WorkspaceId(workspace.id))


@pytest.fixture
def found(service: SubscriberService) -> Callable[..., set[str]]:
    def found(term: str, **wanted: object) -> set[str]:
        return {row.username for row in service.page(SubscriberFilter(q=term, **wanted)).rows}

    return found


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("helene", True),
        ("Hélène", True),
        ("HÉLÈNE", True),
        ("he\u0301le\u0300ne", True),  # the same letters, decomposed
        ("lèn", True),  # from three letters on, anywhere
        ("lene.d", True),  # in the user name
        ("example.test", True),  # in the e-mail
        ("helene.dupont helene dupont", False),
        ("Hélène Dupont", True),
        ("hé", True),  # shorter: only where a word begins
        ("du", True),
        ("h", True),
        ("él", False),
        ("po", False),
        ("helena", False),
        ("%", False),
        ("_elene", False),
        ("hel%ne", False),
        ("\\", False),
        ("h_", False),
        ("'", False),
        ("'; DROP TABLE subscribers; --", False),
        ("🦄", False),
    ],
)
def test_terms(found: Callable[..., set[str]], workspace: Workspace, term: str, expected: bool) -> None:
    SubscriberFactory(
        workspace_id=workspace.id, username="helene.d", display_name="Hélène Dupont", email="hd@example.test"
    )
    SubscriberFactory(workspace_id=workspace.id, username="other")
    assert found(term) == ({"helene.d"} if expected else set())


@pytest.mark.parametrize(
    "name", ["100%", "a_b", "back\\slash", "l'ange", "🦄 Luna", "Ελένη", "محمد", "Straße", "李娜娜"]
)
def test_a_name_is_found_by_itself(found: Callable[..., set[str]], workspace: Workspace, name: str) -> None:
    SubscriberFactory(workspace_id=workspace.id, username="wanted", display_name=name)
    SubscriberFactory(workspace_id=workspace.id, username="other", display_name="aXb 1000 back slash")
    assert found(name) == {"wanted"}
    assert found(name.upper()) >= ({"wanted"} if name.upper().lower() == name.lower() else set())


def test_a_search_keeps_to_the_filters_and_the_order(
    service: SubscriberService, found: Callable[..., set[str]], workspace: Workspace
) -> None:
    rich = SubscriberFactory(workspace_id=workspace.id, username="ann.rich", total_spent_cents=900, tier="vip")
    SubscriberFactory(workspace_id=workspace.id, username="ann.poor", total_spent_cents=100)
    SubscriberFactory(workspace_id=workspace.id, username="ann.gone", archived_at=func.now())
    TaggedFactory(subscriber=rich, tag=TagFactory(workspace_id=workspace.id, name="whale"))
    assert found("ann") == {"ann.rich", "ann.poor"}
    assert found("ann", archived=True) == {"ann.gone"}
    assert found("ann", tier="vip") == found("ann", tag="whale") == found("ann", spent_min="5") == {"ann.rich"}
    page = service.page(SubscriberFilter(q="ann", sort=Sort.SPENT))
    assert [row.username for row in page.rows] == ["ann.rich", "ann.poor"]
    assert (page.count, page.count_capped) == (2, False)


def test_it_follows_a_change_of_name(
    service: SubscriberService, found: Callable[..., set[str]], owner: Session
) -> None:
    fan = SubscriberFactory(workspace_id=service.workspace_id, username="before")
    assert found("before") == {"before"}
    owner.execute(text("UPDATE subscribers SET username = 'after' WHERE id = :id"), {"id": fan.id})
    assert found("before") == set()
    assert found("after") == {"after"}


@pytest.fixture
def common(owner: Session, workspace: Workspace) -> int:
    """More fans than a rare term may have; every tenth is a VIP, every hundredth among the archived."""
    fans = module.COUNTED + 200
    owner.execute(
        text(
            "INSERT INTO subscribers (workspace_id, username, display_name, tier, joined_at, archived_at)"
            " SELECT :workspace, 'fan' || n, 'Common Name', CASE WHEN n % 10 = 0 THEN 'vip' ELSE 'free' END,"
            " now() - n * interval '1 minute', CASE WHEN n % 100 = 0 THEN now() END FROM generate_series(1, :fans) n"
        ),
        {"workspace": workspace.id, "fans": fans},
    )
    return fans


@pytest.mark.parametrize("term", ["common", "co"])
def test_a_common_term_is_found_too(service: SubscriberService, common: int, term: str) -> None:
    SubscriberFactory(workspace_id=service.workspace_id, username="someone.else", display_name="Rare")
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        page = service.page(SubscriberFilter(q=term, tier="vip", after=after))
        seen += [row.id for row in page.rows]
        after = page.next
    assert len(seen) == len(set(seen)) == (common // 10) - (common // 100)
    first = service.page(SubscriberFilter(q=term))
    assert [row.username for row in first.rows[:3]] == ["fan1", "fan2", "fan3"]
    assert first.count_capped
    assert first.count is not None
    assert first.count <= module.COUNTED


def test_a_common_term_with_a_filter_that_leaves_few(service: SubscriberService, common: int) -> None:
    wanted = SubscriberFactory(
        workspace_id=service.workspace_id, username="needle", display_name="Common Name", tier="premium"
    )
    page = service.page(SubscriberFilter(q="common", tier="premium"))
    assert [row.id for row in page.rows] == [wanted.id]
    assert (page.count, page.count_capped) == (1, False)
    assert service.page(SubscriberFilter(q="common", tier="basic")).count == 0


def test_the_function_gives_no_more_ids_than_asked_for(session: Session, common: int) -> None:
    assert len(session.scalars(select(func.search_subscribers("common", 7))).all()) == 7


WORDS = st.text(st.sampled_from("abcdeéÉ 0%_\\'-.@🦄ß"), min_size=1, max_size=30).map(str.strip)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=WORDS, other=WORDS, start=st.integers(0, 20), length=st.integers(1, 20))
def test_the_index_finds_what_reading_all_rows_would(
    service: SubscriberService, name: str, other: str, start: int, length: int
) -> None:
    session = service.session
    for term in filter(None, {name[start : start + length].strip(), name, other}):
        with session.begin_nested() as savepoint:
            session.add(Subscriber(workspace_id=service.workspace_id, username="x", display_name=name))
            session.flush()
            plain = select(Subscriber.id).where(Subscriber.search_text.like(func.search_pattern(term)))
            assert [row.id for row in service.page(SubscriberFilter(q=term)).rows] == session.scalars(plain).all()
            savepoint.rollback()
