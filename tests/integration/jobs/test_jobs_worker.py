"""The worker: what runs, in which order, again, and never more often than it should."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from procrastinate import PsycopgConnector
from running.states import PATIENCE_S, wait_until

from vangnet.audit.model import Actor
from vangnet.config import Settings
from vangnet.db import Database, defer
from vangnet.errors import Conflict
from vangnet.jobs import service
from vangnet.jobs.app import queue_app
from vangnet.jobs.model import Job, JobState, Pace
from vangnet.jobs.tasks import SCHEDULE, TASKS
from vangnet.jobs.workplace import TryAgain, Workplace
from vangnet.keys import Keys
from vangnet.worker import Worker

StartWorker = Callable[..., AbstractContextManager[Worker]]
#: Stands for a person or an address in what a library says when it fails.
CANARY = "kanarievogel"


@pytest.fixture
def job(database: Database, administrator: Actor) -> Callable[[], Job]:
    """The only job there is, as it is now."""

    def now() -> Job:
        with database.transaction() as conn:
            [found] = service.list_jobs(conn, administrator)
        return found

    return now


def later(database: Database, task: str, *, lock: str | None = None, **args: Any) -> None:
    """Defers a job in a transaction of its own."""
    with database.transaction() as conn:
        defer(conn, task, lock=lock, **args)


def test_a_job_runs_if_and_only_if_its_transaction_is_committed(database: Database, working: StartWorker) -> None:
    ran: list[int] = []
    with working({"note": lambda _, *, number: ran.append(number)}):
        with contextlib.suppress(ZeroDivisionError), database.transaction() as conn:
            defer(conn, "note", number=1)
            raise ZeroDivisionError
        later(database, "note", number=2)
        wait_until(lambda: ran != [])
        later(database, "note", number=3)
        wait_until(lambda: len(ran) == 2)
    assert ran == [2, 3]


def test_a_job_that_waits_is_found_when_a_worker_starts(database: Database, working: StartWorker) -> None:
    ran = threading.Event()
    later(database, "note")
    with working({"note": lambda _: ran.set()}):
        assert ran.wait(PATIENCE_S)


def test_a_job_for_later_does_not_run_before_its_time(database: Database, working: StartWorker) -> None:
    ran: list[datetime] = []
    due_at = datetime.now(UTC) + timedelta(seconds=0.5)
    with database.transaction() as conn:
        defer(conn, "note", at=due_at)
    with working({"note": lambda work: ran.append(work.now())}):
        wait_until(lambda: ran != [])
    assert ran[0] >= due_at


def test_jobs_with_the_same_lock_run_one_by_one_in_order_though_one_fails(database: Database, working: StartWorker) -> None:
    ran: list[int] = []
    together = threading.Semaphore(1)

    def note(_: Workplace, *, number: int) -> None:
        assert together.acquire(blocking=False), "two jobs of one lock ran at once"
        try:
            ran.append(number)
            if ran == [0, 1]:
                raise Conflict(problem="not now")
        finally:
            together.release()

    for number in range(6):
        later(database, "note", lock="one", number=number)
    with working({"note": note}), working({"note": note}):
        wait_until(lambda: len(ran) == 7)
    assert ran == [0, 1, 1, 2, 3, 4, 5]


def test_a_job_that_waited_for_a_lock_runs_as_soon_as_the_lock_is_free(
    database: Database, keys: Keys, settings: Settings
) -> None:
    ran: list[int] = []
    for number in range(20):
        later(database, "note", lock="a", number=number)
    # A worker that looked again only by its poll would need an hour for each.
    with Worker(database, keys, settings, pace=Pace(poll_s=3600), tasks={"note": lambda _, *, number: ran.append(number)}):
        wait_until(lambda: ran == list(range(20)))


def test_a_worker_that_loses_the_race_for_a_lock_goes_on(database: Database, working: StartWorker) -> None:
    # Another worker takes the second job just as ours takes the first: the unique index on the lock refuses one of them.
    ran: list[int] = []
    for number in (1, 2):
        later(database, "note", lock="one", number=number)
    with structlog.testing.capture_logs() as lines, database.transaction() as other:
        other.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE args = '{\"number\": 2}'")
        with working({"note": lambda _, *, number: ran.append(number)}):
            wait_until(lambda: _somebody_waits_for_a_lock(database))
            other.execute("COMMIT")
            other.execute("BEGIN")
            wait_until(lambda: sorted(ran) == [1, 2])
    assert [line["event"] for line in lines if line["event"].startswith("worker_")] == ["worker_started", "worker_stopped"]


def _somebody_waits_for_a_lock(database: Database) -> bool:
    with database.transaction() as conn:
        rows = conn.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall()
    return rows != []


def test_jobs_without_a_lock_run_side_by_side(database: Database, working: StartWorker) -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)
    met = threading.Semaphore(0)

    def meet(_: Workplace) -> None:
        both.wait()
        met.release()

    later(database, "meet")
    later(database, "meet")
    with working({"meet": meet}):
        assert met.acquire(timeout=PATIENCE_S)
        assert met.acquire(timeout=PATIENCE_S)


def test_a_job_that_keeps_failing_is_parked_with_the_sentence_of_the_error(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    times: list[datetime] = []

    def fail(work: Workplace) -> None:
        times.append(work.now())
        raise Conflict(problem="the stamp is dry")

    later(database, "fail")
    with working({"fail": fail}):
        wait_until(lambda: job().state is JobState.PARKED)
    parked = job()
    assert len(times) == 3, "job_attempts is three"
    assert (parked.tries, parked.code, parked.problem, parked.incident) == (3, "conflict", "the stamp is dry", None)
    assert parked.failed_at is not None


def test_a_failure_that_nobody_foresaw_is_kept_as_an_incident_that_only_the_log_explains(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    def fail(_: Workplace) -> None:
        raise RuntimeError(f"row of {CANARY}@example.org")

    later(database, "fail")
    with structlog.testing.capture_logs() as lines, working({"fail": fail}):
        wait_until(lambda: job().state is JobState.PARKED)
    parked = job()
    assert CANARY not in repr(parked)
    assert parked.code == "failure"
    told = [line for line in lines if line.get("incident") == parked.incident]
    assert [line["event"] for line in told] == ["job_failed"]


def test_a_job_that_fails_and_then_does_not_is_done(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    runs: list[None] = []

    def fail_twice(_: Workplace) -> None:
        runs.append(None)
        if len(runs) < 3:
            raise Conflict(problem="not now")

    later(database, "fail_twice")
    with working({"fail_twice": fail_twice}):
        wait_until(lambda: job().state is JobState.DONE)
    assert len(runs) == 3


def test_a_job_that_asks_to_be_tried_again_is_not_parked_for_it(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    runs: list[None] = []

    def wait_for_it(work: Workplace) -> None:
        runs.append(None)
        if len(runs) < 6:
            raise TryAgain(work.now())

    later(database, "wait_for_it")
    with working({"wait_for_it": wait_for_it}):
        wait_until(lambda: job().state is JobState.DONE)
    assert (len(runs), job().code) == (6, None)


def test_a_job_of_a_task_that_this_version_lacks_is_parked_and_says_so(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    later(database, "task_of_next_year")
    with working({}):
        wait_until(lambda: job().state is JobState.PARKED)
    assert (job().code, job().problem) == ("unknown_task", "this version of Vangnet has no such task")


def test_a_job_whose_end_could_not_be_written_runs_again(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    # As the database is left when it went away just as a job ended: the job runs, says the database, in a worker that
    # lives and does not know it.
    runs: list[None] = []
    with working({"note": lambda _: runs.append(None)}):
        later(database, "note")
        wait_until(lambda: job().state is JobState.DONE)
        with database.transaction() as conn:
            conn.execute(
                "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
            )
        wait_until(lambda: len(runs) == 2 and job().state is JobState.DONE)
    assert job().code == "end_not_recorded"


def test_a_running_job_is_not_taken_back_from_a_living_worker(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    runs: list[None] = []
    may_end = threading.Event()

    def linger(work: Workplace) -> None:
        runs.append(None)
        may_end.wait(1.5 * work.pace.stalled_after_s)

    later(database, "linger")
    with working({"linger": linger}), working({"linger": linger}):
        wait_until(lambda: job().state is JobState.DONE)
    assert len(runs) == 1


def test_a_worker_that_is_stopped_lets_the_job_under_way_end(
    database: Database, working: StartWorker, job: Callable[[], Job]
) -> None:
    started, may_end = threading.Event(), threading.Event()

    def linger(_: Workplace) -> None:
        started.set()
        may_end.wait(PATIENCE_S)

    later(database, "linger")
    with working({"linger": linger}) as worker:
        assert started.wait(PATIENCE_S)
        threading.Timer(0.3, may_end.set).start()
        worker.stop()
    assert job().state is JobState.DONE
    with database.transaction() as conn:
        assert service.queue_health(conn).last_heartbeat_at is None, "a worker that stopped is not counted any more"


def test_a_worker_can_be_stopped_before_it_has_started(working: StartWorker) -> None:
    for _ in range(5):
        with working({}):
            pass


def test_the_tasks_of_vangnet_that_tidy_up_run_and_may_run_twice(
    database: Database, working: StartWorker, administrator: Actor
) -> None:
    for task in ("forget_finished_jobs", "remove_expired") * 2:
        later(database, task)

    def states() -> set[JobState]:
        with database.transaction() as conn:
            return {job.state for job in service.list_jobs(conn, administrator)}

    with working(TASKS):
        wait_until(lambda: states() == {JobState.DONE})


def test_every_time_of_the_schedule_is_of_a_task_that_there_is() -> None:
    assert set(SCHEDULE) <= set(TASKS)


def test_a_job_that_is_cancelled_with_its_worker_runs_again() -> None:
    # As when Ctrl-C ends the event loop. Without an answer of ours procrastinate would count the job as aborted.
    app = queue_app(None, PsycopgConnector(), {"note": lambda _: None})  # type: ignore[arg-type]
    strategy = app.tasks["note"].retry_strategy
    assert strategy is not None
    for error, again in ((asyncio.CancelledError(), True), (SystemExit(), False)):
        decision = strategy.get_retry_decision(exception=error, job=None)  # type: ignore[arg-type]
        assert (decision is not None) is again


def test_no_address_and_no_argument_of_a_job_is_logged(
    database: Database, working: StartWorker, job: Callable[[], Job], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def fail(_: Workplace, *, note: str) -> None:
        del note
        raise RuntimeError(f"https://{CANARY}.example")

    caplog.set_level("INFO")
    with structlog.testing.capture_logs() as lines, working({"fail": fail}):
        later(database, "fail", note=CANARY)
        wait_until(lambda: job().state is JobState.PARKED)
    assert CANARY not in repr([{**line, "exc_info": None} for line in lines])
    assert CANARY not in caplog.text
