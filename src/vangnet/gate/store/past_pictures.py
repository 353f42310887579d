"""The tables of pictures among accepted uploads: sealed perceptual hashes, a table a day, and which were erased lately."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from vangnet.db import Connection
from vangnet.gate.past import KeptUpload
from vangnet.hashing.model import Convention

#: Faster than asking the enumeration ten million times.
_NAMED = {convention.value: convention for convention in Convention}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPicture:
    """A kept picture as it lies in the table. `id` counts up in the order in which they are written, over all days."""

    id: int
    convention: Convention
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedPicture:
    """A picture that was erased, and the number of its erasure."""

    number: int
    day: date
    id: int


def add_day(conn: Connection, day: date) -> None:
    """Makes the table of that day, unless it is there."""
    conn.execute("SELECT gate_past_add_picture_day(%s)", [day])


def drop_days(conn: Connection, before: date | None) -> int:
    """Drops the tables of the days before that one, or all; returns how many."""
    row = conn.execute("SELECT gate_past_drop_picture_days(%s)", [before]).fetchone()
    return 0 if row is None else int(row[0])


def list_days(conn: Connection) -> list[tuple[date, int]]:
    """The days of which there is a table, and about how many hashes each has."""
    rows = conn.execute(
        """
        SELECT to_date(right(c.relname, 8), 'YYYYMMDD'), greatest(c.reltuples, 0)::bigint
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'gate_past_picture'::regclass ORDER BY c.relname
        """
    ).fetchall()
    return [(day, hashes) for day, hashes in rows]


def add_pictures(conn: Connection, rows: Iterable[tuple[KeptUpload, Convention, bytes]]) -> None:
    """Writes sealed hashes of days whose tables are there."""
    statement = "COPY gate_past_picture (day, at, check_id, object_id, convention, sealed) FROM STDIN"
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for upload, convention, sealed in rows:
            copy.write_row((upload.at.date(), upload.at, upload.check_id, upload.object_id, convention.value, sealed))


def list_pictures(conn: Connection, day: date, *, after: int, limit: int) -> list[SealedPicture]:
    """The hashes of a day behind that one, in order."""
    rows = conn.cursor(binary=True).execute(
        "SELECT id, convention, sealed FROM gate_past_picture WHERE day = %s AND id > %s ORDER BY id LIMIT %s",
        [day, after, limit],
    )
    return [SealedPicture(id=id_, convention=_NAMED[name], sealed=sealed) for id_, name, sealed in rows.fetchall()]


def find_pictures(conn: Connection, day: date, ids: Sequence[int]) -> list[tuple[KeptUpload, SealedPicture]]:
    """Those of a day with these numbers that are still kept."""
    rows = conn.execute(
        """
        SELECT id, convention, sealed, check_id, object_id, at FROM gate_past_picture
        WHERE day = %s AND id = ANY(%s) ORDER BY id
        """,
        [day, list(ids)],
    ).fetchall()
    return [
        (
            KeptUpload(check_id=check_id, object_id=object_id, at=at),
            SealedPicture(id=id_, convention=_NAMED[name], sealed=sealed),
        )
        for id_, name, sealed, check_id, object_id, at in rows
    ]


def remove_pictures(conn: Connection, object_ids: Sequence[str], *, now: datetime) -> None:
    """Erases hashes by the names of their uploads, and notes their numbers."""
    conn.execute(
        """
        WITH erased AS (DELETE FROM gate_past_picture WHERE object_id = ANY(%s) RETURNING day, id)
        INSERT INTO gate_past_picture_erased (day, id, at) SELECT day, id, %s FROM erased
        """,
        [list(object_ids), now],
    )


def last_erased(conn: Connection) -> int:
    """The number of the last erasure that is remembered; 0 where none is."""
    row = conn.execute("SELECT coalesce(max(number), 0) FROM gate_past_picture_erased").fetchone()
    return 0 if row is None else int(row[0])


def list_erased(conn: Connection, *, after: int) -> list[ErasedPicture]:
    """What was erased behind that number, in order."""
    rows = conn.execute(
        "SELECT number, day, id FROM gate_past_picture_erased WHERE number > %s ORDER BY number", [after]
    ).fetchall()
    return [ErasedPicture(number=number, day=day, id=id_) for number, day, id_ in rows]


def remove_erased(conn: Connection, *, before: datetime) -> None:
    """Forgets it."""
    conn.execute("DELETE FROM gate_past_picture_erased WHERE at < %s", [before])
