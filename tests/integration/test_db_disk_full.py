"""A disk that fills up under the database, in a mount namespace of the test's own: it takes no right that root lacks."""

import subprocess
import sys
from pathlib import Path

import pytest

#: Runs in the namespace. `DISK` is a disk of its own, small enough to fill.
_PREPARED = """
import os, subprocess, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4
from vangnet.config import Settings
from vangnet.db import backup, defer, open_database
from vangnet.errors import AppError, StorageFull
from vangnet.keys import Keys

DISK = Path(sys.argv[1])

def mount(size, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join((f"size={size}", *options)), "tmpfs", DISK], check=True)

def fill(but=0):
    with (DISK / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(file.tell() - but)

def settings():
    return Settings(data_dir=DISK / "data", keys_dir=DISK.with_name("keys"))

def hurry(database):
    # What is told where there is no connection, is told sooner.
    database._pool.timeout = 0.5

def numbers(database):
    with database.transaction() as conn:
        return [row[0] for row in conn.execute("SELECT (args->>'n')::int FROM procrastinate_jobs ORDER BY 1").fetchall()]
"""


def run(tmp_path: Path, scenario: str) -> str:
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "--",
            sys.executable,
            "-c",
            _PREPARED + scenario,
            tmp_path / "disk",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_disk_that_fills_up_loses_nothing_acknowledged_and_is_told(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
mount("120m")
acknowledged = []
with open_database(settings()) as database:
    hurry(database)
    fill(but=2_000_000)
    try:
        for n in range(100_000):
            with database.transaction() as conn:
                defer(conn, "written", n=n, padding=os.urandom(3000).hex())
            acknowledged.append(n)
    except StorageFull as error:
        print("told:", error)
    # Whether the server lives on or stopped for want of room: the same is told, and nothing else.
    for _ in range(3):
        try:
            with database.transaction() as conn:
                defer(conn, "written", n=-1, padding=os.urandom(3000).hex())
        except AppError as error:
            print(error.code)
    mount("240m", "remount")
    found = numbers(database)
    assert set(acknowledged) <= set(found) <= {*acknowledged, len(acknowledged), -1}, (acknowledged, found)
    with database.transaction() as conn:
        defer(conn, "written", n=1_000_000)
    assert 1_000_000 in numbers(database)
print("written", len(acknowledged))
""",
    )
    told, *codes, written = said.splitlines()
    assert told.startswith("told: the disk is full: ")
    assert codes == ["storage_full"] * 3
    assert int(written.split()[1]) > 10


def test_a_disk_that_is_full_before_the_start_is_told(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
mount("120m")
with open_database(settings()) as database, database.transaction() as conn:
    defer(conn, "written", n=1)
fill()
try:
    open_database(settings()).close()
except StorageFull as error:
    print(error)
(DISK / "filler").unlink()
with open_database(settings()) as database:
    assert numbers(database) == [1]
""",
    )
    assert said.startswith("the disk is full: ")


@pytest.mark.parametrize("size", ["16k", "1m", "30m"])
def test_a_disk_too_small_for_a_database_is_told_and_keeps_no_half_of_one(tmp_path: Path, size: str) -> None:
    said = run(
        tmp_path,
        f"""
mount("{size}")
if "{size}" == "16k":
    fill()
try:
    open_database(settings())
except StorageFull as error:
    print(error)
mount("120m", "remount")
(DISK / "filler").unlink(missing_ok=True)
with open_database(settings()) as database:
    assert numbers(database) == []
""",
    )
    assert said.startswith("the disk is full: ")


def test_a_server_that_cannot_write_its_log_ahead_stops_is_told_and_comes_back_with_room(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
mount("120m")
acknowledged = 0
with open_database(settings()) as database:
    hurry(database)
    with database.transaction() as conn:
        defer(conn, "written", n=0)
    first = database.server.running_pid()
    fill()
    # No table grows here; what grows is the log ahead, and a server that cannot write that stops. It may live a moment
    # longer than who is told.
    while database.server.running_pid() == first:
        try:
            with database.transaction() as conn:
                conn.execute("UPDATE procrastinate_jobs SET args = jsonb_build_object('n', %s::int)", [acknowledged + 1])
                conn.execute("SELECT pg_logical_emit_message(true, 'padding', repeat('x', 200000))")
        except AppError as error:
            print(error.code)
        else:
            acknowledged += 1
    for _ in range(2):
        try:
            numbers(database)
        except AppError as error:
            print(error.code)
    mount("240m", "remount")
    assert numbers(database)[0] in (acknowledged, acknowledged + 1)
""",
    )
    codes = said.splitlines()
    assert set(codes) <= {"storage_full", "database_unavailable"}
    assert codes[-1] == "storage_full"


def test_a_backup_that_does_not_fit_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
mount("30k")
elsewhere = Settings(data_dir=DISK.with_name("data"), keys_dir=DISK.with_name("keys"))
with open_database(elsewhere):
    try:
        backup.make(elsewhere, Keys.open(elsewhere.keys_dir), DISK / "file", backup_id=uuid4(), now=datetime.now(UTC))
    except StorageFull as error:
        print(error)
assert list(DISK.iterdir()) == []
""",
    )
    assert said.rstrip().endswith("/disk` has no room for the backup")


def test_a_restore_that_does_not_fit_keeps_nothing_and_can_be_done_again(tmp_path: Path) -> None:
    said = run(
        tmp_path,
        """
mount("75m")
elsewhere = Settings(data_dir=DISK.with_name("data"), keys_dir=DISK.with_name("keys"))
file = DISK.with_name("file")
with open_database(elsewhere) as database:
    for n in range(300):
        with database.transaction() as conn:
            defer(conn, "written", n=n, padding=os.urandom(50_000).hex())
    backup.make(elsewhere, Keys.open(elsewhere.keys_dir), file, backup_id=uuid4(), now=datetime.now(UTC))
try:
    backup.restore(settings(), file)
except StorageFull as error:
    print(error)
mount("240m", "remount")
backup.restore(settings(), file)
with open_database(settings()) as database:
    assert numbers(database) == list(range(300))
""",
    )
    assert said.startswith("the disk is full: ")
