"""What may be set from outside, read once at boot.

Every variable is optional where Huntaze runs on one machine: PostgreSQL and Valkey are then
started by `huntaze up`, which passes their addresses on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class ConfigError(ValueError):
    """A variable of the environment is missing or wrong; the message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one process.

    database_url: PostgreSQL as the role that owns the tables: migrations, `load`, system steps.
    app_database_url: the same database as `huntaze_app`, which row-level security holds.
    redis_url: Valkey or Redis; `unix://` over a socket.
    secret_key: signs and encrypts what leaves the server; at least 32 characters.
    trusted_proxies: how many reverse proxies stand in front and set X-Forwarded-*.
    web_concurrency: web processes; gunicorn.conf.py reads it by itself, here it is only checked.
    mail_url: the server that takes our mails, smtp:// (STARTTLS where offered) or smtps://; "": DATA/mail keeps them.
    mail_from: whom they come from.
    calls_per_minute: how many changes and API calls one network address may make; 0: as many as it likes.
    platform_url: the gateway of OnlyFans, if it is not the real one: a simulator; "": the real one.
    sends_per_second: how many messages one platform account may send in any second.
    public_url: where people reach Huntaze, like https://app.example.com; links in mails begin with it.
    """

    database_url: str
    app_database_url: str
    redis_url: str
    secret_key: str
    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: int = 0
    web_concurrency: int = 2
    log_level: str = "INFO"
    mail_url: str = ""
    mail_from: str = ""
    public_url: str = ""
    calls_per_minute: int = 600
    platform_url: str = ""
    sends_per_second: int = 2

    @property
    def local(self) -> bool:
        """Only this machine can reach the server: the demo log-in and /dev pages are safe."""
        return self.host in ("127.0.0.1", "::1", "localhost") and not self.trusted_proxies

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Config:
        """Read the environment; raise ConfigError with the name of the first wrong variable."""
        return cls(
            database_url=_url(env, "DATABASE_URL", ("postgresql://", "postgres://")),
            app_database_url=_url(env, "DATABASE_APP_URL", ("postgresql://", "postgres://")),
            redis_url=_url(env, "REDIS_URL", ("redis://", "rediss://", "unix://")),
            secret_key=_secret(env),
            data=Path(env.get("DATA") or "data"),
            host=env.get("HOST") or "127.0.0.1",
            port=_number(env, "PORT", 8000, 1, 65535),
            trusted_proxies=_number(env, "TRUSTED_PROXIES", 0, 0, 5),
            web_concurrency=_number(env, "WEB_CONCURRENCY", 2, 1, 64),
            log_level=_choice(env, "LOG_LEVEL", "INFO", LOG_LEVELS),
            calls_per_minute=_number(env, "CALLS_PER_MINUTE", 600, 0, 1_000_000),
            sends_per_second=_number(env, "SENDS_PER_SECOND", 2, 1, 20),
            platform_url=_web_address(env, "PLATFORM_URL"),
            **_mail(env),
        )


def _url(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = env.get(name, "")
    if not value.startswith(schemes):
        raise ConfigError(f"{name} must start with {' or '.join(schemes)}; `huntaze up` sets it by itself.")
    return value


def _web_address(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").rstrip("/")
    if value and not (value.startswith(("http://", "https://")) and urlsplit(value).hostname):
        raise ConfigError(f"{name} must be an address like http://127.0.0.1:8090, or nothing.")
    return value


def _mail(env: Mapping[str, str]) -> dict[str, str]:
    """Mails carry links: who could choose their host by a request's Host header could collect what they open."""
    mail_url, mail_from = env.get("MAIL_URL", ""), env.get("MAIL_FROM", "")
    public_url = env.get("PUBLIC_URL", "").rstrip("/")
    if public_url and not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", public_url):
        raise ConfigError("PUBLIC_URL must be like https://app.example.com, without a path.")
    if mail_url:
        parts = urlsplit(mail_url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not _is_port(parts):
            raise ConfigError("MAIL_URL must be like smtp://user:password@mail.example.com:587, or smtps:// for TLS.")
        if "@" not in parseaddr(mail_from)[1] or not mail_from.isprintable():
            raise ConfigError("MAIL_FROM must be an e-mail address, like Huntaze <hello@example.com>.")
        if not public_url:
            raise ConfigError("PUBLIC_URL must be given with MAIL_URL: links in mails begin with it.")
    return {"mail_url": mail_url, "mail_from": mail_from, "public_url": public_url}


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _secret(env: Mapping[str, str]) -> str:
    value = env.get("SECRET_KEY", "")
    if len(value) < 32:
        raise ConfigError("SECRET_KEY must have at least 32 characters, for instance from `openssl rand -hex 32`.")
    return value


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name) or str(default)
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
    return int(value)


def _choice(env: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = (env.get(name) or default).upper()
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value
