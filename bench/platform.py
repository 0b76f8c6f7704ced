"""What the simulator and the adapter cost: `python -m bench.platform [--large]`. Prints what docs/simulator.md has.

The simulator is a process of its own, so that the processor time of each side is known apart.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil

from huntaze.adapters.platform import FanKind, MessageDraft, Outcome
from huntaze.adapters.platform.onlyfans import OnlyFans

ACCOUNT = "acct_000001"
AT_ONCE = 16
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


@contextmanager
def simulator(fans: int, transactions: int) -> Iterator[tuple[int, psutil.Process]]:
    command = [sys.executable, "-m", "huntaze.cli", "simulator", "--port", "0", "--per-minute", "0"]
    command += ["--send-rate", "1000000", "--fans", str(fans), "--transactions", str(transactions)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline().rpartition(":")[2])
        try:
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


async def alone(port: int, count: int) -> None:
    """Sends by a client that does nothing but write bytes."""
    body = b'{"text":"hello there, how are you?"}'

    async def some(worker: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(count // AT_ONCE):
            head = f"POST /api/{ACCOUNT}/chats/{10_000_003 + n % 20 * 7}/messages HTTP/1.1\r\nHost: sim\r\n"
            head += f"Authorization: Bearer sim-key\r\nIdempotency-Key: {worker}-{n}\r\n"
            head += f"Content-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer
            await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        writer.close()

    await asyncio.gather(*map(some, range(AT_ONCE)))


async def sends(onlyfans: OnlyFans, count: int) -> int:
    async def some(worker: int) -> None:
        for n in range(count // AT_ONCE):
            result = await onlyfans.send_message(
                str(10_000_003 + n % 20 * 7), MessageDraft("hello there"), f"a{worker}-{n}"
            )
            assert result.state is Outcome.SENT, result

    await asyncio.gather(*map(some, range(AT_ONCE)))
    return count


async def pages(ask: Callable[[str | None], Awaitable[object]], most: int) -> int:
    cursor: str | None = None
    for n in range(1, most + 1):
        page = await ask(cursor)
        cursor = page.next  # type: ignore[attr-defined]
        if cursor is None:
            return n
    return most


def own_time() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def its_time(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system


def tell(what: str, count: int, took: float, ours: float, theirs: float) -> None:
    print(f"| {what} | {count / took:,.0f}/s | {1000 * ours / count:.2f} ms | {1000 * theirs / count:.2f} ms |")


async def measure(port: int, process: psutil.Process) -> None:
    print("| what | rate | processor time: client | simulator |\n| --- | --- | --- | --- |")
    async with OnlyFans("sim-key", ACCOUNT, base_url=f"http://127.0.0.1:{port}") as onlyfans:
        await onlyfans.account()

        async def bare() -> int:
            await alone(port, 8_000)
            return 8_000

        for what, run in (
            ("sends, bare sockets", bare),
            ("sends, adapter", lambda: sends(onlyfans, 4_000)),
            ("pages of 20 fans, adapter", lambda: pages(lambda c: onlyfans.list_fans(FanKind.ALL, c), 200)),
            ("pages of 100 payments, adapter", lambda: pages(lambda c: onlyfans.list_transactions(LONG_AGO, c), 200)),
        ):
            began, ours, theirs = time.monotonic(), own_time(), its_time(process)
            count = await run()
            tell(what, count, time.monotonic() - began, own_time() - ours, its_time(process) - theirs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.platform")
    parser.add_argument("--large", action="store_true", help="100,000 fans and 1,000,000 payments")
    large = parser.parse_args().large
    with simulator(*((100_000, 1_000_000) if large else (5_000, 50_000))) as (port, process):
        started = its_time(process)
        asyncio.run(measure(port, process))
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/_sim/state")
        known = json.loads(connection.getresponse().read())
        connection.close()
        print(
            f"\n{known['fans']:,} fans, {known['transactions']:,} payments:"
            f" {process.memory_info().rss / 2**20:.0f} MB, ready after {started:.1f} s of processor time"
        )


if __name__ == "__main__":
    main()
