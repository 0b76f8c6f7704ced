"""The app's role in a PostgreSQL of one's own: it owns nothing, so that row-level security holds it."""

from __future__ import annotations

import logging
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from huntaze.config import ConfigError

log = logging.getLogger(__name__)


def provision(owner_url: str, app_url: str) -> None:
    """See to it that the role of `app_url` can log in with its password: create it, or change its password.

    Raises ConfigError where the owner may not do that, or the server can't be reached.
    """
    try:
        with psycopg.connect(owner_url, autocommit=True, connect_timeout=10) as owner:
            _warn_of_locale(owner)
            if not _can_log_in(app_url):
                _write_role(owner, app_url)
    except psycopg.OperationalError as error:
        raise ConfigError(f"The database of DATABASE_URL can't be reached: {_first_line(error)}") from error
    if not _can_log_in(app_url):
        role = _role(app_url)
        raise ConfigError(f"The database does not let {role!r} of DATABASE_APP_URL log in (pg_hba.conf?).")


def _write_role(owner: psycopg.Connection, app_url: str) -> None:
    role, password = _role(app_url), unquote(urlsplit(app_url).password or "")
    exists = owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
    try:
        owner.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        pass  # another start was quicker
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"{role!r} can't log in to the database, and {owner.info.user!r} of DATABASE_URL may not"
            f" {'change its password' if exists else 'create it'}. As an administrator:"
            f" {'ALTER' if exists else 'CREATE'} ROLE {role} LOGIN PASSWORD '...';"
            " then give DATABASE_APP_URL with that password."
        ) from error


def _can_log_in(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=10):
            return True
    except psycopg.OperationalError:
        return False


def _warn_of_locale(connection: psycopg.Connection) -> None:
    found = connection.execute("SELECT datctype FROM pg_database WHERE datname = current_database()").fetchone()
    if found and found[0] in ("C", "POSIX"):
        log.warning("LC_CTYPE of the database is %s: the search won't find accented or Greek letters.", found[0])


def _role(url: str) -> str:
    return unquote(urlsplit(url).username or "")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
