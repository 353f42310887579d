"""The embedded server as commands meet it: several at once, killed at any moment, on folders that are not as they should.

Commands are processes of their own here, as in life: the locks that they share are the kernel's, and belong to a process.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psycopg
import pytest

from vangnet.config import Settings
from vangnet.db import Database, open_database
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.db.programs import without_root
from vangnet.errors import Conflict, DatabaseRefused, DatabaseUnavailable, DataFolderUnusable

#: Opens the database, writes one row, says under which server, and closes it on the next line of input.
_COMMAND = """
import signal
import sys
from pathlib import Path
from vangnet.config import Settings
from vangnet.db import open_database
# A shell that started the tests in the background may have had them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
with open_database(Settings(data_dir=Path(sys.argv[1]))) as database:
    with database.transaction() as conn:
        conn.execute("SELECT procrastinate_defer_jobs_v1("
            "ARRAY[ROW('q', 'written', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1])")
    print(database.server.running_pid(), flush=True)
    if sys.argv[2] == "stay":
        sys.stdin.readline()
"""
_WAIT_S = 120


class Command:
    """A process that uses the data folder's database."""

    def __init__(self, data_dir: Path, *, stay: bool = True, prefix: tuple[str, ...] = ()) -> None:
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-c", _COMMAND, str(data_dir), "stay" if stay else "go"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def server(self) -> int:
        """Returns when the command has written its row: the process id of the server it used."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(self._process.communicate()[1])
        return int(line)

    def end(self) -> None:
        _, said = self._process.communicate("\n", timeout=_WAIT_S)
        assert self._process.returncode == 0, said

    def kill(self, *, with_children: bool = False) -> None:
        if with_children:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    open_database(Settings(data_dir=folder)).close()
    (folder / "postgres.log").unlink()
    return folder


@pytest.fixture
def new_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder that is not there yet. A server that a test leaves behind is stopped after it."""
    folder = tmp_path / "data"
    yield folder
    if (folder / "postgres" / "PG_VERSION").is_file():
        server = EmbeddedServer(folder)
        with server.exclusively():
            server.stop(server.cluster)


@pytest.fixture
def data_dir(new_dir: Path, made: Path) -> Path:
    """A data folder with an empty database in it. A copy: making one takes ten times as long."""
    shutil.copytree(made, new_dir)
    return new_dir


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def rows_written(data_dir: Path) -> int:
    with open_database(Settings(data_dir=data_dir)) as database, database.transaction() as conn:
        found = conn.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'written'").fetchone()
        assert found is not None
        return int(found[0])


# --- several commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(4))
def test_commands_that_start_at_once_on_a_new_folder_share_one_server_and_the_last_one_stops_it(
    new_dir: Path, attempt: int
) -> None:
    with Command(new_dir) as first, Command(new_dir) as second:
        pid = first.server()
        assert second.server() == pid
        leaving = [first, second] if attempt % 2 else [second, first]
        leaving[0].end()
        assert EmbeddedServer(new_dir).running_pid() == pid
        leaving[1].end()
        assert EmbeddedServer(new_dir).running_pid() is None
    assert rows_written(new_dir) == 2


def test_commands_that_come_and_go_at_once_lose_no_row_and_leave_no_server(data_dir: Path) -> None:
    rounds, commands = 4, 4
    for _ in range(rounds):
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(Command(data_dir, stay=False)) for _ in range(commands)]
            for command in running:
                command.server()
            for command in running:
                command.end()
    assert EmbeddedServer(data_dir).running_pid() is None
    assert rows_written(data_dir) == rounds * commands


def test_a_server_that_a_killed_command_left_is_taken_over_and_stopped(data_dir: Path) -> None:
    with Command(data_dir) as killed:
        pid = killed.server()
        killed.kill()
    assert EmbeddedServer(data_dir).running_pid() == pid
    with Command(data_dir) as following:
        assert following.server() == pid
        following.end()
    assert EmbeddedServer(data_dir).running_pid() is None
    assert rows_written(data_dir) == 2


def test_ctrl_c_does_not_reach_the_server(data_dir: Path) -> None:
    with Command(data_dir) as interrupted:
        pid = interrupted.server()
        with Command(data_dir) as other:
            other.server()
            # What a terminal does on Ctrl-C: everybody in the group hears it.
            os.killpg(interrupted._process.pid, signal.SIGINT)
            interrupted._process.wait(_WAIT_S)
            assert EmbeddedServer(data_dir).running_pid() == pid
            assert "shutdown request" not in (data_dir / "postgres.log").read_text()
            other.end()
    assert EmbeddedServer(data_dir).running_pid() is None


def test_a_server_in_use_cannot_be_stopped_by_somebody_else(data_dir: Path) -> None:
    with Command(data_dir) as command:
        command.server()
        with pytest.raises(Conflict, match="another command uses"), EmbeddedServer(data_dir).exclusively(unused=True):
            pass
        command.end()


# --- kills and reboots --------------------------------------------------------------------------------------------


def test_a_killed_server_whose_children_still_live_is_waited_for(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.acquire()
    first = server.running_pid()
    assert first is not None
    with psycopg.connect(server.conninfo(OWNER)) as conn:
        # A backend that is stopped cannot notice that its server died, and holds the shared memory.
        backend = conn.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        os.kill(first, signal.SIGKILL)
        until(lambda: server.running_pid() is None)
        with Command(data_dir) as following:
            until(lambda: len(_waiting_for(data_dir / "postgres.lock")) > 0)
            os.kill(backend, signal.SIGCONT)
            assert following.server() != first
            following.end()
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
    server.release()


def _waiting_for(lock: Path) -> list[str]:
    """Lines of the kernel's list of locks for that file."""
    inode = f":{lock.stat().st_ino} "
    return [line for line in Path("/proc/locks").read_text().splitlines() if inode in line]


def test_lock_files_from_before_a_reboot_that_name_a_living_process_are_not_believed(data_dir: Path) -> None:
    with Command(data_dir) as command:
        pid = command.server()
        stale = (data_dir / "postgres" / "postmaster.pid").read_text()
        socket_lock = (data_dir / "postgres" / ".s.PGSQL.5432.lock").read_text()
        command.end()
    # The number belongs to this test now; PostgreSQL alone would refuse to start.
    (data_dir / "postgres" / "postmaster.pid").write_text(stale.replace(str(pid), str(os.getpid()), 1))
    (data_dir / "postgres" / ".s.PGSQL.5432.lock").write_text(socket_lock.replace(str(pid), str(os.getpid()), 1))
    assert EmbeddedServer(data_dir).running_pid() is None
    assert rows_written(data_dir) == 1


@pytest.mark.parametrize("with_children", [False, True])
def test_a_crash_in_the_middle_of_making_the_database_leaves_no_half_database(new_dir: Path, with_children: bool) -> None:
    with Command(new_dir) as killed:
        until((new_dir / "postgres.new" / "base").is_dir)
        killed.kill(with_children=with_children)
    assert not (new_dir / "postgres").exists()
    assert rows_written(new_dir) == 0
    assert not (new_dir / "postgres.new").exists()


def test_a_log_that_grew_long_is_put_aside(data_dir: Path) -> None:
    rows_written(data_dir)
    (data_dir / "postgres.log").write_text("x" * (11 * 1024 * 1024))
    rows_written(data_dir)
    assert (data_dir / "postgres.log").stat().st_size < 10_000
    assert (data_dir / "postgres.log.1").stat().st_size > 10_000_000


def test_no_statement_and_no_value_gets_into_the_servers_log(data_dir: Path) -> None:
    statements = (
        "INSERT INTO audit_seal VALUES ('canary-1')",
        "SELECT 'canary-2'::uuid",
        "canary-3",
        """
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock)
        SELECT 'q', 't', 'canary-4' FROM generate_series(1, 2)
        """,
    )
    with open_database(Settings(data_dir=data_dir)) as database:
        for statement in statements:
            with pytest.raises(psycopg.Error, match="canary"), database.transaction() as conn:
                conn.execute(statement.encode())
    log = (data_dir / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "canary" not in log


# --- folders ------------------------------------------------------------------------------------------------------


def test_a_data_folder_below_a_file_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match="Not a directory") as caught:
        open_database(Settings(data_dir=tmp_path / "file" / "data"))
    assert caught.value.advice() == "set VANGNET_DATA_DIR to a folder that this account can write to"


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataFolderUnusable, match="File exists"):
        open_database(Settings(data_dir=tmp_path / "data"))


def test_a_data_folder_where_even_root_cannot_write_is_refused() -> None:
    with pytest.raises(DataFolderUnusable):
        open_database(Settings(data_dir=Path("/proc/vangnet"), keys_dir=Path("/proc/vangnet-keys")))


def test_a_data_folder_without_the_right_to_write_is_refused(new_dir: Path) -> None:
    new_dir.mkdir(mode=0o500)
    # As an ordinary account: root may write everywhere.
    with Command(new_dir, prefix=tuple(without_root())) as command:
        _, said = command._process.communicate(timeout=_WAIT_S)
    assert "DataFolderUnusable" in said
    assert "no right to write" in said
    assert list(new_dir.iterdir()) == []


def test_a_data_folder_that_everybody_can_write_to_is_refused(new_dir: Path) -> None:
    new_dir.mkdir()
    new_dir.chmod(0o777)
    with pytest.raises(DataFolderUnusable, match="every account"):
        open_database(Settings(data_dir=new_dir))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another account")
def test_root_leaves_nothing_in_the_data_folder_of_another_account(new_dir: Path) -> None:
    new_dir.mkdir()
    os.chown(new_dir, 65534, 65534)
    with pytest.raises(DataFolderUnusable, match="number 65534; run Vangnet as that account"):
        open_database(Settings(data_dir=new_dir))
    assert list(new_dir.iterdir()) == []


def test_an_ordinary_account_can_run_it(new_dir: Path) -> None:
    # For an account that is not root the prefix is empty, and every other test here shows it too.
    with Command(new_dir, prefix=tuple(without_root())) as command:
        command.server()
        command.end()
    assert EmbeddedServer(new_dir).running_pid() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary account needs no user namespace")
def test_root_without_user_namespaces_is_told_what_to_do_instead(new_dir: Path) -> None:
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "--", "sh", "-c", forbid, "sh")
    with Command(new_dir, prefix=prefix) as command:
        _, said = command._process.communicate(timeout=_WAIT_S)
    assert "refuses root a user namespace" in said
    assert "run Vangnet as another account, or set VANGNET_DATABASE_URL" in said


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("d" * 120, id="longer than a socket's path may be"),
        pytest.param("with space, 'quotes\", $HOME, `id`, %41 and ünïcode?&#", id="special characters"),
    ],
)
def test_a_data_folder_can_have_any_path(tmp_path: Path, made: Path, name: str) -> None:
    data_dir = tmp_path / name
    shutil.copytree(made, data_dir)
    with Command(data_dir) as first:
        pid = first.server()
        assert rows_written(data_dir) == 1
        with Command(data_dir) as second:
            assert second.server() == pid
            second.end()
        first.end()
    assert EmbeddedServer(data_dir).running_pid() is None


def test_a_data_folder_that_is_a_link_to_another_disk_works(tmp_path: Path, made: Path) -> None:
    shutil.copytree(made, tmp_path / "disk")
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    with Command(tmp_path / "data") as command:
        assert command.server() == EmbeddedServer(tmp_path / "disk").running_pid()
        command.end()
    assert rows_written(tmp_path / "data") == 1


def test_a_database_whose_disk_is_not_mounted_is_not_replaced_by_an_empty_one(new_dir: Path, tmp_path: Path) -> None:
    new_dir.mkdir(mode=0o700)
    (new_dir / "postgres").symlink_to(tmp_path / "not mounted")
    with pytest.raises(DatabaseRefused, match="holds no database"):
        open_database(Settings(data_dir=new_dir))
    assert (new_dir / "postgres").is_symlink()


def test_a_folder_of_that_name_with_something_else_in_it_is_left_alone(new_dir: Path) -> None:
    (new_dir / "postgres").mkdir(parents=True)
    (new_dir / "postgres" / "thesis.odt").write_text("")
    with pytest.raises(DatabaseRefused, match="holds no database"):
        open_database(Settings(data_dir=new_dir))
    assert [path.name for path in (new_dir / "postgres").iterdir()] == ["thesis.odt"]


@pytest.mark.parametrize("name", ["postgres.lock", "postgres.users", "postgres.processes", "postgres.log"])
def test_a_link_in_the_place_of_a_file_of_ours_is_not_followed(new_dir: Path, tmp_path: Path, name: str) -> None:
    new_dir.mkdir(mode=0o700)
    (new_dir / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataFolderUnusable, match="symbolic link"):
        open_database(Settings(data_dir=new_dir))
    assert not (tmp_path / "elsewhere").exists()


def test_a_database_folder_of_another_major_is_refused_with_the_way_out(new_dir: Path) -> None:
    new_dir.mkdir(mode=0o700)
    server = EmbeddedServer(new_dir)
    with server.exclusively():
        server.initialise(16)
    with pytest.raises(DatabaseRefused, match="written by PostgreSQL 16") as caught:
        server.acquire()
    assert "vangnet db upgrade" in (caught.value.advice() or "")


def test_a_broken_database_is_told_with_the_servers_reason(data_dir: Path) -> None:
    rows_written(data_dir)
    (data_dir / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnavailable, match="could not find the database system"):
        open_database(Settings(data_dir=data_dir))
    assert EmbeddedServer(data_dir).running_pid() is None


def test_a_data_folder_that_vanished_under_a_running_server_is_told(data_dir: Path) -> None:
    database = open_database(Settings(data_dir=data_dir))
    assert database.server is not None
    pid = database.server.running_pid()
    assert pid is not None
    shutil.rmtree(data_dir)
    with pytest.raises(DataFolderUnusable, match="No such file"):
        database.close()
    assert not data_dir.exists()
    os.kill(pid, signal.SIGKILL)


def test_a_database_that_vanished_while_in_use_is_not_replaced_by_an_empty_one(data_dir: Path) -> None:
    with open_database(Settings(data_dir=data_dir)) as database:
        assert database.server is not None
        pid = database.server.running_pid()
        assert pid is not None
        shutil.rmtree(data_dir / "postgres")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(DatabaseRefused, match="vanished while it was in use"):
            use_until_refused(database)
        assert not (data_dir / "postgres").exists()


def use_until_refused(database: Database) -> None:
    """For a moment the killed server's children may still answer."""
    for _ in range(2000):
        with contextlib.suppress(DatabaseUnavailable), database.transaction():
            time.sleep(0.05)


# --- who may connect ----------------------------------------------------------------------------------------------


def test_the_environment_of_another_server_does_not_reach_ours(data_dir: Path) -> None:
    elsewhere = {"PGHOST": "127.0.0.1", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "nowhere", "PGSSLMODE": "require"}
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(data_dir), "go"],
        env=os.environ | elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_only_our_own_account_can_reach_the_socket(postgres: EmbeddedServer) -> None:
    assert postgres.cluster.stat().st_mode & 0o077 == 0
    with psycopg.connect(postgres.conninfo("postgres", "postgres")) as conn:
        assert conn.execute("SHOW listen_addresses").fetchone() == ("",)
        assert conn.execute("SHOW data_checksums").fetchone() == ("on",)


def test_neither_of_our_roles_is_a_superuser(postgres: EmbeddedServer) -> None:
    with psycopg.connect(postgres.conninfo("postgres", "postgres")) as conn:
        roles = conn.execute(
            """
            SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles
            WHERE rolname IN (%s, %s) ORDER BY rolname
            """,
            [OWNER, RUNTIME],
        ).fetchall()
        owner = conn.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    assert roles == [(name, False, False, False, False, False) for name in (OWNER, RUNTIME)]
    assert owner == (OWNER,)
