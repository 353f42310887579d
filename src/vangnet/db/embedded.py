"""The PostgreSQL server that comes with Vangnet, kept in the data folder.

Any number of commands use it at once: each holds a shared lock on a file while it does, and whoever finds itself alone on
leaving stops the server. The server itself holds a lock for as long as any process of it lives. The kernel drops the locks
of the dead, so no number in a file has to be believed: a kill -9 leaves at worst a running server, which the next command
takes over, and after a reboot nothing is held. Only the binaries of the wheel are used; its own start and stop are not,
because as root they open every folder above the data to all accounts, and they count users in a file that a kill -9 leaves
wrong.

Production on several machines uses a server of its own (`VANGNET_DATABASE_URL`), not this. It takes Linux.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

from vangnet.db import folders, programs
from vangnet.db.programs import POSTGRES_MAJOR
from vangnet.errors import Conflict, DatabaseRefused, DatabaseUnavailable, StorageFull

OWNER = "vangnet_owner"
RUNTIME = "vangnet_runtime"
DATABASE = "vangnet"
#: sun_path holds 108 bytes with its closing zero (unix(7)); PostgreSQL appends its file name.
_SOCKET_DIR_MAX_BYTES = 107 - len("/.s.PGSQL.5432")
#: Long enough to recover from a crash in the middle of heavy writing.
_PATIENCE_S = 60
#: Ordinarily it takes a fraction of a second; a server that hangs for so long is told not to wait for its children.
_STOP_S = 20
_POLL_S = 0.005
_LOG_ROTATED_AT_BYTES = 10 * 1024 * 1024

_OPTIONS = {
    "listen_addresses": "",
    # Relative to the cluster's folder: no path is then too long for the server's side of the socket.
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "100",
    # An error of a statement goes to whoever sent it. In the log it could quote a row, and rows are about people.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    # A list of ten million entries grows its indices at random places, and after every checkpoint each page is logged whole
    # once: they should be rare. But a server that was killed reads all that was logged since, while somebody waits.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}
_MIB = 1024 * 1024
#: What the server keeps of its tables in its own memory, at least and at most; the system keeps more in what is free.
_SHARED_MIB = (128, 512)
#: In single-user mode a statement ends with a semicolon and an empty line.
_FIRST_STATEMENTS = f"""\
CREATE ROLE {OWNER} LOGIN;

CREATE ROLE {RUNTIME} LOGIN;

CREATE DATABASE {DATABASE} OWNER {OWNER};

"""


class EmbeddedServer:
    """One data folder's PostgreSQL. `acquire` starts it where needed, `release` stops it when nobody else uses it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.cluster = data_dir / "postgres"
        #: A cluster that `vangnet db upgrade` finished, in the instant before it takes the place of the old.
        self.upgraded = data_dir / "postgres.upgraded"
        self.log = data_dir / "postgres.log"
        self._in_use: int | None = None
        self._short_name: int | None = None

    def conninfo(self, role: str, database: str = DATABASE) -> str:
        """Where to connect as `role`, while this process lives. The socket's folder is closed to all other accounts."""
        host = str(self.cluster)
        if len(os.fsencode(host)) > _SOCKET_DIR_MAX_BYTES:
            if self._short_name is None:
                self._short_name = os.open(self.cluster, os.O_PATH | os.O_DIRECTORY)
            host = f"/proc/{os.getpid()}/fd/{self._short_name}"
        # The port is said because it would otherwise be read from the environment.
        return f"postgresql://{role}@/{database}?host={quote(host, safe='')}&port=5432"

    def acquire(self) -> None:
        """Makes sure that the server answers, and marks it as in use by this process until `release`.

        Raises DataFolderUnusable, DatabaseRefused, DatabaseUnavailable, StorageFull.
        """
        new_here = self._in_use is None
        if new_here:
            folders.make_data_dir(self.data_dir)
        with self.exclusively():
            if self._in_use is None:
                self._in_use = folders.open_lock(self.data_dir / "postgres.users")
                fcntl.flock(self._in_use, fcntl.LOCK_SH)
            try:
                self._ensure_initialised(may_be_new=new_here)
                self.ensure_running()
            except BaseException:
                self._let_go()
                raise

    def release(self) -> None:
        """Ends this process's use of the server, and stops it if no other process uses it.

        Raises DataFolderUnusable, DatabaseUnavailable.
        """
        if self._in_use is None:
            return
        try:
            with self.exclusively():
                if folders.lock_now(self._in_use):
                    self.stop(self.cluster)
        finally:
            self._let_go()

    def running_pid(self, cluster: Path | None = None) -> int | None:
        """The process id of the running server, or None. A file left by a crash or a reboot does not count."""
        cluster = cluster or self.cluster
        try:
            pid = int(_postmaster_file(cluster)[0])
            # After a reboot the number may belong to any program; PostgreSQL's working folder is its data folder.
            return pid if Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve() else None
        except (OSError, ValueError, IndexError):
            return None

    def major_version(self) -> int | None:
        """The major version that wrote the data folder, or None where there is no database yet."""
        try:
            return int((self.cluster / "PG_VERSION").read_text(encoding="ascii"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise DatabaseRefused(
                problem="its folder does not say which PostgreSQL wrote it", remedy="restore a backup"
            ) from error

    @contextlib.contextmanager
    def exclusively(self, *, unused: bool = False) -> Iterator[None]:
        """No other command starts, stops or replaces the server inside the block.

        With `unused`, no other command may be using it either. Raises Conflict, DataFolderUnusable, StorageFull.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(folders.told_as_ours(self.data_dir))
            lock = folders.open_lock(self.data_dir / "postgres.lock")
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if unused:
                users = folders.open_lock(self.data_dir / "postgres.users")
                stack.callback(os.close, users)
                if not folders.lock_now(users):
                    raise Conflict(problem="another command uses this installation's database; end it first")
            yield

    # --- steps, each inside `exclusively` ---

    def ensure_running(self, major: int = POSTGRES_MAJOR) -> None:
        """Returns when the server answers. One that is starting or stopping is waited for."""
        deadline = time.monotonic() + _PATIENCE_S
        started = False
        log_before = 0
        while not self._answers():
            if not self._alive():
                if started:
                    raise self._why_not_started(log_before)
                log_before = self._start(major)
                started = True
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(problem=f"the server did not answer within {_PATIENCE_S} seconds")
            time.sleep(_POLL_S)

    def stop(self, *clusters: Path, orphans: bool = False) -> bool:
        """Stops the servers that run on these clusters of the data folder; returns whether any did.

        With `orphans` it also waits for programs that a killed command left behind, and stops the servers that those
        start in the meantime. Raises DatabaseUnavailable.
        """
        asked: set[int] = set()
        began = time.monotonic()
        hurried = False
        while True:
            running = {pid for pid in map(self.running_pid, clusters) if pid is not None}
            _tell(running - asked, signal.SIGINT)  # PostgreSQL's fast shutdown
            asked |= running
            if not (asked or orphans) or not self._alive():
                return bool(asked)
            waited_s = time.monotonic() - began
            if waited_s > _PATIENCE_S:
                raise DatabaseUnavailable(problem=f"the server did not stop within {_PATIENCE_S} seconds")
            if waited_s > _STOP_S and not hurried:
                # Its immediate shutdown: what was committed is in its log, and the next start takes it from there.
                hurried = True
                _tell(running, signal.SIGQUIT)
            time.sleep(_POLL_S)

    @contextlib.contextmanager
    def processes(self) -> Iterator[int]:
        """A lock to hand to PostgreSQL's programs; entering waits until none of an earlier command lives any more."""
        lock = folders.open_lock(self.data_dir / "postgres.processes")
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not folders.lock_now(lock):
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(problem="processes of an earlier server do not end")
                time.sleep(_POLL_S)
            yield lock
        finally:
            os.close(lock)

    def _ensure_initialised(self, *, may_be_new: bool) -> None:
        self.finish_upgrade()
        found = self.major_version()
        if found is None and not may_be_new:
            raise DatabaseRefused(problem="its folder vanished while it was in use", remedy="restore a backup")
        if found is None:
            self._refuse_to_start_over()
            self.initialise()
        elif found != POSTGRES_MAJOR:
            raise DatabaseRefused(
                problem=f"the data folder was written by PostgreSQL {found}, and this Vangnet runs {POSTGRES_MAJOR}",
                remedy="run `vangnet db upgrade`; it keeps the old data beside the new until you delete it",
            )

    def finish_upgrade(self) -> None:
        """Takes the last step of an upgrade that was killed before it."""
        if not os.path.lexists(self.cluster) and self.upgraded.exists():
            folders.rename(self.upgraded, self.cluster)

    def _refuse_to_start_over(self) -> None:
        """An empty database in the place of one that is only out of sight would look like everything was lost."""
        if os.path.lexists(self.cluster) and not (self.cluster.is_dir() and not any(self.cluster.iterdir())):
            raise DatabaseRefused(
                problem=f"`{self.cluster}` is there, but holds no database",
                remedy="mount its disk, or restore a backup into a new data folder",
            )
        for old in self.data_dir.glob("postgres.*.old"):
            raise DatabaseRefused(
                problem=f"the database is gone, but `{old.name}` from before an upgrade is still there",
                remedy=f"rename `{old.name}` to `postgres` and run `vangnet db upgrade`, or restore a backup",
            )

    def initialise(self, major: int = POSTGRES_MAJOR) -> None:
        """Makes the data folder's cluster, with our roles and an empty database."""
        # Built aside and renamed when whole: a crash half-way leaves nothing that looks like a database.
        aside = self.data_dir / "postgres.new"
        with self.processes() as lock:
            shutil.rmtree(aside, ignore_errors=True)
            init_cluster(aside, lock, major)
            said = programs.run(
                programs.binary("postgres", major), "--single", "-j", "-D", aside, "-c", "log_checkpoints=off", "postgres",
                stdin=_FIRST_STATEMENTS, holding=lock,
            )  # fmt: skip
            if "ERROR:" in said:  # Single-user mode goes on after an error, and ends well.
                raise programs.failure("postgres", said)
        folders.rename(aside, self.cluster)

    def _start(self, major: int) -> int:
        """Starts the server and returns how long its log was before."""
        if self.log.exists() and self.log.stat().st_size > _LOG_ROTATED_AT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.processes() as lock, open(self.log, "ab", opener=folders.private) as log:
            # Left by a crash or a reboot: nothing lives that they could belong to.
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            (self.cluster / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
            options = [argument for name, value in _options().items() for argument in ("-c", f"{name}={value}")]
            server = [*programs.without_root(), str(programs.binary("postgres", major)), "-D", str(self.cluster), *options]
            # The shell goes at once, and the server outlives us; in a session of its own, Ctrl-C does not reach it.
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *server],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                cwd="/",
                env=programs.environment(),
                pass_fds=[lock],
                start_new_session=True,
            )
            return log.tell()

    def _answers(self) -> bool:
        if self.running_pid() is None or _postmaster_file(self.cluster)[7:8] != ["ready"]:
            return False
        try:
            psycopg.connect(self.conninfo("postgres", "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _alive(self) -> bool:
        """Whether any process of the server lives, be it one that a killed server left behind."""
        lock = folders.open_lock(self.data_dir / "postgres.processes")
        try:
            return not folders.lock_now(lock) or self.running_pid() is not None
        finally:
            os.close(lock)

    def _why_not_started(self, log_before: int) -> DatabaseUnavailable | StorageFull:
        with self.log.open("rb") as file:
            file.seek(log_before)
            said = file.read().decode("utf-8", errors="replace").splitlines()
        reasons = [line for line in said if "FATAL" in line or "PANIC" in line or "unshare" in line]
        if folders.is_full(self.data_dir):
            return StorageFull(problem="the embedded database cannot start")
        return programs.failure("postgres", "\n".join(reasons or said))

    def _let_go(self) -> None:
        for descriptor in (self._in_use, self._short_name):
            if descriptor is not None:
                os.close(descriptor)
        self._in_use = self._short_name = None


def _options() -> dict[str, str]:
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MIB
    least, most = _SHARED_MIB
    # A small part: several installations may run on one machine, and each has more to do than its database.
    return {**_OPTIONS, "shared_buffers": f"{min(max(memory_mib // 32, least), most)}MB"}


def _tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def init_cluster(folder: Path, lock: int, major: int = POSTGRES_MAJOR) -> None:
    """A new, empty cluster of that major version in `folder`, which must not exist. `lock` is from `processes`."""
    programs.run(
        programs.binary("initdb", major),
        f"--pgdata={folder}",
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--auth-local=trust",  # The socket's folder is this account's alone.
        "--auth-host=reject",
        "--data-checksums",
        holding=lock,
    )


def _postmaster_file(cluster: Path) -> list[str]:
    """Lines: pid, folder, start time, port, socket folder, address, memory key, status (PostgreSQL, miscadmin.h)."""
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
