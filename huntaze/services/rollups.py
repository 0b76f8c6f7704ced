"""Folding the figures of days: many rows of a day become one, and no sum changes."""

from __future__ import annotations

from sqlalchemy import delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from huntaze.models.base import WorkspaceId
from huntaze.models.rollup import DailyEarnings, DailySubscribers

Rollup = type[DailyEarnings] | type[DailySubscribers]


class RollupService:
    """The rollups of one workspace (models/rollup.py)."""

    def __init__(self, session: Session, workspace_id: WorkspaceId) -> None:
        self.session = session
        self.workspace_id = workspace_id

    def fold(self) -> int:
        """Makes one row of the rows of each day and kind that got new ones; returns how many rows it took up.

        What is not folded yet is the watermark, so it may run at any time, twice, or not at all: figures are the
        same. Two at once each fold what they took away, and the next fold of that day brings them together.
        """
        self.session.execute(select(func.keep_days(self.workspace_id)))
        earnings = self._fold(DailyEarnings, ["day", "type"], ["gross_cents", "net_cents", "payments"])
        return earnings + self._fold(DailySubscribers, ["event", "day", "status"], ["fans"])

    def _fold(self, rollup: Rollup, keys: list[str], sums: list[str]) -> int:
        here = rollup.workspace_id == self.workspace_id
        key = tuple_(*(getattr(rollup, name) for name in keys))
        new = select(*(getattr(rollup, name) for name in keys)).where(here, ~rollup.folded)
        taken = delete(rollup).where(here, key.in_(new)).returning(rollup).cte("taken")
        kinds = [taken.c[name] for name in keys]
        totals = [func.sum(taken.c[name]) for name in sums]
        folded = (
            select(literal(self.workspace_id), *kinds, *totals, literal(True))
            .group_by(*kinds)
            .having(func.num_nonnulls(*(func.nullif(total, 0) for total in totals)) > 0)
        )
        store = insert(rollup).from_select(["workspace_id", *keys, *sums, "folded"], folded).cte("stored")
        count = select(func.count()).select_from(taken).add_cte(store)
        return self.session.scalar(count) or 0
