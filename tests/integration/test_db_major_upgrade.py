"""A data folder that PostgreSQL 16 wrote, taken into the major version that this Vangnet runs."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from vangnet.config import Settings
from vangnet.db import dumping, folders, major_upgrade, migrate, open_database, programs
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.errors import Conflict, DatabaseRefused, StorageFull

_COMMITTED = Path(migrate.__file__).with_name("schema.sql")
_ROWS = 1000
_WAIT_S = 120


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of PostgreSQL 16 with our roles, our schema and some rows; its server was killed, as in a power cut."""
    server = EmbeddedServer(tmp_path_factory.mktemp("old") / "data")
    folders.make_data_dir(server.data_dir)
    with server.exclusively():
        server.initialise(16)
        server.ensure_running(16)
        migrate.upgrade(server.conninfo(OWNER))
        with psycopg.connect(server.conninfo(OWNER)) as conn:
            conn.execute(
                """
                INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)
                SELECT now(), 'console', '0', 'test', 'test', n, '{}' FROM generate_series(1, %s) AS n
                """,
                [_ROWS],
            )
        pid = server.running_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not server._alive())
        (server.cluster / ".s.PGSQL.5432").unlink()  # A socket cannot be copied.
    return server.data_dir


@pytest.fixture
def server(old: Path, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A copy of that data folder."""
    server = EmbeddedServer(Path(shutil.copytree(old, tmp_path / "data")))
    yield server
    with server.exclusively():
        server.stop(server.cluster, server.data_dir / "postgres.upgrading")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def rows(server: EmbeddedServer) -> int:
    with open_database(Settings(data_dir=server.data_dir)) as database, database.transaction() as conn:
        found = conn.execute("SELECT count(*) FROM audit_event").fetchone()
        assert found is not None
        assert conn.info.server_version // 10_000 == programs.POSTGRES_MAJOR
        return int(found[0])


def test_after_the_upgrade_everything_is_there_and_the_old_data_is_kept(server: EmbeddedServer) -> None:
    kept = major_upgrade.upgrade(server)
    assert rows(server) == _ROWS
    assert kept == server.data_dir / "postgres.16.old"
    assert sorted(path.name for path in server.data_dir.glob("postgres*") if path.is_dir()) == [
        "postgres",
        "postgres.16.old",
    ]
    server.acquire()
    try:
        # Roles, owners and rights too: what a fresh installation has.
        assert dumping.schema_dump(server.conninfo(OWNER)) == _COMMITTED.read_text(encoding="utf-8")
    finally:
        server.release()
    assert major_upgrade.upgrade(server) is None
    # The way back, should somebody want it: the old data is as it was.
    server.cluster.rename(server.data_dir / "aside")
    kept.rename(server.cluster)
    with server.exclusively():
        server.ensure_running(16)
        with psycopg.connect(server.conninfo(OWNER)) as conn:
            assert conn.execute("SELECT count(*) FROM audit_event").fetchone() == (_ROWS,)


def test_while_the_database_is_in_use_it_is_not_upgraded(tmp_path: Path) -> None:
    with open_database(Settings(data_dir=tmp_path / "data")) as database:
        assert database.server is not None
        with pytest.raises(Conflict, match="another command uses"):
            major_upgrade.upgrade(EmbeddedServer(tmp_path / "data"))


def test_where_there_is_no_database_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    folders.make_data_dir(tmp_path / "data")
    with pytest.raises(Conflict, match="no database in the data folder yet"):
        major_upgrade.upgrade(EmbeddedServer(tmp_path / "data"))


@pytest.mark.parametrize("major", [14, 19])
def test_a_major_that_the_wheel_does_not_carry_is_refused_with_the_way_out(server: EmbeddedServer, major: int) -> None:
    (server.cluster / "PG_VERSION").write_text(f"{major}\n")
    with pytest.raises(DatabaseRefused, match=f"written by PostgreSQL {major}") as caught:
        major_upgrade.upgrade(server)
    assert "install the Vangnet that wrote it, run `vangnet backup`" in (caught.value.advice() or "")


def test_old_data_in_the_way_is_not_overwritten(server: EmbeddedServer) -> None:
    (server.data_dir / "postgres.16.old").mkdir()
    with pytest.raises(Conflict, match="move it elsewhere or delete it"):
        major_upgrade.upgrade(server)


def test_too_little_room_is_told_before_anything_is_copied(server: EmbeddedServer) -> None:
    with (server.cluster / "huge").open("wb") as file:
        file.truncate(shutil.disk_usage(server.data_dir).total * 2)  # A sparse file: it claims what it does not take.
    with pytest.raises(StorageFull, match="makes a copy of"):
        major_upgrade.upgrade(server)
    assert not (server.data_dir / "postgres.upgrading").exists()


# --- kills --------------------------------------------------------------------------------------------------------

_PROGRAM = """
import sys
from pathlib import Path
from vangnet.db import major_upgrade
from vangnet.db.embedded import EmbeddedServer
major_upgrade.upgrade(EmbeddedServer(Path(sys.argv[1])))
"""


def kill_when(server: EmbeddedServer, condition: Callable[[], object], *, with_children: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(server.data_dir)], start_new_session=True) as process:
        until(lambda: condition() or process.poll() is not None)
        # It may have ended a moment ago, and its children with it.
        with contextlib.suppress(ProcessLookupError):
            if with_children:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


@pytest.mark.parametrize("with_children", [False, True])
def test_an_upgrade_that_was_killed_half_way_can_be_run_again(server: EmbeddedServer, with_children: bool) -> None:
    # pg_upgrade has both servers running by turns while this folder is there.
    half_way = server.data_dir / "postgres.upgrading" / "pg_upgrade_output.d"
    kill_when(server, half_way.is_dir, with_children=with_children)
    assert server.major_version() == 16
    major_upgrade.upgrade(server)
    assert rows(server) == _ROWS


def test_a_server_that_a_left_program_starts_later_is_stopped_too(server: EmbeddedServer) -> None:
    lock = folders.open_lock(server.data_dir / "postgres.processes")
    assert folders.lock_now(lock)
    late = [
        *programs.without_root(),
        str(programs.binary("postgres", 16)),
        "-D",
        str(server.cluster),
        "-k",
        ".",
        "-c",
        "listen_addresses=",
    ]
    # What pg_upgrade does when nobody reads its output any more: the server that it started stays behind.
    command = ["/bin/sh", "-c", 'sleep 1; "$@" > /dev/null 2>&1 &', "sh", *late]
    with subprocess.Popen(command, pass_fds=[lock], start_new_session=True, cwd="/", env=programs.environment()) as process:
        os.close(lock)
        assert server.running_pid() is None
        major_upgrade.upgrade(server)
    assert process.returncode == 0
    assert rows(server) == _ROWS


def test_an_upgrade_that_was_killed_between_the_last_steps_is_finished_by_any_command(server: EmbeddedServer) -> None:
    major_upgrade.upgrade(server)
    server.cluster.rename(server.upgraded)
    assert rows(server) == _ROWS
    assert not server.upgraded.exists()


def test_a_finished_copy_is_thrown_away_when_the_old_data_went_on(server: EmbeddedServer) -> None:
    # Killed just before the old data moved aside; then an older Vangnet wrote to it.
    major_upgrade.upgrade(server)
    server.cluster.rename(server.upgraded)
    (server.data_dir / "postgres.16.old").rename(server.cluster)
    with server.exclusively():
        server.ensure_running(16)
        with psycopg.connect(server.conninfo(OWNER)) as conn:
            conn.execute("DELETE FROM audit_event WHERE id = 1")
        server.stop(server.cluster)
    major_upgrade.upgrade(server)
    assert rows(server) == _ROWS - 1


def test_when_only_the_old_data_is_left_no_empty_database_takes_its_place(server: EmbeddedServer) -> None:
    server.cluster.rename(server.data_dir / "postgres.16.old")
    with pytest.raises(DatabaseRefused, match=r"`postgres\.16\.old` from before an upgrade is still there"):
        open_database(Settings(data_dir=server.data_dir))
    assert not server.cluster.exists()


@pytest.mark.soak
def test_an_upgrade_killed_at_any_moment_can_be_run_again(old: Path, tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)  # noqa: S311 (a test)
    kills = 2 if os.environ.get("SOAK") == "short" else 20
    for number in range(kills):
        server = EmbeddedServer(Path(shutil.copytree(old, tmp_path / str(number))))
        moment = time.monotonic() + chosen.uniform(0.1, 8)
        kill_when(server, lambda: time.monotonic() > moment, with_children=chosen.random() < 0.5)  # noqa: B023
        major_upgrade.upgrade(server)
        assert rows(server) == _ROWS
        shutil.rmtree(server.data_dir)
