"""Waiting for a state instead of for a time."""

import time
from collections.abc import Callable

from vangnet.jobs.model import Pace

#: A worker in a hurry, so that what takes minutes in production takes moments in a test.
HURRY = Pace(
    poll_s=0.05,
    heartbeat_s=0.2,
    # A worker that lives is heard of ten times meanwhile, so that a machine with much to do does not make it a dead one.
    stalled_after_s=2.5,
    sweep_s=0.1,
    first_retry_s=0.05,
    longest_retry_s=0.3,
    stop_s=1.0,
    reconnect_s=0.1,
)


#: Longer than anything takes on the slowest machine, so that what does not happen by then does not happen. To wait so long
#: costs nothing where it does.
PATIENCE_S = 120.0


def wait_until(reached: Callable[[], bool], *, within_s: float = PATIENCE_S, every_s: float = 0.02) -> None:
    """Returns when `reached` is true. Fails when that does not happen in time."""
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, "the awaited state was not reached in time"
        time.sleep(every_s)
