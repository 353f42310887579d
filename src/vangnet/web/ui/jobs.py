"""The page with what runs beside the pages, and what was parked because it failed too often."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from vangnet.identity.permissions import Permission
from vangnet.jobs import service
from vangnet.jobs.model import JobState
from vangnet.web.access import needs
from vangnet.web.languages import marked
from vangnet.web.visit import Visit

router = APIRouter()

DONE = {
    "job-retried": marked("The job waits for its turn again."),
    "job-dropped": marked("The job was dropped; it will not run."),
}
STATE_NAMES = {
    JobState.WAITING: marked("waiting"),
    JobState.RUNNING: marked("running"),
    JobState.PARKED: marked("parked"),
    JobState.DONE: marked("done"),
    JobState.DROPPED: marked("dropped"),
}
_PAGE = 50


@router.get("/jobs", dependencies=[needs(Permission.JOB_READ)])
def list_jobs(visit: Visit, state: str = "", before: Annotated[int | None, Query(ge=1)] = None) -> Response:
    """The jobs of one state, the newest first; parked ones unless another state is asked for."""
    chosen = JobState(state) if state in set(JobState) else JobState.PARKED
    with visit.transaction() as conn:
        counts = service.counts(conn, visit.actor)
        jobs = service.list_jobs(conn, visit.actor, state=chosen, limit=_PAGE + 1, before_id=before)
    return visit.page(
        "jobs/list.html",
        jobs=jobs[:_PAGE],
        older=jobs[_PAGE - 1].id if len(jobs) > _PAGE else None,
        chosen=chosen,
        counts=counts,
        names=STATE_NAMES,
        may_retry=Permission.JOB_RETRY in visit.actor.permissions,
    )


@router.post("/jobs/{job_id}/retry", dependencies=[needs(Permission.JOB_RETRY)])
def retry_job(visit: Visit, job_id: int) -> Response:
    """Lets a parked job run again."""
    with visit.transaction() as conn:
        service.retry(conn, visit.actor, job_id=job_id, now=visit.now)
    return visit.redirect("/jobs", done="job-retried")


@router.post("/jobs/{job_id}/drop", dependencies=[needs(Permission.JOB_RETRY)])
def drop_job(visit: Visit, job_id: int) -> Response:
    """Drops a job that need not run any more."""
    with visit.transaction() as conn:
        service.drop(conn, visit.actor, job_id=job_id, now=visit.now)
    return visit.redirect("/jobs", done="job-dropped")
