"""Counts over all that waits: how many hours of work there are, how far they reach, and what is below."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from vangnet.db import Connection
from vangnet.reports.store.numbers import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much work there is in a week."""

    hours: int
    minutes_each: int

    @property
    def reports(self) -> int:
        """How many reports that is."""
        return self.hours * 60 // self.minutes_each


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRow:
    """What a job counted, and when."""

    counted_at: datetime
    line: dict[str, Any] = field(repr=False)


def get_capacity(conn: Connection) -> Capacity:
    """What the lead of the desk said."""
    with conn.cursor(row_factory=class_row(Capacity)) as cursor:
        found = cursor.execute("SELECT hours, minutes_each FROM report_capacity").fetchone()
    assert found is not None  # noqa: S101 (the migration wrote it)
    return found


def update_capacity(conn: Connection, capacity: Capacity) -> None:
    """Writes it."""
    conn.execute("UPDATE report_capacity SET hours = %s, minutes_each = %s", [capacity.hours, capacity.minutes_each])


def count_waiting(conn: Connection, *, most: int) -> int:
    """How many wait, counted up to `most`."""
    return _up_to(conn, "waiting", most)


def count_states(conn: Connection, *, most: int) -> dict[str, int]:
    """How many wait, are worked on, and are aside, each counted up to `most`."""
    return {state: _up_to(conn, state, most) for state in ("waiting", "claimed", "aside")}


def _up_to(conn: Connection, state: str, most: int) -> int:
    # The state stands in the text: an index of one state is not found by a parameter.
    return number(
        conn,
        f"SELECT count(*) FROM (SELECT FROM report WHERE state = '{state}' LIMIT %s) AS counted",  # noqa: S608 (a word of ours)
        [most],
    )


def count_below(conn: Connection, above: Collection[int], *, until: datetime) -> dict[str, Any]:
    """What waits and is not among these: how many there are with which signs, incidents and clocks."""
    values = {"above": list(above), "until": until}
    row = conn.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE unseen > 0), count(*) FILTER (WHERE expires_at <= %(until)s),
               count(*) FILTER (WHERE due_at <= %(until)s), min(received_at)
        FROM report WHERE state = 'waiting' AND NOT id = ANY(%(above)s)
        """,
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has a row)
    incidents = conn.execute(
        """
        SELECT incident, count(*) FROM report WHERE state = 'waiting' AND NOT id = ANY(%(above)s) GROUP BY incident
        """,
        values,
    ).fetchall()
    signs = conn.execute(
        """
        SELECT claim ->> 'sign', count(DISTINCT id) FROM report, jsonb_array_elements(facts -> 'claims') AS claim
        WHERE state = 'waiting' AND NOT id = ANY(%(above)s) GROUP BY 1
        """,
        values,
    ).fetchall()
    return {
        "below": row[0], "unseen": row[1], "evidence": row[2], "overdue": row[3], "oldest": row[4],
        "incidents": dict(incidents), "signs": dict(signs),
    }  # fmt: skip


def find_survey(conn: Connection) -> SurveyRow | None:
    """What was last counted."""
    with conn.cursor(row_factory=class_row(SurveyRow)) as cursor:
        return cursor.execute("SELECT counted_at, line FROM report_survey").fetchone()


def put_survey(conn: Connection, line: dict[str, Any], *, now: datetime) -> None:
    """Writes what was counted, in place of what was counted before."""
    conn.execute(
        """
        INSERT INTO report_survey (counted_at, line) VALUES (%(now)s, %(line)s)
        ON CONFLICT (only_one) DO UPDATE SET counted_at = %(now)s, line = %(line)s
        """,
        {"now": now, "line": Jsonb(line)},
    )
