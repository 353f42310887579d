"""The table of entries that a safeguard stopped."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.registry.model.matches import Against, Collision, Resolution


class NewCollision(NamedTuple):
    """An entry that a safeguard stops now."""

    list_id: UUID
    entry_id: int
    against: Against
    known_good_id: int | None = None
    algorithm: str | None = None
    distance: int | None = None


def add_collisions(conn: Connection, collisions: Sequence[NewCollision], *, now: datetime) -> None:
    """Each of these; one that is open for the entry already stays as it is."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO registry_collision (list_id, entry_id, against, known_good_id, algorithm, distance, found_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (entry_id, against) WHERE resolved_at IS NULL DO NOTHING
            """,
            [[*collision, now] for collision in collisions],
        )


def list_collisions(conn: Connection, list_id: UUID | None, *, still_open: bool, after: int, limit: int) -> list[Collision]:
    """Those of a list, or of all lists, in the order in which they were found, behind the number `after`."""
    with conn.cursor(row_factory=kwargs_row(_collision)) as cursor:
        return cursor.execute(
            """
            SELECT * FROM registry_collision
            WHERE (%(list)s::uuid IS NULL OR list_id = %(list)s) AND (resolved_at IS NULL OR NOT %(open)s)
              AND id > %(after)s
            ORDER BY id LIMIT %(limit)s
            """,
            {"list": list_id, "open": still_open, "after": after, "limit": limit},
        ).fetchall()


def count_open(conn: Connection, list_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many wait for a decision, by list; lists without any are left out."""
    rows = conn.execute(
        """
        SELECT list_id, count(*) FROM registry_collision WHERE resolved_at IS NULL AND list_id = ANY(%s) GROUP BY list_id
        """,
        [list(list_ids)],
    )
    return dict(rows.fetchall())


def resolve(conn: Connection, entry_id: int, resolution: Resolution, *, by: str, now: datetime) -> int:
    """Decides all that is open about an entry; says how many that were."""
    return conn.execute(
        """
        UPDATE registry_collision SET resolved_at = %s, resolved_by = %s, resolution = %s
        WHERE entry_id = %s AND resolved_at IS NULL
        """,
        [now, by, resolution, entry_id],
    ).rowcount


def was_kept(conn: Connection, entry_id: int, against: Against) -> bool:
    """Whether somebody looked at the entry after this safeguard had stopped it, and kept it."""
    return conn.execute(
        "SELECT EXISTS (SELECT FROM registry_collision WHERE entry_id = %s AND against = %s AND resolution = 'kept')",
        [entry_id, against],
    ).fetchone() == (True,)


def _collision(*, against: str, resolution: str | None, **rest: Any) -> Collision:
    return Collision(against=Against(against), resolution=None if resolution is None else Resolution(resolution), **rest)
