"""Sessions and tokens: whose they are, and when they are over (ASVS 7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.sign_in import ABSOLUTE, IDLE, ApiToken, SignIn
from huntaze.models.user import Membership, Role, User
from huntaze.schemas.account import Credentials, Registration
from huntaze.schemas.team import NewToken
from huntaze.services.errors import Invalid, NotFound
from huntaze.services.passwords import needs_rehash
from huntaze.services.sign_in import KEPT, SignInService, Viewer
from huntaze.services.tokens import TokenService
from tests.factories import (
    PASSWORD,
    ApiTokenFactory,
    MemberFactory,
    NotificationFactory,
    SignInFactory,
    UserFactory,
    WorkspaceFactory,
    sha256,
)


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[SignInService]:
    with Session(owner_engine) as session:
        yield SignInService(session)


@pytest.fixture
def viewed(owner_engine: Engine) -> Callable[[str], Viewer | None]:
    """Whose session it is, asked as a request does: in a transaction of its own."""

    def viewed(token: str) -> Viewer | None:
        with Session(owner_engine) as session, session.begin():
            return SignInService(session).viewer(token)

    return viewed


def test_registering_signs_in_as_the_owner(service: SignInService) -> None:
    wanted = Registration(name="Ann", business="Ann's", email="ann.in@huntaze.test", password="a few words in a row")
    viewer = service.viewer(service.register(wanted, "Firefox"))
    assert viewer is not None
    assert (viewer.name, viewer.email, viewer.workspace_name) == ("Ann", "ann.in@huntaze.test", "Ann's")
    assert (viewer.role, viewer.currency, viewer.time_zone, viewer.unread) == (Role.OWNER, "USD", "UTC", 0)


def test_signing_in(service: SignInService) -> None:
    user = UserFactory(locale="fr")
    member = MemberFactory(
        user_id=user.id, role=Role.CHATTER, workspace_id=WorkspaceFactory(currency="EUR", time_zone="Europe/Paris").id
    )
    NotificationFactory(member=member)
    NotificationFactory(member=member, read_at=datetime.now(UTC))
    viewer = service.viewer(service.sign_in(_credentials(user.email.upper()), "Firefox"))
    assert viewer is not None
    assert (viewer.user_id, viewer.workspace_id) == (user.id, member.workspace_id)
    assert (viewer.role, viewer.unread, viewer.locale) == (Role.CHATTER, 1, "fr")
    assert (viewer.currency, viewer.time_zone) == ("EUR", "Europe/Paris")
    assert viewer.covers(Role.VIEWER)
    assert not viewer.covers(Role.MANAGER)


def test_a_member_of_several_workspaces_begins_in_the_one_they_joined_first(service: SignInService) -> None:
    user, now = UserFactory(), datetime.now(UTC)
    late = MemberFactory(user_id=user.id, created_at=now)
    early = MemberFactory(user_id=user.id, created_at=now - timedelta(days=1))
    token = service.sign_in(_credentials(user.email), "")
    viewer = service.viewer(token)
    assert viewer is not None
    assert viewer.workspace_id == early.workspace_id
    names = dict(service.workspaces(UserId(user.id)))
    assert names.keys() == {early.workspace_id, late.workspace_id}

    service.switch(viewer, late.workspace_id)
    service.session.commit()
    again = service.viewer(token)
    assert again is not None
    assert again.workspace_id == late.workspace_id
    with pytest.raises(NotFound):
        service.switch(viewer, WorkspaceFactory().id)


def test_unknown_user_and_wrong_password_get_one_answer_in_one_time(service: SignInService) -> None:
    """ASVS 6.3.8. One hash costs tens of milliseconds, so a missing one would show."""
    user = UserFactory()
    MemberFactory(user_id=user.id)
    wrong = _credentials(user.email, "a wrong password")
    unknown = _credentials("nobody.at.all@huntaze.test", "a wrong password")
    for given in (wrong, unknown):
        with pytest.raises(Invalid) as caught:
            service.sign_in(given, "")
        assert {field: [p.kind for p in found] for field, found in caught.value.errors.items()} == {
            "_": ["credentials"]
        }
    times = {
        name: min(_seconds(service, given) for _ in range(3))
        for name, given in {"wrong": wrong, "unknown": unknown}.items()
    }
    assert 0.5 < times["unknown"] / times["wrong"] < 2


def test_who_is_in_no_workspace_is_told_so(service: SignInService) -> None:
    user = UserFactory()
    with pytest.raises(Invalid) as caught:
        service.sign_in(_credentials(user.email), "")
    assert [problem.kind for problem in caught.value.errors["business"]] == ["no_workspace"]


def test_an_old_hash_is_made_anew(service: SignInService) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    user = UserFactory(password_hash=weaker)
    MemberFactory(user_id=user.id)
    service.sign_in(_credentials(user.email), "")
    service.session.commit()
    stored = service.session.scalar(select(User.password_hash).where(User.id == user.id))
    assert stored is not None
    assert not needs_rehash(stored)
    assert service.sign_in(_credentials(user.email), "")


def test_only_a_hash_of_the_token_is_stored(service: SignInService, owner: Session) -> None:
    user = UserFactory()
    MemberFactory(user_id=user.id)
    tokens = {service.sign_in(_credentials(user.email), "x" * 500) for _ in range(2)}
    service.session.commit()
    rows = owner.execute(select(SignIn.token_hash, SignIn.user_agent).where(SignIn.user_id == user.id)).all()
    assert {row.token_hash for row in rows} == {sha256(token) for token in tokens}
    assert all(len(token) >= 43 for token in tokens), "256 bits"
    assert {len(row.user_agent) for row in rows} == {200}


@pytest.mark.parametrize("token", ["", "unknown", "\0", "🦄", "x" * 5000, "' OR 1=1 --"])
def test_an_unknown_token_is_nobodys(service: SignInService, token: str) -> None:
    assert service.viewer(token) is None
    assert service.token_viewer(token) is None
    assert service.former_user(token) is None


def test_an_idle_session_ends(viewed: Callable[[str], Viewer | None]) -> None:
    SignInFactory(token="idle")
    now = datetime.now(UTC)
    with time_machine.travel(now + IDLE + timedelta(minutes=1)):
        assert viewed("idle") is None
    with time_machine.travel(now + IDLE - timedelta(minutes=1)):
        assert viewed("idle") is not None
    with time_machine.travel(now + 2 * IDLE - timedelta(minutes=2)):
        assert viewed("idle") is not None, "it was used in between"


def test_a_session_in_use_ends_too(viewed: Callable[[str], Viewer | None]) -> None:
    SignInFactory(token="busy")
    now = datetime.now(UTC)
    for days in range(0, ABSOLUTE.days, IDLE.days - 1):
        with time_machine.travel(now + timedelta(days=days)):
            assert viewed("busy") is not None, days
    with time_machine.travel(now + ABSOLUTE + timedelta(minutes=1)):
        assert viewed("busy") is None


def test_when_it_was_last_seen_is_written_every_five_minutes(
    viewed: Callable[[str], Viewer | None], owner: Session
) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    row = SignInFactory(token="seen", created_at=began, last_seen_at=began)
    seen = select(SignIn.last_seen_at).where(SignIn.id == row.id)
    with time_machine.travel(began + timedelta(minutes=4), tick=False):
        viewed("seen")
        assert owner.scalar(seen) == began
    with time_machine.travel(began + timedelta(minutes=6), tick=False):
        viewed("seen")
        assert owner.scalar(seen) == began + timedelta(minutes=6)


def test_signing_out_ends_this_session_only(service: SignInService) -> None:
    member = MemberFactory()
    SignInFactory(member=member, token="here")
    SignInFactory(member=member, token="there")
    viewer = service.viewer("here")
    assert viewer is not None
    assert viewer.sign_in_id is not None
    service.sign_out(viewer.sign_in_id)
    service.session.commit()
    assert service.viewer("here") is None
    assert service.viewer("there") is not None
    assert service.former_user("here") == member.user_id, "typed text still finds its author"


def test_who_left_the_workspace_has_no_session_there(service: SignInService, owner: Session) -> None:
    member = MemberFactory()
    SignInFactory(member=member, token="left")
    ApiTokenFactory(member=member, token="left too")
    owner.execute(delete(Membership).where(Membership.user_id == member.user_id))
    assert service.viewer("left") is None
    assert service.token_viewer("left too") is None


def test_an_api_token_acts_as_its_member(service: SignInService, owner: Session) -> None:
    user = UserFactory()
    member = MemberFactory(user_id=user.id, role=Role.MANAGER)
    MemberFactory(user_id=user.id)
    token = TokenService(service.session, WorkspaceId(member.workspace_id)).create(
        UserId(user.id), NewToken(name="x")
    )
    service.session.commit()
    viewer = service.token_viewer(token)
    assert viewer is not None
    assert (viewer.user_id, viewer.workspace_id, viewer.role) == (user.id, member.workspace_id, Role.MANAGER)
    assert viewer.sign_in_id is None
    assert service.viewer(token) is None, "a token is no session"
    service.session.commit()
    assert owner.scalar(select(ApiToken.last_used_at).where(ApiToken.token_hash == sha256(token))) is not None

    owner.execute(update(ApiToken).where(ApiToken.token_hash == sha256(token)).values(revoked_at=datetime.now(UTC)))
    assert service.token_viewer(token) is None


def test_a_session_is_no_api_token(service: SignInService) -> None:
    SignInFactory(token="a session")
    assert service.token_viewer("a session") is None


def test_the_chosen_language_is_kept(service: SignInService) -> None:
    user = UserFactory()
    service.choose_language(UserId(user.id), "fr")
    assert service.session.scalar(select(User.locale).where(User.id == user.id)) == "fr"


def test_what_ended_long_ago_is_deleted(service: SignInService, owner: Session) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    member = MemberFactory()
    old = [
        {"ended_at": now - KEPT - day},
        {"last_seen_at": now - IDLE - KEPT - day},
        {"created_at": now - ABSOLUTE - KEPT - day},
    ]
    kept = [
        {},
        {"ended_at": now - KEPT + day},
        {"last_seen_at": now - IDLE - KEPT + day},
        {"created_at": now - ABSOLUTE - KEPT + day},
    ]
    gone, stay = ([SignInFactory(member=member, **values).id for values in rows] for rows in (old, kept))
    assert service.purge() >= len(gone)
    service.session.commit()
    assert sorted(owner.scalars(select(SignIn.id).where(SignIn.user_id == member.user_id))) == sorted(stay)


def _credentials(email: str, password: str = PASSWORD) -> Credentials:
    return Credentials(email=email, password=password)


def _seconds(service: SignInService, given: Credentials) -> float:
    began = time.perf_counter()
    with pytest.raises(Invalid):
        service.sign_in(given, "")
    return time.perf_counter() - began
