"""The job queue's tables: procrastinate's own, which its functions change, and `job_failure` beside them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, kwargs_row, scalar_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.jobs.model import Job, JobState, QueueHealth

_STATES: Mapping[str, JobState] = {
    "todo": JobState.WAITING,
    "doing": JobState.RUNNING,
    "failed": JobState.PARKED,
    "succeeded": JobState.DONE,
    "cancelled": JobState.DROPPED,
    "aborted": JobState.DROPPED,
    "aborting": JobState.RUNNING,
}
# The time of a `scheduled` event is the time for which the job is scheduled, which may lie ahead.
_JOB = """
    SELECT job.id, job.task_name AS task, job.status::text AS status, job.queue_name AS queue, job.lock, job.args,
           job.attempts AS tries, job.scheduled_at AS due_at,
           (SELECT max(at) FROM procrastinate_events event WHERE event.job_id = job.id AND event.type <> 'scheduled')
               AS changed_at,
           failure.code, failure.problem, failure.incident, failure.failed_at
    FROM procrastinate_jobs job LEFT JOIN job_failure failure ON failure.job_id = job.id
"""


def list_jobs(conn: Connection, *, states: Collection[JobState], before_id: int | None, limit: int) -> list[Job]:
    """The newest first."""
    statuses = [status for status, state in _STATES.items() if state in states]
    with conn.cursor(row_factory=kwargs_row(_job)) as cursor:
        return cursor.execute(
            _JOB
            + """
            WHERE job.status::text = ANY(%s) AND (%s::bigint IS NULL OR job.id < %s)
            ORDER BY job.id DESC LIMIT %s
            """,
            [statuses, before_id, before_id, limit],
        ).fetchall()


def get_job(conn: Connection, job_id: int) -> Job:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_job)) as cursor:
        found = cursor.execute(_JOB + "WHERE job.id = %s", [job_id]).fetchone()
    if found is None:
        raise NotFound(record="job", key=str(job_id))
    return found


def get_job_for_update(conn: Connection, job_id: int) -> Job:
    """The same, and no worker takes it until the transaction ends. Raises NotFound."""
    conn.execute("SELECT FROM procrastinate_jobs WHERE id = %s FOR UPDATE", [job_id])
    return get_job(conn, job_id)


def count_jobs(conn: Connection) -> dict[JobState, int]:
    """How many are in each state."""
    counts = dict.fromkeys(JobState, 0)
    for status, count in conn.execute("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status").fetchall():
        counts[_STATES[status]] += count
    return counts


def get_queue_health(conn: Connection) -> QueueHealth:
    """How the queue as a whole is doing."""
    with conn.cursor(row_factory=class_row(QueueHealth)) as cursor:
        found = cursor.execute(
            """
            SELECT count(*) FILTER (WHERE status = 'todo') AS waiting,
                   count(*) FILTER (WHERE status = 'doing') AS running,
                   count(*) FILTER (WHERE status = 'failed') AS parked,
                   min(coalesce(scheduled_at, (
                       SELECT min(at) FROM procrastinate_events event
                       WHERE event.job_id = job.id AND event.type = 'deferred'
                   ))) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()) AS due_since,
                   (SELECT max(last_heartbeat) FROM procrastinate_workers) AS last_heartbeat_at
            FROM procrastinate_jobs job WHERE status IN ('todo', 'doing', 'failed')
            """
        ).fetchone()
    assert found is not None  # noqa: S101 (a count always has a row)
    return found


def is_parked(conn: Connection, task: str) -> bool:
    """Whether a job of this task is parked."""
    found = conn.execute(
        "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = %s AND status = 'failed')", [task]
    ).fetchone()
    return found == (True,)


def update_to_waiting(conn: Connection, job_id: int) -> None:
    """A running or parked job waits again, to be run at once."""
    conn.execute("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", [job_id])


def update_to_parked(conn: Connection, job_id: int) -> None:
    """A running job is parked."""
    conn.execute("SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [job_id])


def update_to_dropped(conn: Connection, job_id: int) -> None:
    """A waiting or parked job is dropped."""
    conn.execute("UPDATE procrastinate_jobs SET status = 'cancelled' WHERE id = %s", [job_id])
    # procrastinate's own trigger knows no such step for a parked job, and forgets a job by the age of its last event.
    conn.execute("INSERT INTO procrastinate_events (job_id, type) VALUES (%s, 'cancelled')", [job_id])


def list_stalled_for_update(conn: Connection, *, stalled_after_s: float) -> list[int]:
    """Running jobs of workers that gave no sign of life for so long, or are gone."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            """
            SELECT job.id FROM procrastinate_jobs job
            WHERE job.status = 'doing' AND NOT EXISTS (
                SELECT FROM procrastinate_workers worker
                WHERE worker.id = job.worker_id AND worker.last_heartbeat >= now() - make_interval(secs => %s)
            )
            ORDER BY job.id FOR UPDATE SKIP LOCKED
            """,
            [stalled_after_s],
        ).fetchall()


def list_running_of(conn: Connection, worker_id: int) -> list[int]:
    """The jobs that a worker has, as the database knows it."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            "SELECT id FROM procrastinate_jobs WHERE worker_id = %s AND status = 'doing'", [worker_id]
        ).fetchall()


def list_still_running_for_update(conn: Connection, job_ids: Collection[int], *, worker_id: int) -> list[int]:
    """Those of the jobs that the worker still has."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            """
            SELECT id FROM procrastinate_jobs WHERE id = ANY(%s) AND worker_id = %s AND status = 'doing'
            ORDER BY id FOR UPDATE SKIP LOCKED
            """,
            [list(job_ids), worker_id],
        ).fetchall()


def add_failure(conn: Connection, job_id: int, *, code: str, problem: str, incident: str | None, now: datetime) -> int:
    """Keeps why a job failed, and returns how often it has since a person last looked."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        failures = cursor.execute(
            """
            INSERT INTO job_failure (job_id, failures, code, problem, incident, failed_at)
            VALUES (%s, 1, %s, %s, %s, %s)
            ON CONFLICT (job_id) DO UPDATE
            SET failures = job_failure.failures + 1, code = excluded.code, problem = excluded.problem,
                incident = excluded.incident, failed_at = excluded.failed_at
            RETURNING failures
            """,
            [job_id, code, problem, incident, now],
        ).fetchone()
    return int(failures or 0)


def delete_failure(conn: Connection, job_id: int) -> None:
    """Forgets how often a job failed."""
    conn.execute("DELETE FROM job_failure WHERE job_id = %s", [job_id])


def delete_finished(conn: Connection, *, before: datetime, limit: int) -> int:
    """Forgets jobs that were done or dropped before then, at most `limit`; returns how many."""
    deleted = conn.execute(
        """
        DELETE FROM procrastinate_jobs WHERE id IN (
            SELECT id FROM procrastinate_jobs job
            WHERE status IN ('succeeded', 'cancelled', 'aborted') AND NOT EXISTS (
                SELECT FROM procrastinate_events event
                WHERE event.job_id = job.id AND event.type <> 'scheduled' AND event.at >= %s
            )
            ORDER BY id LIMIT %s
        )
        """,
        [before, limit],
    ).rowcount
    conn.execute("DELETE FROM job_failure WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = job_id)")
    return deleted


def _job(*, status: str, code: str | None, problem: str | None, **rest: Any) -> Job:
    state = _STATES[status]
    if state is JobState.PARKED and code is None:
        # Every other failure is noted before the job is parked.
        code, problem = "unknown_task", "this version of Vangnet has no such task"
    return Job(state=state, code=code, problem=problem, **rest)
