"""Which reports need a person at once, and whom to call until one of them takes it. Pure.

A report with a sign of present danger, or with as many points as the policy says, is to be in somebody's hands within
fifteen minutes of its arrival, by day and night. Silence ends nothing: while nobody takes it, the next is called too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.reports.model.drafts import Sign
from vangnet.reports.model.facts import Facts
from vangnet.reports.model.triage_policy import TriagePolicy
from vangnet.reports.rules.triage.points import calls_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A report that needs a person at once."""

    report_id: int
    since: datetime
    #: By when somebody is to have taken it.
    due_at: datetime
    #: The signs that say so; none where it is the sum of its points.
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """Who is called for an alert that nobody took."""

    #: In the order in which they were.
    called: tuple[UUID, ...]
    #: When the next one is called; None when all have been.
    next_at: datetime | None
    #: The fifteen minutes are over: whoever is responsible for the desk has to know.
    overdue: bool
    #: Nobody is on watch. That is never quiet: it is a fault of the desk, told as one.
    nobody_on_watch: bool


def alerts(policy: TriagePolicy, untaken: Iterable[Facts]) -> list[Alert]:
    """The alerts among reports that nobody took, the earliest due first. A report that cannot be opened calls as well."""
    found = [
        Alert(
            report_id=one.report_id,
            since=one.received_at,
            due_at=one.received_at + timedelta(minutes=policy.danger_minutes),
            signs=tuple(sorted({claim.sign for claim in one.claims} & policy.danger)),
        )
        for one in untaken
        if calls_person(policy, one)
    ]
    return sorted(found, key=lambda alert: (alert.due_at, alert.report_id))


def calling(policy: TriagePolicy, alert: Alert, watch: Sequence[UUID], now: datetime) -> Calling:
    """Who has been called by now: the first of the watch at once, and one more each time that some minutes have passed.

    When the time is over all of them are called, however many there are.
    """
    step = timedelta(minutes=policy.escalate_minutes)
    overdue = now >= alert.due_at
    reached = len(watch) if overdue else min(len(watch), 1 + max(timedelta(), now - alert.since) // step)
    return Calling(
        called=tuple(watch[:reached]),
        next_at=min(alert.due_at, alert.since + reached * step) if reached < len(watch) else None,
        overdue=overdue,
        nobody_on_watch=not watch,
    )
