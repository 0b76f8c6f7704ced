"""`make bench`: everything that is measured of Huntaze as it is served, in one run.

    python -m bench [--quick] [--keep FOLDER] [--only WORDS]

Prints tables and writes all of it to bench/results/bench.json, with the machine's load before and after: others
who work there make times longer; bytes, queries and ratios stay, and processor times nearly so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import pages, phone, stack, sync
from bench.folder import RESULTS, data_folder
from bench.site import site

parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
parser.add_argument("--quick", action="store_true", help="small workspaces and one short round: 3 minutes, a glance")
parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a data folder to fill once and use again")
parser.add_argument("--only", default="", metavar="WORDS", help="only pages whose name has these words")
given = parser.parse_args()
plan = pages.QUICK if given.quick else pages.FULL

found: dict[str, Any] = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": os.getloadavg()}


def keep(part: ModuleType, figures: dict[str, Any]) -> None:
    """Shows and writes what is there so far: a run that breaks off has not measured for nothing."""
    part.show(figures)
    sys.stdout.flush()
    found[part.__name__.rpartition(".")[2]] = figures
    found["load_after"] = os.getloadavg()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps(found, indent=1))


print(f"Filling workspaces with {plan.sizes[0]:,} and {plan.sizes[1]:,} fans, ten payments each ...", flush=True)
with data_folder(given.keep) as folder, site(folder, list(plan.sizes)) as running:
    keep(pages, pages.measure(running, plan, given.only))
    if not given.only:
        keep(phone, phone.measure(running, repeat=1 if given.quick else 3))
if not given.only:
    with data_folder(None) as folder:
        keep(stack, stack.measure(folder))
    keep(sync, sync.measure(sync.QUICK if given.quick else sync.FULL))
load = ", ".join(f"{each:.1f}" for each in (*found["load_before"], *found["load_after"]))
print(f"\nThe machine's load (1, 5, 15 minutes), before and after: {load}")
