"""Evidence that will be gone: a clock for each, from what a report says of addresses, accounts and times.

Clocks are started when a report is taken in, and the next end feeds its place in the order. Who has what lies sealed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.reports.model.clocks import Clock, ClockState, Urgency, may_be_asked_for, urgency
from vangnet.reports.model.contents import packed, unpacked
from vangnet.reports.model.drafts import ReportDraft
from vangnet.reports.model.regimes import REGIMES_VERSION, TERMS, Term, term_by_code
from vangnet.reports.rules.evidence.clocks import ClockDraft, clocks_of
from vangnet.reports.service.secrets import opened, place, secrets_of
from vangnet.reports.store import clocks as store
from vangnet.reports.store.clocks import ClockRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClock:
    """A clock as a person sees it."""

    clock: Clock
    #: Who has it; None where only the kind of holder is known, or it was erased.
    holder: str | None = field(repr=False)
    country: str | None
    #: By which it ends; None where nobody knows, or the term is of an older version.
    term: Term | None
    urgency: Urgency
    #: Whether a request makes sense.
    may_ask: bool


def start(
    conn: Connection, keys: Keys, *, report_id: int, draft: ReportDraft, received_at: datetime, now: datetime
) -> None:
    """Starts the clocks of a report that was just taken in. One that it had before goes on as it stands."""
    found = clocks_of(draft, received_at, TERMS)
    if not found:
        return
    secrets = secrets_of(keys)
    codes = secrets.value.each([f"clock\0{clock.key}".encode() for clock in found])
    holder_codes = secrets.value.each([f"holder\0{clock.holder_key}".encode() for clock in found])
    sealed = secrets.follow_up.seal_many([packed(clock) for clock in found], place(report_id))
    rows = [
        ClockRow(
            code=code,
            holder_code=holder_code,
            kind=clock.kind,
            regime=clock.regime,
            sealed=one,
            starts_at=clock.starts_at,
            expires_at=clock.expires_at,
            state=ClockState.EXPIRED if urgency(clock.expires_at, now) is Urgency.GONE else ClockState.RUNNING,
        )
        for clock, code, holder_code, one in zip(found, codes, holder_codes, sealed, strict=True)
    ]
    store.add_clocks(conn, report_id, rows, version=REGIMES_VERSION, now=now)


def next_expiry(conn: Connection, *, report_id: int, now: datetime) -> datetime | None:
    """When the next evidence of a report is gone that is still to be had and was not secured."""
    return store.next_expiry(conn, report_id, now=now)


def expire(conn: Connection, *, now: datetime, limit: int = 500) -> list[int]:
    """Writes of some clocks that their time is over; the reports whose place that changes."""
    return store.expire_due(conn, now=now, limit=limit)


# --- reading ---


def list_open(conn: Connection, actor: Actor, *, keys: Keys, limit: int = 100, now: datetime) -> list[ShownClock]:
    """What will be gone first, of all reports that are worked on; who has it is opened, and that leaves an event.

    Raises PermissionDenied.
    """
    actor.require(Permission.REPORT_WORK)
    clocks = store.list_open(conn, limit=limit)
    if clocks:
        audit.record(
            conn, actor, action=Permission.REPORT_WORK, record="evidence", record_id="open", now=now, opened=len(clocks)
        )
    return _shown(keys, clocks, now)


def list_of_report(conn: Connection, actor: Actor, *, keys: Keys, report_id: int, now: datetime) -> list[ShownClock]:
    """The clocks of one report; who has what is opened, and that leaves an event. Raises PermissionDenied."""
    actor.require(Permission.REPORT_WORK)
    clocks = store.list_of_report(conn, report_id)
    audit.record(
        conn, actor, action=Permission.REPORT_WORK, record="report", record_id=report_id, now=now, evidence=len(clocks)
    )
    return _shown(keys, clocks, now)


def count_by_state(conn: Connection, actor: Actor) -> dict[ClockState, int]:
    """How many clocks are in each state. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.count_by_state(conn)


def count_unknown(conn: Connection, actor: Actor) -> int:
    """How many clocks run of which nobody knows the end. Raises PermissionDenied."""
    actor.require(Permission.REPORT_READ)
    return store.count_unknown(conn)


def open_clock(keys: Keys, clock: Clock) -> ClockDraft | None:
    """Who has what; None where it was erased. For the services of this package."""
    if clock.sealed is None:
        return None
    return unpacked(ClockDraft, opened(secrets_of(keys).follow_up, clock.sealed, clock.report_id))


def _shown(keys: Keys, clocks: Sequence[Clock], now: datetime) -> list[ShownClock]:
    shown = []
    for clock in clocks:
        said = open_clock(keys, clock)
        term = None if clock.regime is None else term_by_code(clock.regime)
        shown.append(
            ShownClock(
                clock=clock,
                holder=None if said is None else said.holder,
                country=None if said is None else said.country,
                term=term,
                urgency=urgency(clock.expires_at, now),
                may_ask=may_be_asked_for(clock, term),
            )
        )
    return shown
