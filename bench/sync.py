"""What a first import costs beside the client alone: `python -m bench.sync --fans 100000 --transactions 1000000`.

Both pull the same from the same simulator in the same run, one after the other: the client alone pulls and forgets,
the import stores everything into a PostgreSQL of its own. Rows a second of both, and the import's peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bench.folder import data_folder
from bench.platform import ACCOUNT, simulator
from huntaze import embedded, environment
from huntaze.adapters.platform import FanKind
from huntaze.adapters.platform.onlyfans import OnlyFans

ROOT = Path(__file__).parent.parent
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)
IMPORT = "--import"


class Size(NamedTuple):
    fans: int
    transactions: int


FULL = Size(100_000, 1_000_000)
QUICK = Size(2_000, 20_000)


def measure(size: Size) -> dict[str, Any]:
    """Rows a second of fans, of payments and of both: the client's and the import's; the import's memory in MB."""
    with (
        simulator(*size) as (port, _process),
        data_folder(None) as folder,
    ):
        url = f"http://127.0.0.1:{port}"
        alone = asyncio.run(_client_alone(url))
        with embedded.running(folder, with_postgresql=True, with_valkey=True) as servers:
            outside = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
            env = environment.complete({**outside, "DATA": str(folder), "PLATFORM_URL": url}, servers)
            run = [sys.executable, "-m"]
            subprocess.run([*run, "huntaze.cli", "migrate"], env=env, cwd=ROOT, check=True)
            done = subprocess.run(
                [*run, "bench.sync", IMPORT], env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
            )
    stored = json.loads(done.stdout.splitlines()[-1])
    memory = stored.pop("memory")
    assert all(stored[what][0] == rows for what, (rows, _seconds) in alone.items()), (stored, alone)
    return {"client alone": alone, "import": stored, "memory": memory}


def show(figures: dict[str, Any]) -> None:
    print(
        "\n| first import | rows | client alone, rows/s | stored, rows/s | ratio |\n| --- | --- | --- | --- | --- |"
    )
    alone, stored = figures["client alone"], figures["import"]
    both = {"both": [sum(each) for each in zip(*stored.values(), strict=True)]}
    both_alone = {"both": [sum(each) for each in zip(*alone.values(), strict=True)]}
    for what, (rows, seconds) in {**stored, **both}.items():
        rate, pulled = rows / seconds, {**alone, **both_alone}[what]
        client = pulled[0] / pulled[1]
        print(f"| {what} | {rows:,.0f} | {client:,.0f} | {rate:,.0f} | {rate / client:.2f} |")
    print(f"\nIts peak memory: {figures['memory']:.0f} MB")


async def _client_alone(url: str) -> dict[str, tuple[int, float]]:
    """Rows and seconds."""
    async with OnlyFans("sim-key", ACCOUNT, base_url=url) as platform:

        async def pull(ask: Callable[[str | None], Awaitable[Any]]) -> int:
            rows, cursor = 0, None
            while True:
                page = await ask(cursor)
                rows, cursor = rows + len(page.rows), page.next
                if cursor is None:
                    return rows

        found = {}
        for what, asks in (
            (
                "fans",
                [lambda at, kind=kind: platform.list_fans(kind, at) for kind in (FanKind.ACTIVE, FanKind.EXPIRED)],
            ),
            ("payments", [lambda at: platform.list_transactions(LONG_AGO, at)]),
        ):
            began = time.perf_counter()
            rows = sum([await pull(ask) for ask in asks])
            found[what] = rows, time.perf_counter() - began
        return found


def _import_whole() -> None:
    """In a process of its own, with its settings in the environment. Prints rows and seconds as JSON."""
    from sqlalchemy import select

    from huntaze import create_app
    from huntaze.jobs import sync
    from huntaze.models.base import WorkspaceId
    from huntaze.models.platform_account import Platform, PlatformAccount, Resource, SyncState
    from huntaze.models.workspace import Workspace
    from huntaze.services.platform_keys import PlatformKeys
    from huntaze.system import system_session

    app = create_app()
    with app.app_context():
        with system_session() as session:
            workspace = Workspace(name="Bench")
            session.add(workspace)
            session.flush()
            account = PlatformAccount(
                workspace_id=WorkspaceId(workspace.id),
                platform=Platform.ONLYFANS,
                external_id=ACCOUNT,
                webhook_hash=b"1",
                webhook_secret_sealed=b"1",
            )
            account.key_sealed = PlatformKeys(app.config["SECRET_KEY"]).seal(account, "key_sealed", "sim-key")
            session.add(account)
            session.flush()
            ids = workspace.id, account.id
        ended: dict[str, datetime] = {"begin": datetime.now(UTC)}
        rows: dict[str, int] = {}
        while Resource.TRANSACTIONS not in ended:
            sync.run(*ids)
            with system_session() as session:
                for state in session.scalars(select(SyncState).where(SyncState.workspace_id == ids[0])):
                    if state.finished_at:
                        rows[state.resource], ended[state.resource] = state.seen, state.finished_at
    fans = ended[Resource.FANS_EXPIRED] - ended["begin"]
    payments = ended[Resource.TRANSACTIONS] - ended[Resource.FANS_EXPIRED]
    found = {
        "fans": (rows[Resource.FANS_ACTIVE] + rows[Resource.FANS_EXPIRED], fans.total_seconds()),
        "payments": (rows[Resource.TRANSACTIONS], payments.total_seconds()),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fans", type=int, default=QUICK.fans)
    parser.add_argument("--transactions", type=int, default=QUICK.transactions)
    parser.add_argument(IMPORT, dest="importing", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.importing:
        _import_whole()
    else:
        show(measure(Size(given.fans, given.transactions)))


if __name__ == "__main__":
    main()
