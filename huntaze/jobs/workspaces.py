"""Workspaces whose owner asked for their deletion a week ago."""

from __future__ import annotations

import time

from huntaze.services.workspace_deletion import WorkspaceDeletionService
from huntaze.system import system_session

LONGEST = 60
"""Seconds of a run: the next tick goes on, and other jobs get their turn."""


def delete_due() -> int:
    """Deletes them step by step, each in a transaction of its own; returns how many steps."""
    began, steps = time.monotonic(), 0
    while time.monotonic() - began < LONGEST:
        with system_session() as session:
            if not WorkspaceDeletionService(session).step():
                break
        steps += 1
    return steps
