"""The tasks, by the names under which services defer them.

Each is a plain function that runs in a thread: it asks a service what to do, speaks to the third party outside any
transaction, and records the answer through the service. It may be run twice and must then have one effect.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.config import Settings
from vangnet.db import Database
from vangnet.errors import PartnerFailed
from vangnet.handoff.model import SentState
from vangnet.handoff.service import sending
from vangnet.identity.permissions import Permission
from vangnet.identity.service import expiry
from vangnet.jobs import service
from vangnet.jobs.model import Pace, retry_delay_s
from vangnet.keys import Keys
from vangnet.partners import installation
from vangnet.partners.transport import Transport

#: A job acts for the installation itself, with what it needs and no more.
_DELIVERY = Actor(kind=ActorKind.SYSTEM, id="deliver_handoff", permissions=frozenset({Permission.HANDOFF_SEND}))


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


def deliver_handoff(work: Workplace, *, handoff_id: str) -> None:
    """Sends one hand-off and keeps the receipt, the refusal, or that there was no answer. Raises TryAgain."""
    id_ = UUID(handoff_id)
    with work.database.transaction() as conn:
        delivery = sending.due(conn, _DELIVERY, handoff_id=id_, now=work.now())
    if delivery is None:
        return
    try:
        answer = installation.deliver(
            work.transport, delivery.base_url, delivery.body, partner=f"party {delivery.party_id}"
        )
        with work.database.transaction() as conn:
            match answer:
                case installation.Accepted(receipt=receipt):
                    sending.acknowledge(conn, _DELIVERY, handoff_id=id_, receipt=receipt, now=work.now())
                case installation.Refused(reason=reason):
                    sending.refuse(conn, _DELIVERY, handoff_id=id_, reason=reason, now=work.now())
    except PartnerFailed as error:
        next_try_at = work.next_try_at(failures=delivery.tries + 1)
        with work.database.transaction() as conn:
            sent = sending.no_answer(
                conn, _DELIVERY, handoff_id=id_, problem=error.code, next_try_at=next_try_at, now=work.now()
            )
        if sent.state is SentState.WAITING:
            raise TryAgain(next_try_at) from error


def forget_finished_jobs(work: Workplace) -> None:
    """Deletes jobs that were finished more than a day ago."""
    more = True
    while more:
        with work.database.transaction() as conn:
            more = service.forget_finished(conn, now=work.now()) > 0


def remove_expired(work: Workplace) -> None:
    """Removes what stopped counting: sessions, links, invitations, introductions that nobody accepted."""
    settings = work.settings
    with work.database.transaction() as conn:
        expiry.remove_expired(
            conn, now=work.now(), idle_minutes=settings.session_idle_minutes, hours=settings.session_hours
        )


#: By name. A name that once stood here stays, or jobs that wait under it are parked at the next start.
TASKS: Mapping[str, Task] = {
    sending.DELIVER: deliver_handoff,
    "forget_finished_jobs": forget_finished_jobs,
    "remove_expired": remove_expired,
}
#: When tasks run by themselves, as cron has it, in UTC. Each time is run once, however many workers there are.
SCHEDULE: Mapping[str, str] = {
    "forget_finished_jobs": "17 * * * *",
    "remove_expired": "47 * * * *",
}
