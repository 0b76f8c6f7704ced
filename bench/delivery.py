"""How fast messages go out: `make bench-delivery`.

In one run, against a simulator that answers after 150 ms: what the client alone can send; 100 and 1,000 accounts
through one worker, beside what the limiter permits and what the client alone sends; how long the first message of an
idle account takes while another one sends 10,000; and one RQ job per message, as one would do it first. All processor
times are of the processes themselves, so that others who work on the machine make it slower, but not dearer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from rq import Queue
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from bench.folder import RESULTS, data_folder
from huntaze import embedded, environment
from huntaze.adapters.platform import MessageDraft, Outcome
from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts, open_http_client
from huntaze.models.base import WorkspaceId
from huntaze.schemas.message import Draft
from huntaze.services.delivery import DeliveryService
from tests.delivering import Sender, check, queue, sender
from tests.factories import SECRET_KEY
from tests.factories import session as rows
from tests.simulated import Simulated

ROOT = Path(__file__).parent.parent
LATENCY = 0.15
PERMITTED = 2 / (1 + LATENCY)
"""Messages a second and account: one begins no sooner than a second after the one before the last has ended."""
WARM = 6.0
"""Seconds that are not counted: the worker starts, and takes its lanes."""


class Bench:
    def __init__(self, folder: Path, accounts: int, stack: ExitStack) -> None:
        servers = stack.enter_context(embedded.running(folder, with_postgresql=True, with_valkey=True))
        self.simulator, self.simulating = stack.enter_context(simulator(accounts, 2.0))
        outside = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        given = {"DATA": str(folder), "PLATFORM_URL": self.simulator.url, "SECRET_KEY": SECRET_KEY}
        self.env = environment.complete({**outside, **given, "LOG_LEVEL": "ERROR"}, servers)
        subprocess.run([sys.executable, "-m", "huntaze.cli", "migrate"], env=self.env, cwd=ROOT, check=True)
        self.engine: Engine = create_engine("postgresql+psycopg://" + servers.owner_url.partition("://")[2])
        stack.callback(self.engine.dispose)
        rows.remove()
        rows.configure(bind=self.engine)
        stack.callback(rows.remove)
        self.redis = Redis.from_url(servers.redis_url)
        stack.callback(self.redis.close)
        self.postgres = psutil.Process(servers.started[0].child.pid)
        self.senders = [self._sender(f"acct_{n + 1:06}") for n in range(accounts)]

    def _sender(self, account: str) -> Sender:
        fans = self.simulator.get(f"/api/{account}/fans/all?limit=10")["data"]["list"]
        return sender(self.engine, [str(fan["id"]) for fan in fans], account)

    @contextmanager
    def worker(self, *command: str) -> Iterator[psutil.Process]:
        command = (sys.executable, *(command or (str(ROOT / "worker.py"), "delivery")))
        with subprocess.Popen(command, env=self.env, cwd=ROOT) as process:
            try:
                yield psutil.Process(process.pid)
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(40)
                process.kill()

    def active(self, accounts: int, seconds: float) -> dict[str, Any]:
        """So many accounts send for a while."""
        senders = self.senders[:accounts]
        self.clear()
        for each in senders:
            queue(self.engine, each, int((seconds + WARM + 10) * 2))
        with self.worker() as worker:
            self.wait_for(lambda: len(self.arrivals()) > accounts)
            time.sleep(WARM)
            before, began = self._costs(worker), time.monotonic()
            time.sleep(seconds)
            after, ended = self._costs(worker), time.monotonic()
        entries = [entry for entry in self.arrivals() if began <= entry["monotonic"] < ended]
        each = Counter(entry["account"] for entry in entries)
        counts = sorted(each.get(sender.external_id, 0) for sender in senders)
        rate = len(entries) / (ended - began)
        found = check(self.engine, senders, self.arrivals())
        return {
            "accounts": accounts,
            "messages_per_second": round(rate, 1),
            "permitted_per_second": round(PERMITTED * accounts, 1),
            "share_of_permitted": round(rate / (PERMITTED * accounts), 3),
            "each_account": {"least": counts[0], "median": counts[len(counts) // 2], "most": counts[-1]},
            "fairness": round(sum(counts) ** 2 / (len(counts) * sum(count**2 for count in counts)), 4),
            "breaks": len(found.hurried),
            "doubled": len(found.doubled),
            "inverted": len(found.inverted),
            "transactions_per_message": round((after["transactions"] - before["transactions"]) / len(entries), 3),
            "milliseconds_per_message": {
                part: round((after[part] - before[part]) / len(entries) * 1000, 2)
                for part in ("worker", "postgresql", "simulator")
            },
        }

    def idle(self, busy: int, tries: int) -> dict[str, Any]:
        """Another account's first message while one has 10,000 in its line, and `busy` more are at it, too."""
        self.clear()
        queue(self.engine, self.senders[0], 10_000)
        for each in self.senders[1 : busy + 1]:
            queue(self.engine, each, 400)
        delays = []
        with self.worker():
            self.wait_for(lambda: len(self.arrivals()) > 20)
            time.sleep(WARM)
            for each in self.senders[busy + 1 : busy + 1 + tries]:
                began = time.monotonic()
                self.hand_in(each, "the first")
                [entry] = self.wait_for(lambda each=each: self.arrivals(each.external_id))  # type: ignore[misc]
                delays.append(entry["monotonic"] - began - LATENCY)
        delays.sort()
        return {"busy": busy + 1, "median": round(delays[len(delays) // 2], 3), "most": round(delays[-1], 3)}

    def naive(self, accounts: int, seconds: float) -> dict[str, Any]:
        """One RQ job per message, in one worker process."""
        self.clear()
        jobs = Queue("naive", connection=self.redis, serializer="json")
        for each in self.senders[:accounts]:
            queue(self.engine, each, 10)
        with self.engine.connect() as connection:
            found = connection.execute(
                text("SELECT workspace_id, id FROM messages WHERE state = 'queued' ORDER BY id")
            )
            for row in found:
                jobs.enqueue("bench.naive.send", row.workspace_id, row.id, result_ttl=0)
        # The client is loaded before RQ forks for each job, or this would be all that is measured.
        loaded = "import huntaze.adapters.platform.onlyfans.calls, worker; worker.main('naive')"
        with self.worker("-c", loaded) as worker:
            self.wait_for(lambda: self.arrivals())
            before, began = self._costs(worker), time.monotonic()
            time.sleep(seconds)
            after, ended = self._costs(worker), time.monotonic()
        count = sum(began <= entry["monotonic"] < ended for entry in self.arrivals())
        return {
            "messages_per_second": round(count / (ended - began), 2),
            "transactions_per_message": round((after["transactions"] - before["transactions"]) / max(count, 1), 2),
            "milliseconds_per_message": round((after["worker"] - before["worker"]) / max(count, 1) * 1000, 1),
        }

    def hand_in(self, each: Sender, said: str) -> None:
        with Session(self.engine) as session, session.begin():
            workspace = WorkspaceId(each.key[0])
            fan = session.execute(
                text("SELECT id FROM subscribers WHERE account_id = :account LIMIT 1"), {"account": each.key[1]}
            ).scalar_one()
            DeliveryService(session, workspace).queue(fan, Draft(text=said), None)

    def arrivals(self, account: str = "") -> list[dict[str, Any]]:
        return self.simulator.lines(f"/_sim/ledger?account={account}" if account else "/_sim/ledger")

    def clear(self) -> None:
        self.redis.flushall()
        self.simulator.ask("DELETE", "/_sim/ledger")
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM messages"))
            connection.execute(text("UPDATE lanes SET completed_at = '{}', worker_id = NULL, not_before = NULL"))

    def wait_for(self, what: Any, seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return found

    def _costs(self, worker: psutil.Process) -> dict[str, float]:
        with self.engine.connect() as connection:
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
            count = text(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
            )
            transactions = float(connection.execute(count).scalar_one())
        return {
            "transactions": transactions,
            "worker": _seconds(worker),
            "postgresql": _seconds(self.postgres),
            "simulator": _seconds(self.simulating),
        }


def _seconds(process: psutil.Process) -> float:
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            times = each.cpu_times()
            total += (
                times.user + times.system + (times.children_user + times.children_system if each is process else 0)
            )
    return total


@contextmanager
def simulator(accounts: int, rate: float) -> Iterator[tuple[Simulated, psutil.Process]]:
    command = [sys.executable, "-m", "huntaze.cli", "simulator", "--port", "0", "--per-minute", "0", "--live"]
    numbers = {"accounts": accounts, "fans": 20, "transactions": 0, "latency": LATENCY, "send-rate": rate}
    command += [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        port = int(process.stdout.readline().rpartition(":")[2])
        try:
            yield Simulated(port), psutil.Process(process.pid)
        finally:
            process.terminate()


def _alone(accounts: int, seconds: float) -> dict[str, float]:
    with simulator(accounts, 1e6) as (free, _process):
        command = [sys.executable, "-m", "bench.delivery", "--client", free.url]
        numbers = ["--accounts", str(accounts), "--seconds", str(seconds)]
        done = subprocess.run([*command, *numbers], stdout=subprocess.PIPE, cwd=ROOT, check=True)
    return {name: round(value, 2) for name, value in json.loads(done.stdout).items()}


def client_alone(url: str, accounts: int, seconds: float) -> None:
    """In a process of its own: each account sends one message after the other, as fast as it can."""

    async def main() -> None:
        timeouts = Timeouts(connect=60, total=120)
        few = asyncio.Semaphore(20)
        ready = asyncio.Barrier(accounts)
        async with open_http_client(timeouts, accounts) as http:
            loading = sum(os.times()[:2])

            async def one(n: int) -> int:
                platform = OnlyFans("sim-key", f"acct_{n + 1:06}", base_url=url, timeouts=timeouts, http_client=http)
                async with few:  # its world is made at the first call
                    fan = str((await platform.list_chats()).rows[0].id)
                await ready.wait()
                deadline, count = time.monotonic() + seconds + 2, 0
                while time.monotonic() < deadline:
                    result = await platform.send_message(fan, MessageDraft(f"hello {n}"), f"{n}-{count}")
                    assert result.state is Outcome.SENT, result
                    count += time.monotonic() > deadline - seconds
                return count

            sent = sum(await asyncio.gather(*map(one, range(accounts))))
        spent = sum(os.times()[:2]) - loading
        print(json.dumps({"rate": sent / seconds, "milliseconds": spent / sent * seconds / (seconds + 2) * 1000}))

    asyncio.run(main())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        client_alone(given.client, given.accounts, given.seconds)
        return
    found: dict[str, Any] = {"load_before": os.getloadavg(), "latency": LATENCY}

    def tell(name: str, figures: Any) -> None:
        found[name] = figures
        print(f"{name}: {json.dumps(figures)}", flush=True)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "delivery.json").write_text(json.dumps({**found, "load_after": os.getloadavg()}, indent=2) + "\n")

    with data_folder(None) as folder, ExitStack() as stack:
        bench = Bench(folder, given.accounts, stack)
        tell("100 accounts", bench.active(min(100, given.accounts), given.seconds))
        before, many, after = (
            _alone(given.accounts, given.seconds / 2),
            bench.active(given.accounts, given.seconds),
            _alone(given.accounts, given.seconds / 2),
        )
        alone = {name: (before[name] + after[name]) / 2 for name in before}
        tell("the client alone, before and after", [before, after])
        tell("all accounts", {**many, "share_of_client": round(many["messages_per_second"] / alone["rate"], 3)})
        tell("first message of an idle account", bench.idle(0, 10))
        tell("the same while 100 send", bench.idle(min(100, given.accounts - 20), 10))
        tell("one RQ job per message", bench.naive(min(100, given.accounts), given.seconds / 2))
    ratio = many["messages_per_second"] / max(found["one RQ job per message"]["messages_per_second"], 0.01)
    print(f"times as many as with one RQ job per message, in one process: {ratio:.0f}")


if __name__ == "__main__":
    main()
