"""What a job is to the people who look after it, and the rules of trying again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    WAITING = "waiting"  #: To be run, now or later.
    RUNNING = "running"  #: A worker has it.
    PARKED = "parked"  #: It failed too often; a person looks at it.
    DONE = "done"  #: It ran to its end; forgotten after a day.
    DROPPED = "dropped"  #: A person decided that it is not to be run; forgotten after a day.


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job. `args` hold ids; `problem` says why it failed last, in words that identify nobody."""

    id: int
    task: str
    state: JobState
    queue: str
    lock: str | None
    args: Mapping[str, object]
    #: How often it was started and did not come to its end.
    tries: int
    #: Not before this time.
    due_at: datetime | None
    #: When it got into this state, or was last started.
    changed_at: datetime | None
    code: str | None
    problem: str | None
    incident: str | None
    failed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHealth:
    """How the queue as a whole is doing."""

    waiting: int
    running: int
    parked: int
    #: Since when the longest-waiting job could have been run.
    due_since: datetime | None
    #: When a worker last gave a sign of life.
    last_heartbeat_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a worker does things, in seconds. Tests make it hurry."""

    #: A job that is due is found at once by a notification; one whose time has come, at the next look.
    poll_s: float = 2.0
    heartbeat_s: float = 5.0
    #: A worker that gave no sign of life for so long is taken for dead, and its jobs run again.
    stalled_after_s: float = 20.0
    sweep_s: float = 5.0
    first_retry_s: float = 5.0
    longest_retry_s: float = 900.0
    #: The pauses between the tries of a webhook, as its specification proposes them; after the last one it is parked.
    webhook_retries_s: tuple[float, ...] = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    #: Jobs under way may take so long when the worker is told to stop.
    stop_s: float = 3.0
    #: Between attempts to reach a database that does not answer.
    reconnect_s: float = 1.0


#: Each wait is so many times the one before.
_BACK_OFF = 4.0


def retry_delay_s(pace: Pace, *, failures: int, jitter: float) -> float:
    """How long to wait after so many failures. `jitter`, 0 … 1, keeps what failed together from returning together."""
    # Past the cap the power is not worked out: it would overflow for a job that waited for days.
    delay_s = pace.longest_retry_s
    if failures < 20:
        delay_s = min(pace.longest_retry_s, pace.first_retry_s * _BACK_OFF ** (failures - 1))
    return delay_s * (0.5 + jitter / 2)
