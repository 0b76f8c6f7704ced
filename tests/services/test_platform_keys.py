"""What opens a platform account is sealed for one workspace, one account and one column."""

from __future__ import annotations

from typing import Any

import pytest

from huntaze.models.base import WorkspaceId
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.services.platform_keys import PlatformKeys

KEYS = PlatformKeys("k" * 32)


def an_account(**values: Any) -> PlatformAccount:
    here = {"workspace_id": WorkspaceId(1), "platform": Platform.ONLYFANS, "external_id": "acct_1"}
    return PlatformAccount(**{**here, **values})


@pytest.fixture
def account() -> PlatformAccount:
    account = an_account()
    account.key_sealed = KEYS.seal(account, "key_sealed", "api-key")
    account.webhook_secret_sealed = KEYS.seal(account, "webhook_secret_sealed", "secret")
    return account


def test_what_is_sealed_opens_for_its_account_and_says_nothing(account: PlatformAccount) -> None:
    assert KEYS.api_key(account) == "api-key"
    assert KEYS.webhook_secret(account) == "secret"
    assert b"api-key" not in account.key_sealed
    assert account.key_sealed != KEYS.seal(account, "key_sealed", "api-key"), "never the same twice"


@pytest.mark.parametrize("moved", [{"workspace_id": 2}, {"external_id": "acct_2"}])
def test_a_moved_ciphertext_does_not_open(account: PlatformAccount, moved: dict[str, Any]) -> None:
    other = an_account(**moved, key_sealed=account.key_sealed, webhook_secret_sealed=account.webhook_secret_sealed)
    assert (KEYS.api_key(other), KEYS.webhook_secret(other)) == (None, None)


def test_a_ciphertext_of_another_column_does_not_open(account: PlatformAccount) -> None:
    account.key_sealed = account.webhook_secret_sealed
    assert KEYS.api_key(account) is None


def test_another_secret_key_opens_nothing(account: PlatformAccount) -> None:
    other = PlatformKeys("other" * 8)
    assert other.api_key(account) is None
    assert not account.key_sealed.startswith(other.vault.key_id), "it says which key sealed it"


@pytest.mark.parametrize("broken", [b"", b"short", b"\0" * 60])
def test_what_was_not_sealed_does_not_open(account: PlatformAccount, broken: bytes) -> None:
    account.key_sealed = broken
    assert KEYS.api_key(account) is None
    account.key_sealed = None
    assert KEYS.api_key(account) is None


def test_a_key_that_is_no_accounts_yet_belongs_to_its_workspace() -> None:
    sealed = KEYS.seal_candidate(WorkspaceId(1), "api-key")
    assert KEYS.candidate(WorkspaceId(1), sealed) == "api-key"
    assert KEYS.candidate(WorkspaceId(2), sealed) is None
