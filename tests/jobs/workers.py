"""A job in a process of its own, so that a test can kill it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huntaze.config import Config

ROOT = Path(__file__).parent.parent.parent
RUN = """
import sys
from rq.utils import import_attribute
from huntaze import create_app
with create_app().app_context():
    import_attribute(f"huntaze.jobs.{sys.argv[1]}")(*map(int, sys.argv[2:]))
"""


@contextmanager
def worker(config: Config, job: str, *ids: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `job` (as "imports.work"); it is killed at the end at the latest."""
    env = {
        **os.environ,
        "DATABASE_URL": config.database_url,
        "DATABASE_APP_URL": config.app_database_url,
        "REDIS_URL": config.redis_url,
        "SECRET_KEY": config.secret_key,
        "DATA": str(config.data),
    }
    process = subprocess.Popen([sys.executable, "-c", RUN, job, *map(str, ids)], cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
