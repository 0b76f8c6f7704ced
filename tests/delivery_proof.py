"""The proof of the message queue: workers that are killed, stopped and cut off in the middle of their work, servers
that end at once, a platform that fails; and then the platform's ledger against the database.

`tests/jobs/test_delivery_proof.py` runs a short one, `make bench-faults` a long one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from huntaze import embedded
from huntaze.models.base import UserId, WorkspaceId
from huntaze.services.delivery import DeliveryService
from huntaze.services.errors import Conflict
from tests.delivering import Findings, Sender, check, queue, sender, states
from tests.factories import SECRET_KEY, MemberFactory
from tests.factories import session as rows
from tests.simulated import Simulated
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
AFTER = ("error_after", "hang_after", "reset_after", "truncated", "malformed", "wrong_shape")
BEFORE = ("error", "hang", "reset", "not_sent", "rate_limited")
RULES = {"call": 3.0, "write": 2.0, "settle_after": 0.2, "backoff": 0.2, "linger": 15.0, "taken": 15, "lanes": 40}
"""As in earnest, but that a call is given up sooner."""


@dataclass
class Scale:
    """How much of everything. every: seconds between two blows."""

    accounts: int = 90
    messages: int = 24
    """Of each account."""
    fans: int = 8
    workers: int = 4
    every: float = 1.2
    kills_most: int = 9
    """After so many it is left alone."""
    stops_most: int = 3
    restarts_most: int = 2
    faults: int = 3
    """With each blow."""
    rules: dict[str, float] = field(default_factory=lambda: dict(RULES))
    patience: float = 150.0
    seed: int = 1
    control: str = ""
    latency: float = 0.03


@dataclass
class Report:
    findings: Findings
    kills: int = 0
    stops: int = 0
    restarts: int = 0
    flushes: int = 0
    faults: int = 0
    pauses: int = 0
    cancelled: int = 0
    ended: int = 0
    """Workers that ended by themselves."""
    overtaken: int = 0
    """Accounts in which, while they were paused, more than one call arrived."""
    seconds: float = 0.0
    recovery: list[float] = field(default_factory=list)
    """Seconds from a kill until each lane of the killed that had something to send began a call again."""

    def percentile(self, share: float) -> float:
        ordered = sorted(self.recovery)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def __str__(self) -> str:
        found = self.findings
        return (
            f"{found.total} messages, {found.accepted} arrivals, {dict(found.states)};"
            f" faults: {found.faults or 'none'}\n"
            f"{self.kills} kills, {self.stops} stops past the lease, {self.restarts} restarts of PostgreSQL at once,"
            f" {self.flushes} flushes of Valkey, {self.faults} faults of the platform, {self.pauses} pauses,"
            f" {self.cancelled} cancelled, {self.ended} workers ended by themselves; {self.seconds:.0f} s\n"
            f"recovery after SIGKILL ({len(self.recovery)} lanes): p50 {self.percentile(0.5):.1f} s,"
            f" p99 {self.percentile(0.99):.1f} s, most {max(self.recovery, default=0.0):.1f} s"
        )


@dataclass
class Blow:
    """at: by PostgreSQL's clock. held: the fences of the lanes that it hit and that had something to send."""

    at: float
    kind: str
    held: dict[tuple[int, int], int] = field(default_factory=dict)


class Proof:
    """Everything that is needed, in processes of their own."""

    def __init__(self, folder: Path, scale: Scale, stack: ExitStack) -> None:
        self.scale, self.folder = scale, folder
        self.random = random.Random(scale.seed)  # noqa: S311
        # As root the servers' data is elsewhere.
        stack.callback(lambda: shutil.rmtree((folder / "servers").resolve(), ignore_errors=True))
        self.servers = stack.enter_context(embedded.running(folder, with_postgresql=True, with_valkey=True))
        self.env = {
            **os.environ,
            "DATABASE_URL": self.servers.owner_url,
            "DATABASE_APP_URL": self.servers.app_url,
            "REDIS_URL": self.servers.redis_url,
            "SECRET_KEY": SECRET_KEY,
            "DATA": str(folder),
            "STOP_ONCE": str(folder / "stop-once"),
        }
        subprocess.run([sys.executable, "-m", "huntaze.cli", "migrate"], env=self.env, check=True, cwd=ROOT)
        url = "postgresql+psycopg://" + self.servers.owner_url.partition("://")[2]
        self.engine: Engine = create_engine(url, pool_pre_ping=True)
        stack.callback(self.engine.dispose)
        self.redis = Redis.from_url(self.servers.redis_url)
        stack.callback(self.redis.close)
        self.simulator = stack.enter_context(simulator(scale.accounts, scale.fans, scale.latency))
        stack.callback(self._end_workers)
        self.senders = self._senders()
        command = [sys.executable, "-m", "tests.jobs.delivery_worker", self.simulator.url, json.dumps(scale.rules)]
        self.nursery = subprocess.Popen(
            [*command, *([scale.control] if scale.control else [])],
            env=self.env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.workers = [self.start() for _ in range(scale.workers)]
        self.stopped: dict[int, float] = {}
        self.paused: dict[tuple[int, int], tuple[float, float, Sender]] = {}
        self.blows: list[Blow] = []
        self.report = Report(Findings())
        self._deck: list[Callable[[], None]] = []
        self.strike_at = self.look_at = 0.0

    # What it is about ----------------------------------------------------------------------------

    def start(self) -> int:
        assert self.nursery.stdin
        assert self.nursery.stdout
        self.nursery.stdin.write("\n")
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

    def run(self) -> Report:
        """Strikes until all is sent, or nothing can be."""
        began = time.monotonic()
        for each in self.senders:
            queue(self.engine, each, self.scale.messages)
        self.wake()
        self.strike_at, self.look_at = began + self.scale.every, began
        wait_until(self._over, self.scale.patience, lambda: f"it did not end: {self.left()}")
        return self.conclude(time.monotonic() - began)

    def _over(self) -> bool:
        """Does what is due, and says whether all is sent."""
        now = time.monotonic()
        for pid, until in list(self.stopped.items()):
            if now >= until:
                os.kill(pid, signal.SIGCONT)
                del self.stopped[pid]
        self._resume(now)
        self._replace_the_dead()
        if now >= self.strike_at and self.report.kills < self.scale.kills_most:
            self.strike()
            self.strike_at = now + self.random.uniform(0.5, 1.5) * self.scale.every
        if now >= self.look_at:
            self.look_at = now + 1.0
            with suppress(DBAPIError):
                self._unhalt()
                self.wake()
                return not self.left() and not self.stopped and not self.paused
        return False

    def conclude(self, seconds: float) -> Report:
        ledger = self.simulator.lines("/_sim/ledger")
        report = self.report
        report.seconds = seconds
        report.findings = check(self.engine, self.senders, ledger)
        report.recovery = self._recoveries()
        return report

    def left(self) -> int:
        found = states(self.engine, self.senders)
        return found["queued"] + found["sending"] + found["scheduled"]

    def wake(self) -> None:
        """As the schedule does each minute."""
        waiting = Queue("delivery", connection=self.redis, serializer="json")
        if not waiting.count:
            waiting.enqueue("huntaze.jobs.delivery.deliver", result_ttl=0)

    # Blows ---------------------------------------------------------------------------------------

    def strike(self) -> None:
        report, scale = self.report, self.scale
        for _ in range(scale.faults):
            kind = self.random.choice(AFTER + BEFORE)
            account = self.random.choice(self.senders).external_id
            self.simulator.tell("faults", kind=kind, on="send", account=account, seconds=30, retry_after=1)
            report.faults += 1
        if not self._deck:
            self._deck = [self.kill] * 7 + [self.pause, self.cancel, self.reply] * 2
            self._deck += [self.stop] * (report.stops < scale.stops_most)
            self._deck += [self.restart] * (report.restarts < scale.restarts_most) + [self.flush]
            self.random.shuffle(self._deck)
        blow = self._deck.pop()
        with suppress(DBAPIError, Conflict):
            blow()

    def kill(self) -> None:
        at = self.random.randrange(len(self.workers))
        pid = self.workers[at]
        held = self._held(pid)
        os.kill(pid, signal.SIGKILL)
        self.blows.append(Blow(self._clock(), "kill", held))
        self.report.kills += 1
        self.stopped.pop(pid, None)
        self.workers[at] = self.start()

    def stop(self) -> None:
        """Past the lease: others take over, and then it goes on."""
        pid = self.random.choice(self.workers)
        if pid not in self.stopped:
            held = self._held(pid)
            os.kill(pid, signal.SIGSTOP)
            self.blows.append(Blow(self._clock(), "stop", held))
            self.stopped[pid] = time.monotonic() + self.scale.rules.get("lease", 8.0) + self.random.uniform(1, 4)
            self.report.stops += 1

    def flush(self) -> None:
        self.redis.flushall()
        self.report.flushes += 1

    def restart(self) -> None:
        postgresql = next(each for each in self.servers.started if signal.SIGQUIT in each.signals)
        postgresql.child.send_signal(signal.SIGQUIT)
        postgresql.child.wait(30)
        postgresql.revive()
        self.blows.append(Blow(self._clock(), "restart"))
        self.report.restarts += 1

    def pause(self) -> None:
        each = self.random.choice(self.senders)
        if each.key in self.paused:
            return
        with self._service(each) as delivery:
            delivery.lanes.pause(each.key[1], self._user())
        self.blows.append(Blow(self._clock(), "pause", {each.key: 0}))
        now = time.monotonic()
        self.paused[each.key] = (now, now + self.random.uniform(1, 4), each)
        self.report.pauses += 1

    def cancel(self) -> None:
        each = self.random.choice(self.senders)
        with self.engine.connect() as connection:
            waiting = connection.execute(
                text(
                    "SELECT id FROM messages WHERE account_id = :account AND state = 'queued'"
                    " ORDER BY random() LIMIT 3"
                ),
                {"account": each.key[1]},
            ).scalars()
            ids = list(waiting)
        with self._service(each) as delivery:
            for message_id in ids:
                with suppress(Conflict):
                    delivery.cancel(message_id)
                    self.report.cancelled += 1

    def reply(self) -> None:
        for each in self.random.sample(self.senders, min(5, len(self.senders))):
            queue(self.engine, each, 1, bulk=False, prefix=f"reply {time.monotonic()} ")

    # Helpers -------------------------------------------------------------------------------------

    def _senders(self) -> list[Sender]:
        found = []
        rows.remove()
        rows.configure(bind=self.engine)
        for n in range(self.scale.accounts):
            account = f"acct_{n + 1:06}"
            fans = self.simulator.get(f"/api/{account}/fans/all?limit=20")["data"]["list"]
            found.append(sender(self.engine, [str(fan["id"]) for fan in fans[: self.scale.fans]], account))
        return found

    def _user(self) -> UserId:
        return UserId(MemberFactory().user_id)

    @contextmanager
    def _service(self, each: Sender) -> Iterator[DeliveryService]:
        with Session(self.engine) as session, session.begin():
            yield DeliveryService(session, WorkspaceId(each.key[0]))

    def _replace_the_dead(self) -> None:
        """As the supervisor does."""
        for at, pid in enumerate(self.workers):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                self.workers[at] = self.start()
                self.report.ended += 1

    def _resume(self, now: float) -> None:
        for key, (paused_at, until, each) in list(self.paused.items()):
            if now < until:
                continue
            with suppress(DBAPIError):
                # The clock of the ledger is the one that we read, too.
                arrived = [
                    entry for entry in self.simulator.lines(f"/_sim/ledger?account={each.external_id}")
                    if entry["monotonic"] > paused_at
                ]  # fmt: skip
                with self._service(each) as delivery:
                    delivery.lanes.resume(each.key[1])
                self.report.overtaken += len(arrived) > 1
                del self.paused[key]

    def _unhalt(self) -> None:
        """As a person would who sees that failures have paused a lane."""
        with self.engine.begin() as connection:
            connection.execute(
                text("UPDATE lanes SET paused_at = NULL, failures = 0, halt = NULL WHERE halt <> 'person'"
                     " AND paused_at IS NOT NULL")
            )  # fmt: skip

    def _clock(self) -> float:
        with self.engine.connect() as connection:
            return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def _held(self, pid: int) -> dict[tuple[int, int], int]:
        """The lanes of a process that have something to send beside what is under way: with their fences."""
        with self.engine.connect() as connection:
            found = connection.execute(
                text(
                    "SELECT l.workspace_id, l.account_id, l.fence FROM lanes l JOIN delivery_workers w"
                    " ON w.id = l.worker_id WHERE w.process LIKE :process AND l.paused_at IS NULL"
                    " AND (l.not_before IS NULL OR l.not_before < now()) AND (SELECT count(DISTINCT conversation_id)"
                    " FROM messages m WHERE m.workspace_id = l.workspace_id AND m.account_id = l.account_id"
                    " AND m.state IN ('queued', 'sending')) > 2"
                    " AND EXISTS (SELECT FROM messages m WHERE m.workspace_id = l.workspace_id"
                    " AND m.account_id = l.account_id AND m.state = 'queued')"
                ),
                {"process": f"%:{pid}"},
            )
            return {(row.workspace_id, row.account_id): row.fence for row in found}

    def _recoveries(self) -> list[float]:
        """Of lanes that met nothing else meanwhile: where one did, it counts from then on."""
        found = []
        with self.engine.connect() as connection:
            for blow in self.blows:
                for key, fence in blow.held.items() if blow.kind == "kill" else ():
                    began = connection.execute(
                        text(
                            "SELECT extract(epoch FROM min(a.started_at)) FROM attempts a JOIN messages m"
                            " ON m.workspace_id = a.workspace_id AND m.id = a.message_id"
                            " WHERE m.workspace_id = :workspace AND m.account_id = :account AND a.fence > :fence"
                        ),
                        {"workspace": key[0], "account": key[1], "fence": fence},
                    ).scalar()
                    if began is not None and not self._met_more(blow, key, float(began)):
                        found.append(float(began) - blow.at)
        return found

    def _met_more(self, blow: Blow, key: tuple[int, int], until: float) -> bool:
        return any(
            each is not blow and blow.at - 5 < each.at < until and (key in each.held or each.kind == "restart")
            for each in self.blows
        )

    def _end_workers(self) -> None:
        if nursery := getattr(self, "nursery", None):
            for pid in self.workers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            nursery.kill()
            nursery.communicate()
        rows.remove()


@contextmanager
def simulator(accounts: int, fans: int, latency: float) -> Iterator[Simulated]:
    """In a process of its own, that keeps the pace of the platform."""
    command = [sys.executable, "-m", "huntaze.cli", "simulator", "--port", "0", "--per-minute", "0", "--live"]
    numbers: dict[str, Any] = {"accounts": accounts, "fans": max(fans, 20), "transactions": 0, "latency": latency}
    command += [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        port = int(process.stdout.readline().rpartition(":")[2])
        try:
            yield Simulated(port)
        finally:
            process.terminate()


def prove(folder: Path, scale: Scale) -> Report:
    with ExitStack() as stack:
        return Proof(folder, scale, stack).run()
