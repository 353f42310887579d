"""The tables of what people were shown."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.reports.model.looks import Look, LookChoice, LookStep, Size
from vangnet.reports.store.numbers import number
from vangnet.vault.model import OpenReason

_COLUMNS = "id, file_id, report_id, person_id, step, reason, at, shown_at, until_at, covered_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSum:
    """What one person was shown in a stretch of time. It is added to others' before anybody sees it."""

    person_id: UUID
    looks: int
    sharp_seconds: int


def add_look(
    conn: Connection,
    *,
    file_id: int | None,
    report_id: int,
    person_id: UUID,
    step: LookStep,
    reason: OpenReason,
    sealed: bytes | None,
    now: datetime,
) -> int:
    """Writes a look that is about to be shown; returns its number."""
    return number(
        conn,
        """
        INSERT INTO report_look (file_id, report_id, person_id, step, reason, sealed, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        [file_id, report_id, person_id, step, reason, sealed, now],
    )


def update_shown(conn: Connection, look_id: int, *, shown_at: datetime, until_at: datetime) -> None:
    """Its pixels are being sent, to be covered by then."""
    conn.execute("UPDATE report_look SET shown_at = %s, until_at = %s WHERE id = %s", [shown_at, until_at, look_id])


def update_until(conn: Connection, look_id: int, until_at: datetime) -> None:
    """It lasts longer."""
    conn.execute("UPDATE report_look SET until_at = %s WHERE id = %s", [until_at, look_id])


def cover(
    conn: Connection, person_id: UUID, *, look_id: int | None = None, file_id: int | None = None, now: datetime
) -> int:
    """Ends looks of a person that are not over: this one, those at this file, or all; returns how many those were."""
    return conn.execute(
        """
        UPDATE report_look SET covered_at = greatest(%(now)s, shown_at)
        WHERE person_id = %(person)s AND shown_at IS NOT NULL AND covered_at IS NULL AND until_at > %(now)s
            AND (%(look)s::bigint IS NULL OR id = %(look)s) AND (%(file)s::bigint IS NULL OR file_id = %(file)s)
        """,
        {"now": now, "person": person_id, "look": look_id, "file": file_id},
    ).rowcount


def get_look_for_update(conn: Connection, look_id: int, person_id: UUID) -> Look:
    """A look of this person, locked. Raises NotFound, also where it is somebody else's."""
    with conn.cursor(row_factory=kwargs_row(_look)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM report_look WHERE id = %s AND person_id = %s FOR UPDATE",  # noqa: S608
            [look_id, person_id],
        ).fetchone()
    if found is None:
        raise NotFound(record="look", key=str(look_id))
    return found


def list_looks(conn: Connection, person_id: UUID, *, since: datetime, until: datetime) -> list[Look]:
    """What a person was shown, the first look first."""
    with conn.cursor(row_factory=kwargs_row(_look)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM report_look WHERE person_id = %s AND at >= %s AND at < %s ORDER BY at, id",  # noqa: S608
            [person_id, since, until],
        ).fetchall()


def steps_seen(conn: Connection, person_id: UUID, *, file_id: int | None, report_id: int) -> frozenset[LookStep]:
    """Which steps of a file a person was shown; of the generated picture of a report where there is no file."""
    rows = conn.execute(
        """
        SELECT DISTINCT step FROM report_look
        WHERE person_id = %(person)s AND shown_at IS NOT NULL
            AND (file_id = %(file)s OR (%(file)s::bigint IS NULL AND file_id IS NULL AND report_id = %(report)s))
        """,
        {"person": person_id, "file": file_id, "report": report_id},
    ).fetchall()
    return frozenset(LookStep(row[0]) for row in rows)


def list_sums(conn: Connection, *, since: datetime, until: datetime) -> list[PersonSum]:
    """What each person was shown whose looks are over."""
    rows = conn.execute(
        """
        SELECT person_id, count(*)::int, coalesce(sum(ceil(extract(epoch FROM
            least(coalesce(covered_at, until_at), until_at) - shown_at)))
            FILTER (WHERE step <> 'blurred'), 0)::int
        FROM report_look WHERE shown_at IS NOT NULL AND at >= %s AND at < %s GROUP BY person_id
        """,
        [since, until],
    ).fetchall()
    return [PersonSum(person_id=person_id, looks=looks, sharp_seconds=seconds) for person_id, looks, seconds in rows]


# --- viewed ---


def mark_viewed(conn: Connection, file_id: int, *, now: datetime) -> None:
    """A person opened it whole and unblurred; the first time counts."""
    conn.execute("UPDATE report_file SET viewed_at = %s WHERE id = %s AND viewed_at IS NULL", [now, file_id])


def list_viewed(conn: Connection, file_ids: Collection[int]) -> dict[int, datetime]:
    """When each of these was first viewed; one that was not is left out."""
    rows = conn.execute(
        "SELECT id, viewed_at FROM report_file WHERE id = ANY(%s) AND viewed_at IS NOT NULL", [list(file_ids)]
    ).fetchall()
    return dict(rows)


# --- how somebody wants to be shown pictures ---


def find_choice(conn: Connection, person_id: UUID) -> LookChoice | None:
    """What a person chose."""
    row = conn.execute("SELECT seconds, blur, size FROM report_look_choice WHERE person_id = %s", [person_id]).fetchone()
    return None if row is None else LookChoice(seconds=row[0], blur=row[1], size=Size(row[2]))


def put_choice(conn: Connection, person_id: UUID, choice: LookChoice) -> None:
    """Writes that."""
    conn.execute(
        """
        INSERT INTO report_look_choice (person_id, seconds, blur, size) VALUES (%s, %s, %s, %s)
        ON CONFLICT (person_id) DO UPDATE SET seconds = excluded.seconds, blur = excluded.blur, size = excluded.size
        """,
        [person_id, choice.seconds, choice.blur, choice.size],
    )


def _look(**row: Any) -> Look:
    return Look(**row | {"step": LookStep(row["step"]), "reason": OpenReason(row["reason"])})
