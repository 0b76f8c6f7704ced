"""Where the time of a page goes: processor time by function, and its queries with their times.

    make profile PAGE=/dashboard        or python -m bench.profile PAGE [--repeat N] [--keep FOLDER] [--fans N]

Without --fans the workspace is the demo. The app runs in this process, without a server, a compression or a
network around it; the profiler makes Python's own part look larger than it is: trust the order, not the seconds.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.client import sign_in
from bench.fill import PASSWORD
from bench.folder import data_folder
from bench.queries import Asked, asking
from bench.site import ROOT, Site, site
from huntaze.supervisor import DEMO_LOGIN

MOST = 25
"""Functions that are listed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", help="a path, like /dashboard?range=year")
    parser.add_argument("--repeat", type=int, default=100, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a data folder to fill once and use again")
    parser.add_argument("--fans", type=int, metavar="N", help="a workspace with so many, in place of the demo")
    given = parser.parse_args()
    sizes = [given.fans] if given.fans else []
    with (
        data_folder(given.keep) as folder,
        site(folder, sizes) as running,
        asking(running, _cookie(running)) as asked,
    ):
        _profile(asked, given.page, given.repeat)


def _cookie(running: Site) -> str:
    if running.workspaces:
        return sign_in(running.port, running.workspaces[0].email, PASSWORD)
    command = [sys.executable, "-m", "huntaze.cli", "seed"]
    subprocess.run(command, env=running.env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return sign_in(running.port, *DEMO_LOGIN)


def _profile(asked: Asked, page: str, repeat: int) -> None:
    for _ in range(5):  # templates are compiled, connections are open
        asked.get(page)
    began = time.process_time()
    runs = [asked.get(page) for _ in range(repeat)]
    alone = (time.process_time() - began) / repeat
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(repeat):
        asked.get(page)
    profiler.disable()

    print(f"\n{page}: {1000 * alone:.1f} ms of this process, {len(runs[0])} queries, median of {repeat}\n")
    for statement, times in zip(
        (query.statement for query in runs[0]),
        zip(*([query.seconds for query in run] for run in runs), strict=True),
        strict=True,
    ):
        print(f"{1000 * median(times):7.2f} ms  {statement[:100]}")
    _table(profiler, repeat)


def _table(profiler: cProfile.Profile, repeat: int) -> None:
    """ms a page: `own` in the function itself, `all` with what it calls. Sorted by the former."""
    stats = pstats.Stats(profiler).get_stats_profile().func_profiles
    print(f"\n{'own ms':>8}{'all ms':>8}{'calls':>8}  function")
    for name, each in sorted(stats.items(), key=lambda item: -item[1].tottime)[:MOST]:
        calls = int(str(each.ncalls).partition("/")[0]) / repeat
        where = f"{_short(each.file_name)}:{each.line_number}" if each.line_number else "built in"
        print(f"{1000 * each.tottime / repeat:8.2f}{1000 * each.cumtime / repeat:8.2f}{calls:8.1f}  {name} ({where})")


def _short(file: str) -> str:
    return file.rpartition("site-packages/")[2].removeprefix(f"{ROOT}/")


if __name__ == "__main__":
    main()
