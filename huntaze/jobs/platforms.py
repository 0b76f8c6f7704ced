"""Platform accounts: questions that a person waits for, and the deletion of what was read of one."""

from __future__ import annotations

import time
from functools import partial

from flask import current_app

from huntaze.adapters.signals import Signals
from huntaze.jobs.workspace_session import workspace_session
from huntaze.models.base import WorkspaceId
from huntaze.services.platform_accounts import topic
from huntaze.services.platform_check_work import PlatformCheckWork
from huntaze.services.platform_checks import PlatformCheckUpkeep, check_topic
from huntaze.services.platform_erasure import PlatformErasure, PlatformErasureUpkeep
from huntaze.system import system_session

LONGEST = 60
"""Seconds of a run: the next tick goes on, and other jobs get their turn."""


def check(workspace_id: int, check_id: int) -> None:
    """Asks the platform what the check wants to know, unless that is known."""
    here, signals = WorkspaceId(workspace_id), _signals()
    work = PlatformCheckWork(
        partial(workspace_session, workspace_id),
        here,
        check_id,
        current_app.config["SECRET_KEY"],
        current_app.extensions["huntaze.platforms"],
    )
    account_id = work.run()
    signals.publish(check_topic(here, check_id))
    if account_id is not None:
        signals.publish(topic(here, account_id))


def check_lost() -> None:
    """Asks what a killed worker did not, and forgets old questions with their keys."""
    with system_session() as session:
        upkeep = PlatformCheckUpkeep(session)
        upkeep.purge()
        lost = upkeep.lost()
    for workspace_id, check_id in lost:
        check(workspace_id, check_id)


def erase(workspace_id: int, account_id: int) -> None:
    """Deletes the account and what was read of it, step by step, each in a transaction of its own."""
    began, more = time.monotonic(), True
    while more and time.monotonic() - began < LONGEST:
        with workspace_session(workspace_id) as session:
            more = PlatformErasure(session, WorkspaceId(workspace_id)).step(account_id)
    _signals().publish(topic(WorkspaceId(workspace_id), account_id))


def erase_asked() -> None:
    """Goes on with those that are not done."""
    with system_session() as session:
        asked = PlatformErasureUpkeep(session).asked()
    for workspace_id, account_id in asked:
        erase(workspace_id, account_id)


def _signals() -> Signals:
    signals: Signals = current_app.extensions["huntaze.signals"]
    return signals
