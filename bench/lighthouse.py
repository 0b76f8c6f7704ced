"""What Lighthouse says of our pages on a phone: 100 everywhere, or it ends with 1.

    python -m bench.lighthouse [--repeat N]

Serves the demo workspace from a folder of its own. Prints a table and writes it to bench/results/lighthouse.json;
each score is the best of the repetitions: what else the machine does can only make a page slower. bench/audit
has the npm package, apart from what the build needs: it weighs 170 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.client import HOST, sign_in
from bench.folder import RESULTS, data_folder
from bench.site import ROOT, site
from huntaze.supervisor import DEMO_LOGIN
from tests.chromium import ARGUMENTS, find

LIGHTHOUSE = Path(__file__).parent / "audit/node_modules/lighthouse/cli/index.js"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PERFECT = 100


@dataclass(frozen=True, slots=True)
class Audited:
    """A page to look at. signed_in: with the demo's session, and without SEO, as no search engine gets there."""

    name: str
    path: str
    signed_in: bool = True

    @property
    def categories(self) -> tuple[str, ...]:
        return CATEGORIES[:-1] if self.signed_in else CATEGORIES


PAGES = (
    Audited("login", "/login", signed_in=False),
    Audited("dashboard", "/dashboard"),
    Audited("subscribers", "/onlyfans/subscribers"),
)

Scores = dict[str, int]


def audit(page: Audited, address: str, cookie: str) -> tuple[Scores, list[str]]:
    """One run: the scores by category, and what cost points."""
    headers = [f"--extra-headers={json.dumps({'Cookie': cookie})}"] if page.signed_in else []
    command = [
        *("node", str(LIGHTHOUSE), address + page.path, "--quiet", "--output=json", "--no-enable-error-reporting"),
        f"--only-categories={','.join(page.categories)}",
        f"--chrome-flags={' '.join(['--headless=new', '--disable-gpu', *ARGUMENTS])}",
        *headers,
    ]
    environment = {**os.environ, "CHROME_PATH": find() or ""}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Lighthouse could not look at {page.path}:\n{done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    scores = {name: round(report["categories"][name]["score"] * 100) for name in page.categories}
    lost = [
        f"{page.name}: {report['audits'][each['id']]['title']}"
        for name in page.categories
        for each in report["categories"][name]["auditRefs"]
        if each["weight"] and (report["audits"][each["id"]]["score"] or 0) < 0.9
        if report["audits"][each["id"]]["scoreDisplayMode"] not in ("notApplicable", "manual", "informative")
    ]
    return scores, lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, metavar="N")
    repeat = parser.parse_args().repeat
    found: dict[str, Scores] = {}
    lost: set[str] = set()
    with data_folder(None) as folder, site(folder, []) as running:
        subprocess.run([sys.executable, "-m", "huntaze.cli", "seed"], env=running.env, cwd=ROOT, check=True)
        cookie = sign_in(running.port, *DEMO_LOGIN)
        for page in PAGES:
            runs = [audit(page, f"http://{HOST}:{running.port}", cookie) for _ in range(repeat)]
            found[page.name] = {name: max(run[name] for run, _ in runs) for name in page.categories}
            lost.update(*(reasons for _, reasons in runs))
    print(f"\nLighthouse, mobile, best of {repeat}\n")
    print(f"{'':16}" + "".join(f"{name:>16}" for name in CATEGORIES))
    for name, scores in found.items():
        print(f"{name:16}" + "".join(f"{scores.get(category, '-'):>16}" for category in CATEGORIES))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "lighthouse.json").write_text(json.dumps(found, indent=1))
    if any(score < PERFECT for scores in found.values() for score in scores.values()):
        sys.exit("\n".join(["", "Below 100; in one run or another this cost points:", *sorted(lost)]))


if __name__ == "__main__":
    main()
