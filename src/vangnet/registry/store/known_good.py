"""The table of harmless pictures that must never be listed."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from vangnet.db import Connection

#: The advisory lock under which pictures are added, and beside which entries are checked; an arbitrary number of ours.
_LOCK = 8_204_001


class SealedPicture(NamedTuple):
    """A picture with its hashes as they are kept."""

    id: int
    sealed: bytes


class Version(NamedTuple):
    """Which pictures there are: the same in the same database as long as none was added."""

    database: str
    newest: int


def lock_for_adding(conn: Connection) -> None:
    """Waits until no entry is being checked; none is until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def lock_for_checking(conn: Connection) -> None:
    """No picture is added until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])


def version(conn: Connection) -> Version:
    """Which pictures there are."""
    row = conn.execute("SELECT current_database(), coalesce(max(id), 0) FROM registry_known_good").fetchone()
    assert row is not None  # noqa: S101 (an aggregate)
    return Version(*row)


def add_picture(
    conn: Connection, *, name: str, set_name: str, mac: bytes, sealed: bytes, by: str, now: datetime
) -> int | None:
    """The new picture's number; None where it is known already."""
    row = conn.execute(
        """
        INSERT INTO registry_known_good (name, set_name, mac, sealed, added_by, added_at) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (mac) DO NOTHING RETURNING id
        """,
        [name, set_name, UUID(bytes=mac), sealed, by, now],
    ).fetchone()
    return None if row is None else int(row[0])


def list_pictures(conn: Connection, *, after: int = 0, limit: int | None = None) -> list[SealedPicture]:
    """The pictures behind `after`, in the order of their numbers."""
    rows = conn.execute("SELECT id, sealed FROM registry_known_good WHERE id > %s ORDER BY id LIMIT %s", [after, limit])
    return [SealedPicture(id_, bytes(sealed)) for id_, sealed in rows.fetchall()]


def list_names(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Set and name of these pictures."""
    rows = conn.execute("SELECT id, set_name, name FROM registry_known_good WHERE id = ANY(%s)", [list(ids)])
    return {id_: (set_name, name) for id_, set_name, name in rows.fetchall()}


def list_sets(conn: Connection) -> list[tuple[str, int, datetime]]:
    """The sets by name, each with how many pictures it has and when the last was added."""
    return conn.execute(
        "SELECT set_name, count(*), max(added_at) FROM registry_known_good GROUP BY set_name ORDER BY set_name"
    ).fetchall()
