"""What became of reports: the investigation that one led to, what that came to, and the series that files belong to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection, defer
from vangnet.errors import NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.outcomes import (
    TOLD,
    Effect,
    Investigation,
    InvestigationOutcome,
    Outcome,
    Series,
    checked_number,
    checked_people,
    checked_series,
)
from vangnet.reports.service.secrets import opened, place, secrets_of
from vangnet.reports.service.triage import placing
from vangnet.reports.store import outcomes as store
from vangnet.reports.store import reports as report_store

#: The job that tells whoever referred a report what an investigation came to; declared in `vangnet.jobs.tasks`.
TELL = "tell_referral_outcome"
#: So many reports of a series are put where they belong at once; the others when something of them changes.
_PLACED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownInvestigation:
    """An investigation with its reports, and what it came to."""

    investigation: Investigation
    #: The number that it has elsewhere; None for whoever may not work with reports.
    number: str | None = field(repr=False)
    reports: Sequence[int]
    outcomes: Sequence[InvestigationOutcome]


def lead_to(conn: Connection, actor: Actor, *, keys: Keys, report_id: int, number: str, now: datetime) -> int:
    """Writes that a report led to an investigation, by the number that this has elsewhere; returns our id of it.

    Raises PermissionDenied, NotFound, InvalidInput.
    """
    actor.require(Permission.REPORT_WORK)
    report_store.get_report(conn, report_id)
    said = checked_number(number).encode()
    secrets = secrets_of(keys)
    investigation_id = store.put_investigation(
        conn, code=secrets.value(b"investigation\0" + said.upper()), sealed=secrets.follow_up.seal(said, place()),
        by=actor.label, now=now,
    )  # fmt: skip
    store.add_report(conn, investigation_id, report_id, by=actor.label, now=now)
    _record(conn, actor, investigation_id, now, report=report_id)
    return investigation_id


def part_from(conn: Connection, actor: Actor, *, investigation_id: int, report_id: int, now: datetime) -> None:
    """Undoes that. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_WORK)
    if not store.remove_report(conn, investigation_id, report_id):
        raise NotFound(record="investigation of the report", key=str(report_id))
    _record(conn, actor, investigation_id, now, report=report_id, parted=True)


def add(
    conn: Connection,
    actor: Actor,
    *,
    investigation_id: int,
    outcome: Outcome,
    people: int | None = None,
    now: datetime,
) -> int:
    """Writes what an investigation came to; whoever referred one of its reports to us is told. Returns its number.

    Raises PermissionDenied, NotFound, InvalidInput.
    """
    actor.require(Permission.REPORT_WORK)
    store.get_investigation(conn, investigation_id)
    outcome_id = store.add_outcome(conn, investigation_id, outcome, people=checked_people(people), by=actor.label, now=now)
    for report_id in store.list_reports_of(conn, [investigation_id])[investigation_id]:
        defer(conn, TELL, report_id=report_id, outcome=TOLD[outcome].value)
    _record(conn, actor, investigation_id, now, outcome=outcome.value, people=people)
    return outcome_id


def withdraw(conn: Connection, actor: Actor, *, outcome_id: int, now: datetime) -> None:
    """Undoes an outcome that was written by mistake; who was told, was told. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_WORK)
    found = store.withdraw_outcome(conn, outcome_id, now=now)
    _record(conn, actor, found.investigation_id, now, outcome=found.outcome.value, withdrawn=True)


# --- series ---


def put_into_series(conn: Connection, actor: Actor, *, report_id: int, code: str, files: bool = True, now: datetime) -> int:
    """Puts a report into a series, new or known, with all of its files or alone; returns the series' number.

    From then on a report that holds one of these files has to do with the series by itself. Raises PermissionDenied,
    NotFound, InvalidInput.
    """
    actor.require(Permission.REPORT_WORK)
    report_store.get_report(conn, report_id)
    series_id = store.put_series(conn, checked_series(code), by=actor.label, now=now)
    added = store.put_into_series(conn, series_id, report_id, files=files, by=actor.label, now=now)
    _place_members(conn, series_id, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="series", record_id=series_id, now=now, report=report_id,
        files=added,
    )  # fmt: skip
    return series_id


def take_out_of_series(conn: Connection, actor: Actor, *, report_id: int, series_id: int, now: datetime) -> None:
    """Takes a report out of a series, with the files that it alone brought. Raises PermissionDenied, NotFound."""
    actor.require(Permission.REPORT_WORK)
    before = store.list_members(conn, series_id, limit=_PLACED_AT_ONCE)
    if not store.take_out_of_series(conn, series_id, report_id):
        raise NotFound(record="report of the series", key=str(report_id))
    for member in sorted(before):
        placing.renew(conn, report_id=member, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="series", record_id=series_id, now=now, report=report_id,
        taken_out=True,
    )  # fmt: skip


# --- reading ---


def effect(conn: Connection, actor: Actor) -> Effect:
    """From reports to results, in numbers. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.effect(conn)


def list_investigations(conn: Connection, actor: Actor, *, keys: Keys, limit: int = 100) -> list[ShownInvestigation]:
    """Investigations, the newest first; their numbers only for whoever works with reports. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    found = store.list_investigations(conn, limit=limit)
    ids = [one.id for one in found]
    reports, outcomes = store.list_reports_of(conn, ids), store.list_outcomes(conn, ids)
    works = Permission.REPORT_WORK in actor.permissions
    return [
        ShownInvestigation(
            investigation=one,
            number=_number(keys, one) if works else None,
            reports=reports[one.id],
            outcomes=[outcome for outcome in outcomes if outcome.investigation_id == one.id],
        )
        for one in found
    ]


def list_series(conn: Connection, actor: Actor, *, limit: int = 100) -> list[Series]:
    """Series, and how often each turned up again. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.list_series(conn, limit=limit)


def list_members(conn: Connection, actor: Actor, *, series_id: int, limit: int = 100) -> list[int]:
    """The reports that have to do with a series, the newest first. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.list_members(conn, series_id, limit=limit)


def list_series_of(conn: Connection, actor: Actor, *, report_id: int) -> list[tuple[int, str]]:
    """The series that a report has to do with: number and code. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.list_series_of(conn, report_id)


def _place_members(conn: Connection, series_id: int, *, now: datetime) -> None:
    for member in sorted(store.list_members(conn, series_id, limit=_PLACED_AT_ONCE)):
        placing.renew(conn, report_id=member, now=now)


def _number(keys: Keys, investigation: Investigation) -> str:
    return opened(secrets_of(keys).follow_up, investigation.number).decode()


def _record(conn: Connection, actor: Actor, investigation_id: int, now: datetime, **details: object) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="investigation", record_id=investigation_id, now=now, **details
    )
