"""The proof of the message queue at length: `make bench-faults`. A short one is in tests/jobs/test_delivery_proof.py.

In rounds, each in servers and with a simulator of its own and with another seed, until so many messages have gone
out and so many workers were killed. Writes bench/results/faults.json after each; ends with 1 if anything was lost,
doubled, out of order or too fast.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.folder import RESULTS
from tests.delivery_proof import RULES, Report, Scale, prove

QUICK = {**RULES, "heartbeat": 0.5, "lease": 2.0, "call": 2.0, "write": 1.0, "lanes": 120}
"""A quarter of the lease: in earnest each of 5,000 kills would cost a quarter of the accounts eight seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=5_000)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--round", type=int, default=40, help="messages of each account in a round")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    rounds, most = [], max(1, given.messages // (given.accounts * given.round))
    seed = given.seed
    totals: dict[str, Any] = {"messages": 0, "arrivals": 0, "kills": 0, "unknown": 0, "faults": {}}
    while totals["messages"] < given.messages or totals["kills"] < given.kills:
        scale = Scale(
            accounts=given.accounts,
            messages=given.round,
            workers=5,
            every=0.15,
            kills_most=max(1, given.kills // most),
            stops_most=10,
            restarts_most=3,
            faults=2,
            rules=QUICK,
            patience=1_800,
            seed=seed,
        )
        with TemporaryDirectory(prefix="huntaze-faults-") as folder:
            report = prove(Path(folder), scale)
        seed += 1
        rounds.append(_figures(report))
        _add(totals, report)
        print(f"{report}\nso far: {json.dumps(totals)}\n", flush=True)
        RESULTS.mkdir(exist_ok=True)
        found = {"seed": given.seed, "load": os.getloadavg(), "totals": totals, "rounds": rounds}
        (RESULTS / "faults.json").write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(bool(totals["faults"]))


def _figures(report: Report) -> dict[str, Any]:
    return {
        "messages": report.findings.total,
        "arrivals": report.findings.accepted,
        "states": dict(report.findings.states),
        "faults": report.findings.faults,
        "kills": report.kills,
        "stops": report.stops,
        "restarts": report.restarts,
        "flushes": report.flushes,
        "platform_faults": report.faults,
        "overtaken_pauses": report.overtaken,
        "seconds": round(report.seconds),
        "recovery_p99_of_a_lease_of_2s": round(report.percentile(0.99), 2),
    }


def _add(totals: dict[str, Any], report: Report) -> None:
    totals["messages"] += report.findings.total
    totals["arrivals"] += report.findings.accepted
    totals["kills"] += report.kills
    totals["unknown"] += report.findings.states["unknown"]
    for name, count in report.findings.faults.items():
        totals["faults"][name] = totals["faults"].get(name, 0) + count


if __name__ == "__main__":
    main()
