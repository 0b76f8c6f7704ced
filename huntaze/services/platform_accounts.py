"""The platform accounts of a workspace: connected, looked after and disconnected. Nothing here calls a platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.models.audit import Action
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.platform_account import Health, Platform, PlatformAccount, SyncState
from huntaze.models.platform_check import CheckState, PlatformCheck, Question
from huntaze.services.audit import AuditService
from huntaze.services.errors import Conflict, Invalid, NotFound, Problem
from huntaze.services.platform_keys import PlatformKeys, Webhook, webhook_hash
from huntaze.services.platform_policies import policy_of, require_accepted

MOST = 20
"""Accounts of one workspace."""


class Connected(NamedTuple):
    """webhook: shown this once."""

    account_id: int
    webhook: Webhook


class PlatformAccountService:
    """The accounts of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, secret_key: str) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.keys = PlatformKeys(secret_key)
        self.audit = AuditService(session, workspace_id)

    def all(self) -> list[PlatformAccount]:
        """By their names; at most MOST."""
        here = PlatformAccount.workspace_id == self.workspace_id
        order = PlatformAccount.platform, PlatformAccount.username, PlatformAccount.id
        return list(self.session.scalars(select(PlatformAccount).where(here).order_by(*order)))

    def get(self, account_id: int) -> PlatformAccount:
        """Raises NotFound."""
        found = self.session.scalar(select(PlatformAccount).where(*self._is(account_id)))
        if found is None:
            raise NotFound(account_id)
        return found

    def progress(self, account_id: int) -> list[SyncState]:
        """How far each resource has been read; those that nobody began are not there."""
        theirs = SyncState.workspace_id == self.workspace_id, SyncState.account_id == account_id
        return list(self.session.scalars(select(SyncState).where(*theirs)))

    def connect(self, check_id: int, external_id: str, actor_id: UserId) -> Connected:
        """Makes one of the accounts that the check found an account of ours, and asks for its first sync.

        One that was disconnected goes on with the data that stayed. Raises NotFound; Invalid for an account that the
        key does not open; Conflict where it is connected already, or the workspace has too many.
        """
        check = self.session.scalar(
            select(PlatformCheck)
            .where(
                PlatformCheck.workspace_id == self.workspace_id,
                PlatformCheck.id == check_id,
                PlatformCheck.question == Question.CONNECT,
                PlatformCheck.state == CheckState.GOOD,
            )
            .with_for_update()
        )
        key = self.keys.candidate(self.workspace_id, check.key_sealed) if check else None
        if check is None or key is None:
            raise NotFound(check_id)
        found = next((each for each in check.found if each["id"] == external_id), None)
        if found is None:
            raise Invalid({"external_id": [Problem("platform_account_unknown")]})
        webhook = self.keys.new_webhook()
        account = self.add(check.platform, external_id, (found["username"], found["name"]), key, webhook)
        account.health = Health.CONNECTED if found["connected"] else Health.SESSION_EXPIRED
        self.session.delete(check)
        self.audit.record(actor_id, Action.PLATFORM_CONNECTED, account.id)
        return Connected(account.id, webhook)

    def add(
        self, platform: Platform, external_id: str, names: tuple[str, str], key: str, webhook: Webhook
    ) -> PlatformAccount:
        """An account that the key is known to open, and whose first sync is asked for. names: user name and name.

        Raises Conflict where it is connected already, or the workspace has too many.
        """
        account = self._place_for(platform, external_id)
        account.username, account.display_name = names
        account.key_sealed = self.keys.seal(account, "key_sealed", key)
        self._set_webhook(account, webhook)
        account.health, account.retry_at = Health.CONNECTED, None
        account.connected_at = account.health_at = account.sync_wanted_at = self._now()
        self.session.add(account)
        self.session.flush()
        return account

    def renew_webhook(self, account_id: int, actor_id: UserId) -> Webhook:
        """Another address and another secret; the former ones are good for nothing now. Raises NotFound, Conflict."""
        account = self._own(account_id)
        webhook = self.keys.new_webhook()
        self._set_webhook(account, webhook)
        self.audit.record(actor_id, Action.PLATFORM_WEBHOOK_RENEWED, account_id)
        return webhook

    def sync_now(self, account_id: int) -> None:
        """Asks for a sync; twice is once. Raises NotFound, Conflict."""
        account = self._own(account_id)
        account.sync_wanted_at = account.sync_wanted_at or self._now()

    def accept_policy(self, account_id: int, version: str, actor_id: UserId) -> None:
        """What the owner has read is what holds now. Raises NotFound; Conflict when the table has changed since."""
        account = self._own(account_id)
        if version != policy_of(account).version:
            raise Conflict({"_": [Problem("policy_changed")]})
        if account.policy_version == version:
            return
        account.policy_version, account.policy_accepted_by = version, actor_id
        account.policy_accepted_at = self._now()
        self.audit.record(actor_id, Action.PLATFORM_POLICY_ACCEPTED, account_id, version=version)

    def require_accepted(self, account_id: int) -> None:
        """Before anything is sent by itself. Raises NotFound, Conflict."""
        require_accepted(self.get(account_id))

    def disconnect(self, account_id: int, actor_id: UserId, *, erase: bool = False, typed_name: str = "") -> None:
        """Forgets the key: no sync goes on, and no webhook is taken. With `erase` what was read of it goes, too.

        Twice is once. Raises NotFound, and Invalid for an erasure unless `typed_name` is the account's name.
        """
        account = self._locked(account_id)
        if erase and typed_name.removeprefix("@").casefold() != account.handle.casefold():
            raise Invalid({"name": [Problem("other_account_name", {"name": account.handle})]})
        if account.key_sealed is not None:
            self.audit.record(actor_id, Action.PLATFORM_DISCONNECTED, account_id)
        account.key_sealed, account.health = None, Health.DISCONNECTED
        account.health_at = self._now()
        account.sync_wanted_at = account.retry_at = account.leased_until = None
        account.lease += 1  # the worker that holds the lease stores nothing any more
        self._set_webhook(account, self.keys.new_webhook())  # which nobody is told
        if erase and account.erase_asked_at is None:
            account.erase_asked_at = self._now()
            self.audit.record(actor_id, Action.PLATFORM_ERASED, account_id)

    def _place_for(self, platform: Platform, external_id: str) -> PlatformAccount:
        """The row of a disconnected account, or a new one. Raises Conflict."""
        here = PlatformAccount.workspace_id == self.workspace_id
        # The workspace's accounts are counted and added one after the other.
        self.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_lock(self.workspace_id), 0))))
        known = self.session.scalar(
            select(PlatformAccount)
            .where(here, PlatformAccount.platform == platform, PlatformAccount.external_id == external_id)
            .with_for_update()
        )
        if known is not None:
            if known.erase_asked_at is not None:
                raise Conflict({"_": [Problem("platform_being_erased")]})
            if known.key_sealed is not None:
                raise Conflict({"_": [Problem("platform_connected_already")]})
            return known
        if (self.session.scalar(select(func.count()).select_from(PlatformAccount).where(here)) or 0) >= MOST:
            raise Conflict({"_": [Problem("too_many_platforms", {"most": MOST})]})
        return PlatformAccount(workspace_id=self.workspace_id, platform=platform, external_id=external_id)

    def _set_webhook(self, account: PlatformAccount, webhook: Webhook) -> None:
        account.webhook_hash = webhook_hash(webhook.token)
        account.webhook_secret_sealed = self.keys.seal(account, "webhook_secret_sealed", webhook.secret)

    def _own(self, account_id: int) -> PlatformAccount:
        """A connected account, for a change. Raises NotFound, Conflict."""
        account = self._locked(account_id)
        if account.key_sealed is None:
            raise Conflict({"_": [Problem("platform_disconnected")]})
        return account

    def _locked(self, account_id: int) -> PlatformAccount:
        account = self.session.scalar(
            select(PlatformAccount)
            .where(*self._is(account_id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if account is None:
            raise NotFound(account_id)
        return account

    def _is(self, account_id: int) -> tuple[Any, ...]:
        return PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == account_id

    def _now(self) -> datetime:
        now: datetime = self.session.scalars(select(func.now())).one()
        return now


def topic(workspace_id: WorkspaceId, account_id: int) -> str:
    """Where it is told that something about an account changed."""
    return f"platform:{workspace_id}:{account_id}"


def _lock(workspace_id: WorkspaceId) -> str:
    return f"platform accounts:{workspace_id}"
