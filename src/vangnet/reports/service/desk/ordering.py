"""The queue as people look at it: how far the work reaches, what is below, and what a filter wants of it.

No page counts a million reports. Where few wait, the line is worked out as it is asked for; where many do, a job counts and
the page says when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.permissions import Permission
from vangnet.reports.model.reports import Report
from vangnet.reports.model.triage_policy import AGAINST, TriagePolicy
from vangnet.reports.model.wanted import Wanted, read_wanted
from vangnet.reports.rules.desk.capacity import CapacityLine, capacity_line
from vangnet.reports.rules.triage.order import order
from vangnet.reports.rules.triage.points import Factor, Standing, standing
from vangnet.reports.service.desk import desk
from vangnet.reports.service.triage.placing import policy_now
from vangnet.reports.store import filters as filter_store
from vangnet.reports.store import policies as policy_store
from vangnet.reports.store import queue as queue_store
from vangnet.reports.store import reports as store
from vangnet.reports.store import survey as survey_store
from vangnet.reports.store.filters import FilterRow
from vangnet.reports.store.survey import Capacity

#: The job that counts what is below the line; declared in `vangnet.jobs.tasks`.
SURVEY = "survey_queue"
#: The hours are those of a week.
WEEK = timedelta(days=7)
#: So many that wait are worked out as they are asked for; more are counted by the job.
AT_ONCE_MAX = 200
#: Counts go up to here; beyond it the page says that there are more.
COUNTED_MAX = 10_000
#: A filter looks at so many of the first, and says so.
LOOKED_AT_MAX = 5_000
#: More reports than this nobody opens in a week.
ABOVE_MAX = 5_000
_NAME_MAX = 60
_FILTERS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How far the work reaches, by how much work there is, and when that was counted."""

    capacity: Capacity
    line: CapacityLine
    counted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many reports there are in the states of the desk's daily work, each counted up to COUNTED_MAX."""

    waiting: int
    claimed: int
    aside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a filter wants of the queue."""

    reports: Sequence[tuple[Report, Standing]]
    #: So many of the first were looked at; further down there may be more.
    looked_at: int
    to_the_end: bool


# --- the line ---


def counts(conn: Connection, actor: Actor) -> Counts:
    """How many wait, are worked on, and are aside. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return Counts(**survey_store.count_states(conn, most=COUNTED_MAX + 1))


def capacity(conn: Connection, actor: Actor) -> Capacity:
    """How much work there is in a week. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return survey_store.get_capacity(conn)


def line(conn: Connection, actor: Actor, *, now: datetime) -> Line | None:
    """How far the work reaches; None where many wait and the job has not counted them yet. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    said = survey_store.get_capacity(conn)
    if survey_store.count_waiting(conn, most=AT_ONCE_MAX + 1) <= AT_ONCE_MAX:
        return Line(capacity=said, line=_worked_out(conn, said, now), counted_at=now)
    kept = survey_store.find_survey(conn)
    if kept is None or kept.line["capacity"] != [said.hours, said.minutes_each]:
        return None
    return Line(capacity=said, line=_read_line(kept.line), counted_at=kept.counted_at)


def survey(conn: Connection, actor: Actor, *, now: datetime) -> CapacityLine:
    """Counts what is below the line, and keeps it for the pages. For the job. Raises PermissionDenied."""
    actor.require(Permission.REPORT_LEAD)
    said = survey_store.get_capacity(conn)
    above = above_line(conn, said, now=now)
    until = now + WEEK
    found = survey_store.count_below(conn, above, until=until)
    counted = CapacityLine(
        above=len(above),
        below=found["below"],
        below_with=_below_with(policy_now(conn)[1], found),
        overdue_below=found["overdue"],
        oldest_below_at=found["oldest"],
        aside=survey_store.count_states(conn, most=COUNTED_MAX + 1)["aside"],
    )
    survey_store.put_survey(conn, _written_line(counted, said), now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="report_survey", record_id="1", now=now,
        above=counted.above, below=counted.below,
    )  # fmt: skip
    return counted


def above_line(conn: Connection, said: Capacity, *, now: datetime) -> list[int]:
    """What is above the line, in its order. For the services of this package."""
    return [report.id for report, _ in desk.first_places(conn, limit=min(said.reports, ABOVE_MAX), now=now)]


def choose_capacity(conn: Connection, actor: Actor, *, hours: int, minutes_each: int, now: datetime) -> Capacity:
    """Says how much work there is in a week. Raises PermissionDenied, InvalidInput."""
    actor.require(Permission.REPORT_LEAD)
    if not 1 <= hours <= 100_000:
        raise InvalidInput(field="hours", problem="must be a whole number of hours from 1 to 100000")
    if not 1 <= minutes_each <= 24 * 60:
        raise InvalidInput(field="minutes_each", problem="must be a whole number of minutes from 1 to 1440")
    chosen = Capacity(hours=hours, minutes_each=minutes_each)
    survey_store.update_capacity(conn, chosen)
    defer(conn, SURVEY)
    audit.record(
        conn, actor, action=Permission.REPORT_LEAD, record="report_capacity", record_id="1", now=now,
        hours=hours, minutes_each=minutes_each,
    )  # fmt: skip
    return chosen


def _worked_out(conn: Connection, said: Capacity, now: datetime) -> CapacityLine:
    _, policy = policy_now(conn)
    facts = {report.id: report.facts for report in queue_store.by_age(conn)}
    listing = order(policy, facts.values(), now, taken=policy_store.count_taken(conn))
    found = capacity_line(policy, listing, facts, hours=said.hours, minutes_each=said.minutes_each, until=now + WEEK)
    aside = survey_store.count_states(conn, most=COUNTED_MAX + 1)["aside"]
    return CapacityLine(**{name: getattr(found, name) for name in found.__slots__} | {"aside": aside})


def _below_with(policy: TriagePolicy, found: Mapping[str, object]) -> dict[tuple[Factor, str], int]:
    """What was counted, as `capacity_line` says it."""
    signs, incidents = found["signs"], found["incidents"]
    assert isinstance(signs, dict)  # noqa: S101 (the store made it)
    assert isinstance(incidents, dict)  # noqa: S101
    below = {(Factor.SIGN, sign): number for sign, number in signs.items() if sign not in AGAINST}
    below |= {
        (Factor.INCIDENT, one): incidents[one] for one, points in policy.incidents.items() if points and one in incidents
    }
    below |= {(factor, ""): found[name] for factor, name in ((Factor.UNSEEN, "unseen"), (Factor.EVIDENCE, "evidence"))}
    return dict(sorted(((kind, n) for kind, n in below.items() if n), key=lambda item: (-item[1], item[0])))


def _written_line(counted: CapacityLine, said: Capacity) -> dict[str, object]:
    return {
        "capacity": [said.hours, said.minutes_each],
        "above": counted.above,
        "below": counted.below,
        "below_with": [[factor.value, code, number] for (factor, code), number in counted.below_with.items()],
        "overdue_below": counted.overdue_below,
        "oldest_below_at": None if counted.oldest_below_at is None else counted.oldest_below_at.isoformat(),
        "aside": counted.aside,
    }


def _read_line(kept: Mapping[str, object]) -> CapacityLine:
    line: dict[str, object] = {name: number for name, number in kept.items() if name != "capacity"}
    oldest = line["oldest_below_at"]
    line["oldest_below_at"] = datetime.fromisoformat(oldest) if isinstance(oldest, str) else None
    below_with = line["below_with"]
    assert isinstance(below_with, list)  # noqa: S101 (it was written here)
    line["below_with"] = {(Factor(factor), code): number for factor, code, number in below_with}
    return CapacityLine(**line)  # type: ignore[arg-type]


# --- filters ---


def find(conn: Connection, actor: Actor, *, wanted: Wanted, limit: int, now: datetime) -> Found:
    """What a filter wants of what waits, in the order of the queue. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    _, policy = policy_now(conn)
    since = now - timedelta(hours=policy.in_time_hours)
    looked_at = 0
    ids: list[int] = []
    for report_id, fits in filter_store.walk(conn, wanted, policy.among_equals, since=since, now=now):
        if looked_at == LOOKED_AT_MAX or len(ids) == limit:
            break
        looked_at += 1
        if fits:
            ids.append(report_id)
    else:
        return Found(reports=_standing(conn, policy, ids, now), looked_at=looked_at, to_the_end=True)
    return Found(reports=_standing(conn, policy, ids, now), looked_at=looked_at, to_the_end=False)


def _standing(
    conn: Connection, policy: TriagePolicy, report_ids: Sequence[int], now: datetime
) -> list[tuple[Report, Standing]]:
    found = store.list_reports(conn, report_ids)
    return [(report, standing(policy, report.facts, now, moves=False)) for report in found]


def list_filters(conn: Connection, actor: Actor) -> list[FilterRow]:
    """What the person who is signed in keeps. Raises PermissionDenied, Conflict for a program."""
    actor.require(Permission.REPORT_READ)
    return filter_store.list_filters(conn, desk.person_of(actor))


def keep_filter(conn: Connection, actor: Actor, *, name: str, given: Mapping[str, str], now: datetime) -> int:
    """Keeps a filter under a name, for oneself. Raises PermissionDenied, InvalidInput, Conflict."""
    actor.require(Permission.REPORT_WORK)
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= _NAME_MAX:
        raise InvalidInput(field="name", problem=f"must have 1 to {_NAME_MAX} characters")
    wanted = read_wanted(given)
    if wanted.everything:
        raise InvalidInput(field="name", problem="choose what to filter first: this one leaves nothing out")
    person_id = desk.person_of(actor)
    if len(filter_store.list_filters(conn, person_id)) >= _FILTERS_MAX:
        raise Conflict(problem=f"there are {_FILTERS_MAX} filters already: forget one first")
    filter_id = filter_store.add_filter(conn, person_id, tidy, wanted.given())
    if filter_id is None:
        raise InvalidInput(field="name", problem="you have a filter of that name")
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report_filter", record_id=filter_id, now=now, kept=True
    )
    return filter_id


def forget_filter(conn: Connection, actor: Actor, *, filter_id: int, now: datetime) -> None:
    """Forgets one of one's own filters; one that is gone is gone. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    filter_store.delete_filter(conn, desk.person_of(actor), filter_id)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report_filter", record_id=filter_id, now=now, kept=False
    )
