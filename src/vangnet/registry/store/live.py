"""What the index of listed hashes is made from: entries that stand, what changed, and what counts of each list."""

from dataclasses import dataclass, field
from uuid import UUID

from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.lists import Choice, ListState


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedEntry:
    """An entry as the index needs it."""

    id: int
    list_id: UUID
    category_id: int
    state: str
    sealed: bytes = field(repr=False)


def read_in_one_snapshot(conn: Connection) -> None:
    """Everything that the transaction reads is of one moment. Must be its first statement."""
    conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def list_states(conn: Connection) -> dict[UUID, ListState]:
    """The state of every list."""
    return {id_: ListState(state) for id_, state in conn.execute("SELECT id, state FROM registry_list").fetchall()}


def list_classifications(conn: Connection) -> dict[int, Classification]:
    """What every mapped category is classified as."""
    found = conn.execute("SELECT id, classification FROM registry_category WHERE classification IS NOT NULL")
    return {id_: Classification(classification) for id_, classification in found.fetchall()}


def list_choices(conn: Connection) -> dict[UUID, Choice]:
    """What this installation chose, of each list of which it chose something."""
    found = conn.execute("SELECT list_id, enabled, classifications, radius, chosen_by, chosen_at FROM registry_choice")
    return {
        list_id: Choice(
            list_id=list_id,
            enabled=enabled,
            classifications=frozenset(map(Classification, classifications)),
            radius=radius,
            chosen_by=chosen_by,
            chosen_at=chosen_at,
        )
        for list_id, enabled, classifications, radius, chosen_by, chosen_at in found.fetchall()
    }


def list_added(
    conn: Connection, *, after: int, until: int, list_id: UUID | None = None, limit: int = 1_000_000
) -> list[IndexedEntry]:
    """The standing entries with ids after `after` and up to `until`, of one list or of all, in order."""
    with conn.cursor(row_factory=class_row(IndexedEntry)) as cursor:
        return cursor.execute(
            """
            SELECT id, list_id, category_id, state, sealed FROM registry_entry
            WHERE id > %(after)s AND id <= %(until)s AND state IN ('proposed', 'active', 'disputed')
                AND (%(list_id)s::uuid IS NULL OR list_id = %(list_id)s)
            ORDER BY id LIMIT %(limit)s
            """,
            {"after": after, "until": until, "list_id": list_id, "limit": limit},
        ).fetchall()


def list_altered(conn: Connection, *, after: int, until: int, list_id: UUID | None = None) -> list[IndexedEntry]:
    """The entries whose state changed in between, as they are now."""
    with conn.cursor(row_factory=class_row(IndexedEntry)) as cursor:
        return cursor.execute(
            """
            SELECT id, list_id, category_id, state, sealed FROM registry_entry
            WHERE id IN (
                SELECT entry_id FROM registry_change
                WHERE seq > %(after)s AND seq <= %(until)s AND entry_id IS NOT NULL
                    AND (%(list_id)s::uuid IS NULL OR list_id = %(list_id)s)
            )
            ORDER BY id
            """,
            {"after": after, "until": until, "list_id": list_id},
        ).fetchall()


def has_list_changes(conn: Connection, *, after: int, until: int) -> bool:
    """Whether anything but entries changed in between."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM registry_change WHERE seq > %s AND seq <= %s AND kind <> 'entry_state')", [after, until]
    ).fetchone()
    return row == (True,)
