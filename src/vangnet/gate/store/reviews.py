"""The table of what a person saw when looking at a held or blocked upload."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from vangnet.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What somebody said of one decision."""

    decision_id: UUID
    false_alarm: bool
    marked_by: str
    marked_at: datetime


def put_review(conn: Connection, review: Review) -> None:
    """Keeps what was said; the last word counts."""
    conn.execute(
        """
        INSERT INTO gate_review (decision_id, false_alarm, marked_by, marked_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (decision_id) DO UPDATE
        SET false_alarm = excluded.false_alarm, marked_by = excluded.marked_by, marked_at = excluded.marked_at
        """,
        [review.decision_id, review.false_alarm, review.marked_by, review.marked_at],
    )


def list_reviews(conn: Connection, *, false_alarms: bool, limit: int) -> list[Review]:
    """The last first: only false alarms, or only the others."""
    with conn.cursor(row_factory=class_row(Review)) as cursor:
        return cursor.execute(
            """
            SELECT decision_id, false_alarm, marked_by, marked_at FROM gate_review WHERE false_alarm = %s
            ORDER BY marked_at DESC, decision_id LIMIT %s
            """,
            [false_alarms, limit],
        ).fetchall()


def unreviewed(conn: Connection, *, since: datetime, most: int, limit: int) -> list[UUID]:
    """Held and blocked decisions since then that nobody looked at: of the newest `most`, those by a look-alike first."""
    rows = conn.execute(
        """
        SELECT id FROM (
            SELECT id, at FROM gate_decision AS decision
            WHERE at >= %s AND decision.decision <> 'allow' AND outcome = 'match'
              AND NOT EXISTS (SELECT FROM gate_review WHERE decision_id = decision.id)
            ORDER BY at DESC, id DESC LIMIT %s
        ) AS waiting
        ORDER BY
            EXISTS (
                SELECT FROM gate_match WHERE decision_id = waiting.id AND NOT shadow
                  AND algorithm NOT IN ('md5', 'sha1', 'sha256')
            ) DESC,
            at DESC, id DESC
        LIMIT %s
        """,
        [since, most, limit],
    ).fetchall()
    return [row[0] for row in rows]


def count_unreviewed(conn: Connection, *, since: datetime, most: int) -> int:
    """How many there are; counts to `most` and no further."""
    row = conn.execute(
        """
        SELECT count(*) FROM (
            SELECT FROM gate_decision AS decision
            WHERE at >= %s AND decision.decision <> 'allow' AND outcome = 'match'
              AND NOT EXISTS (SELECT FROM gate_review WHERE decision_id = decision.id)
            ORDER BY at DESC, id DESC LIMIT %s
        ) AS waiting
        """,
        [since, most],
    ).fetchone()
    return 0 if row is None else row[0]


def sum_reviews(conn: Connection) -> list[tuple[UUID, str, int, int]]:
    """Of each list by its last name: how many of its matches somebody looked at, and how many were false alarms."""
    return conn.execute(
        """
        SELECT list_id, max(list_name), count(*), count(*) FILTER (WHERE false_alarm)
        FROM (
            SELECT DISTINCT ON (list_id, decision_id) list_id, list_name, false_alarm
            FROM gate_review JOIN gate_match USING (decision_id) WHERE NOT shadow ORDER BY list_id, decision_id
        ) AS looked_at
        GROUP BY list_id ORDER BY 4 DESC, 3 DESC, 2
        """
    ).fetchall()
