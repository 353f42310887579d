"""Looking after jobs: what people do with parked ones, and what the worker keeps about its own.

What people do is audited. What the worker notes (a failure, a job taken back from a dead worker) is the queue's own
bookkeeping and changes nothing that anybody decided; it is in the log, and the deeds inside each job are audited there.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import InvalidInput, InvalidTransition
from vangnet.identity.permissions import Permission
from vangnet.jobs import store
from vangnet.jobs.model import Job, JobState, QueueHealth

#: Finished jobs are kept so long, for somebody who wonders what happened.
FINISHED_KEPT_FOR = timedelta(days=1)
_DELETED_AT_ONCE = 10_000


class Taken(StrEnum):
    AGAIN = "again"  #: It will be run again.
    PARKED = "parked"  #: It was lost so often that a person should look first.


def list_jobs(
    conn: Connection, actor: Actor, *, state: JobState | None = None, before_id: int | None = None, limit: int = 100
) -> list[Job]:
    """Jobs, the newest first; `before_id` is the last one seen."""
    actor.require(Permission.JOB_READ)
    most = 1000
    if not 1 <= limit <= most:
        raise InvalidInput(field="limit", problem=f"must be between 1 and {most}")
    return store.list_jobs(conn, states=set(JobState) if state is None else {state}, before_id=before_id, limit=limit)


def get_job(conn: Connection, actor: Actor, *, job_id: int) -> Job:
    """One job. Raises NotFound."""
    actor.require(Permission.JOB_READ)
    return store.get_job(conn, job_id)


def counts(conn: Connection, actor: Actor) -> dict[JobState, int]:
    """How many jobs are in each state."""
    actor.require(Permission.JOB_READ)
    return store.count_jobs(conn)


def queue_health(conn: Connection) -> QueueHealth:
    """How the queue is doing: for metrics, readiness and `vangnet doctor`, which name no job."""
    return store.get_queue_health(conn)


def is_parked(conn: Connection, *, task: str) -> bool:
    """Whether a job of this task failed too often, and waits for a person."""
    return store.is_parked(conn, task)


def retry(conn: Connection, actor: Actor, *, job_id: int, now: datetime) -> Job:
    """Runs a parked job again; its failures count anew. Raises NotFound, InvalidTransition where it is not parked."""
    actor.require(Permission.JOB_RETRY)
    job = _in_one_of(store.get_job_for_update(conn, job_id), {JobState.PARKED}, JobState.WAITING)
    store.update_to_waiting(conn, job_id)
    store.delete_failure(conn, job_id)
    return _recorded(conn, actor, job, now)


def drop(conn: Connection, actor: Actor, *, job_id: int, now: datetime) -> Job:
    """Decides that a parked or waiting job is not to be run. Raises NotFound, InvalidTransition where it is neither."""
    actor.require(Permission.JOB_RETRY)
    job = _in_one_of(store.get_job_for_update(conn, job_id), {JobState.PARKED, JobState.WAITING}, JobState.DROPPED)
    store.update_to_dropped(conn, job_id)
    return _recorded(conn, actor, job, now)


# --- for the worker ---


def note_failure(conn: Connection, *, job_id: int, code: str, problem: str, incident: str | None, now: datetime) -> int:
    """Keeps why a job failed, and returns how often it has since it was deferred or a person retried it."""
    return store.add_failure(conn, job_id, code=code, problem=problem, incident=incident, now=now)


def take_back_stalled(conn: Connection, *, stalled_after_s: float, attempts: int, now: datetime) -> dict[int, Taken]:
    """Takes back the jobs of workers that died (kill -9, a power cut): they run again, or are parked after `attempts`."""
    stalled = store.list_stalled_for_update(conn, stalled_after_s=stalled_after_s)
    return _taken_back(conn, stalled, code="worker_died", problem="its worker died", attempts=attempts, now=now)


def running_of(conn: Connection, *, worker_id: int) -> set[int]:
    """The jobs that a worker has, as the database knows it."""
    return set(store.list_running_of(conn, worker_id))


def take_back_unrecorded(
    conn: Connection, job_ids: Collection[int], *, worker_id: int, attempts: int, now: datetime
) -> dict[int, Taken]:
    """Takes back jobs that ended in a living worker, but whose end could not be written (the database was away)."""
    lost = store.list_still_running_for_update(conn, job_ids, worker_id=worker_id)
    problem = "its end could not be recorded"
    return _taken_back(conn, lost, code="end_not_recorded", problem=problem, attempts=attempts, now=now)


def forget_finished(conn: Connection, *, now: datetime) -> int:
    """Deletes jobs that were finished more than a day ago, a limited number; returns how many."""
    return store.delete_finished(conn, before=now - FINISHED_KEPT_FOR, limit=_DELETED_AT_ONCE)


def _taken_back(
    conn: Connection, job_ids: Collection[int], *, code: str, problem: str, attempts: int, now: datetime
) -> dict[int, Taken]:
    taken = {}
    for job_id in job_ids:
        failures = store.add_failure(conn, job_id, code=code, problem=problem, incident=None, now=now)
        if failures < attempts:
            store.update_to_waiting(conn, job_id)
            taken[job_id] = Taken.AGAIN
        else:
            # A job that kills its worker would otherwise do so for ever.
            store.update_to_parked(conn, job_id)
            taken[job_id] = Taken.PARKED
    return taken


def _in_one_of(job: Job, states: Collection[JobState], requested: JobState) -> Job:
    if job.state not in states:
        raise InvalidTransition(record="job", current=job.state, requested=requested)
    return job


def _recorded(conn: Connection, actor: Actor, before: Job, now: datetime) -> Job:
    job = store.get_job(conn, before.id)
    audit.record(
        conn,
        actor,
        action=Permission.JOB_RETRY,
        record="job",
        record_id=job.id,
        now=now,
        task=job.task,
        before=before.state.value,
        state=job.state.value,
    )
    return job
