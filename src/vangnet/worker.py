"""The worker: runs jobs in threads, until it is told to stop.

A job that fails is run again, later and later, and at last parked for a person. Here, and nowhere else for jobs, every
failure is caught: an expected one is kept in its own words, any other only as an incident id that the log explains.
A worker that dies loses nothing: others notice that its heartbeat stopped, and take its jobs back. A database that goes
away is waited for.
"""

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import procrastinate.exceptions
import procrastinate.worker
import psycopg
import structlog
from procrastinate import JobContext, PsycopgConnector

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.db.connection import configure_for_worker
from vangnet.errors import AppError, Unavailable
from vangnet.hashing.sandbox import Sandbox
from vangnet.jobs import service
from vangnet.jobs.app import JobEnded, queue_app
from vangnet.jobs.following import Followers
from vangnet.jobs.model import Pace
from vangnet.jobs.tasks import TASKS
from vangnet.jobs.workplace import Task, TryAgain, Workplace
from vangnet.keys import Keys
from vangnet.partners.transport import Transport
from vangnet.registry.service.live import LiveIndex

_log = structlog.get_logger(__name__)

#: The name under which procrastinate logs and counts our workers.
_NAME = "vangnet"

# It tells every step of every job, with the job's arguments; we write what is needed ourselves.
logging.getLogger("procrastinate").setLevel(logging.WARNING)
for _logger in ("procrastinate.worker", f"procrastinate.worker.{_NAME}"):
    logging.getLogger(_logger).addFilter(lambda record: not hasattr(record, "job"))


class _Runner(procrastinate.worker.Worker):
    """Looks for jobs whenever one ended: another may have waited for its lock, and nobody is told of that."""

    _job_ended = False

    async def _process_job(self, context: JobContext) -> None:
        await super()._process_job(context)
        self._job_ended = True
        self._new_job_event.set()

    async def _fetch_and_process_jobs(self) -> None:
        # The look clears the event when it is over, also one that was set meanwhile; so it is repeated then.
        while not self._stop_event.is_set():
            self._job_ended = False
            await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]
            if not self._job_ended:
                break


class Worker:
    """Runs the jobs of one installation, in a thread of its own (`start`, `stop`) or in the calling one (`run`).

    Any number of them may run on one database, in any number of processes.
    """

    def __init__(
        self,
        database: Database,
        keys: Keys,
        settings: Settings,
        *,
        pace: Pace | None = None,
        transport: Transport | None = None,
        tasks: Mapping[str, Task] = TASKS,
        live: LiveIndex | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._work = Workplace(
            database=database,
            keys=keys,
            settings=settings,
            transport=transport if transport is not None else Transport.trusting(settings.partner_ca_file),
            pace=pace if pace is not None else Pace(),
            live=live,
            sandbox=sandbox,
        )
        self._tasks = tasks
        self._followers = Followers.trusting(database, keys, settings)
        self._running: set[int] = set()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Runs in a thread until `stop`."""
        self._thread = threading.Thread(target=self.run, name="vangnet-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Fetches no more jobs, lets those under way end for a few seconds, then hangs up on whom they wait for."""
        self._stopping.set()
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Runs in this thread until another one calls `stop`."""
        with self._followers:
            asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        threads = self._work.settings.job_concurrency + 2  # Two for our own looks at the database.
        self._loop.set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="vangnet-job"))
        if self._stopping.is_set():
            return
        while not self._stop.is_set():
            try:
                await self._work_until_stopped()
            except AppError as error:
                _log.warning("worker_interrupted", code=error.code, problem=str(error))
            except (procrastinate.exceptions.ConnectorException, psycopg.Error) as error:
                # The driver's words stay out of the log: they can name roles and addresses.
                _log.warning("worker_interrupted", code="database_unavailable", problem=type(error).__name__)
            except Exception:  # noqa: BLE001 (one of the four places where everything is caught)
                _log.exception("worker_interrupted", incident=_new_incident())
            if not self._stop.is_set():
                await self._pause(self._work.pace.reconnect_s)
        _log.info("worker_stopped")

    async def _work_until_stopped(self) -> None:
        """Works until `stop`, or until the database goes away."""
        # Our own pool first: it brings an embedded server back that somebody killed.
        await asyncio.to_thread(self._require_database)
        pace = self._work.pace
        connector = PsycopgConnector(
            conninfo=self._work.database.conninfo,
            configure=configure_for_worker,
            min_size=1,
            max_size=4,
            timeout=5.0,
            name="vangnet-worker",
        )
        app = queue_app(self._work, connector, self._tasks)
        async with app.open_async():
            runner = _Runner(
                app,
                name=_NAME,
                concurrency=self._work.settings.job_concurrency,
                fetch_job_polling_interval=pace.poll_s,
                shutdown_graceful_timeout=pace.stop_s,
                update_heartbeat_interval=pace.heartbeat_s,
                stalled_worker_timeout=pace.stalled_after_s,
                install_signal_handlers=False,
                task_middleware=[self._around],
            )
            _log.info("worker_started")
            await self._attend(runner)

    async def _attend(self, runner: procrastinate.worker.Worker) -> None:
        running = asyncio.create_task(runner.run())  # type: ignore[no-untyped-call]
        sweeping = asyncio.create_task(self._sweep_for_ever(runner))
        stopped = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait({running, sweeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            sweeping.cancel()
            runner.stop()  # type: ignore[no-untyped-call]
            _, late = await asyncio.wait({running}, timeout=self._work.pace.stop_s)
            if late:
                self._work.transport.hang_up()
            await running
        if sweeping in done:
            sweeping.result()  # It never ends but by a fault, which must not go unseen.

    def _require_database(self) -> None:
        with self._work.database.transaction():
            pass

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    # --- one job, in a thread ---

    def _around(self, call_next: Callable[[], Any], context: JobContext, _: procrastinate.worker.Worker) -> None:
        job_id = context.job.id
        assert job_id is not None  # noqa: S101 (a job that was fetched has an id)
        log = _log.bind(job=job_id, task=context.job.task_name)
        self._running.add(job_id)
        try:
            ended = self._ended(call_next, job_id, log)
        finally:
            self._running.discard(job_id)
        # Outside any `except`, so that procrastinate gets no traceback of what really happened.
        if ended is not None:
            raise ended
        log.info("job_done")

    def _ended(self, call_next: Callable[[], Any], job_id: int, log: structlog.BoundLogger) -> JobEnded | None:
        """Runs the job; None where it came to its end."""
        try:
            call_next()
        except TryAgain as later:
            log.info("job_tries_again", at=later.at.isoformat())
            return JobEnded("tries again", retry_at=later.at)
        except AppError as error:
            log.warning("job_failed", code=error.code, problem=str(error))
            return self._failed(job_id, error.code, str(error), None, log)
        except Exception:
            incident = _new_incident()
            log.exception("job_failed", incident=incident)
            return self._failed(job_id, "failure", "something failed that nobody foresaw", incident, log)
        return None

    def _failed(self, job_id: int, code: str, problem: str, incident: str | None, log: structlog.BoundLogger) -> JobEnded:
        try:
            with self._work.database.transaction() as conn:
                failures = service.note_failure(
                    conn, job_id=job_id, code=code, problem=problem, incident=incident, now=self._work.now()
                )
        except Unavailable:
            failures = 1  # The database is away, which is no reason to park anything.
        if failures >= self._work.settings.job_attempts:
            log.error("job_parked", code=code, failures=failures)
            return JobEnded("parked", retry_at=None)
        return JobEnded("failed", retry_at=self._work.next_try_at(failures=failures))

    # --- jobs that were lost ---

    async def _sweep_for_ever(self, runner: procrastinate.worker.Worker) -> None:
        suspects: set[int] = set()
        while True:
            try:
                if runner.worker_id is not None:
                    suspects = await asyncio.to_thread(self._sweep, runner.worker_id, suspects)
            except Unavailable as error:
                _log.warning("sweep_failed", code=error.code, problem=str(error))
            await asyncio.sleep(self._work.pace.sweep_s)

    def _sweep(self, worker_id: int, suspects: set[int]) -> set[int]:
        """Takes lost jobs back; returns those that the database says we run and we do not.

        One of those may just be starting or ending, so only who is seen twice is taken back.
        """
        attempts, now = self._work.settings.job_attempts, self._work.now()
        with self._work.database.transaction() as conn:
            taken = service.take_back_stalled(
                conn, stalled_after_s=self._work.pace.stalled_after_s, attempts=attempts, now=now
            )
            missing = service.running_of(conn, worker_id=worker_id) - self._running
            taken |= service.take_back_unrecorded(conn, missing & suspects, worker_id=worker_id, attempts=attempts, now=now)
        for job_id, what in taken.items():
            _log.warning("job_taken_back", job=job_id, what=what.value)
        return missing


def _new_incident() -> str:
    return uuid.uuid4().hex[:12]
