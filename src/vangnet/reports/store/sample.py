"""The table of reports that were below the line, and of which some were drawn to be opened all the same."""

from collections.abc import Collection, Sequence
from datetime import datetime

from vangnet.db import Connection
from vangnet.errors import NotFound


def give_chance(conn: Connection, above: Collection[int], *, now: datetime, limit: int) -> list[int]:
    """Writes what waits below the line and had no chance to be drawn yet: each gets one, and no second."""
    rows = conn.execute(
        """
        INSERT INTO report_draw (report_id, given_at)
        SELECT id, %s FROM report
        WHERE state = 'waiting' AND NOT id = ANY(%s) AND drawn_at IS NULL
          AND NOT EXISTS (SELECT FROM report_draw WHERE report_id = report.id)
        ORDER BY id LIMIT %s
        ON CONFLICT DO NOTHING RETURNING report_id
        """,
        [now, list(above), limit],
    ).fetchall()
    return [row[0] for row in rows]


def mark_drawn(conn: Connection, report_ids: Sequence[int], *, now: datetime) -> None:
    """Writes that these were drawn."""
    conn.execute("UPDATE report_draw SET drawn = true WHERE report_id = ANY(%s)", [list(report_ids)])
    conn.execute("UPDATE report SET drawn_at = %s WHERE id = ANY(%s)", [now, list(report_ids)])


def answer(conn: Connection, report_id: int, *, urgent: bool, by: str, now: datetime) -> None:
    """Writes whether a drawn report should not have waited; the last word counts. Raises NotFound."""
    done = conn.execute(
        "UPDATE report_draw SET urgent = %s, answered_at = %s, answered_by = %s WHERE report_id = %s AND drawn",
        [urgent, now, by, report_id],
    )
    if not done.rowcount:
        raise NotFound(record="drawn report", key=str(report_id))


def find_answer(conn: Connection, report_id: int) -> bool | None:
    """Whether a drawn report was said to be urgent; None where nobody said so yet."""
    row = conn.execute("SELECT urgent FROM report_draw WHERE report_id = %s", [report_id]).fetchone()
    return None if row is None else row[0]


def count(conn: Connection, *, since: datetime) -> tuple[int, int, int]:
    """How many were drawn since then, how many of these were opened and answered for, and how many were urgent."""
    row = conn.execute(
        """
        SELECT count(*), count(urgent), count(*) FILTER (WHERE urgent) FROM report_draw WHERE drawn AND given_at >= %s
        """,
        [since],
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has a row)
    return row[0], row[1], row[2]


def list_open(conn: Connection, *, since: datetime, limit: int) -> list[int]:
    """Drawn reports that nobody has answered for, the oldest first."""
    rows = conn.execute(
        """
        SELECT report_id FROM report_draw WHERE drawn AND urgent IS NULL AND given_at >= %s
        ORDER BY given_at, report_id LIMIT %s
        """,
        [since, limit],
    ).fetchall()
    return [row[0] for row in rows]
