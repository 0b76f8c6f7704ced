"""Huntaze: where a creator on a subscription platform runs her business."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from huntaze.config import Config

if TYPE_CHECKING:
    from flask import Flask

ROOT = Path(__file__).parent
MIGRATIONS = ROOT.parent / "migrations"
LARGEST_FORM = 1024 * 1024
"""Bytes; the largest form we have is a note of 5,000 characters. Uploads go elsewhere."""


def create_app(config: Config | None = None) -> Flask:
    """The application, wired: which parts there are and in which order they see a request."""
    # Here and not above: `huntaze up` only starts processes, and needs none of it (31 MB less, measured).
    import flask
    from redis import Redis
    from werkzeug.middleware.proxy_fix import ProxyFix

    from huntaze import logs
    from huntaze.assets import serve_assets
    from huntaze.blueprints import (  # fmt: skip
        api,
        auth,
        cookies,
        dashboard,
        dev,
        errors,
        formats,
        health,
        ids,
        install,
        notifications,
        onlyfans,
        security,
        settings,
        shell,
        web,
    )
    from huntaze.extensions import compress, db, migrate

    config = config or Config.from_env()
    app = flask.Flask("huntaze", static_folder=None)
    app.config.update(_settings(config))
    app.extensions["huntaze.config"] = config
    app.extensions["redis"] = Redis.from_url(config.redis_url)
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
    web.init_app(app)
    errors.init_app(app)
    shell.init_app(app)
    formats.init_app(app)

    for part in (auth, dashboard, onlyfans, notifications, settings, install, health, api):
        app.register_blueprint(part.bp)
    if config.local:
        app.register_blueprint(dev.bp)

    serve_assets(app)
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _settings(config: Config) -> dict[str, object]:
    return {
        "SECRET_KEY": config.secret_key,
        "SQLALCHEMY_DATABASE_URI": _driver(config.app_database_url),
        # A restarted PostgreSQL costs a reconnection and not an error page. A request that finds no
        # connection free waits for one: opening more and closing them again cost 1.3 ms a page (measured).
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_pre_ping": True,
            "pool_size": 5,
            "max_overflow": 0,
            "hide_parameters": True,  # an error's text goes to the log, and a note's must not
        },
        "SQLALCHEMY_BINDS": {
            "system": {
                "url": _driver(config.database_url),
                "pool_pre_ping": True,
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
        "COMPRESS_MIN_SIZE": 300,
        "COMPRESS_EVALUATE_CONDITIONAL_REQUEST": False,
    }


def _driver(url: str) -> str:
    """SQLAlchemy wants the driver's name in the URL."""
    return "postgresql+psycopg://" + url.partition("://")[2]
