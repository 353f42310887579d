"""The table of followed entries that somebody here, or a safeguard, suspended: what each is where it is kept."""

from collections.abc import Collection
from datetime import datetime

from vangnet.db import Connection
from vangnet.registry.model.entries import EntryState


def add_suspension(conn: Connection, entry_id: int, *, keeper_state: EntryState, now: datetime) -> None:
    """The entry, locked by the caller, is suspended here from now on."""
    conn.execute(
        "INSERT INTO registry_entry_suspension (entry_id, keeper_state, at) VALUES (%s, %s, %s)",
        [entry_id, keeper_state, now],
    )


def list_suspensions(conn: Connection, entry_ids: Collection[int]) -> dict[int, EntryState]:
    """Of those of these entries that are suspended here: the state where they are kept."""
    found = conn.execute(
        "SELECT entry_id, keeper_state FROM registry_entry_suspension WHERE entry_id = ANY(%s)", [list(entry_ids)]
    )
    return {entry_id: EntryState(state) for entry_id, state in found.fetchall()}


def update_suspension(conn: Connection, entry_id: int, keeper_state: EntryState) -> None:
    """What the entry is where it is kept from now on."""
    conn.execute("UPDATE registry_entry_suspension SET keeper_state = %s WHERE entry_id = %s", [keeper_state, entry_id])


def remove_suspension(conn: Connection, entry_id: int) -> None:
    """The entry is not suspended here any more."""
    conn.execute("DELETE FROM registry_entry_suspension WHERE entry_id = %s", [entry_id])
