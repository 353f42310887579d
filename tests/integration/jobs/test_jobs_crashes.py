"""Jobs outlive what dies under them: the worker by kill -9, the database by a restart or a kill."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
from running.states import HURRY, PATIENCE_S, wait_until

from vangnet.audit.model import Actor
from vangnet.config import Settings
from vangnet.db import Database, defer, migrate
from vangnet.db.embedded import OWNER, RUNTIME, EmbeddedServer
from vangnet.errors import DatabaseUnavailable
from vangnet.jobs import service
from vangnet.jobs.model import Job, JobState
from vangnet.keys import Keys
from vangnet.worker import Worker

StartWorker = Callable[..., AbstractContextManager[Worker]]
SCRIPT = Path(__file__).with_name("worker_process.py")


@contextmanager
def worker_process(conninfo: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, SCRIPT, conninfo, folder], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def runs(folder: Path) -> list[str]:
    file = folder / "runs"
    return file.read_text(encoding="ascii").splitlines() if file.exists() else []


def only_job(database: Database, actor: Actor) -> Job:
    while True:
        # A test that kills the database may catch it in the middle of this question.
        with contextlib.suppress(DatabaseUnavailable), database.transaction() as conn:
            [job] = service.list_jobs(conn, actor)
            return job


def test_a_job_whose_worker_was_killed_runs_again_in_another_one(
    database: Database, administrator: Actor, tmp_path: Path
) -> None:
    with database.transaction() as conn:
        defer(conn, "linger_once", lock="a lock that the dead worker held")
    with worker_process(database.conninfo, tmp_path) as first:
        wait_until(lambda: runs(tmp_path) == ["linger_once"])
        assert only_job(database, administrator).state is JobState.RUNNING
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE_S)
    with worker_process(database.conninfo, tmp_path):
        wait_until(lambda: only_job(database, administrator).state is JobState.DONE)
    assert runs(tmp_path) == ["linger_once"] * 2
    assert only_job(database, administrator).code == "worker_died"


def test_a_job_that_kills_every_worker_is_parked(database: Database, administrator: Actor, tmp_path: Path) -> None:
    with database.transaction() as conn:
        defer(conn, "die")
    for _ in range(3):
        with worker_process(database.conninfo, tmp_path) as worker:
            assert worker.wait(PATIENCE_S) == -signal.SIGKILL
    # The fourth takes it back from the third, and does not die of it.
    with worker_process(database.conninfo, tmp_path) as worker:
        wait_until(lambda: only_job(database, administrator).state is JobState.PARKED)
        assert worker.poll() is None
    assert runs(tmp_path) == ["die"] * 3
    assert only_job(database, administrator).problem == "its worker died"


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A PostgreSQL server of this test's own, to be stopped and killed."""
    server = EmbeddedServer(tmp_path / "server")
    server.acquire()
    try:
        migrate.upgrade(server.conninfo(OWNER))
        yield server
    finally:
        server.release()


def test_a_worker_outlives_a_restart_of_a_database_that_is_not_ours(
    own_server: EmbeddedServer, keys: Keys, settings: Settings
) -> None:
    ran: list[int] = []
    # Given its address only, the worker cannot start the server itself: as with one of the party's own.
    with (
        Database(own_server.conninfo(RUNTIME)) as database,
        Worker(database, keys, settings, pace=HURRY, tasks={"note": lambda _, *, number: ran.append(number)}),
    ):
        _defer_outside(own_server, 1)
        wait_until(lambda: ran == [1])
        with own_server.exclusively():
            own_server.stop()
            own_server.ensure_running()
        _defer_outside(own_server, 2)
        wait_until(lambda: ran == [1, 2])


def test_a_worker_outlives_an_outage_of_many_attempts_to_reconnect(
    own_server: EmbeddedServer, keys: Keys, settings: Settings
) -> None:
    ran: list[int] = []
    with (
        Database(own_server.conninfo(RUNTIME)) as database,
        Worker(database, keys, settings, pace=HURRY, tasks={"note": lambda _, *, number: ran.append(number)}),
    ):
        _defer_outside(own_server, 1)
        wait_until(lambda: ran == [1])
        with own_server.exclusively():
            own_server.stop()
            # Longer than one attempt of ours to reach the database takes.
            threading.Event().wait(7)
            own_server.ensure_running()
        _defer_outside(own_server, 2)
        wait_until(lambda: ran == [1, 2])


def test_a_job_that_was_under_way_when_the_embedded_server_was_killed_comes_to_its_end(
    own_server: EmbeddedServer, keys: Keys, settings: Settings, administrator: Actor
) -> None:
    started, may_end = threading.Event(), threading.Event()
    ended: list[None] = []

    def linger(_: object) -> None:
        started.set()
        may_end.wait(PATIENCE_S)
        ended.append(None)

    with (
        Database(own_server.conninfo(RUNTIME), server=own_server) as database,
        Worker(database, keys, settings, pace=HURRY, tasks={"linger": linger}),
    ):
        with database.transaction() as conn:
            defer(conn, "linger")
        assert started.wait(PATIENCE_S)
        pid = own_server.running_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        may_end.set()
        wait_until(lambda: only_job(database, administrator).state is JobState.DONE)
    assert ended, "it ran at least once; twice, if its end could not be written"


def _defer_outside(server: EmbeddedServer, number: int) -> None:
    with psycopg.connect(server.conninfo(RUNTIME)) as conn:
        conn.execute("SET search_path TO public, procrastinate")
        defer(conn, "note", number=number)
