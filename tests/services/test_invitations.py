"""Inviting and joining: who may, how often, and with which link."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from huntaze.models.audit import AuditEvent
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.invitation import VALID, Invitation, State
from huntaze.models.user import Membership, Role, User
from huntaze.schemas.team import Newcomer, NewInvitation
from huntaze.services import invitations
from huntaze.services.errors import Conflict, Forbidden, Invalid, NotFound
from huntaze.services.invitations import MOST_OPEN, InvitationService, JoinService
from tests.factories import InvitationFactory, MemberFactory, UserFactory

NEW = "a long enough password"


@pytest.fixture
def session(owner_engine: Engine) -> Iterator[Session]:
    with Session(owner_engine) as session:
        yield session


@pytest.fixture
def boss() -> Membership:
    return MemberFactory()


@pytest.fixture
def service(session: Session, boss: Membership) -> InvitationService:
    return InvitationService(session, WorkspaceId(boss.workspace_id))


@pytest.fixture
def joining(session: Session) -> JoinService:
    return JoinService(session)


def _invite(service: InvitationService, boss: Membership, email: str) -> invitations.Sent:
    return service.invite(UserId(boss.user_id), NewInvitation(email=email, role=Role.MANAGER))


def _kinds(error: Invalid) -> list[str]:
    return [problem.kind for problems in error.errors.values() for problem in problems]


def test_only_hashes_are_stored(service: InvitationService, boss: Membership) -> None:
    sent = _invite(service, boss, "ann@huntaze.test")
    service.session.commit()
    stored = repr([getattr(sent.invitation, column.name) for column in Invitation.__table__.columns])
    assert sent.shown not in stored
    assert sent.mailed not in stored
    assert sent.shown != sent.mailed


def test_an_account_joins_once(service: InvitationService, joining: JoinService, boss: Membership) -> None:
    ann = UserFactory(email=f"ann{boss.user_id}@huntaze.test")
    sent = _invite(service, boss, ann.email.upper())
    assert joining.accept(sent.shown, UserId(ann.id)) == boss.workspace_id
    membership = service.session.get(Membership, (boss.workspace_id, ann.id))
    assert membership is not None
    assert membership.role is Role.MANAGER
    for token in (sent.shown, sent.mailed):
        with pytest.raises(Conflict) as caught:
            joining.accept(token, UserId(ann.id))
        assert _kinds(caught.value) == ["invitation_accepted"]
    log = service.session.scalars(select(AuditEvent.action).where(AuditEvent.workspace_id == boss.workspace_id))
    assert log.all() == ["invitation.sent", "member.joined"]


def test_a_link_that_was_passed_on_lets_nobody_in(
    service: InvitationService, joining: JoinService, boss: Membership
) -> None:
    sent = _invite(service, boss, "ann@huntaze.test")
    for token in (sent.shown, sent.mailed):
        with pytest.raises(Forbidden):
            joining.accept(token, UserId(UserFactory().id))


def test_a_new_account_has_the_invited_address(
    service: InvitationService, joining: JoinService, boss: Membership
) -> None:
    email = f"new{boss.user_id}@huntaze.test"
    sent = _invite(service, boss, email)
    workspace_id, user_id = joining.register(Newcomer(token=sent.mailed, name="New", password=NEW))
    assert workspace_id == boss.workspace_id
    assert service.session.scalar(select(User.email).where(User.id == user_id)) == email


def test_a_new_account_needs_a_decent_password(
    service: InvitationService, joining: JoinService, boss: Membership
) -> None:
    sent = _invite(service, boss, f"new{boss.user_id}@huntaze.test")
    with pytest.raises(Invalid) as caught:
        joining.register(Newcomer(token=sent.mailed, name="New", password="password1"))
    assert _kinds(caught.value) == ["common_password"]


def test_who_has_no_workspace_joins_by_the_link_in_the_mail_alone(
    service: InvitationService, joining: JoinService, boss: Membership
) -> None:
    """They could not sign in first. The shown link proves nothing, and tells nothing of accounts."""
    homeless, settled = UserFactory(), UserFactory()
    MemberFactory(user_id=settled.id)
    sent, other = _invite(service, boss, homeless.email), _invite(service, boss, settled.email)
    assert joining.find(sent.mailed).homeless
    assert not joining.find(sent.shown).homeless
    for token in (sent.shown, other.mailed, other.shown):
        with pytest.raises(Forbidden):
            joining.accept_by_mail(token)
    joining.accept_by_mail(sent.mailed)
    assert service.session.get(Membership, (boss.workspace_id, homeless.id)) is not None


def test_states(service: InvitationService, joining: JoinService, boss: Membership) -> None:
    now = datetime.now(UTC)
    here = {"workspace_id": boss.workspace_id}
    ends = {
        State.OPEN: {"sent_at": now - VALID + timedelta(minutes=1)},
        State.EXPIRED: {"sent_at": now - VALID - timedelta(seconds=1)},
        State.REVOKED: {"revoked_at": now},
        State.ACCEPTED: {"accepted_at": now},
    }
    for state, fields in ends.items():
        row = InvitationFactory(**here, shown=f"{state} {boss.user_id}", **fields)
        assert joining.find(f"{state} {boss.user_id}").state is state
        if state is not State.OPEN:
            user = UserFactory(email=row.email)
            with pytest.raises(Conflict) as caught:
                joining.accept(f"{state} {boss.user_id}", UserId(user.id))
            assert _kinds(caught.value) == [f"invitation_{state}"]
    with pytest.raises(NotFound):
        joining.find("no such secret")
    assert {row.state(now) for row in service.page().rows} == {State.OPEN, State.EXPIRED}


def test_sending_again_makes_new_links(service: InvitationService, joining: JoinService, boss: Membership) -> None:
    me = UserId(boss.user_id)
    row = InvitationFactory(workspace_id=boss.workspace_id, shown=f"old {me}", sent_at=datetime.now(UTC) - 2 * VALID)
    sent = service.resend(me, row.id)
    assert joining.find(sent.shown).state is State.OPEN
    with pytest.raises(NotFound):
        joining.find(f"old {me}")
    with pytest.raises(Invalid) as caught:
        service.resend(me, row.id)
    assert _kinds(caught.value) == ["sent_just_now"]


def test_revoked_is_revoked(service: InvitationService, joining: JoinService, boss: Membership) -> None:
    sent = _invite(service, boss, "ann@huntaze.test")
    service.revoke(UserId(boss.user_id), sent.invitation.id)
    assert joining.find(sent.mailed).state is State.REVOKED
    for again in (service.revoke, service.resend):
        with pytest.raises(NotFound):
            again(UserId(boss.user_id), sent.invitation.id)
    _invite(service, boss, "ann@huntaze.test")


def test_who_is_here_or_invited_is_not_invited(service: InvitationService, boss: Membership) -> None:
    colleague = UserFactory()
    MemberFactory(workspace_id=boss.workspace_id, user_id=colleague.id)
    _invite(service, boss, "ann@huntaze.test")
    for email, kind in ((colleague.email, "member_already"), ("ann@huntaze.test", "invited_already")):
        with pytest.raises(Conflict) as caught:
            _invite(service, boss, email)
        assert _kinds(caught.value) == [kind]


def test_an_account_elsewhere_changes_nothing_that_the_inviter_sees(
    service: InvitationService, boss: Membership
) -> None:
    known, unknown = UserFactory().email, "unknown@huntaze.test"
    answers = [_invite(service, boss, email) for email in (known, unknown)]
    assert len({type(answer.invitation.state(datetime.now(UTC))) for answer in answers}) == 1
    assert {answer.invitation.role for answer in answers} == {Role.MANAGER}


def test_a_limited_number(service: InvitationService, boss: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(MOST_OPEN):
        InvitationFactory(workspace_id=boss.workspace_id)
    with pytest.raises(Invalid) as caught:
        _invite(service, boss, "one.more@huntaze.test")
    assert _kinds(caught.value) == ["too_many_invitations"]
    first = service.page().rows[0]
    service.revoke(UserId(boss.user_id), first.id)
    _invite(service, boss, "one.more@huntaze.test")
    monkeypatch.setattr(invitations, "MOST_A_DAY", 1)
    with pytest.raises(Invalid) as caught:
        service.resend(UserId(boss.user_id), service.page().rows[-1].id)
    assert _kinds(caught.value) == ["invitations_today"]


def test_many_at_once_make_one(owner_engine: Engine, owner: Session, boss: Membership) -> None:
    ready = Barrier(8)

    def invite(_number: int) -> bool:
        with Session(owner_engine) as session:
            ready.wait(10)
            try:
                _invite(InvitationService(session, WorkspaceId(boss.workspace_id)), boss, "ann@huntaze.test")
            except Conflict:
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(invite, range(8))) == [False] * 7 + [True]
    assert owner.scalar(select(func.count()).where(Invitation.workspace_id == boss.workspace_id)) == 1


def test_two_who_accept_at_once_join_once(owner_engine: Engine, owner: Session, boss: Membership) -> None:
    ann = UserFactory()
    InvitationFactory(workspace_id=boss.workspace_id, email=ann.email, shown=f"race {ann.id}")
    ready = Barrier(4)

    def accept(_number: int) -> bool:
        with Session(owner_engine) as session:
            ready.wait(10)
            try:
                JoinService(session).accept(f"race {ann.id}", UserId(ann.id))
            except Conflict:
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(accept, range(4))) == [False, False, False, True]
    joined = select(func.count()).where(
        AuditEvent.workspace_id == boss.workspace_id, AuditEvent.action == "member.joined"
    )
    assert owner.scalar(joined) == 1
