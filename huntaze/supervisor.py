"""`huntaze up`: the servers, the web, a worker and the schedule on one machine, until it is told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals

from huntaze import children, demo_platform, embedded, environment
from huntaze.config import Config

ROOT = Path(__file__).parent.parent
DEMO_LOGIN = "demo@huntaze.test", "huntaze-demo"
LIVED = 30.0  # seconds; a part that ends before that counts as one that could not start
LONGEST_PAUSE = 30.0
PATIENCE = 60.0
QUEUES = ("default", "delivery", "rollups", "sync")
"""Each has a process. What a person waits for (mails, imports, webhooks) is in `default`."""


class NotStarted(RuntimeError):
    """Huntaze can't run; the message says why and what to do."""


class Stop(BaseException):
    """We were asked to stop."""


@dataclass
class Part:
    """A process that is started again when it ends, after a longer pause each time that it could not start.

    attempts: how often in a row it may fail to start, before NotStarted ends everything (0: for ever).
    """

    name: str
    command: list[str]
    env: Mapping[str, str]
    signals: tuple[Signals, ...] = (SIGTERM,)
    attempts: int = 0
    failures: int = 0
    begin_at: float = 0.0
    child: children.Child | None = None

    def keep(self) -> None:
        """Start it if it does not run and its pause is over."""
        now = time.monotonic()
        if self.child and self.child.poll() is not None:
            self.failures = self.failures + 1 if now - self.begin_at < LIVED else 1
            _say(f"{self.name} ended with {self.child.returncode}.")
            if self.failures == self.attempts:
                raise NotStarted(f"{self.name} could not start {self.failures} times; its messages are above.")
            self.child = None
            self.begin_at = now + min(2.0 ** (self.failures - 1), LONGEST_PAUSE)
        if not self.child and now >= self.begin_at:
            self.begin_at = now
            self.child = children.start(self.command, env=self.env, cwd=ROOT)

    def stop(self) -> None:
        """Ask it to end, wait, and leave nothing of it."""
        if self.child:
            children.stop(self.child, *self.signals, patience=5)


def up() -> None:
    """Run Huntaze until SIGINT, SIGTERM or SIGHUP; raise ConfigError, ServersError or NotStarted."""
    before = Config.from_env(
        {
            **dict.fromkeys(("DATABASE_URL", "DATABASE_APP_URL"), "postgresql://"),
            "REDIS_URL": "unix://",
            "SECRET_KEY": "-" * 32,
            **{name: value for name, value in os.environ.items() if value},
        }
    )
    with contextlib.suppress(Stop), _stopping_on_signals():
        data = environment.data_folder(os.environ)
        with embedded.running(data, **environment.wanted(os.environ)) as servers:
            _require_free(before.host, before.port)
            env = environment.complete(os.environ, servers)
            config = Config.from_env(env)
            created_demo = _migrate(env, demo=config.local or env.get("DEMO") == "1")
            with ExitStack() as stack:
                platform = _demo_platform(env, config, created_demo)
                if platform:
                    env = {**env, "PLATFORM_URL": platform.env["PLATFORM_URL"]}
                _run(stack, env, config, servers, created_demo, [platform] if platform else [])
    _say("Huntaze has stopped.")


def _run(
    stack: ExitStack,
    env: Mapping[str, str],
    config: Config,
    servers: embedded.Servers,
    created_demo: bool,
    more: list[Part],
) -> None:
    python = sys.executable
    gunicorn = [python, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")]
    worker = [python, str(ROOT / "worker.py")]
    web = Part("The web", gunicorn, env, attempts=3)
    others = [
        # The second signal has RQ end the jobs in hand, which run again later; what delivery can't wait for is found
        # out by the next one.
        Part("The workers", [*worker, *QUEUES], env, signals=(SIGTERM, SIGTERM)),
        Part("The schedule", [*worker, "schedule"], env),
        *more,
    ]
    for part in (*others, web):
        stack.callback(part.stop)  # the last one first: the web, then those that work for it
    for part in more:
        part.keep()  # the worker's first job may ask it
    _wait_for(web, config)
    _say(f"\nHuntaze is running at {_address(config)}   (Ctrl-C stops it)")
    if created_demo:
        _say("Sign in as {} with the password {}\n".format(*DEMO_LOGIN))
    while True:
        for part in (web, *others):
            part.keep()
        for server in servers.started:
            server.revive()
        time.sleep(1)


def _demo_platform(env: Mapping[str, str], config: Config, created_demo: bool) -> Part | None:
    """A simulator that stands in for the platform, where the demo is and nobody else can come in."""
    if not config.local or env.get("PLATFORM_URL"):
        return None
    if created_demo:
        demo_platform.remember(config.data)
    since = demo_platform.began(config.data)
    if since is None:
        return None
    port = demo_platform.free_port()
    env = {**env, "PLATFORM_URL": f"http://127.0.0.1:{port}"}
    command, with_secrets = demo_platform.command(env, port, since, _address(config))
    return Part("The simulator", command, with_secrets)


def _wait_for(web: Part, config: Config) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _answers(config.host, config.port):
        web.keep()
        if time.monotonic() > deadline:
            raise NotStarted(f"The web did not answer within {PATIENCE:.0f} seconds; its messages are above.")
        time.sleep(0.05)


def _answers(host: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  asked, not listened on
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return connection.recv(5) == b"HTTP/"
    return False


def _require_free(host: str, port: int) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(address)
            attempt.listen()
    except PermissionError:
        raise NotStarted(f"Only root may serve on port {port}. Choose another: PORT=8000.") from None
    except OSError as error:
        raise NotStarted(
            f"Port {port} on {host} can't be had: {error.strerror}. Choose another with PORT= (or HOST=),"
            f" for instance: make run PORT={port + 1}"
        ) from None


def _migrate(env: Mapping[str, str], *, demo: bool) -> bool:
    """Bring the database up to date; return whether the demo workspace was created, as on a first start."""
    command = [sys.executable, "-m", "huntaze.cli", "migrate", *(["--demo"] if demo else [])]
    done = subprocess.run(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NotStarted("The database could not be brought up to date; the reason is above.")
    return "demo" in done.stdout.split()


def _address(config: Config) -> str:
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(config.host, config.host)  # noqa: S104
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Raise Stop at the first signal, and ignore later ones, so that nothing keeps us from stopping in order."""

    def stop(*_: object) -> None:
        for each in (SIGINT, SIGTERM, SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        _say("\nStopping ...")
        raise Stop

    for each in (SIGINT, SIGTERM, SIGHUP):
        if each is SIGINT or signal.getsignal(each) is not signal.SIG_IGN:  # as under nohup
            signal.signal(each, stop)
    yield


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
