"""Roles, leaving and the last owner; also when two change a team at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from huntaze.models.audit import AuditEvent
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.invitation import Invitation
from huntaze.models.sign_in import ApiToken, SignIn
from huntaze.models.subscriber import Note
from huntaze.models.user import Membership, Role
from huntaze.services.errors import Conflict, NotFound
from huntaze.services.keyset import PAGE
from huntaze.services.members import MemberService
from tests.factories import (
    ApiTokenFactory,
    InvitationFactory,
    MemberFactory,
    NoteFactory,
    SignInFactory,
    SubscriberFactory,
    sha256,
)


@pytest.fixture
def boss() -> Membership:
    return MemberFactory()


@pytest.fixture
def members(owner_engine: Engine, boss: Membership) -> Iterator[MemberService]:
    with Session(owner_engine) as session:
        yield MemberService(session, WorkspaceId(boss.workspace_id))


def _role(owner: Session, member: Membership) -> Role | None:
    return owner.scalar(
        select(Membership.role).where(
            Membership.workspace_id == member.workspace_id, Membership.user_id == member.user_id
        )
    )


def _log(owner: Session, workspace_id: int) -> list[tuple[str, int | None, int | None, dict[str, str]]]:
    rows = owner.scalars(select(AuditEvent).where(AuditEvent.workspace_id == workspace_id).order_by(AuditEvent.id))
    return [(row.action, row.actor_id, row.subject_id, row.detail) for row in rows]


def test_a_role_is_changed_and_written_down(members: MemberService, boss: Membership, owner: Session) -> None:
    ann = MemberFactory(workspace_id=boss.workspace_id, role=Role.VIEWER)
    members.change_role(UserId(boss.user_id), ann.user_id, Role.MANAGER)
    members.change_role(UserId(boss.user_id), ann.user_id, Role.MANAGER)
    members.session.commit()
    assert _role(owner, ann) is Role.MANAGER
    expected = ("member.role_changed", boss.user_id, ann.user_id, {"was": "viewer", "became": "manager"})
    assert _log(owner, boss.workspace_id) == [expected], "once"


def test_who_is_removed_is_out_and_what_they_wrote_stays(
    members: MemberService, boss: Membership, owner: Session
) -> None:
    ann = MemberFactory(workspace_id=boss.workspace_id, role=Role.MANAGER)
    elsewhere = MemberFactory(user_id=ann.user_id)
    SignInFactory(member=ann, token=f"here {ann.user_id}")
    SignInFactory(member=elsewhere, token=f"there {ann.user_id}")
    ApiTokenFactory(member=ann, token=f"token {ann.user_id}")
    note = NoteFactory(subscriber=SubscriberFactory(workspace_id=ann.workspace_id), author_id=ann.user_id)
    members.remove(UserId(boss.user_id), ann.user_id)
    members.session.commit()

    ended = select(SignIn.ended_at).where(SignIn.token_hash == sha256(f"here {ann.user_id}"))
    assert owner.scalar(ended) is not None
    assert owner.scalar(select(SignIn.ended_at).where(SignIn.token_hash == sha256(f"there {ann.user_id}"))) is None
    assert owner.scalar(select(func.count()).where(ApiToken.user_id == ann.user_id)) == 0
    assert owner.scalar(select(Note.author_id).where(Note.id == note.id)) == ann.user_id
    assert _role(owner, ann) is None
    assert _role(owner, elsewhere) is Role.OWNER
    assert _log(owner, boss.workspace_id) == [("member.removed", boss.user_id, ann.user_id, {"role": "manager"})]


def test_the_last_owner_stays_one(members: MemberService, boss: Membership, owner: Session) -> None:
    MemberFactory(workspace_id=boss.workspace_id, role=Role.MANAGER)
    me = UserId(boss.user_id)
    for attempt, field in (
        (lambda: members.remove(me, me), "_"),
        (lambda: members.change_role(me, me, Role.MANAGER), "role"),
    ):
        with pytest.raises(Conflict) as caught:
            attempt()
        assert [problem.kind for problem in caught.value.errors[field]] == ["last_owner"]
        members.session.rollback()
    second = MemberFactory(workspace_id=boss.workspace_id)
    members.remove(me, me)
    members.session.commit()
    assert _role(owner, boss) is None
    assert _role(owner, second) is Role.OWNER
    assert _log(owner, boss.workspace_id)[-1][0] == "member.left"


Attempt = Callable[[MemberService, UserId, UserId], None]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda members, _me, other: members.change_role(other, other, Role.VIEWER),
        lambda members, _me, other: members.remove(other, other),
        lambda members, me, other: members.remove(me, other),
    ],
    ids=["demote themselves", "leave", "remove each other"],
)
def test_two_owners_at_once_leave_one(owner_engine: Engine, owner: Session, attempt: Attempt) -> None:
    for _round in range(5):
        ann = MemberFactory()
        bob = MemberFactory(workspace_id=ann.workspace_id)
        both_ready = Barrier(2)

        def act(me: Membership, other: Membership, here: int = ann.workspace_id, ready: Barrier = both_ready) -> bool:
            with Session(owner_engine) as session:
                ready.wait(10)
                try:
                    attempt(MemberService(session, WorkspaceId(here)), UserId(me.user_id), UserId(other.user_id))
                except (Conflict, NotFound):
                    return False
                session.commit()
                return True

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(act, (ann, bob), (bob, ann)))
        assert sorted(done) == [False, True]
        owners = select(func.count()).where(
            Membership.workspace_id == ann.workspace_id, Membership.role == Role.OWNER
        )
        assert owner.scalar(owners) == 1


def test_who_goes_cannot_come_back_by_their_own_invitation(
    members: MemberService, boss: Membership, owner: Session
) -> None:
    for act in (
        lambda her: members.remove(UserId(boss.user_id), her),
        lambda her: members.change_role(UserId(boss.user_id), her, Role.MANAGER),
    ):
        her = MemberFactory(workspace_id=boss.workspace_id)
        invitation = InvitationFactory(workspace_id=boss.workspace_id, inviter_id=her.user_id, role=Role.OWNER)
        act(her.user_id)
        members.session.commit()
        assert owner.scalar(select(Invitation.revoked_at).where(Invitation.id == invitation.id)) is not None


def test_another_workspaces_members_are_not_found(members: MemberService, boss: Membership) -> None:
    stranger = MemberFactory()
    for attempt in (
        lambda: members.get(stranger.user_id),
        lambda: members.remove(UserId(boss.user_id), stranger.user_id),
        lambda: members.change_role(UserId(boss.user_id), stranger.user_id, Role.VIEWER),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_page_of_members(members: MemberService, boss: Membership) -> None:
    for _ in range(PAGE + 1):
        MemberFactory(workspace_id=boss.workspace_id, role=Role.VIEWER)
    first = members.page()
    assert first.rows[0].id == boss.user_id
    assert first.next is not None
    second = members.page(first.next)
    assert (len(second.rows), second.next) == (2, None)
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}
