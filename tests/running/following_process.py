"""An installation's follower and index in a process of their own, to be killed at any moment.

python -m running.following_process CONNINFO KEYS_DIR INDEX_DIR
"""

import sys
import time
from pathlib import Path

from vangnet.db import Database
from vangnet.jobs.following import Followers
from vangnet.keys import Keys
from vangnet.partners.transport import Transport
from vangnet.registry.service.live import LiveIndex


def main() -> None:
    conninfo, keys_folder, index_folder = sys.argv[1:]
    keys = Keys.open(Path(keys_folder))
    with (
        Database(conninfo) as database,
        # Merged far more often than in life, so that a kill meets a merge, too.
        LiveIndex(database, keys, Path(index_folder), merge_from=100),
        Followers(database, keys, transport=lambda: Transport(exchange_s=30), wait_s=2),
    ):
        while True:
            time.sleep(1)


if __name__ == "__main__":
    main()
