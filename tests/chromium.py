"""Finds the browser of the tests: a pytest plugin, and a program that installs one.

python -m tests.chromium    prints the path; exits with 1 and instructions when it can have none
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTRUCTIONS = """The tests need Chromium, and none was found or could be installed. Either
  - install Debian's package: apt-get install chromium
  - or let Playwright download one: .venv/bin/playwright install --with-deps chromium
  - or name the one you have: CHROMIUM=/path/to/chromium make test"""

# Root can't use Chromium's sandbox; the rest keeps it from looking for servers of its maker.
ARGUMENTS = [
    *(["--no-sandbox"] if os.getuid() == 0 else []),
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Have pytest-playwright start the Chromium that was found, else its own."""
    path = find()
    own = {"executable_path": path} if path else {}
    return {**browser_type_launch_args, "args": ARGUMENTS, **own}


def find() -> str | None:
    """The path of a Chromium: the one that CHROMIUM names, or one on PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    """Install Debian's package where we may, else have Playwright download its own; both say what they do."""
    if os.getuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=sys.stderr, check=False)
    if not find():
        download = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(download, stdout=sys.stderr, check=False)


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    if not (find() or _playwrights_own()):
        sys.stderr.write("Installing Chromium for the tests ...\n")
        install()
    found = find() or _playwrights_own()
    if not found:
        sys.exit(INSTRUCTIONS)
    sys.stdout.write(f"{found}\n")
