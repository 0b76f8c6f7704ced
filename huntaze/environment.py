"""What the environment need not say: the secret key, and where the embedded servers are."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from huntaze.config import ConfigError
from huntaze.embedded import Servers

APP_ROLE = "huntaze_app"


def data_folder(env: Mapping[str, str]) -> Path:
    """The folder that DATA names, by its full path."""
    return Path(env.get("DATA") or "data").absolute()


def wanted(env: Mapping[str, str]) -> dict[str, bool]:
    """Which embedded servers are needed, as `embedded.running` takes it: those whose address is not given."""
    return {"with_postgresql": not env.get("DATABASE_URL"), "with_valkey": not env.get("REDIS_URL")}


def complete(env: Mapping[str, str], servers: Servers) -> dict[str, str]:
    """The environment with everything in it that Config.from_env requires.

    The secret key is kept in DATA/secret-key; without it, every session and encrypted value would be lost.
    """
    data = data_folder(env)
    given = {name: value for name, value in env.items() if value}
    full = {**given, "DATA": str(data)}
    if "SECRET_KEY" not in full:
        full["SECRET_KEY"] = _kept_secret_key(data)
    full.setdefault("REDIS_URL", servers.redis_url)
    if "DATABASE_URL" in given:
        full.setdefault("DATABASE_APP_URL", app_url(given["DATABASE_URL"], full["SECRET_KEY"]))
    else:
        full.update(DATABASE_URL=servers.owner_url, DATABASE_APP_URL=servers.app_url)
    return full


def app_url(owner_url: str, secret_key: str) -> str:
    """The address of the owner's database as `huntaze_app`, with a password derived from the secret key.

    `roles.provision` gives the role that password.
    """
    password = hmac.new(secret_key.encode(), b"the database role huntaze_app", hashlib.sha256).hexdigest()
    url = urlsplit(owner_url)
    where = url.netloc.rpartition("@")[2]
    return urlunsplit(url._replace(netloc=f"{APP_ROLE}:{password}@{where}"))


def _kept_secret_key(data: Path) -> str:
    try:
        return _secret_key(data / "secret-key")
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})"
        raise ConfigError(f"DATA must name a folder to write to: {reason}. Or give SECRET_KEY.") from error


def _secret_key(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Under its name only when it is whole; of two first starts at once, one key wins.
        descriptor, new = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(new, path)
        except FileExistsError:
            pass
        finally:
            Path(new).unlink()
    return path.read_text().strip()
