"""Jobs for programs: what waits, runs or was parked; run again, drop."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from vangnet.identity.permissions import Permission
from vangnet.jobs import service
from vangnet.jobs.model import JobState
from vangnet.web.access import needs
from vangnet.web.api.words import DIGITS
from vangnet.web.visit import Visit

router = APIRouter(prefix="/api/v1", tags=["Jobs"])

#: Job numbers are PostgreSQL bigints.
JobNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The job's number."), DIGITS]


class JobAnswer(BaseModel):
    """One job."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="The job's number.")
    task: str = Field(description="What it does.")
    state: JobState = Field(description="How it stands.")
    tries: int = Field(description="How often it was tried.")
    due_at: datetime | None = Field(description="It runs not before this time.")
    changed_at: datetime | None = Field(description="When its state last changed.")
    problem: str | None = Field(description="What went wrong the last time.")
    code: str | None = Field(description="Which kind of error that was.")
    incident: str | None = Field(description="The number under which it is in the log.")


@router.get("/jobs", dependencies=[needs(Permission.JOB_READ)])
def list_jobs(
    visit: Visit,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many."), DIGITS] = 100,
    before_id: Annotated[
        int | None,
        Query(ge=1, le=2**63 - 1, description="Only jobs before this one: the last id of the page before."),
        DIGITS,
    ] = None,
) -> list[JobAnswer]:
    """Jobs, the newest first."""
    with visit.transaction() as conn:
        found = service.list_jobs(conn, visit.actor, state=state, limit=limit, before_id=before_id)
    return [JobAnswer.model_validate(job) for job in found]


@router.get("/jobs/{job_id}", dependencies=[needs(Permission.JOB_READ)])
def get_job(visit: Visit, job_id: JobNumber) -> JobAnswer:
    """One job."""
    with visit.transaction() as conn:
        return JobAnswer.model_validate(service.get_job(conn, visit.actor, job_id=job_id))


@router.post("/jobs/{job_id}/retry", dependencies=[needs(Permission.JOB_RETRY)])
def retry_job(visit: Visit, job_id: JobNumber) -> JobAnswer:
    """Lets a parked job run again."""
    with visit.transaction() as conn:
        return JobAnswer.model_validate(service.retry(conn, visit.actor, job_id=job_id, now=visit.now))


@router.post("/jobs/{job_id}/drop", dependencies=[needs(Permission.JOB_RETRY)])
def drop_job(visit: Visit, job_id: JobNumber) -> JobAnswer:
    """Drops a parked or waiting job: it will not run."""
    with visit.transaction() as conn:
        return JobAnswer.model_validate(service.drop(conn, visit.actor, job_id=job_id, now=visit.now))
