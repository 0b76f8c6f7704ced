"""A worker asks the platform what a person wants to know, by the real client: what it finds, what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts
from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.platform_account import Health, Platform, PlatformAccount
from huntaze.models.platform_check import CheckState, PlatformCheck, Question, Trouble
from huntaze.models.user import Membership, Role
from huntaze.models.workspace import Workspace
from huntaze.services import platform_check_work
from huntaze.services.errors import Conflict, NotFound
from huntaze.services.platform_check_work import PlatformCheckWork
from huntaze.services.platform_checks import PlatformCheckService, PlatformCheckUpkeep
from huntaze.services.platform_keys import PlatformKeys
from tests.factories import MemberFactory, PlatformAccountFactory
from tests.simulated import Gateway, Simulated

KEY = "sim-key"


class Checking:
    """Checks of one workspace, whose platform is at `url`."""

    def __init__(self, app: Flask, member: Membership, url: str) -> None:
        self.app = app
        self.secret_key: str = app.config["SECRET_KEY"]
        self.here = WorkspaceId(member.workspace_id)
        self.me = UserId(member.user_id)
        self.url = url

    def ask(self, what: Callable[[PlatformCheckService], int]) -> int:
        with self.app.app_context(), workspace_session(self.here) as session:
            return what(PlatformCheckService(session, self.here, self.secret_key))

    def work(self, check_id: int) -> PlatformCheck:
        def open_platform(platform: Platform, key: str, external_id: str) -> OnlyFans:
            return OnlyFans(key, external_id, base_url=self.url, timeouts=Timeouts(connect=2, total=5))

        with self.app.app_context():
            transaction = partial(workspace_session, self.here)
            PlatformCheckWork(transaction, self.here, check_id, self.secret_key, open_platform).run()
            with workspace_session(self.here) as session:
                found = session.get_one(PlatformCheck, (self.here, check_id))
                session.expunge(found)
                return found

    def connect(self, key: str = KEY) -> PlatformCheck:
        return self.work(self.ask(lambda checks: checks.ask_connect(Platform.ONLYFANS, key, self.me)))

    def test(self, account: PlatformAccount) -> PlatformCheck:
        return self.work(self.ask(lambda checks: checks.ask_test(account.id, self.me)))

    def replace(self, account: PlatformAccount, key: str = KEY) -> PlatformCheck:
        return self.work(self.ask(lambda checks: checks.ask_replace(account.id, key, self.me)))

    def account(self, key: str = KEY, external_id: str = "acct_000001") -> PlatformAccount:
        account = PlatformAccountFactory.build(workspace_id=self.here, external_id=external_id)
        sealed = PlatformKeys(self.secret_key).seal(account, "key_sealed", key)
        return PlatformAccountFactory(workspace_id=self.here, external_id=external_id, key_sealed=sealed)

    def again(self, account: PlatformAccount) -> PlatformAccount:
        with self.app.app_context(), workspace_session(self.here) as session:
            found = session.get_one(PlatformAccount, (self.here, account.id))
            session.expunge(found)
            return found


@pytest.fixture
def member(workspace: Workspace) -> Membership:
    return MemberFactory(workspace_id=workspace.id, role=Role.OWNER)


@pytest.fixture
def checking(app: Flask, member: Membership, simulator: Simulated) -> Checking:
    return Checking(app, member, simulator.url)


@pytest.fixture
def told(app: Flask, member: Membership, gateway: Gateway) -> Checking:
    """On a gateway that says anything."""
    return Checking(app, member, gateway.url)


def test_a_key_opens_accounts(checking: Checking) -> None:
    check = checking.connect()
    assert (check.state, check.trouble) == (CheckState.GOOD, None)
    assert check.found == [{"id": "acct_000001", "username": "creator1", "name": "Creator1", "connected": True}]
    assert check.finished_at is not None
    assert check.key_sealed is not None, "until an account is chosen"


def test_a_wrong_key_is_refused_and_not_kept(checking: Checking) -> None:
    check = checking.connect("wrong")
    assert (check.state, check.trouble, check.key_sealed) == (CheckState.FAILED, Trouble.KEY_REFUSED, None)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (401, Trouble.KEY_REFUSED),
        (403, Trouble.FORBIDDEN),
        (404, Trouble.MISSING),
        (429, Trouble.LIMITED),
        (500, Trouble.UNREACHABLE),
        (422, Trouble.GARBLED),
    ],
)
def test_each_refusal_has_its_name(told: Checking, gateway: Gateway, status: int, trouble: Trouble) -> None:
    gateway.status, gateway.headers = status, {"Retry-After": "120"} if status == 429 else {}
    account = told.account()
    check = told.test(account)
    assert (check.state, check.trouble) == (CheckState.FAILED, trouble)
    after = told.again(account)
    assert after.health == Health(trouble.value)
    assert after.may_be_called, "a key that fails is not thrown away: it may work again"
    waits = (after.retry_at - after.health_at).total_seconds() if after.retry_at else None
    assert waits == (120 if status == 429 else None)


@pytest.mark.parametrize("body", [b"{", b"<html>", {"data": 7}])
def test_an_answer_that_is_none(told: Checking, gateway: Gateway, body: object) -> None:
    gateway.body = body
    assert told.connect().trouble == Trouble.GARBLED


def test_a_key_that_opens_nothing(told: Checking, gateway: Gateway) -> None:
    gateway.body = []
    assert told.connect().trouble == Trouble.NO_ACCOUNT


def test_a_platform_that_is_down(checking: Checking) -> None:
    checking.url = "http://127.0.0.1:9"
    assert checking.connect().trouble == Trouble.UNREACHABLE


def test_a_platform_that_hangs_is_given_up(
    checking: Checking, simulator: Simulated, owner: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_check_work, "PATIENCE", 0.5)
    simulator.tell("faults", kind="hang", on="me", seconds=20)
    account = checking.account()
    assert checking.test(account).trouble == Trouble.UNREACHABLE


def test_no_transaction_is_open_while_the_platform_answers(
    checking: Checking, owner: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    accounts = OnlyFans.accounts

    async def look(self: OnlyFans) -> object:
        seen.append(owner.scalar(text(ours)))
        return await accounts(self)

    monkeypatch.setattr(OnlyFans, "accounts", look)
    checking.connect()
    assert seen == [0]


def test_a_tested_account_knows_its_names_and_limits(checking: Checking) -> None:
    account = checking.account()
    assert checking.test(account).state == CheckState.GOOD
    after = checking.again(account)
    assert (after.health, after.username, after.display_name) == (Health.CONNECTED, "creator1", "Creator1")
    assert after.credits_left is not None
    assert after.health_at > account.health_at


def test_a_new_key_takes_the_place_of_the_former_one(checking: Checking, owner: Session) -> None:
    account = checking.account("former")
    check = checking.replace(account)
    assert (check.state, check.key_sealed) == (CheckState.GOOD, None)
    after = checking.again(account)
    assert PlatformKeys(checking.secret_key).api_key(after) == KEY
    assert after.sync_wanted_at is not None
    done = owner.scalars(select(AuditEvent).where(AuditEvent.workspace_id == checking.here)).one()
    assert (done.action, done.actor_id, done.detail) == (Action.PLATFORM_KEY_REPLACED, checking.me, {})


@pytest.mark.parametrize(("key", "trouble"), [("wrong", Trouble.KEY_REFUSED), (KEY, Trouble.OTHER_ACCOUNT)])
def test_a_key_that_does_not_open_it_changes_nothing(checking: Checking, key: str, trouble: Trouble) -> None:
    account = checking.account("former", external_id="acct_000002")
    check = checking.replace(account, key)
    assert (check.state, check.trouble, check.key_sealed) == (CheckState.FAILED, trouble, None)
    assert PlatformKeys(checking.secret_key).api_key(checking.again(account)) == "former"


def test_a_key_that_no_longer_opens_here_is_as_good_as_refused(checking: Checking) -> None:
    """SECRET_KEY was changed."""
    account = PlatformAccountFactory(workspace_id=checking.here, key_sealed=b"of another key")
    assert checking.test(account).trouble == Trouble.KEY_REFUSED


def test_an_account_that_was_disconnected_meanwhile_stays_so(checking: Checking, owner: Session) -> None:
    account = checking.account("former")
    check_id = checking.ask(lambda checks: checks.ask_replace(account.id, KEY, checking.me))
    gone = {"key_sealed": None, "health": Health.DISCONNECTED}
    owner.execute(update(PlatformAccount).where(PlatformAccount.id == account.id).values(**gone))
    checking.work(check_id)
    assert not checking.again(account).may_be_called


def test_asking_twice_is_asking_once(checking: Checking) -> None:
    account = checking.account()
    ask: Callable[[PlatformCheckService], int] = lambda checks: checks.ask_test(account.id, checking.me)  # noqa: E731
    assert checking.ask(ask) == checking.ask(ask)
    checking.connect()
    second = checking.connect()
    with checking.app.app_context(), workspace_session(checking.here) as session:
        left = session.scalars(select(PlatformCheck.id).where(PlatformCheck.question == Question.CONNECT)).all()
    assert left == [second.id], "a person's former key waits nowhere"


def test_only_ones_own_connected_accounts_are_asked_about(checking: Checking) -> None:
    foreign = PlatformAccountFactory()
    with pytest.raises(NotFound):
        checking.ask(lambda checks: checks.ask_test(foreign.id, checking.me))
    with pytest.raises(NotFound):
        checking.ask(lambda checks: checks.ask_replace(foreign.id, KEY, checking.me))
    gone = PlatformAccountFactory(workspace_id=checking.here, key_sealed=None, health=Health.DISCONNECTED)
    with pytest.raises(Conflict):
        checking.ask(lambda checks: checks.ask_test(gone.id, checking.me))


def test_what_a_killed_worker_left_is_found_and_old_keys_go(checking: Checking, owner: Session) -> None:
    ask: Callable[[PlatformCheckService], int] = lambda checks: checks.ask_connect(  # noqa: E731
        Platform.ONLYFANS, KEY, checking.me
    )
    check_id = checking.ask(ask)
    upkeep = PlatformCheckUpkeep(owner)
    assert (checking.here, check_id) not in upkeep.lost()
    owner.execute(text("UPDATE platform_checks SET created_at = now() - interval '31 seconds' WHERE id = :id"),
                  {"id": check_id})  # fmt: skip
    assert (checking.here, check_id) in upkeep.lost()
    owner.execute(text("UPDATE platform_checks SET created_at = now() - interval '61 minutes' WHERE id = :id"),
                  {"id": check_id})  # fmt: skip
    upkeep.purge()
    assert owner.get(PlatformCheck, (checking.here, check_id)) is None


def test_the_key_is_nowhere_in_the_clear(
    checking: Checking, owner: Session, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "ofapi-canary-key"
    with caplog.at_level(logging.DEBUG):
        checking.connect(secret)
        checking.replace(checking.account(secret), secret)
    assert secret not in caplog.text
    for table in ("platform_checks", "platform_accounts", "audit_events"):
        rows = owner.scalars(text(f"SELECT t::text FROM {table} t WHERE workspace_id = :id"), {"id": checking.here})
        stored = " ".join(rows)
        assert secret not in stored
        assert secret.encode().hex() not in stored
