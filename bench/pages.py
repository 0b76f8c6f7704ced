"""Pages and the API at 16 requests at a time, side by side in a small and in a large workspace.

Cost is the processor time of a view, of the web and of PostgreSQL together; the two workspaces take turns, so that
whatever drifts on the machine hits both alike.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any

from bench.client import Answers, get, load, sign_in
from bench.fill import PASSWORD
from bench.queries import asking
from bench.site import Site
from bench.views import View, views

CONCURRENCY = 16


@dataclass(frozen=True)
class Plan:
    """seconds: of one measurement, of which each view gets `rounds` in each workspace."""

    sizes: tuple[int, int]
    rounds: int
    seconds: float


FULL = Plan((10_000, 1_000_000), rounds=3, seconds=1.5)
QUICK = Plan((1_000, 20_000), rounds=1, seconds=0.4)


@dataclass
class Measured:
    """One view in one workspace; what was used is processor seconds by part."""

    answers: Answers = field(default_factory=Answers)
    used: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Milliseconds and bytes, of a request."""
        requests = len(self.answers.seconds)
        cuts = quantiles(self.answers.seconds, n=100)
        return {
            "requests_per_second": round(requests / self.answers.elapsed, 1),
            "p50_ms": round(cuts[49] * 1000, 1),
            "p99_ms": round(cuts[98] * 1000, 1),
            "web_ms": round(self.used["web"] / requests * 1000, 2),
            "postgresql_ms": round(self.used["PostgreSQL"] / requests * 1000, 2),
            "bytes": round((self.answers.head_bytes + self.answers.body_bytes) / requests),
        }


def measure(running: Site, plan: Plan, only: str = "") -> dict[str, Any]:
    """only: the views whose name has these words."""
    cookies, asked = {}, {}
    for filled in running.workspaces:
        cookies[filled.size] = sign_in(running.port, filled.email, PASSWORD)
        asked[filled.size] = [view for view in views(running.superuser_url, filled) if only in view.name]
    names = [view.name for view in asked[plan.sizes[0]]]
    measured = {(name, size): Measured() for name in names for size in plan.sizes}
    for turn in range(-1, plan.rounds):  # the first one warms up
        for pair in zip(*(asked[size] for size in plan.sizes), strict=True):
            for size, view in sorted(
                zip(plan.sizes, pair, strict=True), reverse=bool(turn % 2), key=lambda each: each[0]
            ):
                seconds = plan.seconds if turn >= 0 else plan.seconds / 3
                one = _measure(running, view, cookies[size], seconds)
                if turn >= 0:
                    measured[view.name, size].answers.add(one.answers)
                    for part, used in one.used.items():
                        totals = measured[view.name, size].used
                        totals[part] = totals.get(part, 0) + used
    large = plan.sizes[-1]
    with asking(running, cookies[large]) as site:
        statements = {
            view.name: [q.statement for q in site.get(view.paths[0], swap=view.swap, signed_in=view.signed_in)]
            for view in asked[large]
        }
    rows = [_row(name, [measured[name, size] for size in plan.sizes], len(statements[name])) for name in names]
    return {"plan": asdict(plan), "concurrency": CONCURRENCY, "views": rows, "statements": statements}


def _measure(running: Site, view: View, cookie: str, seconds: float) -> Measured:
    requests = [get(path, cookie if view.signed_in else "", swap=view.swap) for path in view.paths]
    before = running.processor_seconds()
    answers = load(running.port, requests, concurrency=CONCURRENCY, seconds=seconds)
    after = running.processor_seconds()
    return Measured(answers, {part: after[part] - before[part] for part in after})


def _row(name: str, pair: list[Measured], queries: int) -> dict[str, Any]:
    small, large = (each.figures() for each in pair)
    cost = [each["web_ms"] + each["postgresql_ms"] for each in (small, large)]
    return {
        "view": name,
        "queries": queries,
        "small": small,
        "large": large,
        "cost_ratio": round(cost[1] / cost[0], 2),
        "p50_ratio": round(large["p50_ms"] / small["p50_ms"], 2),
    }


def show(found: dict[str, Any]) -> None:
    small, large = found["plan"]["sizes"]
    print(f"\n{CONCURRENCY} requests at a time; {small:,} fans / {large:,}; cost: processor ms of web + PostgreSQL\n")
    print(
        f"{'view':30}{'queries':>8}{'requests/s':>13}{'p50 ms':>13}{'p99 ms':>13}"
        f"{'web ms':>14}{'PostgreSQL ms':>15}{'bytes':>16}{'cost':>7}{'p50':>6}"
    )
    for row in found["views"]:

        def both(key: str, form: str, row: dict[str, Any] = row) -> str:
            return " / ".join(format(row[size][key], form) for size in ("small", "large"))

        print(
            f"{row['view']:30}{row['queries']:>8}{both('requests_per_second', '.0f'):>13}{both('p50_ms', '.0f'):>13}"
            f"{both('p99_ms', '.0f'):>13}{both('web_ms', '.1f'):>14}{both('postgresql_ms', '.2f'):>15}"
            f"{both('bytes', ',.0f'):>16}{row['cost_ratio']:>7}{row['p50_ratio']:>6}"
        )
