"""Why what a report says about people is kept, and erasing it when that ends. Figures stay."""

from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.reports.model.reports import Closing, ReportState
from vangnet.reports.service.intake.registering import RECORD
from vangnet.reports.service.linking import joining
from vangnet.reports.store import clocks as clock_store
from vangnet.reports.store import deliveries as delivery_store
from vangnet.reports.store import referrals as referral_store
from vangnet.reports.store import reports as store
from vangnet.vault.model import Basis
from vangnet.vault.service import keeping

#: On what a report rests once the work on it has ended.
_AFTER = {
    Closing.HANDLED: Basis.REMOVAL,
    Closing.FORWARDED: Basis.REFERRED,
    Closing.KNOWN: Basis.NOT_ILLEGAL,
    Closing.NOTHING_FOUND: Basis.NOT_ILLEGAL,
    Closing.NOT_FOUND: Basis.NOT_ILLEGAL,
    Closing.NOT_OURS: Basis.NOT_ILLEGAL,
}


def basis_of(state: ReportState, closing: Closing | None) -> Basis:
    """On what it rests that a report in this state is kept."""
    if state is ReportState.REFERRED:
        return Basis.REFERRED
    return Basis.INTAKE if closing is None else _AFTER[closing]


def rest_on(conn: Connection, actor: Actor, *, report_id: int, basis: Basis, now: datetime) -> None:
    """A report rests on another basis from now on, and its media with it. For the services of this package."""
    store.update_basis(conn, report_id, basis, since=now)
    keeping.rest_all_on(conn, actor, record=RECORD, record_id=str(report_id), basis=basis, now=now)


def list_resting(
    conn: Connection, actor: Actor, *, basis: Basis, until: datetime, limit: int
) -> list[tuple[int, datetime]]:
    """Reports whose content rests on a basis since `until` or earlier, locked: number and since when.

    Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_READ)
    return store.list_resting(conn, basis, until=until, limit=limit)


def count_resting(conn: Connection, actor: Actor, *, basis: Basis, until: datetime) -> int:
    """How many there are. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.count_resting(conn, basis, until=until)


def move_on(conn: Connection, actor: Actor, *, report_id: int, basis: Basis, since: datetime, now: datetime) -> None:
    """What a report says rests on another basis since then, because the term of the one before ended.

    Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_ERASE)
    store.update_basis(conn, report_id, basis, since=since)
    audit.record(
        conn, actor, action=Permission.REPORT_ERASE, record="report", record_id=report_id, now=now, basis=basis.value
    )


def erase(conn: Connection, actor: Actor, *, report_id: int, now: datetime) -> None:
    """Erases what a report says, and what came with it where no other report needs that. Raises PermissionDenied."""
    actor.require(Permission.REPORT_ERASE)
    store.erase_said(conn, report_id, now=now)
    joining.forget(conn, report_id)
    clock_store.erase(conn, report_id)
    referral_store.erase_notes(conn, report_id)
    delivery_store.erase_read(conn, report_id)
    audit.record(conn, actor, action=Permission.REPORT_ERASE, record="report", record_id=report_id, now=now, erased=True)
