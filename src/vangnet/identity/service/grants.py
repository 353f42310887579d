"""Rights that we give to parties."""

import uuid
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection
from vangnet.errors import Conflict, InvalidInput
from vangnet.identity.model.parties import Grant, GrantedRight, Party, grant_holds, legal_day, require_known
from vangnet.identity.permissions import Permission
from vangnet.identity.store import parties as store


def grant(
    conn: Connection,
    actor: Actor,
    *,
    party_id: UUID,
    right: GrantedRight,
    until: date | None = None,
    now: datetime,
) -> Grant:
    """Gives a party a right, in place of an older grant of the same.

    Raises PermissionDenied, NotFound, InvalidInput, Conflict.
    """
    actor.require(Permission.PARTY_GRANT)
    party = store.get_party_for_update(conn, party_id)
    require_known(party)
    if until is not None and until < legal_day(now):
        raise InvalidInput(field="until", problem="must not be in the past")
    older = store.find_open_grant(conn, party_id, right)
    if older is not None:
        store.update_grant_withdrawn(conn, older.id, now=now)
    new = Grant(
        id=uuid.uuid4(),
        party_id=party_id,
        right=right,
        given_by=actor.label,
        given_at=now,
        until=until,
        withdrawn_at=None,
    )
    store.add_grant(conn, new)
    _record(conn, actor, new, now=now, replaced=None if older is None else str(older.id), withdrawn=False)
    return new


def withdraw(conn: Connection, actor: Actor, *, grant_id: UUID, now: datetime) -> Grant:
    """Takes a right back. Raises PermissionDenied, NotFound, Conflict."""
    actor.require(Permission.PARTY_GRANT)
    given = store.get_grant_for_update(conn, grant_id)
    if given.withdrawn_at is not None:
        raise Conflict(problem="this grant was withdrawn already")
    store.update_grant_withdrawn(conn, grant_id, now=now)
    _record(conn, actor, given, now=now, withdrawn=True)
    return replace(given, withdrawn_at=now)


def list_grants(conn: Connection, actor: Actor, party_id: UUID) -> list[Grant]:
    """A party's grants, withdrawn ones included, the newest first. Raises PermissionDenied."""
    actor.require(Permission.PARTY_READ)
    return store.list_grants(conn, party_id)


def has_right(conn: Connection, party: Party, right: GrantedRight, *, now: datetime) -> bool:
    """Whether the party has this right today. For other capabilities."""
    given = store.find_open_grant(conn, party.id, right)
    return given is not None and grant_holds(given, party, now)


def _record(conn: Connection, actor: Actor, given: Grant, *, now: datetime, **details: object) -> None:
    record(
        conn,
        actor,
        action=Permission.PARTY_GRANT,
        record="party",
        record_id=given.party_id,
        now=now,
        grant=str(given.id),
        right=given.right,
        **details,
    )
