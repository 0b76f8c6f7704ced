"""Workers of the delivery queue as worker.py runs them, but with shorter rules and with gateways of all classes.

    python -m tests.jobs.delivery_worker URL RULES [rash|stopped]

It loads everything once, and forks a worker for each line that it reads: a test that kills them by the hundred would
wait for nothing else. It writes the process id of each. The controls: `rash` workers send again whatever they have no
answer to; `stopped` ones are stopped by themselves, once, between the last look at the clock and the first byte.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp.http_writer import StreamWriter
from redis import Redis

import worker
from huntaze import create_app, logs
from huntaze.adapters.platform.onlyfans import OnlyFans
from huntaze.config import Config
from huntaze.launch import die_with_parent
from huntaze.services.delivery_rules import Rules
from tests.delivering import Forgetful, Rash, adapter_of, platforms


def stop_before_a_write() -> None:
    """The next bytes of a call wait for SIGCONT: no look at a clock comes between."""
    once = Path(os.environ["STOP_ONCE"])

    def stopping(write: Callable[[StreamWriter, Any], None]) -> Callable[[StreamWriter, Any], None]:
        def stop_and_write(self: StreamWriter, what: Any) -> None:
            if once.exists():
                once.unlink()
                os.kill(os.getpid(), signal.SIGSTOP)
            write(self, what)

        return stop_and_write

    for name in ("_write", "_writelines"):
        setattr(StreamWriter, name, stopping(getattr(StreamWriter, name)))


def main(url: str, rules: str, control: str = "") -> None:
    config = Config.from_env()
    logs.configure("ERROR")
    controls: dict[str, type[OnlyFans]] = {"rash": Rash, "stopped": Forgetful}
    if control == "stopped":
        stop_before_a_write()
    app = create_app(config)
    app.extensions["huntaze.platform_pool"] = platforms(
        url, (lambda _account: controls[control]) if control else adapter_of
    )
    app.extensions["huntaze.delivery_rules"] = Rules(**json.loads(rules))
    worker.load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    parent = os.getpid()
    for _line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if not child:
            sys.stdin.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(signal.SIGKILL, parent)
            worker.run_queue("delivery", app, Redis.from_url(config.redis_url))
            os._exit(0)
        print(child, flush=True)  # noqa: T201  read by who asked


if __name__ == "__main__":
    main(*sys.argv[1:])
