"""What people see of jobs and do with them, and how the queue keeps itself small."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, defer, hasten
from vangnet.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from vangnet.identity.permissions import ROLE_PERMISSIONS, Permission, Role
from vangnet.jobs import service, store
from vangnet.jobs.model import Job, JobState, Pace, retry_delay_s


def deferred(conn: Connection, administrator: Actor, task: str = "note", **args: Any) -> Job:
    defer(conn, task, **args)
    return service.list_jobs(conn, administrator, limit=1)[0]


def parked(conn: Connection, administrator: Actor, now: datetime) -> Job:
    job = deferred(conn, administrator)
    conn.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [job.id])
    assert service.take_back_stalled(conn, stalled_after_s=1, attempts=1, now=now) == {job.id: service.Taken.PARKED}
    return service.get_job(conn, administrator, job_id=job.id)


def events(conn: Connection, job: Job) -> list[tuple[str, dict[str, object]]]:
    return conn.execute(
        "SELECT action, details FROM audit_event WHERE record = 'job' AND record_id = %s ORDER BY id", [str(job.id)]
    ).fetchall()


def test_a_deferred_job_is_listed_as_waiting_with_its_ids(conn: Connection, administrator: Actor) -> None:
    job = deferred(conn, administrator, "deliver_handoff", handoff_id="7")
    assert (job.task, job.state, job.args, job.tries, job.problem) == (
        "deliver_handoff", JobState.WAITING, {"handoff_id": "7"}, 0, None,
    )  # fmt: skip
    assert service.list_jobs(conn, administrator, state=JobState.PARKED, before_id=job.id) == []


def test_the_list_goes_on_where_it_ended(conn: Connection, administrator: Actor) -> None:
    jobs = [deferred(conn, administrator) for _ in range(3)]
    first = service.list_jobs(conn, administrator, limit=2)
    assert [job.id for job in first] == [jobs[2].id, jobs[1].id]
    assert service.list_jobs(conn, administrator, limit=1, before_id=first[-1].id) == [jobs[0]]


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_list_has_a_limit(conn: Connection, administrator: Actor, limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        service.list_jobs(conn, administrator, limit=limit)


def test_a_parked_job_is_run_again_with_its_failures_forgotten(
    conn: Connection, administrator: Actor, now: datetime
) -> None:
    job = parked(conn, administrator, now)
    assert (job.state, job.code) == (JobState.PARKED, "worker_died")
    again = service.retry(conn, administrator, job_id=job.id, now=now)
    assert (again.state, again.code) == (JobState.WAITING, None)
    assert events(conn, job) == [("job:retry", {"task": "note", "before": "parked", "state": "waiting"})]


def test_a_parked_job_is_dropped(conn: Connection, administrator: Actor, now: datetime) -> None:
    job = parked(conn, administrator, now)
    assert service.drop(conn, administrator, job_id=job.id, now=now).state is JobState.DROPPED
    assert events(conn, job) == [("job:retry", {"task": "note", "before": "parked", "state": "dropped"})]


def test_a_waiting_job_is_dropped(conn: Connection, administrator: Actor, now: datetime) -> None:
    job = deferred(conn, administrator)
    assert service.drop(conn, administrator, job_id=job.id, now=now).state is JobState.DROPPED


@pytest.mark.parametrize("state", ["todo", "doing", "succeeded", "cancelled"])
def test_only_a_parked_job_is_retried(conn: Connection, administrator: Actor, now: datetime, state: str) -> None:
    job = deferred(conn, administrator)
    conn.execute("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = %s", [state, job.id])
    with pytest.raises(InvalidTransition):
        service.retry(conn, administrator, job_id=job.id, now=now)
    assert events(conn, job) == []


@pytest.mark.parametrize("state", ["doing", "succeeded", "cancelled"])
def test_a_job_that_runs_or_is_over_is_not_dropped(
    conn: Connection, administrator: Actor, now: datetime, state: str
) -> None:
    job = deferred(conn, administrator)
    conn.execute("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = %s", [state, job.id])
    with pytest.raises(InvalidTransition):
        service.drop(conn, administrator, job_id=job.id, now=now)


def test_a_job_that_is_not_there_is_not_found(conn: Connection, administrator: Actor, now: datetime) -> None:
    for act in (service.retry, service.drop):
        with pytest.raises(NotFound):
            act(conn, administrator, job_id=2**62, now=now)
    with pytest.raises(NotFound):
        service.get_job(conn, administrator, job_id=2**62)


@pytest.mark.parametrize("role", Role)
def test_jobs_are_seen_and_retried_by_the_roles_that_may(
    conn: Connection, administrator: Actor, now: datetime, role: Role
) -> None:
    job = parked(conn, administrator, now)
    actor = Actor(kind=ActorKind.PERSON, id="1", permissions=frozenset(ROLE_PERMISSIONS[role]))
    for permission, act in (
        (Permission.JOB_READ, lambda: service.list_jobs(conn, actor)),
        (Permission.JOB_READ, lambda: service.get_job(conn, actor, job_id=job.id)),
        (Permission.JOB_READ, lambda: service.counts(conn, actor)),
        (Permission.JOB_RETRY, lambda: service.retry(conn, actor, job_id=job.id, now=now)),
        (Permission.JOB_RETRY, lambda: service.drop(conn, actor, job_id=job.id, now=now)),
    ):
        if permission in ROLE_PERMISSIONS[role]:
            act()
        else:
            with pytest.raises(PermissionDenied):
                act()


def test_counts_name_every_state(conn: Connection, administrator: Actor, now: datetime) -> None:
    before = service.counts(conn, administrator)
    parked(conn, administrator, now)
    deferred(conn, administrator)
    after = service.counts(conn, administrator)
    assert set(after) == set(JobState)
    assert {state: after[state] - before[state] for state in JobState if after[state] != before[state]} == {
        JobState.WAITING: 1,
        JobState.PARKED: 1,
    }


def test_the_health_of_the_queue_says_since_when_something_could_have_run(
    conn: Connection, administrator: Actor, now: datetime
) -> None:
    before = service.queue_health(conn)
    assert before.due_since is None
    defer(conn, "note", at=datetime.now(UTC) + timedelta(hours=1))
    assert service.queue_health(conn).due_since is None, "what is for later is not late"
    due_at = datetime.now(UTC) - timedelta(hours=1)
    defer(conn, "note", at=due_at)
    deferred(conn, administrator)
    health = service.queue_health(conn)
    assert (health.waiting - before.waiting, health.parked - before.parked, health.due_since) == (3, 0, due_at)


def test_finished_jobs_are_forgotten_after_a_day_and_others_never(
    conn: Connection, administrator: Actor, now: datetime
) -> None:
    started = datetime.now(UTC)
    done, waiting = deferred(conn, administrator), deferred(conn, administrator)
    kept, dropped = parked(conn, administrator, now), parked(conn, administrator, now)
    conn.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = %s", [done.id])
    service.drop(conn, administrator, job_id=dropped.id, now=now)
    service.forget_finished(conn, now=started + timedelta(hours=23))
    assert {job.id for job in service.list_jobs(conn, administrator)} >= {done.id, waiting.id, kept.id, dropped.id}
    service.forget_finished(conn, now=started + timedelta(hours=25))
    left = {job.id for job in service.list_jobs(conn, administrator)}
    assert left >= {waiting.id, kept.id}
    assert not left & {done.id, dropped.id}
    failures = {row[0] for row in conn.execute("SELECT job_id FROM job_failure").fetchall()}
    assert kept.id in failures
    assert dropped.id not in failures, "a failure is forgotten with its job"


def test_a_job_of_a_worker_that_never_existed_is_taken_back(conn: Connection, administrator: Actor, now: datetime) -> None:
    job = deferred(conn, administrator)
    conn.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [job.id])
    assert service.take_back_stalled(conn, stalled_after_s=1, attempts=3, now=now) == {job.id: service.Taken.AGAIN}
    assert service.get_job(conn, administrator, job_id=job.id).state is JobState.WAITING


def test_a_job_is_taken_back_only_when_its_worker_was_silent_long_enough(
    conn: Connection, administrator: Actor, now: datetime
) -> None:
    job = deferred(conn, administrator)
    worker = conn.execute(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '19 seconds') RETURNING id"
    ).fetchone()
    assert worker is not None
    conn.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s", [worker[0], job.id])
    assert service.take_back_stalled(conn, stalled_after_s=20, attempts=3, now=now) == {}
    assert service.take_back_stalled(conn, stalled_after_s=18, attempts=3, now=now) == {job.id: service.Taken.AGAIN}


def test_hastening_wakes_what_waits_for_its_time_and_says_whether_it_is_there(
    conn: Connection, administrator: Actor
) -> None:
    defer(conn, "note", lock="a", at=datetime.now(UTC) + timedelta(hours=1), number="1")
    defer(conn, "note", lock="b", at=datetime.now(UTC) + timedelta(hours=1), number="1")
    assert hasten(conn, "note", lock="a", number="1")
    assert not hasten(conn, "note", lock="a", number="2")
    other, woken = service.list_jobs(conn, administrator, limit=2)
    assert woken.due_at is not None
    assert other.due_at is not None
    assert woken.due_at <= datetime.now(UTC) < other.due_at


def test_waits_grow_to_a_limit_and_are_spread() -> None:
    pace = Pace(first_retry_s=5, longest_retry_s=900)
    assert [retry_delay_s(pace, failures=failures, jitter=1) for failures in (1, 2, 3, 4, 5, 6, 1000)] == [
        5, 20, 80, 320, 900, 900, 900,
    ]  # fmt: skip
    assert retry_delay_s(pace, failures=2, jitter=0) == 10


def test_every_state_of_procrastinate_has_a_state_of_ours(conn: Connection) -> None:
    [statuses] = conn.execute("SELECT enum_range(NULL::procrastinate_job_status)::text[]").fetchall()
    assert set(statuses[0]) == set(store._STATES)
