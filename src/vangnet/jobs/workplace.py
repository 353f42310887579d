"""What tasks work with, and how one says that it is to be run again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vangnet.config import Settings
from vangnet.db import Database
from vangnet.hashing.sandbox import Sandbox
from vangnet.jobs.model import Pace, retry_delay_s
from vangnet.keys import Keys
from vangnet.partners.transport import Transport
from vangnet.registry.service.live import LiveIndex

#: Called with the Workplace and what the job was deferred with.
Task = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What tasks work with."""

    database: Database
    keys: Keys = field(repr=False)
    settings: Settings = field(repr=False)
    transport: Transport = field(repr=False)
    pace: Pace
    #: The lists in memory, and where media are decoded: there where this worker takes reports in.
    live: LiveIndex | None = field(default=None, repr=False)
    sandbox: Sandbox | None = field(default=None, repr=False)

    def now(self) -> datetime:
        """The time; a job is an edge, so it may read the clock."""
        return datetime.now(UTC)

    def next_try_at(self, *, failures: int) -> datetime:
        """When to try again after so many failures."""
        delay_s = retry_delay_s(self.pace, failures=failures, jitter=secrets.randbelow(1001) / 1000)
        return self.now() + timedelta(seconds=delay_s)


class TryAgain(Exception):
    """Raised by a task that is to be run again at a certain time, and has written down why. It is no failure."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.at = at
