"""What a simulator is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_MOMENT = 1_780_315_200
"""2026-06-01 12:00 UTC: where a clock that does not run begins, so that two runs are alike."""


@dataclass(frozen=True)
class Options:
    """The same options and the same requests give the same bytes, as long as `live` is off."""

    seed: int = 1
    accounts: int = 1
    """How many creators; their ids are acct_000001, acct_000002 ..."""
    fans: int = 200
    """Fans of each account."""
    transactions: int = 2_000
    """Payments of each account; more, if its fans' subscriptions alone are more."""
    api_key: str = "sim-key"
    live: bool = False
    """Whether the clock runs with the time of day. Else it stands still until /_sim/clock moves it."""
    since: int = 0
    """When the world began, in seconds since 1970; 0: now. What its fans did since is played at the start."""
    activity: float = 0.0
    """What fans begin by themselves, in events an hour and account. 0: they do nothing, and answer nothing."""
    latency: float = 0.0
    """Seconds that each call takes before it is accepted."""
    send_rate: float = 2.0
    """Sends a second and account."""
    send_burst: int = 2
    per_minute: int = 1_000
    """Calls a minute and account; 0: as many as one likes."""
    webhook: str = ""
    """Where webhooks are delivered from the beginning; "": nowhere."""
    webhook_secret: str = ""
