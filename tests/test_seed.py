"""`huntaze seed` as a person types it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from click.testing import CliRunner

from huntaze.cli import cli
from tests.servers import NewDatabase

SEED = [sys.executable, "-m", "huntaze.cli", "seed"]


def test_a_name_is_seeded_once_and_its_owner_is_told(new_database: NewDatabase) -> None:
    config = new_database()
    env = {
        **os.environ,
        "DATABASE_URL": config.database_url,
        "DATABASE_APP_URL": config.app_database_url,
        "REDIS_URL": config.redis_url,
        "SECRET_KEY": config.secret_key,
        "DATA": str(config.data),
    }

    def seed(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*SEED, *options], env=env, capture_output=True, text=True, check=False)

    first = seed("--fans", "40", "--transactions", "90", "--workspace", "Big & Small")
    assert first.returncode == 0, first.stderr
    assert "40 fans and 90 payments in" in first.stdout
    assert re.search(r"Sign in as big-small@huntaze\.test with the password \S{12}", first.stdout)
    assert "Storing payments 90" in first.stderr

    again = seed("--fans", "40", "--workspace", "big small")
    assert again.returncode == 1
    assert "there already (its owner is big-small@huntaze.test), and nothing was changed" in again.stderr
    assert "Choose another name: --workspace NAME." in again.stderr


def test_a_size_is_asked_for() -> None:
    unsized = CliRunner().invoke(cli, ["seed", "--workspace", "Big"])
    assert unsized.exit_code == 2
    assert "--fans N" in unsized.output
