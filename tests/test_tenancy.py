"""Two walls between workspaces (DESIGN §5): what a service asks for, and what PostgreSQL lets the app's role see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, func, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from huntaze import tenancy
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.imports import Import, ImportChunk, ImportRow
from huntaze.models.notification import Notification
from huntaze.models.platform_account import PlatformAccount
from huntaze.models.platform_check import PlatformCheck
from huntaze.models.rollup import DailyEarnings, DailySubscribers
from huntaze.models.subscriber import Note, Subscriber, SubscriberTag, Tag
from huntaze.models.transaction import Transaction
from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.subscriber import NewNote, NewTag, SubscriberChange, SubscriberFilter
from huntaze.services.earnings import EarningsService
from huntaze.services.errors import NotFound
from huntaze.services.notes import NoteService
from huntaze.services.notifications import NotificationService
from huntaze.services.subscribers import SubscriberService
from huntaze.services.tags import TagService
from tests.conftest import SWAP, Browser, SignIn
from tests.factories import MemberFactory, SubscriberFactory
from tests.routes import PERSONAL, ROUTES, SIGNED, belongings, call, digest

WITH_TENANT_ROWS = (
    Subscriber, Tag, SubscriberTag, Note, Transaction, Notification, Membership, DailyEarnings, DailySubscribers,
    Import, ImportChunk, ImportRow, PlatformAccount, PlatformCheck,
)  # fmt: skip


@pytest.fixture
def victim(app: Flask) -> Membership:
    """The owner of a workspace that others have no business with."""
    return MemberFactory()


def test_a_strangers_ids_are_not_found_and_change_nothing(
    app: Flask, stranger: Browser, victim: Membership, owner: Session
) -> None:
    foreign, own = belongings(victim), belongings(stranger.member)
    before = digest(owner, victim.workspace_id), digest(owner, stranger.member.workspace_id)
    for endpoint, ids in _with_foreign_ids(app, own, foreign):
        for headers in ({}, SWAP):
            response = call(app, stranger, endpoint, ids, headers)
            assert response.status_code == 404, f"{endpoint} {ids} {headers}"
            assert "Location" not in response.headers
    assert (digest(owner, victim.workspace_id), digest(owner, stranger.member.workspace_id)) == before


def test_what_is_someone_elses_looks_like_what_does_not_exist(
    app: Flask, stranger: Browser, victim: Membership
) -> None:
    foreign, own = belongings(victim), belongings(stranger.member)
    nowhere = dict.fromkeys(own, 2**31 - 1)
    for (endpoint, ids), (_same, missing) in zip(
        _with_foreign_ids(app, own, foreign), _with_foreign_ids(app, own, nowhere), strict=True
    ):
        known = {"X-Request-Id": "the-same-for-both"}
        answers = [call(app, stranger, endpoint, chosen, known) for chosen in (ids, missing)]
        assert answers[0].data == answers[1].data, endpoint


def test_a_teammate_finds_what_belongs_to_the_workspace(app: Flask, sign_in: SignIn, as_owner: Browser) -> None:
    teammate = sign_in(MemberFactory(workspace_id=as_owner.member.workspace_id, role=Role.OWNER))
    for rule in app.url_map.iter_rules():
        for headers in ({}, SWAP) if rule.arguments else ():
            response = call(app, teammate, rule.endpoint, belongings(as_owner.member), headers)
            closed = rule.arguments & PERSONAL or rule.endpoint in SIGNED
            assert response.status_code == 404 if closed else response.status_code < 400, rule


def test_a_list_shows_its_own_workspace_only(stranger: Browser, victim: Membership) -> None:
    belongings(victim)
    SubscriberFactory(workspace_id=victim.workspace_id, display_name="Victim Fan")
    for query in ("", "?q=victim", "?q=vi", "?archived=1", "?tag=kind", "?sort=username"):
        assert "Victim Fan" not in stranger.get(f"/onlyfans/subscribers{query}").text
        answer = stranger.get(f"/api/onlyfans/subscribers{query}").json
        assert answer == {"items": [], "next": None}


def test_a_workspace_that_one_is_no_member_of_cannot_be_switched_to(stranger: Browser, victim: Membership) -> None:
    response = stranger.post("/settings/workspace/switch", data={"workspace_id": victim.workspace_id})
    assert response.status_code == 404
    assert stranger.get("/api/onlyfans/subscribers").status_code == 200


def test_a_member_of_two_workspaces_sees_one_at_a_time(sign_in: SignIn) -> None:
    here = MemberFactory()
    there = MemberFactory(user_id=here.user_id, role=Role.VIEWER)
    fan_here = SubscriberFactory(workspace_id=here.workspace_id)
    fan_there = SubscriberFactory(workspace_id=there.workspace_id)
    browser = sign_in(here)

    assert browser.get(f"/onlyfans/subscribers/{fan_there.id}").status_code == 404
    assert browser.post("/settings/workspace/switch", data={"workspace_id": there.workspace_id}).status_code == 303
    assert browser.get(f"/onlyfans/subscribers/{fan_there.id}").status_code == 200
    assert browser.get(f"/onlyfans/subscribers/{fan_here.id}").status_code == 404
    assert browser.post(f"/onlyfans/subscribers/{fan_there.id}/archive").status_code == 403, "a viewer over there"


# The second wall: the first is taken away by building services with the victim's workspace, as code that
# forgets whose ids it has would, while the transaction is the stranger's.


def test_services_of_another_workspace_find_nothing(session: Session, victim: Membership) -> None:
    ids = belongings(victim)
    fan, there = ids["subscriber_id"], WorkspaceId(victim.workspace_id)
    subscribers = SubscriberService(session, there)

    assert list(subscribers.page(SubscriberFilter()).rows) == []
    assert list(subscribers.page(SubscriberFilter(q="fan")).rows) == []
    assert TagService(session, there).all() == []
    assert list(NoteService(session, there).page(fan).rows) == []
    assert list(EarningsService(session, there).timeline(fan).rows) == []
    assert EarningsService(session, there).totals(fan) == []
    assert list(NotificationService(session, there).page(UserId(victim.user_id)).rows) == []


def test_services_of_another_workspace_change_nothing(session: Session, owner: Session, victim: Membership) -> None:
    ids = belongings(victim)
    fan, there = ids["subscriber_id"], WorkspaceId(victim.workspace_id)
    before = digest(owner, there)
    subscribers, tags, notes = (kind(session, there) for kind in (SubscriberService, TagService, NoteService))
    attempts: list[Callable[[], object]] = [
        lambda: subscribers.get(fan),
        lambda: subscribers.change(fan, SubscriberChange(display_name="Mine")),
        lambda: subscribers.archive(fan),
        lambda: subscribers.restore(fan),
        lambda: tags.add(fan, NewTag(name="mine")),
        lambda: tags.remove(fan, ids["tag_id"]),
        lambda: notes.add(fan, UserId(victim.user_id), NewNote(body="Mine")),
        lambda: notes.remove(fan, ids["note_id"]),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    NotificationService(session, there).mark_read(UserId(victim.user_id))
    session.commit()
    assert digest(owner, there) == before


@pytest.mark.parametrize("model", WITH_TENANT_ROWS, ids=lambda model: model.__tablename__)
def test_a_bare_query_sees_the_rows_of_its_own_workspace(
    session: Session, workspace: Workspace, victim: Membership, model: type
) -> None:
    belongings(victim)
    belongings(MemberFactory(workspace_id=workspace.id))
    assert set(session.scalars(select(model.workspace_id))) == {workspace.id}
    assert session.scalar(select(func.count()).where(model.workspace_id == victim.workspace_id)) == 0


def test_a_query_sees_its_own_workspace_and_colleagues(session: Session, workspace: Workspace) -> None:
    colleague = MemberFactory(workspace_id=workspace.id)
    MemberFactory()
    assert session.scalars(select(Workspace.id)).all() == [workspace.id]
    assert session.scalars(select(User.id)).all() == [colleague.user_id]


@pytest.mark.parametrize("model", [*WITH_TENANT_ROWS, Workspace], ids=lambda model: model.__tablename__)
def test_a_transaction_that_names_no_workspace_sees_nothing(
    app_engine: Engine, victim: Membership, model: type
) -> None:
    belongings(victim)
    with Session(app_engine) as session:
        assert session.scalar(select(func.count()).select_from(model)) == 0


def test_a_row_for_another_workspace_is_refused(session: Session, victim: Membership) -> None:
    session.add(Subscriber(workspace_id=WorkspaceId(victim.workspace_id), username="smuggled"))
    with pytest.raises(ProgrammingError, match="row-level security policy"):
        session.flush()


def test_a_row_cannot_be_moved_to_another_workspace(
    session: Session, workspace: Workspace, victim: Membership
) -> None:
    SubscriberFactory(workspace_id=workspace.id)
    with pytest.raises(ProgrammingError, match="row-level security policy"):
        session.execute(update(Subscriber).values(workspace_id=victim.workspace_id))


SECRET = ["api_tokens", "sign_ins", "parked_forms", "ticks", "users", "mails", "pictures", "invitations"]
SECRET += ["account_links", "pending_accounts", "tries"]
SECOND_FACTORS = ["authenticator_apps", "recovery_codes", "half_sign_ins", "passkeys", "spent_challenges"]


@pytest.mark.parametrize("table", SECRET + SECOND_FACTORS)
def test_secrets_are_out_of_the_apps_reach(session: Session, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text(f"SELECT * FROM {table}"))


def test_the_workspace_of_a_transaction_ends_with_it(app_engine: Engine, workspace: Workspace) -> None:
    """A pooled connection must not carry it into the next request."""
    SubscriberFactory(workspace_id=workspace.id)
    count = select(func.count()).select_from(Subscriber)
    one_connection = create_engine(app_engine.url, pool_size=1, max_overflow=0)
    with Session(one_connection) as session:
        tenancy.enter(session, WorkspaceId(workspace.id))
        assert session.scalar(count) == 1
        session.commit()
        assert session.scalar(count) == 1, "named again in the next transaction"
        session.commit()
    with Session(one_connection) as session:
        assert session.scalar(count) == 0
    one_connection.dispose()


def _with_foreign_ids(
    app: Flask, own: dict[str, int], foreign: dict[str, int]
) -> Iterator[tuple[str, dict[str, int]]]:
    """Each route that takes ids, with all of them foreign and with each one alone."""
    for endpoint in ROUTES:
        names = sorted(next(app.url_map.iter_rules(endpoint)).arguments)
        if names:
            yield endpoint, foreign
        for name in names if len(names) > 1 else ():
            yield endpoint, {**own, name: foreign[name]}
