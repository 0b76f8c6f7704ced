"""What a first import costs beside the client alone: `python -m bench.sync --fans 100000 --transactions 1000000`.

Both pull from the same simulator in the same run, one after the other: the client alone pulls payments and forgets
them, the import stores everything into PostgreSQL of its own. Prints rows a second of both, and the peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.platform import ACCOUNT, simulator
from huntaze import embedded, environment
from huntaze.adapters.platform.onlyfans import OnlyFans

ROOT = Path(__file__).parent.parent
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


async def client_alone(url: str, most: int) -> float:
    """Payments a second."""
    rows, began, marker = 0, time.perf_counter(), None
    async with OnlyFans("sim-key", ACCOUNT, base_url=url) as platform:
        while True:
            page = await platform.list_transactions(LONG_AGO, marker)
            rows, marker = rows + len(page.rows), page.next
            if marker is None or rows >= most:
                return rows / (time.perf_counter() - began)


def import_whole() -> None:
    """In a process of its own, with its settings in the environment."""
    from sqlalchemy import select

    from huntaze import create_app
    from huntaze.jobs import sync
    from huntaze.models.base import WorkspaceId
    from huntaze.models.platform_account import Platform, PlatformAccount, SyncState
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
        done = False
        while not done:
            sync.run(*ids)
            with system_session() as session:
                synced_at = session.scalar(select(PlatformAccount.synced_at).where(PlatformAccount.id == ids[1]))
            done = synced_at is not None
        with system_session() as session:
            for state in session.scalars(select(SyncState).where(SyncState.workspace_id == ids[0])):
                if state.seen and state.finished_at and state.resource in ("fans_active", "fans_expired"):
                    print(f"  {state.resource}: {state.seen} rows, {state.calls} calls")
            order = select(SyncState).where(SyncState.workspace_id == ids[0]).order_by(SyncState.finished_at)
            states = {state.resource: state for state in session.scalars(order)}
            seconds = (states["transactions"].finished_at - states["fans_expired"].finished_at).total_seconds()
            print(f"  transactions: {states['transactions'].seen / seconds:,.0f} rows a second stored")
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fans", type=int, default=5_000)
    parser.add_argument("--transactions", type=int, default=50_000)
    parser.add_argument("--import", dest="importing", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.importing:
        import_whole()
        return
    with (
        simulator(given.fans, given.transactions) as (port, _process),
        TemporaryDirectory(prefix="huntaze-") as folder,
    ):
        url = f"http://127.0.0.1:{port}"
        rate = asyncio.run(client_alone(url, min(given.transactions, 50_000)))
        print(f"client alone: {rate:,.0f} payments a second")
        with embedded.running(Path(folder), with_postgresql=True, with_valkey=True) as servers:
            outside = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
            env = environment.complete({**outside, "DATA": folder, "PLATFORM_URL": url}, servers)
            for command in (["huntaze.cli", "migrate"], ["bench.sync", "--import"]):
                subprocess.run([sys.executable, "-m", *command], env=env, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
