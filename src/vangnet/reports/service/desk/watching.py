"""Present danger: who is on watch, who was called, and what nobody took yet.

Whoever is called sees it on every page that they open. That is worked out as it is asked for, so it holds also where no
worker runs; the job keeps who was called and when. A message to a telephone is not sent: see docs/explanation/desk.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Connection, defer
from vangnet.errors import Conflict
from vangnet.identity.permissions import Permission
from vangnet.reports.model.reports import Report, ReportState
from vangnet.reports.model.triage_policy import TriagePolicy
from vangnet.reports.rules.desk.danger import Alert, Calling, alerts, calling
from vangnet.reports.rules.triage.points import standing
from vangnet.reports.service.desk.desk import person_of
from vangnet.reports.service.triage import placing
from vangnet.reports.service.triage.placing import policy_now
from vangnet.reports.store import reports as store
from vangnet.reports.store import watch as watch_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaken:
    """A report of present danger that nobody took."""

    report: Report
    alert: Alert
    calling: Calling
    #: Whom the job called, and when.
    called: Sequence[tuple[UUID, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """What somebody who is called sees on every page."""

    reports: int
    #: By when the first of them is to be taken.
    due_at: datetime
    overdue: bool
    nobody_on_watch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Whether somebody is on watch, and what calls them."""

    on_watch: bool
    banner: Banner | None


def watch(conn: Connection, actor: Actor) -> list[UUID]:
    """Who is on watch, in the order in which they are called. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return watch_store.list_watch(conn)


def untaken(conn: Connection, actor: Actor, *, now: datetime) -> list[Untaken]:
    """What calls a person and nobody took, the earliest due first. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    _, policy = policy_now(conn)
    on_watch = watch_store.list_watch(conn)
    reports = {report.id: report for report in watch_store.list_untaken(conn)}
    return [
        Untaken(
            report=reports[alert.report_id],
            alert=alert,
            calling=calling(policy, alert, on_watch, now),
            called=watch_store.list_calls(conn, alert.report_id),
        )
        for alert in alerts(policy, [report.facts for report in reports.values()])
    ]


def called(conn: Connection, actor: Actor, *, now: datetime) -> Called:
    """What calls somebody now. Every page asks this: where nothing calls, two small questions that an index answers."""
    if actor.kind is not ActorKind.PERSON or Permission.REPORT_WORK not in actor.permissions:
        return Called(on_watch=False, banner=None)
    on_watch = watch_store.list_watch(conn)
    return Called(on_watch=person_of(actor) in on_watch, banner=_banner(conn, actor, on_watch, now))


def _banner(conn: Connection, actor: Actor, on_watch: Sequence[UUID], now: datetime) -> Banner | None:
    reports = watch_store.list_untaken(conn)
    if not reports:
        return None
    _, policy = policy_now(conn)
    found = [(alert, calling(policy, alert, on_watch, now)) for alert in alerts(policy, [r.facts for r in reports])]
    mine = [(alert, one) for alert, one in found if _is_called(actor, one)]
    if not mine:
        return None
    return Banner(
        reports=len(mine),
        due_at=mine[0][0].due_at,
        overdue=any(one.overdue for _, one in mine),
        nobody_on_watch=not on_watch,
    )


def _is_called(actor: Actor, one: Calling) -> bool:
    """Whoever leads the desk has to know what is overdue; where nobody is on watch, everybody is called who can take it."""
    if one.nobody_on_watch or (one.overdue and Permission.REPORT_LEAD in actor.permissions):
        return True
    return UUID(actor.id) in one.called


def join(conn: Connection, actor: Actor, *, now: datetime) -> None:
    """Goes on watch, after those who are on it; whoever is on it stays where they are. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    watch_store.join(conn, person_of(actor), now=now)
    for report in watch_store.list_untaken(conn):
        defer(conn, placing.CALL, report_id=report.id)
    _record(conn, actor, on_watch=True, now=now)


def leave(conn: Connection, actor: Actor, *, now: datetime) -> None:
    """Goes off watch. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    watch_store.leave(conn, person_of(actor))
    _record(conn, actor, on_watch=False, now=now)


def call(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> datetime | None:
    """Calls whoever is to be called by now for a report; when to look again, or None where nobody else is to be called.

    Raises PermissionDenied, NotFound.
    """
    actor.require(Permission.REPORT_TAKE)
    report = store.get_report_for_update(conn, report_id)
    _, policy = policy_now(conn)
    if report.state not in {ReportState.WAITING, ReportState.ASIDE}:
        return None
    alert = next(iter(alerts(policy, [report.facts])), None)
    if alert is None:
        return None
    one = calling(policy, alert, watch_store.list_watch(conn), now)
    fresh = watch_store.add_calls(conn, report_id, one.called, now=now)
    if fresh:
        audit.record(
            conn, actor, action=Permission.REPORT_TAKE, record="report", record_id=report_id, now=now,
            called=fresh, overdue=one.overdue,
        )  # fmt: skip
    return _next_look(policy, one, now)


def _next_look(policy: TriagePolicy, one: Calling, now: datetime) -> datetime | None:
    if one.nobody_on_watch:
        # Somebody may go on watch: then they are called at once. This is for when they do while no job is waiting.
        return now + timedelta(minutes=policy.escalate_minutes)
    return one.next_at


def say_no_danger(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> None:
    """Somebody who has the report looked, and says that no child is in danger now: it calls nobody any more.

    What is said of the report afterwards ends that. Raises PermissionDenied, NotFound, Conflict.
    """
    actor.require(Permission.REPORT_WORK)
    report = store.get_report_for_update(conn, report_id)
    if report.state is not ReportState.CLAIMED or report.claimed_by != person_of(actor):
        raise Conflict(problem="the report is not yours: claim it first")
    if not standing(policy_now(conn)[1], report.facts, now).danger:
        raise Conflict(problem="this report calls nobody")
    placing.renew(conn, report_id=report_id, facts=replace(report.facts, no_danger=True), now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report_id, now=now, no_danger=True
    )  # fmt: skip


def _record(conn: Connection, actor: Actor, *, on_watch: bool, now: datetime) -> None:
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report_watch", record_id=actor.id, now=now, on_watch=on_watch
    )  # fmt: skip
