"""The end of every transaction that changes lists or entries: counts, numbers, rows, the stream."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from vangnet.audit.model import Actor
from vangnet.db import Connection
from vangnet.keys import Keys
from vangnet.registry.model.changes import ChangeKind, NewChange, NewEntry
from vangnet.registry.model.entries import Entry, EntryState, step
from vangnet.registry.service import feed
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
    for list_id in {entry.list_id for entry in entries}:
        counts = Counter((entry.category_id, EntryState(entry.state)) for entry in entries if entry.list_id == list_id)
        list_store.add_counts(conn, list_id, counts, now=now)
    return feed.record(conn, actor, keys, entries=entries, changes=changes, now=now)


def change_entry(
    conn: Connection, entry: Entry, state: EntryState, *, by: str, reason: str | None, now: datetime
) -> NewChange:
    """Brings an entry, locked by the caller, into another state; returns the change for `publish`.

    Raises InvalidTransition.
    """
    step(entry.state, state)
    entry_store.update_state(conn, entry.id, state, by=by, why=reason, now=now)
    list_store.add_counts(
        conn, entry.list_id, {(entry.category_id, entry.state): -1, (entry.category_id, state): 1}, now=now
    )
    return NewChange(
        kind=ChangeKind.ENTRY_STATE, list_id=entry.list_id, entry_id=entry.id, value=state.value, reason=reason
    )
