"""The table of how long answers took, and the sums of counts that the live picture shows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from vangnet.db import Connection
from vangnet.gate.model import Decision, Door, Outcome
from vangnet.hashing.model import Reason


def add_latencies(conn: Connection, counted: Iterable[tuple[datetime, Door, int, int]]) -> None:
    """Adds to the classes of their minutes: minute, door, the class's upper end in microseconds, answers."""
    # In a fixed order, as counts are: two gates that add at the same time must not wait for each other in a circle.
    rows = sorted([minute, door.value, up_to, answers] for minute, door, up_to, answers in counted)
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO gate_latency (minute, door, up_to, answers) VALUES (%s, %s, %s, %s)
            ON CONFLICT (minute, door, up_to) DO UPDATE SET answers = gate_latency.answers + excluded.answers
            """,
            rows,
        )


def forget_latencies(conn: Connection, *, before: datetime) -> int:
    """Forgets those of earlier minutes; returns how many rows."""
    return conn.execute("DELETE FROM gate_latency WHERE minute < %s", [before]).rowcount


def sum_latencies(conn: Connection, *, since: datetime, step: timedelta) -> list[tuple[datetime, int, int]]:
    """Answers by class, of each step of time since then: its beginning, the class's upper end, answers."""
    return conn.execute(
        """
        SELECT date_bin(%s, minute, %s), up_to, sum(answers)::bigint FROM gate_latency
        WHERE minute >= %s GROUP BY 1, 2 ORDER BY 1, 2
        """,
        [step, since, since],
    ).fetchall()


def sum_checks(conn: Connection, *, since: datetime, step: timedelta) -> list[tuple[datetime, Outcome, Decision, int]]:
    """Checks by what they came to, of each step of time since then."""
    rows = conn.execute(
        """
        SELECT date_bin(%s, minute, %s), outcome, decision, sum(checks)::bigint FROM gate_count
        WHERE minute >= %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        [step, since, since],
    ).fetchall()
    return [(at, Outcome(outcome), Decision(decision), checks) for at, outcome, decision, checks in rows]


def sum_reasons(conn: Connection, *, since: datetime) -> list[tuple[Reason, Decision, int]]:
    """Files that could not be examined, the most frequent reason first."""
    rows = conn.execute(
        """
        SELECT reason, decision, sum(checks)::bigint FROM gate_count
        WHERE minute >= %s AND outcome = 'unhashable' GROUP BY reason, decision ORDER BY 3 DESC, 1, 2
        """,
        [since],
    ).fetchall()
    return [(Reason(reason), Decision(decision), checks) for reason, decision, checks in rows]


def sum_matches(conn: Connection, *, since: datetime) -> list[tuple[UUID, Decision, bool, int]]:
    """Checks that matched a list, and whether it only counted."""
    rows = conn.execute(
        """
        SELECT list_id, decision, shadow, sum(matches)::bigint FROM gate_list_count
        WHERE minute >= %s GROUP BY list_id, decision, shadow ORDER BY 4 DESC, list_id, decision, shadow
        """,
        [since],
    ).fetchall()
    return [(list_id, Decision(decision), shadow, matches) for list_id, decision, shadow, matches in rows]


def last_minute(conn: Connection) -> datetime | None:
    """The last minute in which anything was checked."""
    row = conn.execute("SELECT max(minute) FROM gate_count").fetchone()
    return None if row is None else row[0]
