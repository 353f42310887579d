"""`vangnet job`: what runs beside the pages, and what was parked because it failed too often."""

from typing import Annotated

import typer

from vangnet.cli.installation import now, open_installation
from vangnet.cli.output import AsJson, print_record, print_records
from vangnet.jobs import service
from vangnet.jobs.model import Job, JobState

app = typer.Typer(help="Jobs: what waits, runs, or was parked; run again, or drop.", no_args_is_help=True)

_Number = Annotated[int, typer.Argument(metavar="JOB", min=1, max=2**63 - 1, help="The job's number.")]


@app.command("list")
def list_jobs(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    with open_installation() as opened, opened.transaction() as conn:
        found = service.list_jobs(conn, opened.actor, state=state, limit=limit)
    print_records(
        [_record(job) for job in found],
        as_json=as_json,
        columns=["id", "task", "state", "tries", "due_at", "changed_at", "problem", "incident"],
    )


@app.command()
def show(number: _Number, as_json: AsJson = False) -> None:
    """Show one job."""
    with open_installation() as opened, opened.transaction() as conn:
        job = service.get_job(conn, opened.actor, job_id=number)
    print_record(_record(job), as_json=as_json)


@app.command()
def retry(number: _Number, as_json: AsJson = False) -> None:
    """Run a parked job again."""
    with open_installation() as opened, opened.transaction() as conn:
        job = service.retry(conn, opened.actor, job_id=number, now=now())
    print_record(_record(job), as_json=as_json)


@app.command()
def drop(number: _Number, as_json: AsJson = False) -> None:
    """Drop a parked or waiting job: it will not run."""
    with open_installation() as opened, opened.transaction() as conn:
        job = service.drop(conn, opened.actor, job_id=number, now=now())
    print_record(_record(job), as_json=as_json)


def _record(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "task": job.task,
        "state": job.state,
        "queue": job.queue,
        "lock": job.lock,
        "args": dict(job.args),
        "tries": job.tries,
        "due_at": job.due_at,
        "changed_at": job.changed_at,
        "code": job.code,
        "problem": job.problem,
        "incident": job.incident,
        "failed_at": job.failed_at,
    }
