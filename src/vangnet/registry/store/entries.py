"""The tables of entries and of opinions about them."""

import struct
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.registry.model.changes import NewEntry
from vangnet.registry.model.entries import Entry, EntryState, MediaKind
from vangnet.registry.model.lists import Opinion

_ENTRY = """
    SELECT id, list_id, category_id, media_kind, state, reference, note, batch_id, added_by, added_at, origin_id, replaces,
           withdrawn_by, withdrawn_at, withdrawn_why
    FROM registry_entry
"""


class Known(NamedTuple):
    """An entry that is listed under a key."""

    id: int
    category_id: int
    state: EntryState


class SealedEntry(NamedTuple):
    """An entry with its hashes as they are kept."""

    id: int
    list_id: UUID
    category_id: int
    media_kind: str
    state: EntryState
    sealed: bytes
    reference: str | None
    note: str | None

    def __repr__(self) -> str:
        return f"SealedEntry(id={self.id}, state={self.state})"


# --- adding ---

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_COPY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_FIELDS = 15
#: Of an entry of an import: no note, nobody by name, no origin, no other that it replaces.
_NULL_TAIL = _NULL * 4
_HEAD = struct.Struct("!hiqi16si16siqii")
_INT32 = struct.Struct("!i")
_INT64 = struct.Struct("!iq")


def add_entries(conn: Connection, first: int, entries: Sequence[NewEntry], *, at: datetime) -> None:
    """Adds entries under the numbers from `first` on. Raises Conflict where one of them is listed already.

    The rows are written as the server's COPY has them in binary: a driver that looks at every value would take a third of
    an import's time.
    """
    if not entries:
        return
    at_us = (at - _EPOCH) // timedelta(microseconds=1)
    try:
        with conn.transaction(), conn.cursor() as cursor, cursor.copy(
            """
            COPY registry_entry (id, list_id, key_mac, added_at, category_id, batch_id, media_kind, added_state, state,
                                 sealed, reference, note, added_by, origin_id, replaces)
            FROM STDIN (FORMAT BINARY)
            """
        ) as copy:  # fmt: skip
            copy.write(b"".join([_COPY_START, *_rows(first, entries, at_us), _COPY_END]))
    except UniqueViolation as error:
        raise Conflict(problem="an entry with the same hash is on the list already") from error


def _rows(first: int, entries: Iterable[NewEntry], at_us: int) -> Iterable[bytes]:
    head, length = _HEAD.pack, _INT32.pack
    same: dict[tuple[int | None, str, str], bytes] = {}
    for number, entry in enumerate(entries, first):
        who = (entry.batch_id, entry.media_kind, entry.state)
        middle = same.get(who)
        if middle is None:
            batch, media, state = who
            middle = same[who] = b"".join((_int(batch), _text(media), _text(state), _text(state)))
        sealed, reference = entry.sealed, entry.reference
        yield b"".join((
            head(_FIELDS, 8, number, 16, entry.list_id.bytes, 16, entry.key_mac, 8, at_us, 4, entry.category_id),
            middle,
            length(len(sealed)), sealed,
            _NULL if reference is None else _text(reference),
            _NULL_TAIL if _is_plain(entry) else _tail(entry),
        ))  # fmt: skip


def _is_plain(entry: NewEntry) -> bool:
    return entry.note is None and entry.added_by is None and entry.origin_id is None and entry.replaces is None


def _tail(entry: NewEntry) -> bytes:
    return b"".join((
        _text(entry.note), _text(entry.added_by), _long(entry.origin_id), _long(entry.replaces),
    ))  # fmt: skip


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    return _INT32.pack(len(data)) + data


def _int(value: int | None) -> bytes:
    return _NULL if value is None else _INT32.pack(4) + _INT32.pack(value)


def _long(value: int | None) -> bytes:
    return _NULL if value is None else _INT64.pack(8, value)


# --- finding ---


def get_entry(conn: Connection, entry_id: int) -> Entry:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_entry)) as cursor:
        found = cursor.execute(_ENTRY + "WHERE id = %s", [entry_id]).fetchone()
    return _found(found, entry_id)


def get_entry_for_update(conn: Connection, entry_id: int) -> Entry:
    """The same, and nobody else changes it until the transaction ends. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_entry)) as cursor:
        found = cursor.execute(_ENTRY + "WHERE id = %s FOR UPDATE", [entry_id]).fetchone()
    return _found(found, entry_id)


def list_entries_for_update(conn: Connection, entry_ids: Collection[int]) -> list[Entry]:
    """Those of these entries that there are, by number, locked."""
    with conn.cursor(row_factory=kwargs_row(_entry)) as cursor:
        return cursor.execute(_ENTRY + "WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [sorted(entry_ids)]).fetchall()


def list_entries(conn: Connection, list_id: UUID, *, state: EntryState | None, after: int, limit: int) -> list[Entry]:
    """Entries of a list in the order of their numbers, behind `after`; of one state or of all."""
    with conn.cursor(row_factory=kwargs_row(_entry)) as cursor:
        if state is None or state is EntryState.ACTIVE:
            # Nearly all entries are active, so that the others are passed over on the way.
            return cursor.execute(
                _ENTRY
                + """
                WHERE list_id = %(list)s AND id > %(after)s AND (%(state)s::text IS NULL OR state = %(state)s)
                ORDER BY list_id, id LIMIT %(limit)s
                """,
                {"list": list_id, "after": after, "state": state, "limit": limit},
            ).fetchall()
        return cursor.execute(
            _ENTRY
            + """
            WHERE list_id = %(list)s AND state = %(state)s AND state <> 'active' AND id > %(after)s
            ORDER BY list_id, state, id LIMIT %(limit)s
            """,
            {"list": list_id, "after": after, "state": state, "limit": limit},
        ).fetchall()


def list_by_reference(conn: Connection, list_id: UUID, references: Collection[str]) -> list[Entry]:
    """The entries of a list that a supplier calls so and that were not withdrawn, locked, by number."""
    with conn.cursor(row_factory=kwargs_row(_entry)) as cursor:
        return cursor.execute(
            _ENTRY
            + """
            WHERE reference = ANY(%s) AND list_id = %s AND state <> 'withdrawn' ORDER BY id FOR UPDATE
            """,
            [list(references), list_id],
        ).fetchall()


def find_by_keys(conn: Connection, keys: Sequence[bytes]) -> dict[bytes, Known]:
    """Which of these keys are listed, or were listed and withdrawn; the former first."""
    found = conn.execute(
        """
        SELECT key_mac, id, category_id, state FROM registry_entry
        WHERE key_mac = ANY(%(keys)s::uuid[]) AND state <> 'withdrawn'
        UNION ALL
        SELECT key_mac, id, category_id, state FROM registry_entry
        WHERE key_mac = ANY(%(keys)s::uuid[]) AND state = 'withdrawn'
        """,
        # As one text: a driver that makes an array of ten thousand ids takes longer than the server to find them.
        {"keys": "{" + ",".join([key.hex() for key in keys]) + "}"},
    )
    known: dict[bytes, Known] = {}
    for mac, id_, category_id, state in found.fetchall():
        known.setdefault(mac.bytes, Known(id_, category_id, EntryState(state)))
    return known


def get_sealed(conn: Connection, entry_id: int) -> SealedEntry:
    """Raises NotFound."""
    row = conn.execute(
        """
        SELECT id, list_id, category_id, media_kind, state, sealed, reference, note FROM registry_entry WHERE id = %s
        """,
        [entry_id],
    ).fetchone()
    if row is None:
        raise NotFound(record="entry", key=str(entry_id))
    return _sealed(row)


def list_sealed(
    conn: Connection, *, list_id: UUID | None, states: Collection[EntryState], after: int, limit: int
) -> list[SealedEntry]:
    """Entries in these states with their sealed hashes, in the order of their numbers, behind `after`."""
    rows = conn.execute(
        """
        SELECT id, list_id, category_id, media_kind, state, sealed, reference, note FROM registry_entry
        WHERE id > %(after)s AND state = ANY(%(states)s) AND (%(list)s::uuid IS NULL OR list_id = %(list)s)
        ORDER BY id LIMIT %(limit)s
        """,
        {"after": after, "states": list(states), "list": list_id, "limit": limit},
    )
    return [_sealed(row) for row in rows.fetchall()]


# --- changing ---


def update_state(conn: Connection, entry_id: int, state: EntryState, *, by: str, why: str | None, now: datetime) -> None:
    """An entry's state from now on; a withdrawal keeps by whom and why."""
    if state is not EntryState.WITHDRAWN:
        conn.execute("UPDATE registry_entry SET state = %s WHERE id = %s", [state, entry_id])
        return
    conn.execute(
        """
        UPDATE registry_entry SET state = %s, withdrawn_at = %s, withdrawn_by = %s, withdrawn_why = %s WHERE id = %s
        """,
        [state, now, by, why, entry_id],
    )


# --- opinions ---


def put_opinions(conn: Connection, opinions: Sequence[Opinion]) -> None:
    """Each of these, in the place of an older one of the same person for the same party."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO registry_opinion (entry_id, by_party, by_person, agrees, reason, at)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (entry_id, by_party, by_person)
            DO UPDATE SET agrees = excluded.agrees, reason = excluded.reason, at = excluded.at
            """,
            [[one.entry_id, one.by_party, one.by_person, one.agrees, one.reason, one.at] for one in opinions],
        )


def list_opinions(conn: Connection, entry_ids: Collection[int]) -> list[Opinion]:
    """All opinions about these entries, the oldest first."""
    with conn.cursor(row_factory=kwargs_row(Opinion)) as cursor:
        return cursor.execute(
            """
            SELECT entry_id, by_party, by_person, agrees, reason, at FROM registry_opinion
            WHERE entry_id = ANY(%s) ORDER BY entry_id, at, by_person
            """,
            [list(entry_ids)],
        ).fetchall()


def _entry(*, media_kind: str, state: str, **rest: Any) -> Entry:
    return Entry(media_kind=MediaKind(media_kind), state=EntryState(state), **rest)


def _sealed(row: tuple[Any, ...]) -> SealedEntry:
    id_, list_id, category_id, media_kind, state, sealed, reference, note = row
    return SealedEntry(id_, list_id, category_id, media_kind, EntryState(state), bytes(sealed), reference, note)


def _found(entry: Entry | None, entry_id: int) -> Entry:
    if entry is None:
        raise NotFound(record="entry", key=str(entry_id))
    return entry
