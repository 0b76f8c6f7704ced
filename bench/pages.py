"""Measures pages and the API side by side in a small and in a large workspace.

    python -m bench.pages [--quick] [--keep FOLDER] [--only WORDS]

Prints a table and writes it to bench/results/pages.json. Cost is the processor time of a view, of the web and
of PostgreSQL together; the two workspaces take turns, so that whatever drifts on the machine hits both alike.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from bench.client import Answers, get, load, sign_in
from bench.fill import PASSWORD
from bench.folder import RESULTS, data_folder
from bench.queries import count_queries
from bench.site import Site, site
from bench.views import View, views

CONCURRENCY = 16


@dataclass(frozen=True)
class Plan:
    """seconds: of one measurement, of which each view gets `rounds` in each workspace."""

    sizes: tuple[int, int]
    rounds: int
    seconds: float


FULL = Plan((10_000, 1_000_000), rounds=4, seconds=2.0)
QUICK = Plan((1_000, 50_000), rounds=1, seconds=0.7)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small workspaces and one short round")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a data folder to fill once and use again")
    parser.add_argument("--only", default="", metavar="WORDS", help="only views whose name has these words")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    with data_folder(arguments.keep) as folder:
        print(
            f"Filling workspaces with {plan.sizes[0]:,} and {plan.sizes[1]:,} fans, ten payments each ...", flush=True
        )
        with site(folder, list(plan.sizes)) as running:
            result = measure(running, plan, arguments.only)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pages.json").write_text(json.dumps(result, indent=1))


def measure(running: Site, plan: Plan, only: str) -> dict[str, object]:
    idle = running.memory()
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
                seconds = plan.seconds if turn >= 0 else min(plan.seconds, 0.5)
                one = _measure(running, view, cookies[size], seconds)
                if turn >= 0:
                    measured[view.name, size].answers.add(one.answers)
                    for part, used in one.used.items():
                        totals = measured[view.name, size].used
                        totals[part] = totals.get(part, 0) + used
    large = running.workspaces[-1]
    statements = count_queries(running, large, asked[large.size])
    rows = [_row(name, [measured[name, size] for size in plan.sizes], len(statements[name])) for name in names]
    memory = {"idle": idle, "after": running.memory()}
    _print(rows, plan, memory)
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": asdict(plan),
        "concurrency": CONCURRENCY,
        "views": rows,
        "statements": statements,
        "memory_bytes": memory,
    }


def _measure(running: Site, view: View, cookie: str, seconds: float) -> Measured:
    requests = [get(path, cookie if view.signed_in else "", swap=view.swap) for path in view.paths]
    before = running.processor_seconds()
    answers = load(running.port, requests, concurrency=CONCURRENCY, seconds=seconds)
    after = running.processor_seconds()
    return Measured(answers, {part: after[part] - before[part] for part in after})


def _row(name: str, pair: list[Measured], queries: int) -> dict[str, object]:
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


def _print(rows: list[dict[str, object]], plan: Plan, memory: dict[str, dict[str, int]]) -> None:
    small, large = plan.sizes
    print(f"\nConcurrency {CONCURRENCY}; {small:,} fans / {large:,} fans; cost: processor ms of web + PostgreSQL\n")
    print(
        f"{'view':26}{'queries':>8}{'requests/s':>15}{'p50 ms':>15}{'p99 ms':>15}"
        f"{'web ms':>15}{'PostgreSQL ms':>16}{'bytes':>15}{'cost':>7}{'p50':>6}"
    )
    for row in rows:
        pair = row["small"], row["large"]

        def both(key: str, form: str, pair: tuple[object, ...] = pair) -> str:
            return " / ".join(format(each[key], form) for each in pair)  # type: ignore[index]

        print(
            f"{row['view']:26}{row['queries']:>8}{both('requests_per_second', '.0f'):>15}{both('p50_ms', '.0f'):>15}"
            f"{both('p99_ms', '.0f'):>15}{both('web_ms', '.1f'):>15}{both('postgresql_ms', '.2f'):>16}"
            f"{both('bytes', ',.0f'):>15}{row['cost_ratio']:>7}{row['p50_ratio']:>6}"
        )
    for when, parts in memory.items():
        listed = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in parts.items())
        print(f"\nMemory {when}: {sum(parts.values()) / 2**20:.0f} MB PSS ({listed})", end="")
    print()


if __name__ == "__main__":
    main()
