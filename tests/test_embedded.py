"""The embedded servers: real ones, started, killed and started again."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest
from redis import Redis

from huntaze import embedded, roles
from huntaze.config import ConfigError
from huntaze.embedded import AlreadyRunning, ServersError, home, postgresql, running


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that any user may reach, as one in a home folder that is not root's."""
    with tempfile.TemporaryDirectory(prefix="huntaze-test-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        yield data
        shutil.rmtree((data / "servers").resolve(), ignore_errors=True)


def ask(url: str, *statements: str) -> object:
    """The first value of what the last statement answers."""
    with psycopg.connect(url) as connection:
        for statement in statements:
            answer = connection.execute(statement.encode())
        row = answer.fetchone()
    return row[0] if row else None


def test_first_and_second_start(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=True) as servers:
        assert ask(servers.owner_url, "SHOW listen_addresses") == ""
        assert ask(servers.owner_url, "SHOW data_checksums") == "on"
        assert ask(servers.owner_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n") == 7
        assert ask(servers.app_url, "SELECT current_user") == "huntaze_app"
        assert (
            ask(servers.app_url, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            is False
        )
        redis = Redis.from_url(servers.redis_url)
        assert redis.set("kept", "yes")
        redis.close()

    with running(data, with_postgresql=True, with_valkey=True) as servers:
        assert ask(servers.owner_url, "SELECT n FROM kept") == 7
        redis = Redis.from_url(servers.redis_url)
        assert redis.get("kept") == b"yes"
        redis.close()


def test_owner_may_create_the_extensions_and_letters_are_letters(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=False) as servers:
        extensions = "CREATE EXTENSION pg_trgm", "CREATE EXTENSION btree_gin"
        assert ask(servers.owner_url, *extensions, "SELECT cardinality(show_trgm('Ωé'))") == 3


def test_only_their_user_can_reach_them(data: Path) -> None:
    above = data.parent.stat().st_mode
    with running(data, with_postgresql=True, with_valkey=True):
        files = (data / "servers").resolve()
        for folder in (data, files, files / "run", files / "postgresql", files / "valkey"):
            assert folder.stat().st_mode & 0o777 == 0o700, folder
        assert not [
            connection
            for process in psutil.process_iter()
            if process.name() in ("postgres", "valkey-server") and process.cwd().startswith(str(files))
            for connection in process.net_connections("inet")
        ]
    assert data.parent.stat().st_mode == above


def test_a_second_one_on_the_same_folder(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=True) as first:
        with (
            pytest.raises(AlreadyRunning, match=r"already running on the data folder .* DATA="),
            running(data, with_postgresql=True, with_valkey=True),
        ):
            pass
        with embedded.reached(data, with_postgresql=True, with_valkey=True) as reached:
            assert (reached.owner_url, reached.redis_url) == (first.owner_url, first.redis_url)
            assert ask(reached.owner_url, "SELECT 1") == 1


def test_folder_of_another_major_version(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=False):
        pass
    (data / "servers" / "postgresql" / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(ServersError, match=r"made by PostgreSQL 17, and this Huntaze brings 1[89]"),
        running(data, with_postgresql=True, with_valkey=False),
    ):
        pass


def test_first_start_that_was_interrupted(data: Path) -> None:
    half = home.make_home(data).folder / "postgresql.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with running(data, with_postgresql=True, with_valkey=False) as servers:
        assert ask(servers.owner_url, "SELECT 1") == 1


def test_full_disk(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024))
    with (
        pytest.raises(ServersError, match=r"The disk is full: 0 MB are free"),
        running(data, with_postgresql=True, with_valkey=False),
    ):
        pass


def test_folder_that_can_not_be_made(data: Path) -> None:
    data.write_text("a file")
    with (
        pytest.raises(ServersError, match=r"data folder .* can't be used"),
        running(data, with_postgresql=True, with_valkey=False),
    ):
        pass


def test_servers_end_with_a_killed_parent_and_start_again(data: Path) -> None:
    program = """if True:
        import json, pathlib, signal, sys
        from huntaze.embedded import running
        with running(pathlib.Path(sys.argv[1]), with_postgresql=True, with_valkey=True) as servers:
            print(json.dumps([server.child.pid for server in servers.started]), flush=True)
            signal.pause()
    """
    parent = subprocess.Popen([sys.executable, "-c", program, str(data)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    orphans = [psutil.Process(pid) for pid in json.loads(parent.stdout.readline())]
    parent.kill()
    parent.communicate()
    # At once, while they may still be ending.
    with running(data, with_postgresql=True, with_valkey=True) as servers:
        assert ask(servers.owner_url, "SELECT 1") == 1
        assert psutil.wait_procs(orphans, timeout=10)[1] == []


def test_servers_that_a_killed_run_left_running(data: Path) -> None:
    at = home.make_home(data)
    sockets = at.folder / "run"
    sockets.mkdir(mode=0o700)
    at.give(sockets)
    left = postgresql.start(at, sockets, durable=True)
    with running(data, with_postgresql=True, with_valkey=True) as servers:
        assert left.wait(10) == 0
        assert ask(servers.owner_url, "SELECT 1") == 1


def test_pid_file_that_names_a_stranger(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=False):
        pass
    (data / "servers" / "postgresql" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with running(data, with_postgresql=True, with_valkey=False) as servers:
        assert ask(servers.owner_url, "SELECT 1") == 1


def test_killed_servers_are_revived(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=True) as servers:
        for server in servers.started:
            server.child.send_signal(signal.SIGKILL)
            server.child.wait()
            server.revive()
        assert ask(servers.owner_url, "SELECT 1") == 1
        redis = Redis.from_url(servers.redis_url)
        assert redis.ping()
        redis.close()


def test_path_that_is_too_long_for_a_socket(data: Path) -> None:
    data = data / ("long" * 25)
    files = data / "servers"
    files.mkdir(mode=0o700, parents=True)
    if os.getuid() == 0:  # as if an ordinary user had made it
        owner = pwd.getpwnam("nobody")
        os.chown(files, owner.pw_uid, owner.pw_gid)
    with running(data, with_postgresql=True, with_valkey=True) as servers:
        short = (files / "run").readlink()
        assert str(short) in servers.owner_url
        assert short.stat().st_mode & 0o777 == 0o700
        assert ask(servers.app_url, "SELECT 1") == 1
    assert not short.exists()


def test_the_apps_role_in_a_database_of_ones_own(data: Path) -> None:
    with running(data, with_postgresql=True, with_valkey=False) as servers:
        admin = servers.superuser_url
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP ROLE huntaze_app")
            connection.execute("CREATE ROLE theirs LOGIN CREATEROLE PASSWORD 'theirs'")
            connection.execute("CREATE ROLE humble LOGIN PASSWORD 'humble'")
            rules = "local all postgres trust\nlocal all all scram-sha-256\n"
            (data / "servers" / "postgresql" / "pg_hba.conf").write_text(rules)
            connection.execute("SELECT pg_reload_conf()")
        # pg_reload_conf() answers before the server has read the file; a new connection follows it.
        where = admin.partition("@")[2].replace("/postgres?", "/huntaze?")
        theirs, humble = f"postgresql://theirs:theirs@{where}", f"postgresql://humble:humble@{where}"
        first, second = (f"postgresql://huntaze_app:{word}@{where}" for word in ("first", "second"))

        with pytest.raises(ConfigError, match=r"'humble' of DATABASE_URL may not create it.*DATABASE_APP_URL"):
            roles.provision(humble, first)
        for app in (first, first, second):
            roles.provision(theirs, app)
            assert ask(app, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user") is False
        with pytest.raises(ConfigError, match=r"may not change its password"):
            roles.provision(humble, first)
        with pytest.raises(ConfigError, match=r"DATABASE_URL can't be reached"):
            roles.provision(theirs.replace(":theirs@", ":wrong@"), second)
