"""The sealer: in order, once, by one at a time, soon, and through whatever happens to it."""

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from vangnet.audit import heads, service, store
from vangnet.audit.model import Actor, ActorKind
from vangnet.audit.problem import ProblemKind
from vangnet.audit.sealer import Sealer, export_head, seal_batch, seal_once
from vangnet.audit.verification import Report, verify
from vangnet.db import Connection, Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.keys import Keys

_SYSTEM = Actor(kind=ActorKind.SYSTEM, id="test")
#: Long enough for a loaded machine; every wait ends as soon as what it waits for is there.
_PATIENCE_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "heads"


@pytest.fixture
def owner(postgres: EmbeddedServer, database_name: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.conninfo(OWNER, database_name), autocommit=True) as owner:
        yield owner


@pytest.fixture
def other(postgres: EmbeddedServer, database_name: str) -> Iterator[Database]:
    """The same database, as another process has it."""
    with Database(postgres.conninfo(RUNTIME, database_name)) as other:
        yield other


def record(conn: Connection, number: int, now: datetime) -> None:
    service.record(conn, _SYSTEM, action="party:add", record="party", record_id=number, now=now)


def record_committed(database: Database, count: int, now: datetime) -> None:
    for number in range(count):
        with database.transaction() as conn:
            record(conn, number, now)


def sealed_events(database: Database) -> list[int]:
    """The ids of the sealed events, in order of position."""
    with database.transaction() as conn:
        return [event_id for (event_id,) in conn.execute("SELECT event_id FROM audit_seal ORDER BY position")]


def exported(folder: Path) -> list[int]:
    """The positions of the exported heads."""
    lines = [line for file, size in heads.sizes(folder).items() for line in heads.read_lines(file, size)]
    return [line.signed.head.position for line in lines if line.signed is not None]


def wait_until(state: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not state():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def verified(database: Database, folder: Path, keys: Keys) -> Report:
    report = verify(database, folder, [keys.public_key])
    assert report.ok, [str(problem) for problem in report.problems]
    return report


# --- one pass ---


def test_a_pass_seals_in_order_of_ids_and_exports_one_head(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    record_committed(database, 3, now)
    sealed = seal_once(database, keys, folder, now=now)
    assert (sealed.count, sealed.head and sealed.head.position, sealed.busy, sealed.head_problem) == (3, 3, False, None)
    assert sealed_events(database) == [1, 2, 3]
    assert exported(folder) == [3]


def test_a_pass_without_anything_to_seal_writes_nothing(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    assert seal_once(database, keys, folder, now=now).count == 0
    assert not folder.exists()
    record_committed(database, 1, now)
    for _ in range(3):
        seal_once(database, keys, folder, now=now)
    assert exported(folder) == [1]


def test_a_pass_takes_no_more_than_its_limit(database: Database, now: datetime) -> None:
    record_committed(database, 5, now)
    assert [seal_batch(database, now=now, limit=2).count for _ in range(4)] == [2, 2, 1, 0]
    assert sealed_events(database) == [1, 2, 3, 4, 5]


def test_an_event_that_commits_late_is_sealed_later(
    database: Database, other: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    with other.transaction() as late:
        record(late, 1, now)
        record_committed(database, 2, now)
        seal_once(database, keys, folder, now=now)
        assert sealed_events(database) == [2, 3]
    seal_once(database, keys, folder, now=now)
    assert sealed_events(database) == [2, 3, 1]
    verified(database, folder, keys)


def test_what_is_rolled_back_leaves_no_event(database: Database, keys: Keys, folder: Path, now: datetime) -> None:
    with database.transaction() as conn:
        record(conn, 1, now)
        raise psycopg.Rollback
    record_committed(database, 1, now)
    seal_once(database, keys, folder, now=now)
    assert sealed_events(database) == [2]
    verified(database, folder, keys)


def test_while_one_sealer_works_another_lets_it(database: Database, other: Database, now: datetime) -> None:
    record_committed(database, 1, now)
    with other.transaction() as conn:
        assert store.try_sealer_lock(conn)
        assert seal_batch(database, now=now).busy
    assert seal_batch(database, now=now).count == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor_id = ''",
        "UPDATE audit_seal SET position = 2",
        "UPDATE audit_unsealed SET event_id = 2",
        "DELETE FROM audit_event",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_event",
        "TRUNCATE audit_seal",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
    ],
)
def test_the_program_cannot_change_what_is_recorded(conn: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement.encode())


# --- what others did to the tables ---


def test_a_waiting_mark_put_in_by_hand_does_not_stop_the_sealer(
    owner: psycopg.Connection[Any], database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    record_committed(database, 2, now)
    seal_once(database, keys, folder, now=now)
    owner.execute("INSERT INTO audit_unsealed VALUES (1)")
    record_committed(database, 1, now)
    with capture_logs() as logs:
        seal_once(database, keys, folder, now=now)
    assert [(line["log_level"], line["count"]) for line in logs] == [("error", 1)]
    seal_once(database, keys, folder, now=now)
    assert sealed_events(database) == [1, 2, 3]
    verified(database, folder, keys)


def test_an_event_that_vanished_before_it_was_sealed_is_named_forever(
    owner: psycopg.Connection[Any], database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    record_committed(database, 4, now)
    owner.execute("DELETE FROM audit_event WHERE id IN (2, 3)")
    with capture_logs() as logs:
        seal_once(database, keys, folder, now=now)
    assert [(line["log_level"], line["count"]) for line in logs] == [("error", 2)]
    found = [(problem.kind, problem.event_id) for problem in verify(database, folder, [keys.public_key]).problems]
    assert found == [(ProblemKind.EVENT_REMOVED, 2), (ProblemKind.EVENT_REMOVED, 3)]


# --- heads ---


def test_a_head_that_a_killed_sealer_owes_is_exported_by_the_next(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    record_committed(database, 2, now)
    seal_batch(database, now=now)  # And here it was killed.
    with Sealer(database, keys, folder):
        wait_until(lambda: exported(folder) == [2])


def test_a_folder_of_heads_that_cannot_be_written_to_stops_neither_sealing_nor_stopping(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    folder.write_text("a file where the folder should be", encoding="utf-8")
    with capture_logs() as logs, Sealer(database, keys, folder) as sealer:
        record_committed(database, 2, now)
        wait_until(lambda: sealed_events(database) == [1, 2])
        wait_until(lambda: sealer.status.head_problem is not None)
        assert sealer.status.running
        assert sealer.status.problem is None
        assert "VANGNET_AUDIT_HEADS_DIR" not in str(sealer.status.head_problem)
        assert str(folder) in str(sealer.status.head_problem)
        folder.unlink()
        wait_until(lambda: exported(folder) == [2])
        wait_until(lambda: sealer.status.head_problem is None)
    assert [line["log_level"] for line in logs] == ["error", "info"]


def test_since_when_no_head_can_be_exported_is_told_until_one_can(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    reader = Actor(kind=ActorKind.SYSTEM, id="test", permissions=frozenset({service.READ}))

    def told() -> tuple[object, ...]:
        with database.transaction() as conn:
            state = service.chain_state(conn, reader)
        return state.head_position, state.head_sealed_at, state.export_failing_since, state.export_problem is not None

    assert told() == (None, None, None, False)
    folder.write_text("a file where the folder should be", encoding="utf-8")
    record_committed(database, 1, now)
    for minutes in (0, 1):
        seal_once(database, keys, folder, now=now + timedelta(minutes=minutes))
        assert told() == (None, None, now, True)
    folder.unlink()
    seal_once(database, keys, folder, now=now)
    assert told() == (1, now, None, False)
    # It breaks and comes back while there is nothing to export.
    folder.rename(aside := folder.with_name("aside"))
    folder.write_text("a file where the folder should be", encoding="utf-8")
    seal_once(database, keys, folder, now=now + timedelta(minutes=2))
    assert told() == (1, now, now + timedelta(minutes=2), True)
    folder.unlink()
    aside.rename(folder)
    seal_once(database, keys, folder, now=now + timedelta(minutes=3))
    assert told() == (1, now, None, False)


def test_a_command_succeeds_although_its_head_cannot_be_exported(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    folder.write_text("a file where the folder should be", encoding="utf-8")
    record_committed(database, 1, now)
    with capture_logs() as logs:
        sealed = seal_once(database, keys, folder, now=now)
    assert sealed.count == 1
    assert str(folder) in str(sealed.head_problem)
    assert [line["log_level"] for line in logs] == ["error"]


def test_a_restored_backup_is_told_in_the_log_once(
    owner: psycopg.Connection[Any], database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    for _ in range(2):
        record_committed(database, 2, now)
        seal_once(database, keys, folder, now=now)
    owner.execute("DELETE FROM audit_event WHERE id > 2")
    owner.execute("DELETE FROM audit_seal WHERE position > 2")
    with capture_logs() as logs:
        for _ in range(3):
            record_committed(database, 1, now)
            seal_once(database, keys, folder, now=now)
    assert [(line["log_level"], line["head_position"], line["trail_position"]) for line in logs] == [("error", 4, 3)]


def test_heads_of_a_new_day_go_to_a_new_file(database: Database, keys: Keys, folder: Path, now: datetime) -> None:
    for day in (0, 1, 0):  # The clock is put back at the end: what is written stays behind what was written.
        record_committed(database, 1, now)
        seal_once(database, keys, folder, now=now + timedelta(days=day))
    assert [file.name for file in heads.list_files(folder)] == ["heads-2026-11-21.jsonl", "heads-2026-11-22.jsonl"]
    assert exported(folder) == [1, 2, 3]
    verified(database, folder, keys)


def test_two_installations_that_share_a_folder_by_mistake_keep_exporting(
    database: Database, keys: Keys, folder: Path, now: datetime, tmp_path: Path
) -> None:
    other = Keys.open(tmp_path / "other")
    record_committed(database, 1, now)
    seal_batch(database, now=now)
    for signer in (keys, other, keys, other):
        export_head(database, signer, folder, now=now)
    assert exported(folder) == [1, 1]


# --- in the background ---


def test_two_sealers_at_once_seal_each_event_once_while_writers_write(
    database: Database, other: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201
    committed: list[int] = []

    def write(rng: random.Random) -> None:
        for number in range(60):
            # Some transactions hold several events and stay open for a while; some are rolled back.
            count = rng.randint(1, 3)
            rolled_back = rng.random() < 0.2
            with database.transaction() as conn:
                for _ in range(count):
                    record(conn, number, now)
                time.sleep(rng.choice([0, 0, 0, 0.02]))
                if rolled_back:
                    raise psycopg.Rollback
            committed.append(0 if rolled_back else count)

    with Sealer(database, keys, folder), Sealer(other, keys, folder):
        writers = [threading.Thread(target=write, args=[random.Random(seed + n)]) for n in range(6)]  # noqa: S311
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    report = verified(database, folder, keys)
    assert (report.position, report.waiting) == (sum(committed), 0)
    assert report.covered_to == report.position


def test_an_event_is_sealed_without_being_asked_for(database: Database, keys: Keys, folder: Path, now: datetime) -> None:
    with Sealer(database, keys, folder):
        for number in range(1, 4):
            record_committed(database, 1, now)
            wait_until(lambda number=number: len(sealed_events(database)) == number)  # type: ignore[misc]


def test_stopping_seals_what_waits_and_exports_the_head(
    database: Database, keys: Keys, folder: Path, now: datetime
) -> None:
    with Sealer(database, keys, folder) as sealer:
        wait_until(lambda: sealer.status.looked_at is not None)
        record_committed(database, 3, now)
    assert sealed_events(database) == [1, 2, 3]
    assert exported(folder)[-1] == 3
    assert not sealer.status.running


def test_the_sealer_lives_through_a_restart_of_the_database(
    tmp_path: Path, keys: Keys, folder: Path, now: datetime
) -> None:
    server = EmbeddedServer(tmp_path / "data")
    server.acquire()
    try:
        migrate.upgrade(server.conninfo(OWNER, DATABASE))
        with Database(server.conninfo(RUNTIME)) as database, Sealer(database, keys, folder) as sealer:
            record_committed(database, 2, now)
            wait_until(lambda: sealed_events(database) == [1, 2])
            pid = server.running_pid()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: sealer.status.problem is not None)
            assert sealer.status.running
            server.acquire()
            record_committed(database, 2, now)
            wait_until(lambda: len(sealed_events(database)) == 4)
            wait_until(lambda: sealer.status.problem is None)
            wait_until(lambda: exported(folder)[-1:] == [4])
            verified(database, folder, keys)
    finally:
        server.release()
