"""The end of every transaction that changes lists or entries: counts, numbers, rows, the stream."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.errors import Conflict
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange, NewEntry
from vangnet.registry.model.entries import Entry, EntryState, step
from vangnet.registry.model.matches import Resolution
from vangnet.registry.service import feed
from vangnet.registry.store import collisions, suspensions
from vangnet.registry.store import entries as entry_store
from vangnet.registry.store import lists as list_store


def publish(
    conn: Connection,
    actor: Actor,
    keys: Keys,
    *,
    entries: Sequence[NewEntry] = (),
    changes: Sequence[NewChange] = (),
    now: datetime,
) -> int:
    """Counts and adds these entries and writes everything into the stream; entries get their numbers first, then changes.

    Returns the first number. Nobody else gets one before the transaction ends, so it is called last in it. Raises Conflict
    where a list has one of the entries already.
    """
    # A category is of one list only.
    list_ids = {one.category_id: one.list_id for one in entries}
    counts: dict[UUID, dict[tuple[int, EntryState], int]] = defaultdict(dict)
    for (category_id, state), count in Counter([(one.category_id, one.state) for one in entries]).items():
        counts[list_ids[category_id]][category_id, EntryState(state)] = count
    for list_id, its in counts.items():
        list_store.add_counts(conn, list_id, its, now=now)
    return feed.record(conn, actor, keys, entries=entries, changes=changes, now=now)


def change_entry(
    conn: Connection, entry: Entry, state: EntryState, *, by: str, reason: str | None, now: datetime
) -> NewChange:
    """Brings an entry, locked by the caller, into another state; returns the change for `publish`.

    One of a followed list that is suspended stays so until that is lifted here (`lift_suspension`), whatever its keeper
    says. Raises InvalidTransition.
    """
    step(entry.state, state)
    if entry.origin_id is not None and state is EntryState.SUSPENDED:
        suspensions.add_suspension(conn, entry.id, keeper_state=entry.state, now=now)
    return _change(conn, entry, state, by=by, reason=reason, now=now)


def lift_suspension(conn: Connection, entry: Entry, *, by: str, reason: str, now: datetime) -> list[NewChange]:
    """Brings an entry of a followed list, locked by the caller, into the state that it has where it is kept.

    Returns the change for `publish`, if it is one. Raises Conflict where nobody here suspended it.
    """
    state = suspensions.list_suspensions(conn, [entry.id]).get(entry.id)
    if state is None:
        raise Conflict(problem="nobody here suspended the entry: that was done where its list is kept")
    suspensions.remove_suspension(conn, entry.id)
    # No step that a person decides on: it follows its keeper again.
    return [] if state is entry.state else [_change(conn, entry, state, by=by, reason=reason, now=now)]


def stays_suspended(conn: Connection, entry_id: int, state: EntryState, *, by: str, now: datetime) -> bool:
    """Keeps what the keeper says of an entry that is suspended here; whether it stays suspended."""
    if state is not EntryState.WITHDRAWN:
        suspensions.update_suspension(conn, entry_id, state)
        return True
    # For good, so that nothing is left to decide here.
    suspensions.remove_suspension(conn, entry_id)
    collisions.resolve(conn, entry_id, Resolution.WITHDRAWN, by=by, now=now)
    return False


def _change(conn: Connection, entry: Entry, state: EntryState, *, by: str, reason: str | None, now: datetime) -> NewChange:
    entry_store.update_state(conn, entry.id, state, by=by, why=reason, now=now)
    list_store.add_counts(
        conn, entry.list_id, {(entry.category_id, entry.state): -1, (entry.category_id, state): 1}, now=now
    )
    return NewChange(
        kind=ChangeKind.ENTRY_STATE, list_id=entry.list_id, entry_id=entry.id, value=state.value, reason=reason
    )
