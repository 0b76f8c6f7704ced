"""Huntaze: where a creator on a subscription platform runs her business."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from huntaze.config import Config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    import httpx
    from flask import Flask

    from huntaze.adapters.platform import PlatformAdapter

    OpenPlatform = Callable[[str, str, str], PlatformAdapter]

ROOT = Path(__file__).parent
MIGRATIONS = ROOT.parent / "migrations"
LOOPBACK = ("localhost", "127.0.0.1")  # Werkzeug can't be told to trust an IPv6 address
LARGEST_FORM = 1024 * 1024
"""Bytes; the largest form we have is a note of 5,000 characters. Uploads go elsewhere."""


def create_app(config: Config | None = None) -> Flask:
    """The application, wired: which parts there are and in which order they see a request."""
    # Here and not above: `huntaze up` only starts processes, and needs none of it (31 MB less, measured).
    import flask
    from redis import Redis
    from werkzeug.middleware.proxy_fix import ProxyFix

    from huntaze import logs
    from huntaze.adapters.mail import LocalMailer, SmtpMailer
    from huntaze.adapters.platform.onlyfans import webhooks as onlyfans_webhooks
    from huntaze.adapters.signals import Signals
    from huntaze.assets import serve_assets
    from huntaze.blueprints import (  # fmt: skip
        account,
        api,
        auth,
        chatbot,
        cookies,
        dashboard,
        dev,
        email,
        errors,
        formats,
        health,
        ids,
        install,
        join,
        lifecycle,
        limits,
        notifications,
        onlyfans,
        passkeys,
        password,
        second_factor,
        security,
        settings,
        shell,
        webhooks,
    )
    from huntaze.extensions import compress, db, migrate
    from huntaze.services.delivery_rules import Rules

    config = config or Config.from_env()
    app = flask.Flask("huntaze", static_folder=None)
    app.config.update(_settings(config))
    app.extensions["huntaze.config"] = config
    # A server that hangs is as good as one that is away: what needs it says so, and the rest goes on.
    app.extensions["redis"] = Redis.from_url(config.redis_url, socket_timeout=2, socket_connect_timeout=1)
    app.extensions["huntaze.signals"] = Signals(app.extensions["redis"])
    app.extensions["huntaze.mailer"] = (
        SmtpMailer(config.mail_url, config.mail_from) if config.mail_url else LocalMailer(config.data / "mail")
    )
    app.extensions["huntaze.platforms"] = _platforms(config)
    app.extensions["huntaze.platform_pool"] = _platform_pool(config)
    app.extensions["huntaze.delivery_rules"] = Rules(at_once=config.sends_per_second)
    app.extensions["huntaze.webhook_readers"] = {"onlyfans": onlyfans_webhooks}
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.session_interface = cookies.Toasts()
    app.url_map.converters["int"] = ids.RowId
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}

    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS))

    # Before a request these act from the first to the last, after it from the last to the first:
    # commit, headers, compression, log line.
    logs.init_app(app)
    compress.init_app(app)
    security.init_app(app)
    limits.init_app(app, config.calls_per_minute, config.redis_url)
    lifecycle.init_app(app)
    errors.init_app(app)
    shell.init_app(app)
    formats.init_app(app)

    people = (auth, second_factor, passkeys, password, email, join, account, settings)
    for part in (*people, dashboard, chatbot, onlyfans, notifications, webhooks, install, health, api):
        app.register_blueprint(part.bp)
    if config.local:
        app.register_blueprint(dev.bp)

    serve_assets(app)
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _platforms(config: Config) -> Callable[[str, str, str], PlatformAdapter]:
    """(platform, API key, the account's id there) -> its adapter, for one event loop. There is one platform yet."""
    from huntaze.adapters.platform.onlyfans import OnlyFans

    def open_platform(_platform: str, api_key: str, account_id: str) -> PlatformAdapter:
        # The client loads now: at its first call it would take 1.4 s (12 s on a busy machine) of that call's time.
        import huntaze.adapters.platform.onlyfans.calls  # noqa: F401

        return OnlyFans(api_key, account_id, base_url=config.platform_url or None)

    return open_platform


def _platform_pool(config: Config) -> Callable[[int, float], AbstractAsyncContextManager[OpenPlatform]]:
    """(connections, seconds of a call) -> the same for many accounts, which share the connections."""
    from contextlib import AsyncExitStack, asynccontextmanager
    from functools import cache

    from huntaze.adapters.platform.onlyfans import OnlyFans, Timeouts, open_http_client

    @asynccontextmanager
    async def pool(connections: int, seconds: float) -> AsyncIterator[OpenPlatform]:
        timeouts = Timeouts(total=seconds)
        async with AsyncExitStack() as stack:

            @cache  # the client loads 60 MB, which a worker does without where nobody sends
            def client() -> httpx.AsyncClient:
                opened = open_http_client(timeouts, connections)
                stack.push_async_callback(opened.aclose)
                return opened

            def open_platform(_platform: str, api_key: str, account_id: str) -> PlatformAdapter:
                base_url = config.platform_url or None
                return OnlyFans(api_key, account_id, base_url=base_url, timeouts=timeouts, http_client=client())

            yield open_platform

    return pool


def _settings(config: Config) -> dict[str, object]:
    return {
        "SECRET_KEY": config.secret_key,
        "PUBLIC_URL": config.public_url,
        "TRUSTED_HOSTS": [urlsplit(config.public_url).netloc, *LOOPBACK] if config.public_url else None,
        "SQLALCHEMY_DATABASE_URI": _driver(config.app_database_url),
        # A request that finds no connection free waits for one: opening more and closing them again cost
        # 1.3 ms a page (measured).
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_size": 5,
            "max_overflow": 0,
            "hide_parameters": True,  # an error's text goes to the log, and a note's must not
        },
        "SQLALCHEMY_BINDS": {
            "system": {
                "url": _driver(config.database_url),
                "pool_size": 3,
                "max_overflow": 0,
                "hide_parameters": True,
            }
        },
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
        "MAX_CONTENT_LENGTH": LARGEST_FORM,
        "MAX_FORM_MEMORY_SIZE": LARGEST_FORM,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=1),
        "COMPRESS_ALGORITHM": ["br", "gzip"],
        "COMPRESS_ALGORITHM_STREAMING": ["br"],
        "COMPRESS_BR_LEVEL": 5,
        "COMPRESS_BR_WINDOW": 16,  # pages are smaller than these 64 KB; the usual 4 MB cost 0.1 ms and 10 bytes
        "COMPRESS_MIN_SIZE": 300,
        "COMPRESS_EVALUATE_CONDITIONAL_REQUEST": False,
    }


def _driver(url: str) -> str:
    """SQLAlchemy wants the driver's name in the URL."""
    return "postgresql+psycopg://" + url.partition("://")[2]
