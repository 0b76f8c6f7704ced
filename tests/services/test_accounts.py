"""New users, with their workspaces."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from huntaze.models.user import Membership, Role, User
from huntaze.models.workspace import Workspace
from huntaze.schemas.account import NewUser, Registration
from huntaze.services.accounts import AccountService
from huntaze.services.errors import Conflict, Invalid
from huntaze.services.passwords import verify_password
from tests.factories import UserFactory

GOOD = "a few words in a row"


@pytest.fixture
def service(owner_engine: Engine) -> Iterator[AccountService]:
    with Session(owner_engine) as session:
        yield AccountService(session)


def _wanted(email: str, password: str = GOOD) -> Registration:
    return Registration(name="Ann Lee", business="Ann's", email=email, password=password)


def test_a_new_user_owns_a_new_workspace(service: AccountService) -> None:
    workspace_id, user_id = service.open(_wanted("Ann.New@Huntaze.test"))
    user, workspace = service.session.get(User, user_id), service.session.get(Workspace, workspace_id)
    assert user is not None
    assert workspace is not None
    assert (user.email, user.name, user.locale) == ("ann.new@huntaze.test", "Ann Lee", None)
    assert (workspace.name, workspace.currency, workspace.time_zone) == ("Ann's", "USD", "UTC")
    membership = service.session.get(Membership, (workspace_id, user_id))
    assert membership is not None
    assert membership.role is Role.OWNER
    assert user.password_hash.startswith("$argon2id$")
    assert GOOD not in user.password_hash
    assert verify_password(user.password_hash, GOOD)


def test_an_e_mail_is_taken_once_whatever_its_case(service: AccountService) -> None:
    taken = UserFactory().email
    with pytest.raises(Conflict) as caught:
        service.open(_wanted(taken.upper()))
    assert [problem.kind for problem in caught.value.errors["email"]] == ["email_taken"]


def test_a_password_that_many_use_is_refused(service: AccountService) -> None:
    with pytest.raises(Invalid) as caught:
        service.add_user(NewUser(name="Ann", email="ann.common@huntaze.test", password="Password1"), vouched=True)
    assert [problem.kind for problem in caught.value.errors["password"]] == ["common_password"]


def test_who_registers_twice_at_once_has_one_account(owner_engine: Engine, owner: Session) -> None:
    def register(_n: int) -> bool:
        with Session(owner_engine) as session, session.begin():
            try:
                AccountService(session).open(_wanted("twice@huntaze.test"))
            except Conflict:
                session.rollback()
                return False
            return True

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(register, range(5))) == 1
    [user_id] = owner.scalars(select(User.id).where(User.email == "twice@huntaze.test"))
    assert owner.scalar(select(func.count()).where(Membership.user_id == user_id)) == 1
