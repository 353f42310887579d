"""What entries did: decisions that rest on them, the flood stop, and what happens when an entry does not stand any more."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.audit.service import record
from vangnet.db import Connection, defer
from vangnet.errors import InvalidInput, NotFound
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.model.changes import NewChange
from vangnet.registry.model.entries import STANDING, Entry, EntryState
from vangnet.registry.model.matches import Against, NewMatch, RevisedMatch
from vangnet.registry.safeguards import FLOOD_LEAST, floods
from vangnet.registry.service.publishing import change_entry, publish
from vangnet.registry.store import collisions as collision_store
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import matches as store
from vangnet.registry.store.collisions import NewCollision
from vangnet.registry.store.matches import Hour

#: The job that marks decisions which no longer stand; declared in `vangnet.jobs.tasks`.
REVISE = "revise_matches"
#: Matches of one call.
MATCHES_MAX = 1000
REFERENCE_MAX = 200
#: What entries of a list match in an hour is learned from so long.
_LEARNED_FROM = timedelta(days=7)
_REVISED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What came of telling matches: how many were kept, and which entries the flood stop suspended."""

    matches: int
    suspended: tuple[int, ...]


def record_matches(conn: Connection, actor: Actor, *, keys: Keys, matches: Sequence[NewMatch], now: datetime) -> Recorded:
    """Keeps decisions that rest on entries; an entry that suddenly matches far more than such entries do is suspended.

    A decision that rests on an entry which does not stand any more is kept as one to revise. Raises PermissionDenied,
    InvalidInput, NotFound where an entry is none.
    """
    actor.require(Permission.REGISTRY_MATCH)
    _require_sound(matches)
    entries = {
        entry.id: entry for entry in entry_store.list_entries_for_update(conn, {match.entry_id for match in matches})
    }
    for match in matches:
        if match.entry_id not in entries:
            raise NotFound(record="entry", key=str(match.entry_id))
    store.add_matches(conn, {entry.id: entry.list_id for entry in entries.values()}, matches)
    flooding = _flooding(conn, entries, matches)
    revisions = store.last_revisions(conn, entries)
    store.revise_entries(conn, revisions, now=now)
    digest = hashlib.sha256("\n".join(sorted(str(match.entry_id) for match in matches)).encode()).hexdigest()
    record(
        conn, actor, action=Permission.REGISTRY_MATCH, record="registry", record_id="matches", now=now,
        matches=len(matches), entries=len(entries), digest=digest, suspended=[entry.id for entry in flooding],
        revised=len(revisions),
    )  # fmt: skip
    if flooding:
        _stop(conn, actor, keys, flooding, now=now)
    return Recorded(matches=len(matches), suspended=tuple(entry.id for entry in flooding))


def _flooding(conn: Connection, entries: dict[int, Entry], matches: Sequence[NewMatch]) -> list[Entry]:
    """The entries that are to be stopped; counts the matches by the hour on the way."""
    found = {}
    hours = Counter(
        (match.entry_id, match.at.replace(minute=0, second=0, microsecond=0)) for match in matches if match.counts
    )
    for (entry_id, hour), count in sorted(hours.items()):
        entry = entries[entry_id]
        total = store.count_hour(conn, entry_id, entry.list_id, hour, count)
        if entry.state in STANDING and total >= FLOOD_LEAST:
            typical = store.typical(conn, entry_id, entry.list_id, since=hour - _LEARNED_FROM, hour=hour)
            if floods(total, typical=typical) and not collision_store.was_kept(conn, entry_id, Against.FLOOD):
                found[entry_id] = entry
    return list(found.values())


def _stop(conn: Connection, actor: Actor, keys: Keys, entries: Sequence[Entry], *, now: datetime) -> None:
    reason = "it matched far more than such entries do"
    changes = [change_entry(conn, entry, EntryState.SUSPENDED, by=actor.label, reason=reason, now=now) for entry in entries]
    collision_store.add_collisions(
        conn, [NewCollision(entry.list_id, entry.id, Against.FLOOD) for entry in entries], now=now
    )
    first = publish(conn, actor, keys, changes=changes, now=now)
    revise_later(conn, first=first, count=len(changes))


# --- decisions that no longer stand ---


def revise_later(conn: Connection, *, first: int, count: int) -> None:
    """Has the decisions marked that rest on what ceased to stand by these changes."""
    defer(conn, REVISE, first=first, last=first + count - 1)


def publish_and_revise(conn: Connection, actor: Actor, keys: Keys, *, changes: Sequence[NewChange], now: datetime) -> int:
    """`publish` for changes by which something ceases to stand. Returns the first number."""
    first = publish(conn, actor, keys, changes=changes, now=now)
    revise_later(conn, first=first, count=len(changes))
    return first


def revise(conn: Connection, actor: Actor, *, first: int, last: int, now: datetime) -> int:
    """Marks decisions that rest on what ceased to stand by the changes `first` to `last`; a step: 0 means that it is done.

    Raises PermissionDenied.
    """
    actor.require(Permission.REGISTRY_MATCH)
    revised = store.revise(conn, first=first, last=last, limit=_REVISED_AT_ONCE, now=now)
    if revised:
        record(
            conn, actor, action=Permission.REGISTRY_MATCH, record="registry", record_id="matches", now=now,
            first=first, last=last, revised=revised,
        )  # fmt: skip
    return revised


def list_revised(
    conn: Connection,
    actor: Actor,
    *,
    list_id: UUID | None = None,
    after: tuple[int, UUID] | None = None,
    limit: int = 100,
) -> list[RevisedMatch]:
    """Decisions that no longer stand, in the order of the changes that revised them.

    `after` is the change's number and the decision's id of the last one seen. Raises PermissionDenied.
    """
    actor.require(Permission.REGISTRY_READ)
    return store.list_revised(conn, list_id=list_id, after=after, limit=limit)


def count_untold(conn: Connection, actor: Actor) -> int:
    """How many decisions no longer stand and were not told to their owner. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.count_untold(conn)


def confirm_told(conn: Connection, actor: Actor, *, ids: Collection[UUID], now: datetime) -> int:
    """Keeps that the owners of these decisions know; says of how many that was new. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_MATCH)
    told = store.update_told(conn, ids, now=now)
    record(conn, actor, action=Permission.REGISTRY_MATCH, record="registry", record_id="matches", now=now, told=told)
    return told


# --- how a trial goes ---


def hours(conn: Connection, actor: Actor, *, list_id: UUID, since: datetime) -> list[Hour]:
    """How often a list matched, by the hour. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_hours(conn, list_id, since=since)


def most_matched(
    conn: Connection, actor: Actor, *, list_id: UUID, since: datetime, limit: int = 20
) -> list[tuple[int, int]]:
    """The entries of a list that matched most since then, each with how often. Raises PermissionDenied."""
    actor.require(Permission.REGISTRY_READ)
    return store.list_most_matched(conn, list_id, since=since, limit=limit)


def _require_sound(matches: Sequence[NewMatch]) -> None:
    if not 1 <= len(matches) <= MATCHES_MAX:
        raise InvalidInput(field="matches", problem=f"must be 1 to {MATCHES_MAX}, not {len(matches)}")
    for match in matches:
        if not 1 <= len(match.reference) <= REFERENCE_MAX or not match.reference.isprintable():
            raise InvalidInput(field="reference", problem=f"must have 1 to {REFERENCE_MAX} characters on one line")
        if not 0 <= match.distance <= 256:
            raise InvalidInput(field="distance", problem="must be 0 to 256")
