"""Deciding that evidence is not needed, and undoing that."""

from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.reports.model.clocks import ClockState, Urgency, clock_moved, urgency
from vangnet.reports.service.triage import placing
from vangnet.reports.store import clocks as store


def drop(conn: Connection, actor: Actor, *, clock_id: int, now: datetime) -> int:
    """Decides that this evidence, and the rest that the same holder has for the report, is not needed; its report.

    Raises PermissionDenied, NotFound, InvalidTransition.
    """
    actor.require(Permission.REPORT_WORK)
    clocks = store.list_with_same_holder(conn, clock_id)
    chosen = next(clock for clock in clocks if clock.id == clock_id)
    clock_moved(chosen.state, ClockState.DROPPED)
    dropped = [clock.id for clock in clocks if clock.state in {ClockState.RUNNING, ClockState.EXPIRED}]
    store.update_clocks(conn, dropped, ClockState.DROPPED, preservation_id=None, now=now)
    placing.renew(conn, report_id=chosen.report_id, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=chosen.report_id, now=now,
        clocks_dropped=len(dropped),
    )  # fmt: skip
    return chosen.report_id


def take_up(conn: Connection, actor: Actor, *, clock_id: int, now: datetime) -> int:
    """Undoes that. What ended meanwhile is gone. Raises PermissionDenied, NotFound, InvalidTransition."""
    actor.require(Permission.REPORT_WORK)
    clocks = store.list_with_same_holder(conn, clock_id)
    chosen = next(clock for clock in clocks if clock.id == clock_id)
    clock_moved(chosen.state, ClockState.RUNNING)
    for clock in clocks:
        if clock.state is ClockState.DROPPED:
            over = urgency(clock.expires_at, now) is Urgency.GONE
            state = ClockState.EXPIRED if over else ClockState.RUNNING
            store.update_clocks(conn, [clock.id], state, preservation_id=None, now=now)
    placing.renew(conn, report_id=chosen.report_id, now=now)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=chosen.report_id, now=now,
        clocks_taken_up=len(clocks),
    )  # fmt: skip
    return chosen.report_id
