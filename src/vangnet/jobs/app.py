"""Our tasks, told to procrastinate: under which names, when by themselves, and when again after a failure."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import procrastinate
from procrastinate import exceptions, jobs, manager, retry
from procrastinate.connector import BaseAsyncConnector

from vangnet.jobs.tasks import SCHEDULE
from vangnet.jobs.workplace import Task, Workplace


class JobEnded(Exception):
    """What procrastinate is told when a job did not come to its end; says when to run it again, or that it is parked.

    It stands for the failure itself, which procrastinate would write to the log with everything in it.
    """

    def __init__(self, what: str, *, retry_at: datetime | None) -> None:
        super().__init__(what)
        self.retry_at = retry_at


def queue_app(work: Workplace, connector: BaseAsyncConnector, tasks: Mapping[str, Task]) -> procrastinate.App:
    """procrastinate with these tasks, by their names; they will work with `work`."""
    app = procrastinate.App(connector=connector)
    app.job_manager = _JobManager(connector)
    for name, function in tasks.items():
        task = app.task(name=name, retry=_AsJobEndedSays())(_bound(work, function))
        if name in SCHEDULE:
            app.periodic(cron=SCHEDULE[name], lock=name)(task)
    return app


def _bound(work: Workplace, function: Task) -> Callable[..., None]:
    def run(**args: Any) -> None:
        args.pop("timestamp", None)  # Which time of its schedule it was; no task of ours asks.
        function(work, **args)

    return run


class _AsJobEndedSays(retry.BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: jobs.Job) -> retry.RetryDecision | None:
        del job
        match exception:
            case JobEnded():
                return None if exception.retry_at is None else retry.RetryDecision(retry_at=exception.retry_at)
            case asyncio.CancelledError():
                return retry.RetryDecision()  # The worker had to leave it; the next one runs it again.
            case _:
                return None


class _JobManager(manager.JobManager):
    """Fetches again where another worker was faster.

    procrastinate's query sees no job of the same lock running and starts one; if another worker did so at the same moment,
    its unique index refuses the second, and the worker would stop.
    """

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
        for _ in range(10):
            try:
                return await super().fetch_job(queues, worker_id)
            except exceptions.UniqueViolation:
                continue
        return None
