"""Who belongs to a workspace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId
from huntaze.models.user import Membership, Role
from huntaze.services.errors import Conflict, NotFound
from huntaze.services.members import MemberService
from tests.factories import MemberFactory, UserFactory


@pytest.fixture
def session(owner_engine: Engine) -> Iterator[Session]:
    with Session(owner_engine) as session:
        yield session


def test_a_second_member(session: Session) -> None:
    ann = UserFactory()
    workspace_id = MemberFactory(user_id=ann.id).workspace_id
    members = MemberService.of_owner(session, ann.email.upper())
    assert members.workspace_id == workspace_id

    bob = UserFactory()
    assert members.find_user(bob.email.upper()) == bob.id
    members.add(UserId(bob.id), Role.CHATTER)
    assert session.scalar(select(Membership.role).where(Membership.user_id == bob.id)) is Role.CHATTER


def test_who_is_a_member_already_keeps_their_role(session: Session) -> None:
    member = MemberFactory(role=Role.OWNER)
    with pytest.raises(Conflict) as caught:
        MemberService(session, member.workspace_id).add(UserId(member.user_id), Role.VIEWER)
    assert [problem.kind for problem in caught.value.errors["email"]] == ["member_already"]
    assert session.scalar(select(Membership.role).where(Membership.user_id == member.user_id)) is Role.OWNER


def test_nobody(session: Session) -> None:
    manager = UserFactory()
    MemberFactory(user_id=manager.id, role=Role.MANAGER)
    for email in ("nobody@huntaze.test", manager.email):
        with pytest.raises(NotFound):
            MemberService.of_owner(session, email)
    assert MemberService(session, MemberFactory().workspace_id).find_user("nobody@huntaze.test") is None
