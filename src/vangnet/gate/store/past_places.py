"""How far lists were looked up in accepted uploads: one row for digests and one for pictures, which order who is at it.

Whoever writes uploads shares the rows; whoever looks up, or erases, has one or both alone until the transaction ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vangnet.db import Connection
from vangnet.gate.past import PastKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far, and how far for altered entries; of pictures also who has them in memory, and when it was last heard of."""

    position: int
    altered: int
    holder: UUID | None
    held_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """Up to which entry a list was looked up, and what counted of it then."""

    counting: str
    position: int


def share_places(conn: Connection) -> dict[PastKind, int]:
    """How far uploads were looked up; nobody looks up or erases until the transaction ends."""
    rows = conn.execute("SELECT kind, position FROM gate_past_place ORDER BY kind FOR SHARE").fetchall()
    return {PastKind(kind): position for kind, position in rows}


def take_place(conn: Connection, kind: PastKind) -> Place | None:
    """The place, alone until the transaction ends; None where somebody else is at it."""
    row = conn.execute(
        "SELECT position, altered, holder, held_at FROM gate_past_place WHERE kind = %s FOR UPDATE SKIP LOCKED", [kind]
    ).fetchone()
    if row is None:
        return None
    position, altered, holder, held_at = row
    return Place(position=position, altered=altered, holder=holder, held_at=held_at)


def lock_places(conn: Connection) -> None:
    """Both alone, after whoever is at it."""
    conn.execute("SELECT FROM gate_past_place ORDER BY kind FOR UPDATE")


def get_altered(conn: Connection, kind: PastKind) -> int:
    """How far altered entries were looked up, as it was committed last."""
    row = conn.execute("SELECT altered FROM gate_past_place WHERE kind = %s", [kind]).fetchone()
    assert row is not None  # noqa: S101 (the migrations put the rows there)
    return int(row[0])


def update_place(conn: Connection, kind: PastKind, *, position: int, altered: int) -> None:
    """Uploads were looked up so far."""
    conn.execute(
        "UPDATE gate_past_place SET position = greatest(position, %s), altered = %s WHERE kind = %s",
        [position, altered, kind],
    )


def update_holder(conn: Connection, kind: PastKind, holder: UUID | None, *, now: datetime) -> None:
    """Who has them in memory from now on. The caller has the place alone."""
    conn.execute("UPDATE gate_past_place SET holder = %s, held_at = %s WHERE kind = %s", [holder, now, kind])


# --- lists ---


def list_looked_up(conn: Connection, kind: PastKind) -> dict[UUID, LookedUp]:
    """How far each list was looked up."""
    rows = conn.execute("SELECT list_id, counting, position FROM gate_past_list WHERE kind = %s", [kind]).fetchall()
    return {list_id: LookedUp(counting=counting, position=position) for list_id, counting, position in rows}


def put_looked_up(conn: Connection, kind: PastKind, list_id: UUID, looked_up: LookedUp) -> None:
    """Keeps how far."""
    conn.execute(
        """
        INSERT INTO gate_past_list (kind, list_id, counting, position) VALUES (%s, %s, %s, %s)
        ON CONFLICT (kind, list_id) DO UPDATE SET counting = excluded.counting, position = excluded.position
        """,
        [kind, list_id, looked_up.counting, looked_up.position],
    )


def remove_looked_up(conn: Connection, kind: PastKind, list_ids: Sequence[UUID] | None) -> None:
    """Forgets how far these lists were looked up, or all of them."""
    conn.execute(
        "DELETE FROM gate_past_list WHERE kind = %(kind)s AND (%(all)s OR list_id = ANY(%(ids)s))",
        {"kind": kind, "all": list_ids is None, "ids": list(list_ids or [])},
    )
