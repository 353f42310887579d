"""A worker in a process of its own that delivers hand-offs: `python sending_process.py CONNINFO FOLDER`. Tests kill it."""

import sys
from pathlib import Path

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.jobs.model import Pace
from vangnet.keys import Keys
from vangnet.worker import Worker

PACE = Pace(
    poll_s=0.05,
    heartbeat_s=0.2,
    stalled_after_s=1.0,
    sweep_s=0.1,
    first_retry_s=0.05,
    longest_retry_s=0.3,
    stop_s=1.0,
    reconnect_s=0.1,
)


def main(conninfo: str, folder: Path) -> None:
    """Delivers what is due until it is killed."""
    settings = Settings(data_dir=folder / "data", keys_dir=folder / "keys")
    with Database(conninfo) as database:
        Worker(database, Keys.open(settings.keys_dir), settings, pace=PACE).run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
