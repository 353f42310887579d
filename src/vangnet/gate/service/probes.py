"""Alarms about who seems to try the lists out: shown, and ended by a person."""

from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit import service as audit
from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.gate import store as decision_store
from vangnet.gate.model import ListedDecision
from vangnet.gate.store import probes as store
from vangnet.gate.store.probes import Probe
from vangnet.identity.permissions import Permission

#: For how long an uploader's code is kept.
UPLOADERS_LAST = timedelta(days=1)
_LIST_MAX = 100


def list_probes(conn: Connection, actor: Actor) -> list[tuple[Probe, list[ListedDecision]]]:
    """The newest first, each with the kept decisions that gave rise to it. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    found = store.list_probes(conn, limit=_LIST_MAX)
    named = decision_store.list_some(conn, [one for probe in found for one in probe.decisions])
    by_id = {one.answer.check_id: one for one in named}
    return [(probe, [by_id[one] for one in reversed(probe.decisions) if one in by_id]) for probe in found]


def count_limited(conn: Connection, actor: Actor, *, now: datetime) -> int:
    """How many keys and uploaders are told less than others. Raises PermissionDenied."""
    actor.require(Permission.GATE_READ)
    return store.count_limited(conn, now=now)


def lift(conn: Connection, actor: Actor, *, probe_id: UUID, now: datetime) -> None:
    """Ends a limit: within two seconds every gate tells that key or uploader as much as others.

    Raises PermissionDenied, NotFound, Conflict where it has ended already.
    """
    actor.require(Permission.GATE_LIFT)
    found = store.get_probe_for_update(conn, probe_id)
    if not found.is_limited(now):
        raise Conflict(problem="the limit has ended already")
    store.update_lifted(conn, probe_id, lifted_by=f"{actor.kind} {actor.id}", now=now)
    audit.record(conn, actor, action=Permission.GATE_LIFT, record="probe", record_id=probe_id, now=now, sign=found.sign)


def forget_uploaders(conn: Connection, *, now: datetime) -> int:
    """Erases the codes of uploaders after a day; returns how many."""
    return store.forget_uploaders(conn, before=now - UPLOADERS_LAST)
