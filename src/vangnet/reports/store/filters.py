"""The table of filters that people keep, and the queue walked for what a filter wants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from vangnet.db import Connection
from vangnet.reports.model.triage_policy import Equals
from vangnet.reports.model.wanted import Wanted

#: So many are looked at in one question.
_LOOKED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRow:
    """A filter that somebody keeps under a name."""

    id: int
    name: str
    wanted: Mapping[str, str]


def list_filters(conn: Connection, person_id: UUID) -> list[FilterRow]:
    """What a person keeps, by name."""
    with conn.cursor(row_factory=class_row(FilterRow)) as cursor:
        return cursor.execute(
            "SELECT id, name, wanted FROM report_filter WHERE person_id = %s ORDER BY name", [person_id]
        ).fetchall()


def add_filter(conn: Connection, person_id: UUID, name: str, wanted: Mapping[str, str]) -> int | None:
    """Keeps one; its number, or None where the person has one of that name."""
    row = conn.execute(
        """
        INSERT INTO report_filter (person_id, name, wanted) VALUES (%s, %s, %s)
        ON CONFLICT (person_id, name) DO NOTHING RETURNING id
        """,
        [person_id, name, Jsonb(dict(wanted))],
    ).fetchone()
    return None if row is None else row[0]


def delete_filter(conn: Connection, person_id: UUID, filter_id: int) -> bool:
    """Forgets one; whether the person had it."""
    done = conn.execute("DELETE FROM report_filter WHERE person_id = %s AND id = %s", [person_id, filter_id])
    return done.rowcount == 1


def walk(conn: Connection, wanted: Wanted, equals: Equals, *, since: datetime, now: datetime) -> Iterator[tuple[int, bool]]:
    """What waits in the order of its rank: number, and whether it is wanted. Nothing is read but what tells that.

    Of as high a rank they go as `queue.by_rank` has them; the share of the oldest is left out, as a filter has no places.
    """
    rank: int | None = None
    while True:
        row = conn.execute(
            "SELECT min(rank) FROM report WHERE state = 'waiting' AND (%s::integer IS NULL OR rank > %s)", [rank, rank]
        ).fetchone()
        rank = None if row is None else row[0]
        if rank is None:
            return
        for span, direction in _SPANS[equals]:
            values = _values(wanted, now) | {"rank": rank, "since": since, "limit": _LOOKED_AT_ONCE}
            yield from _of_rank(conn, span, direction, values)


#: Which of as high a rank are read one after the other, and from which end.
_SPANS = {
    Equals.OLDEST: (("", "ASC"),),
    Equals.NEWEST: (("", "DESC"),),
    Equals.IN_TIME: (("AND received_at >= %(since)s", "ASC"), ("AND received_at < %(since)s", "DESC")),
}


def _of_rank(conn: Connection, span: str, direction: str, values: dict[str, Any]) -> Iterator[tuple[int, bool]]:
    compared = ">" if direction == "ASC" else "<"
    after = ""
    while True:
        rows = conn.execute(
            f"""
            SELECT id, received_at, {_FITS} FROM report WHERE state = 'waiting' AND rank = %(rank)s {span} {after}
            ORDER BY received_at {direction}, id {direction} LIMIT %(limit)s
            """.encode(),  # noqa: S608 (all of it is ours)
            values,
        ).fetchall()
        yield from ((row[0], row[2]) for row in rows)
        if len(rows) < _LOOKED_AT_ONCE:
            return
        values |= {"id": rows[-1][0], "at": rows[-1][1]}
        after = f"AND (received_at, id) {compared} (%(at)s::timestamptz, %(id)s::bigint)"


#: Whether a report is wanted, as a column.
_FITS = """(
    (%(source)s::text IS NULL OR source = %(source)s)
    AND (%(language)s::text IS NULL OR coalesce(language = %(language)s, false))
    AND (%(incident)s::text IS NULL OR incident = %(incident)s) AND (NOT %(unseen)s OR unseen > 0)
    AND (%(until)s::timestamptz IS NULL OR coalesce(least(due_at, expires_at) <= %(until)s, false))
)"""


def _values(wanted: Wanted, now: datetime) -> dict[str, Any]:
    return {
        "source": wanted.source,
        "language": wanted.language,
        "incident": wanted.incident,
        "unseen": wanted.unseen,
        "until": wanted.presses_until(now),
    }
