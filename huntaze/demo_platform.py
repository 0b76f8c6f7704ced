"""The demo's platform: a simulator beside the web, with an account of its own. `huntaze up` starts it.

All that opens it is derived from SECRET_KEY, so that nothing but the moment at which its world began is kept: with
that and the same seed its fans do again what they did before, and go on from there.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ACCOUNT = "acct_000001"
USERNAME, NAME = "creator1", "Creator1"
"""As the simulator calls it."""
FANS, PAYMENTS = 120, 1_500
ACTIVITY = 240
"""Events an hour: something happens every 15 seconds."""
OLDEST = 3 * 86_400
"""Seconds of events that are played again at a start; what is older is let go, and a new world begins."""


def api_key(secret_key: str) -> str:
    return _derived(secret_key, "key")


def webhook(secret_key: str) -> tuple[str, str]:
    """The token of its address, and the secret that it signs with."""
    return _derived(secret_key, "webhook token"), _derived(secret_key, "webhook secret")


def remember(data: Path) -> None:
    """From now on there is one."""
    _kept(data).write_text(f"{int(time.time())}\n")


def began(data: Path) -> int | None:
    """Seconds since 1970; None: there is none."""
    kept = _kept(data)
    if not kept.exists():
        return None
    at = kept.read_text().strip()
    if not at.isdecimal() or int(at) < time.time() - OLDEST:
        remember(data)
        return began(data)
    return int(at)


def free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        return int(attempt.getsockname()[1])


def command(env: Mapping[str, str], port: int, since: int, web: str) -> tuple[list[str], dict[str, str]]:
    """How it is started: the program, and its environment, which has the secrets. web: where we are."""
    token, secret = webhook(env["SECRET_KEY"])
    numbers = {"port": port, "since": since, "fans": FANS, "transactions": PAYMENTS, "activity": ACTIVITY}
    options = [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
    secrets = {
        "SIMULATOR_API_KEY": api_key(env["SECRET_KEY"]),
        "SIMULATOR_WEBHOOK": f"{web}/webhooks/onlyfans/{token}",
        "SIMULATOR_WEBHOOK_SECRET": secret,
    }
    return [sys.executable, "-m", "huntaze.cli", "simulator", "--live", *options], {**env, **secrets}


def _kept(data: Path) -> Path:
    return data / "demo-platform"


def _derived(secret_key: str, what: str) -> str:
    return hmac.new(secret_key.encode(), f"the demo's platform: {what}".encode(), hashlib.sha256).hexdigest()
