"""The pool under a database that goes away: nothing acknowledged is lost, and whoever can be served is served."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from vangnet.config import Settings
from vangnet.db import Database, defer, open_database
from vangnet.db.embedded import RUNTIME, EmbeddedServer
from vangnet.errors import DatabaseUnavailable

_WAIT_S = 120


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    """A database on a server of the test's own, which it may kill."""
    with open_database(Settings(data_dir=tmp_path / "data")) as database:
        yield database


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def server_of(database: Database) -> EmbeddedServer:
    assert database.server is not None
    return database.server


def kill_server(database: Database) -> None:
    # Children of a server that was killed answer for a moment longer, so that the next one may still be on its way.
    until(lambda: server_of(database).running_pid() is not None)
    pid = server_of(database).running_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: server_of(database).running_pid() != pid)


def kill_server_and_wait(database: Database) -> None:
    """Where nobody starts it again meanwhile: its children notice by themselves, a moment later."""
    kill_server(database)
    until(lambda: not server_of(database)._alive())


def jobs(database: Database) -> set[int]:
    with database.transaction() as conn:
        return {row[0] for row in conn.execute("SELECT (args->>'number')::int FROM procrastinate_jobs").fetchall()}


def write(database: Database, number: int) -> None:
    with database.transaction() as conn:
        defer(conn, "written", number=number)


# --- transactions -------------------------------------------------------------------------------------------------


def test_a_transaction_commits_at_its_end_and_rolls_back_when_it_raises(database: Database) -> None:
    write(database, 1)

    def fail() -> None:
        with database.transaction() as conn:
            defer(conn, "written", number=2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert jobs(database) == {1}


def test_a_connection_goes_back_clean_after_a_statement_failed(postgres: EmbeddedServer, database_name: str) -> None:
    with Database(postgres.conninfo(RUNTIME, database_name), max_connections=1) as database:
        for _ in range(3):
            with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as conn:
                conn.execute("SELECT 1 / 0")
        assert jobs(database) == set()


def test_times_are_read_in_utc_whatever_the_server_says(database: Database) -> None:
    with database.transaction() as conn:
        assert conn.execute("SHOW timezone").fetchone() == ("UTC",)
        row = conn.execute("SELECT now()").fetchone()
        assert row is not None
        assert row[0].utcoffset().total_seconds() == 0


def test_writers_of_the_audit_trail_do_not_wait_for_each_other(database: Database) -> None:
    event = """
        INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)
        VALUES (now(), 'system', '', 'test', 'test', '', '{}')
    """
    with database.transaction() as first:
        first.execute(event)
        with database.transaction() as second:
            second.execute("SET LOCAL lock_timeout TO '1s'")
            second.execute(event)
        # The second is committed while the first is still open.
        assert first.execute("SELECT count(*) FROM audit_event").fetchone() == (2,)


def test_a_transaction_costs_no_message_besides_its_begin_and_commit(
    postgres: EmbeddedServer, database_name: str, tmp_path: Path
) -> None:
    with Database(postgres.conninfo(RUNTIME, database_name), max_connections=1) as database:
        with database.transaction() as conn:
            pgconn = conn.pgconn
        with (tmp_path / "trace").open("wb") as trace:
            pgconn.trace(trace.fileno())
            with database.transaction() as conn:
                conn.execute("SELECT 1")
            pgconn.untrace()
    sent = [line.split("\t") for line in (tmp_path / "trace").read_text().splitlines()]
    asked = [message for _, sender, _, kind, *message in sent if sender == "F" and kind == "Query"]
    assert asked == [[' "BEGIN"'], [' "SELECT 1"'], [' "COMMIT"']], sent


def test_when_all_connections_are_taken_the_next_is_told_in_time(postgres: EmbeddedServer, database_name: str) -> None:
    conninfo = postgres.conninfo(RUNTIME, database_name)
    with Database(conninfo, max_connections=1, patience_s=0.2) as database, database.transaction() as conn:
        with pytest.raises(DatabaseUnavailable, match="no connection became free"):
            jobs(database)
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_more_writers_than_connections_are_all_served(postgres: EmbeddedServer, database_name: str) -> None:
    with Database(postgres.conninfo(RUNTIME, database_name), max_connections=2) as database:
        writers = [threading.Thread(target=write, args=(database, number)) for number in range(24)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert jobs(database) == set(range(24))


# --- a database that goes away ------------------------------------------------------------------------------------


def test_connections_that_a_restart_killed_are_not_noticed(postgres: EmbeddedServer, database: Database) -> None:
    # Several connections, all idle, all killed behind the pool's back.
    with database.transaction(), database.transaction(), database.transaction():
        pass
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
            [psycopg.conninfo.conninfo_to_dict(database.conninfo)["dbname"]],
        )
    write(database, 1)
    assert jobs(database) == {1}


def test_a_killed_server_is_started_again_and_nothing_acknowledged_is_lost(own: Database) -> None:
    acknowledged = set()
    for number in range(5):
        write(own, number)
        acknowledged.add(number)
        kill_server_and_wait(own)
    assert jobs(own) == acknowledged


def test_a_server_killed_under_writers_loses_nothing_that_was_acknowledged(own: Database) -> None:
    acknowledged: set[int] = set()
    refused: list[int] = []
    stop = threading.Event()

    def write_on(first: int) -> None:
        number = first
        while not stop.is_set():
            try:
                write(own, number)
            except DatabaseUnavailable:
                refused.append(number)
            else:
                acknowledged.add(number)
            number += 4

    writers = [threading.Thread(target=write_on, args=(first,)) for first in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        before = len(acknowledged)
        until(lambda: len(acknowledged) >= before + 20)  # noqa: B023 (called at once)
        kill_server(own)
        # Whoever writes next starts it again: the writers go on by themselves.
        after = len(acknowledged)
        until(lambda: len(acknowledged) >= after + 20)  # noqa: B023
    stop.set()
    for writer in writers:
        writer.join()
    found = jobs(own)
    assert acknowledged <= found
    # What was under way when the server died may be there or not; nothing else may.
    assert found - acknowledged <= set(refused)


def test_a_killed_server_in_the_middle_of_a_transaction_is_told_and_the_next_one_works(own: Database) -> None:
    def be_interrupted() -> None:
        with own.transaction() as conn:
            defer(conn, "written", number=1)
            kill_server_and_wait(own)
            defer(conn, "written", number=2)

    with pytest.raises(DatabaseUnavailable):
        be_interrupted()
    assert jobs(own) == set()


def test_no_word_of_the_server_is_passed_on(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, database.transaction() as conn:
        conn.execute("SET LOCAL statement_timeout TO '10ms'; SELECT pg_sleep(60), 'canary'")
    assert str(caught.value) == "the database does not answer: QueryCanceled 57014"


def test_a_closed_database_stays_closed(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path / "data"))
    database.close()
    with pytest.raises(DatabaseUnavailable), database.transaction():
        pass
    assert server_of(database).running_pid() is None


def test_a_server_killed_before_closing_does_not_hinder_it(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path / "data"))
    kill_server_and_wait(database)
    database.close()
    assert server_of(database).running_pid() is None
