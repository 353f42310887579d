"""A worker in a process of its own, for tests that kill it: `python worker_process.py CONNINFO FOLDER`.

Its tasks write into FOLDER what they do, because the process that knows it is killed.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.jobs.model import Pace
from vangnet.jobs.workplace import Task, Workplace
from vangnet.keys import Keys
from vangnet.worker import Worker

PACE = Pace(poll_s=0.05, heartbeat_s=0.2, stalled_after_s=1.0, sweep_s=0.1, first_retry_s=0.05, stop_s=1.0, reconnect_s=0.1)


def note(folder: Path, word: str) -> int:
    """Appends a word to the record of what ran, and returns how many there are now."""
    with (folder / "runs").open("a", encoding="ascii") as file:
        file.write(word + "\n")
    return len((folder / "runs").read_text(encoding="ascii").splitlines())


def tasks(folder: Path) -> Mapping[str, Task]:
    """The tasks of such a worker."""

    def linger_once(_: Workplace) -> None:
        if note(folder, "linger_once") == 1:
            time.sleep(600)

    def die(_: Workplace) -> None:
        note(folder, "die")
        os.kill(os.getpid(), signal.SIGKILL)

    return {"linger_once": linger_once, "die": die}


def main(conninfo: str, folder: Path) -> None:
    """Works until it is killed."""
    settings = Settings(data_dir=folder / "data", keys_dir=folder / "keys", job_attempts=3)
    with Database(conninfo) as database:
        Worker(database, Keys.open(settings.keys_dir), settings, pace=PACE, tasks=tasks(folder)).run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
