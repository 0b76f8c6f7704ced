"""A worker's part in a question to a platform.

Why a worker: the platform's client is asyncio and 34 to 60 MB. In a gevent worker of the web two greenlets share one
"running loop", so a second call fails (measured: RuntimeError), and each web process would keep the 60 MB. A worker
gives them back, and a platform that hangs holds up nobody's page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from huntaze.adapters.platform import Account, PermanentError, PlatformAdapter, PlatformError, Reason, RetryableError
from huntaze.models.audit import Action
from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.platform_account import Health, Platform, PlatformAccount
from huntaze.models.platform_check import CheckState, FoundAccount, PlatformCheck, Question, Trouble
from huntaze.services.audit import AuditService
from huntaze.services.platform_health import health_of
from huntaze.services.platform_keys import PlatformKeys

PATIENCE = 10.0
"""Seconds in which the platform must answer: a person waits."""

Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a transaction of the workspace: committed at the end."""
OpenPlatform = Callable[[Platform, str, str], PlatformAdapter]
"""(platform, API key, the account's id there or "") -> an adapter for one event loop."""


class _Asked(NamedTuple):
    """What is needed to ask, so that no transaction is open meanwhile."""

    question: Question
    platform: Platform
    account_id: int | None
    external_id: str
    key: str | None


class PlatformCheckWork:
    """A worker's part in one check."""

    def __init__(
        self,
        transaction: Sessions,
        workspace_id: WorkspaceId,
        check_id: int,
        secret_key: str,
        open_platform: OpenPlatform,
    ) -> None:
        self.transaction = transaction
        self.workspace_id = workspace_id
        self.check_id = check_id
        self.keys = PlatformKeys(secret_key)
        self.open_platform = open_platform

    def run(self) -> int | None:
        """Asks the platform and stores what it said; nothing if the check waits no more.

        Returns the account that it was about, if any.
        """
        asked = self._load()
        if asked is None:
            return None
        answer: list[Account] | PlatformError
        try:
            answer = asyncio.run(self._call(asked))
        except PlatformError as error:
            answer = error
        with self.transaction() as session:
            self._store(session, asked, answer)
        return asked.account_id

    def _load(self) -> _Asked | None:
        with self.transaction() as session:
            check = self._waiting(session)
            if check is None:
                return None
            account = (
                session.get(PlatformAccount, (self.workspace_id, check.account_id)) if check.account_id else None
            )
            if check.question is Question.TEST:
                key = self.keys.api_key(account) if account else None
            else:
                key = self.keys.candidate(self.workspace_id, check.key_sealed)
            external_id = account.external_id if account else ""
            return _Asked(check.question, check.platform, check.account_id, external_id, key)

    async def _call(self, asked: _Asked) -> list[Account]:
        """Raises PlatformError."""
        if asked.key is None:  # SECRET_KEY is another one than when it was stored
            raise PermanentError(Reason.UNAUTHORIZED)
        adapter = self.open_platform(asked.platform, asked.key, asked.external_id)
        try:
            async with asyncio.timeout(PATIENCE):
                if asked.question is Question.TEST:
                    return [await adapter.account()]
                return list((await adapter.accounts()).rows)
        except TimeoutError:
            raise RetryableError(Reason.TIMED_OUT) from None
        finally:
            await adapter.aclose()

    def _store(self, session: Session, asked: _Asked, answer: list[Account] | PlatformError) -> None:
        account = self._locked(session, asked.account_id) if asked.account_id else None
        check = self._waiting(session)
        if check is None:  # someone asked anew, or answered first
            return
        check.finished_at = now = session.scalars(select(func.clock_timestamp())).one()
        if isinstance(answer, PlatformError):
            check.state, check.trouble = CheckState.FAILED, Trouble(health_of(answer).value)
            if answer.retry_after is not None:
                check.retry_at = now + timedelta(seconds=answer.retry_after)
        elif asked.question is Question.CONNECT:
            check.found = [_found(each) for each in answer]
            check.state = CheckState.GOOD if answer else CheckState.FAILED
            check.trouble = None if answer else Trouble.NO_ACCOUNT
        elif asked.question is Question.REPLACE:
            mine = next((each for each in answer if each.id == asked.external_id), None)
            check.state = CheckState.GOOD if mine else CheckState.FAILED
            check.trouble = None if mine else Trouble.OTHER_ACCOUNT
            if mine and account and asked.key:
                self._replace(session, account, mine, asked.key, now, check.asked_by)
        else:
            check.state = CheckState.GOOD
        if asked.question is not Question.CONNECT or check.state is CheckState.FAILED:
            check.key_sealed = None  # it is used, or good for nothing
        if asked.question is Question.TEST and account and account.key_sealed is not None:
            self._tell_health(account, answer, check.retry_at, now)

    def _replace(
        self, session: Session, account: PlatformAccount, mine: Account, key: str, now: datetime, by: UserId | None
    ) -> None:
        if account.key_sealed is None:  # it was disconnected meanwhile, and stays so
            return
        account.key_sealed = self.keys.seal(account, "key_sealed", key)
        account.health = Health.CONNECTED if mine.connected else Health.SESSION_EXPIRED
        account.health_at = account.sync_wanted_at = now
        account.retry_at = None
        AuditService(session, self.workspace_id).record(by, Action.PLATFORM_KEY_REPLACED, account.id)

    def _tell_health(
        self,
        account: PlatformAccount,
        answer: list[Account] | PlatformError,
        retry_at: datetime | None,
        now: datetime,
    ) -> None:
        account.health_at, account.retry_at = now, retry_at
        if isinstance(answer, PlatformError):
            account.health = health_of(answer)
            return
        [tested] = answer
        account.health = Health.CONNECTED
        account.username, account.display_name = tested.username or account.username, tested.name or ""
        limits = tested.limits
        if limits.credits_left is not None:
            account.credits_left = limits.credits_left
        if limits.per_minute is not None:
            account.minute_limit, account.minute_left = limits.per_minute, limits.left_this_minute

    def _waiting(self, session: Session) -> PlatformCheck | None:
        return session.scalar(
            select(PlatformCheck)
            .where(
                PlatformCheck.workspace_id == self.workspace_id,
                PlatformCheck.id == self.check_id,
                PlatformCheck.state == CheckState.WAITING,
            )
            .with_for_update()
        )

    def _locked(self, session: Session, account_id: int) -> PlatformAccount | None:
        """Before its checks, as those lock them who ask."""
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == account_id
        return session.scalar(select(PlatformAccount).where(*here).with_for_update())


def _found(account: Account) -> FoundAccount:
    return {
        "id": account.id[:100],
        "username": (account.username or "")[:100],
        "name": (account.name or "")[:100],
        "connected": account.connected,
    }
