"""Platform accounts: connected once, looked after, disconnected; what is automatic waits for the owner's yes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.audit import Action, AuditEvent
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.platform_account import Health, Platform, PlatformAccount
from huntaze.models.platform_check import CheckState, PlatformCheck, Question
from huntaze.models.user import Role
from huntaze.models.workspace import Workspace
from huntaze.services.errors import Conflict, Invalid, NotFound
from huntaze.services.platform_accounts import MOST, PlatformAccountService
from huntaze.services.platform_keys import PlatformKeys, webhook_hash
from huntaze.services.platform_policies import POLICIES, Matter, is_accepted
from tests.factories import MemberFactory, PlatformAccountFactory

SECRET_KEY = "s" * 32
FOUND = {"id": "acct_000001", "username": "creator1", "name": "Creator1", "connected": True}


@pytest.fixture
def me(workspace: Workspace) -> UserId:
    return UserId(MemberFactory(workspace_id=workspace.id, role=Role.OWNER).user_id)


@pytest.fixture
def accounts(session: Session, workspace: Workspace) -> PlatformAccountService:
    return PlatformAccountService(session, WorkspaceId(workspace.id), SECRET_KEY)


def a_check(session: Session, workspace: Workspace, me: UserId, **values: Any) -> int:
    """That found one account."""
    here = WorkspaceId(workspace.id)
    check = PlatformCheck(
        **{
            "workspace_id": here,
            "platform": Platform.ONLYFANS,
            "question": Question.CONNECT,
            "state": CheckState.GOOD,
            "key_sealed": PlatformKeys(SECRET_KEY).seal_candidate(here, "api-key"),
            "found": [FOUND],
            "asked_by": me,
            **values,
        }
    )
    session.add(check)
    session.flush()
    return check.id


def actions(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def kinds(refusal: Invalid) -> list[str]:
    return [problem.kind for problems in refusal.errors.values() for problem in problems]


def connected(session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService) -> int:
    return accounts.connect(a_check(session, workspace, me), "acct_000001", me).account_id


def test_a_found_account_becomes_ours(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    done = accounts.connect(a_check(session, workspace, me), "acct_000001", me)
    account = accounts.get(done.account_id)
    assert (account.username, account.display_name, account.health) == ("creator1", "Creator1", Health.CONNECTED)
    assert account.sync_wanted_at is not None, "its first sync is asked for"
    keys = PlatformKeys(SECRET_KEY)
    assert keys.api_key(account) == "api-key"
    assert (account.webhook_hash, keys.webhook_secret(account)) == (
        webhook_hash(done.webhook.token),
        done.webhook.secret,
    )
    assert session.scalar(select(func.count()).select_from(PlatformCheck)) == 0, "the key is nowhere else"
    assert actions(session) == [Action.PLATFORM_CONNECTED]
    assert "api-key" not in str(session.scalars(select(AuditEvent.detail)).all())


def test_an_account_that_the_gateway_is_signed_out_of_says_so(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    check = a_check(session, workspace, me, found=[{**FOUND, "connected": False}])
    assert accounts.get(accounts.connect(check, "acct_000001", me).account_id).health == Health.SESSION_EXPIRED


def test_only_what_the_key_opens_can_be_chosen(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    check = a_check(session, workspace, me)
    with pytest.raises(Invalid) as refused:
        accounts.connect(check, "acct_000002", me)
    assert kinds(refused.value) == ["platform_account_unknown"]
    for state in (CheckState.WAITING, CheckState.FAILED):
        with pytest.raises(NotFound):
            accounts.connect(a_check(session, workspace, me, state=state), "acct_000001", me)
    assert accounts.all() == []


def test_an_account_is_connected_once(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    connected(session, workspace, me, accounts)
    with pytest.raises(Conflict) as refused:
        connected(session, workspace, me, accounts)
    assert kinds(refused.value) == ["platform_connected_already"]


def test_a_workspace_has_so_many(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    for _ in range(MOST):
        PlatformAccountFactory(workspace_id=workspace.id)
    with pytest.raises(Conflict) as refused:
        connected(session, workspace, me, accounts)
    assert kinds(refused.value) == ["too_many_platforms"]


def test_a_disconnected_account_has_no_key_and_its_sync_is_fenced_off(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    account_id = connected(session, workspace, me, accounts)
    account = accounts.get(account_id)
    before = account.lease, account.webhook_hash
    accounts.disconnect(account_id, me)
    accounts.disconnect(account_id, me)
    assert (account.key_sealed, account.health, account.sync_wanted_at) == (None, Health.DISCONNECTED, None)
    assert account.lease > before[0]
    assert account.webhook_hash != before[1], "what is posted to the former address is nobody's"
    assert account.erase_asked_at is None
    assert actions(session) == [Action.PLATFORM_CONNECTED, Action.PLATFORM_DISCONNECTED]
    for attempt in (
        lambda: accounts.sync_now(account_id),
        lambda: accounts.renew_webhook(account_id, me),
        lambda: accounts.accept_policy(account_id, "any", me),
    ):
        with pytest.raises(Conflict):
            attempt()


def test_a_disconnected_account_can_be_connected_again(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    account_id = connected(session, workspace, me, accounts)
    accounts.disconnect(account_id, me)
    assert connected(session, workspace, me, accounts) == account_id, "with what was read of it"
    assert accounts.get(account_id).health == Health.CONNECTED


def test_an_erasure_wants_the_name_typed(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    account_id = connected(session, workspace, me, accounts)
    with pytest.raises(Invalid) as refused:
        accounts.disconnect(account_id, me, erase=True, typed_name="creator2")
    assert kinds(refused.value) == ["other_account_name"]
    assert accounts.get(account_id).may_be_called, "nothing was done"
    accounts.disconnect(account_id, me, erase=True, typed_name="@Creator1")
    accounts.disconnect(account_id, me, erase=True, typed_name="creator1")
    assert accounts.get(account_id).erase_asked_at is not None
    assert actions(session)[1:] == [Action.PLATFORM_DISCONNECTED, Action.PLATFORM_ERASED]
    with pytest.raises(Conflict) as refused:
        connected(session, workspace, me, accounts)
    assert kinds(refused.value) == ["platform_being_erased"]


def test_a_renewed_webhook_ends_the_former_one(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    first = accounts.connect(a_check(session, workspace, me), "acct_000001", me)
    second = accounts.renew_webhook(first.account_id, me)
    assert len({first.webhook.token, first.webhook.secret, second.token, second.secret}) == 4
    assert accounts.get(first.account_id).webhook_hash == webhook_hash(second.token)


def test_what_is_automatic_waits_for_the_rules_to_be_accepted(
    session: Session, workspace: Workspace, me: UserId, accounts: PlatformAccountService
) -> None:
    account_id = connected(session, workspace, me, accounts)
    account, version = accounts.get(account_id), POLICIES[Platform.ONLYFANS].version
    with pytest.raises(Conflict) as refused:
        accounts.require_accepted(account_id)
    assert kinds(refused.value) == ["policy_not_accepted"]
    with pytest.raises(Conflict) as refused:
        accounts.accept_policy(account_id, "of last year", me)
    assert kinds(refused.value) == ["policy_changed"]

    accounts.accept_policy(account_id, version, me)
    accounts.accept_policy(account_id, version, me)
    accounts.require_accepted(account_id)
    assert (account.policy_version, account.policy_accepted_by) == (version, me)
    accepted = session.scalars(select(AuditEvent).where(AuditEvent.action == Action.PLATFORM_POLICY_ACCEPTED)).one()
    assert (accepted.actor_id, accepted.subject_id, accepted.detail) == (me, account_id, {"version": version})

    account.policy_version = "of last year"
    assert not is_accepted(account), "a table that changed is asked about again"


def test_every_platform_has_its_rules_with_sources() -> None:
    assert set(POLICIES) == set(Platform)
    for policy in POLICIES.values():
        assert [rule.matter for rule in policy.rules] == list(Matter)
        assert all(rule.sources for rule in policy.rules)
        done = {rule.matter: rule.done for rule in policy.rules}
        assert (done[Matter.SEND], done[Matter.AI_DRAFTS]) == (False, False), "the defaults are the cautious ones"


def test_a_stranger_finds_nothing(session: Session, accounts: PlatformAccountService, me: UserId) -> None:
    foreign: PlatformAccount = PlatformAccountFactory()
    attempts = (
        lambda: accounts.get(foreign.id),
        lambda: accounts.sync_now(foreign.id),
        lambda: accounts.renew_webhook(foreign.id, me),
        lambda: accounts.disconnect(foreign.id, me),
        lambda: accounts.accept_policy(foreign.id, "any", me),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert accounts.all() == []
    assert accounts.progress(foreign.id) == []
