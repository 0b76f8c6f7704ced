"""Questions to a platform: asked here, answered by a worker (platform_check_work.py)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from huntaze.models.base import UserId, WorkspaceId
from huntaze.models.platform_account import Platform, PlatformAccount
from huntaze.models.platform_check import CheckState, PlatformCheck, Question
from huntaze.models.workspace import Workspace
from huntaze.services.errors import Conflict, NotFound, Problem
from huntaze.services.platform_keys import PlatformKeys

KEPT = timedelta(hours=1)
"""A key that nobody made an account of is forgotten after this time."""
LATE = timedelta(seconds=30)
"""A check that waits longer than that was lost: its worker was killed, or Valkey was away."""


class PlatformCheckService:
    """The questions of one workspace."""

    def __init__(self, session: Session, workspace_id: WorkspaceId, secret_key: str) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.keys = PlatformKeys(secret_key)

    def ask_connect(self, platform: Platform, key: str, actor_id: UserId) -> int:
        """Which accounts does it open? Returns the check; the person's former questions of this kind go."""
        one_at_a_time = select(Workspace.id).where(Workspace.id == self.workspace_id).with_for_update(key_share=True)
        self.session.execute(one_at_a_time)
        theirs = PlatformCheck.question == Question.CONNECT, PlatformCheck.asked_by == actor_id
        self.session.execute(delete(PlatformCheck).where(self._here(), *theirs))
        return self._ask(Question.CONNECT, platform, None, key, actor_id)

    def ask_replace(self, account_id: int, key: str, actor_id: UserId) -> int:
        """Does it open this account? Then it takes the place of the former one. Raises NotFound, Conflict."""
        account = self._account(account_id)
        self._forget(account_id, Question.REPLACE)
        return self._ask(Question.REPLACE, account.platform, account_id, key, actor_id)

    def ask_test(self, account_id: int, actor_id: UserId) -> int:
        """Does its own key work? Asked twice is asked once. Raises NotFound, Conflict."""
        account = self._account(account_id)
        waiting = self.latest(account_id, Question.TEST)
        if waiting is not None and waiting.state == CheckState.WAITING:
            return waiting.id
        self._forget(account_id, Question.TEST)
        return self._ask(Question.TEST, account.platform, account_id, None, actor_id)

    def get(self, check_id: int) -> PlatformCheck:
        """One that is about a new key. Raises NotFound."""
        wanted = PlatformCheck.id == check_id, PlatformCheck.question != Question.TEST
        found = self.session.scalar(select(PlatformCheck).where(self._here(), *wanted))
        if found is None:
            raise NotFound(check_id)
        return found

    def latest(self, account_id: int, question: Question) -> PlatformCheck | None:
        wanted = PlatformCheck.account_id == account_id, PlatformCheck.question == question
        return self.session.scalar(
            select(PlatformCheck).where(self._here(), *wanted).order_by(PlatformCheck.id.desc()).limit(1)
        )

    def connected_ids(self, platform: Platform) -> set[str]:
        """What the platform calls the accounts that are connected already."""
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.platform == platform
        connected = PlatformAccount.key_sealed.is_not(None)
        return set(self.session.scalars(select(PlatformAccount.external_id).where(*here, connected)))

    def _ask(
        self, question: Question, platform: Platform, account_id: int | None, key: str | None, actor_id: UserId
    ) -> int:
        new = PlatformCheck(
            workspace_id=self.workspace_id,
            platform=platform,
            question=question,
            account_id=account_id,
            key_sealed=self.keys.seal_candidate(self.workspace_id, key) if key else None,
            asked_by=actor_id,
        )
        self.session.add(new)
        self.session.flush()
        return new.id

    def _account(self, account_id: int) -> PlatformAccount:
        """A connected one, locked: questions about it come one after the other. Raises NotFound, Conflict."""
        here = PlatformAccount.workspace_id == self.workspace_id, PlatformAccount.id == account_id
        account = self.session.scalar(select(PlatformAccount).where(*here).with_for_update())
        if account is None:
            raise NotFound(account_id)
        if account.key_sealed is None:
            raise Conflict({"_": [Problem("platform_disconnected")]})
        return account

    def _forget(self, account_id: int, question: Question) -> None:
        theirs = PlatformCheck.account_id == account_id, PlatformCheck.question == question
        self.session.execute(delete(PlatformCheck).where(self._here(), *theirs))

    def _here(self) -> Any:
        return PlatformCheck.workspace_id == self.workspace_id


class PlatformCheckUpkeep:
    """What is to be done for all workspaces: works through the system door."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def lost(self) -> list[tuple[WorkspaceId, int]]:
        """(workspace, check) of those that waited too long."""
        late = PlatformCheck.state == CheckState.WAITING, PlatformCheck.created_at < func.now() - LATE
        query = select(PlatformCheck.workspace_id, PlatformCheck.id).where(*late).order_by(PlatformCheck.created_at)
        return [(row.workspace_id, row.id) for row in self.session.execute(query)]

    def purge(self) -> None:
        """Forgets the old ones, and the keys that they hold."""
        self.session.execute(delete(PlatformCheck).where(PlatformCheck.created_at < func.now() - KEPT))


def check_topic(workspace_id: WorkspaceId, check_id: int) -> str:
    """Where it is told that a check is answered."""
    return f"platform-check:{workspace_id}:{check_id}"
