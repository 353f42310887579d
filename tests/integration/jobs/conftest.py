"""Fixtures for jobs: settings, and workers with tasks of the test's own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from running.states import HURRY

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.jobs.workplace import Task
from vangnet.keys import Keys
from vangnet.worker import Worker

StartWorker = Callable[..., AbstractContextManager[Worker]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings under which a job is tried three times."""
    return Settings(data_dir=tmp_path / "data", keys_dir=tmp_path / "keys", job_attempts=3, job_concurrency=2)


@pytest.fixture
def working(database: Database, keys: Keys, settings: Settings) -> StartWorker:
    """A worker in a hurry, with these tasks, until the block ends."""

    @contextmanager
    def start(tasks: Mapping[str, Task]) -> Iterator[Worker]:
        with Worker(database, keys, settings, pace=HURRY, tasks=tasks) as worker:
            yield worker

    return start
