"""The tables of who is on watch and who was called, and the reports of present danger that nobody took."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.reports.model.reports import Report
from vangnet.reports.store.reports import as_report, columns

#: What calls a person has a rank below this, and nothing else has; tests/unit/reports/test_watch.py holds it to the rule.
DANGER_BELOW = -3 * (1 << 19)


def list_watch(conn: Connection) -> list[UUID]:
    """Who is on watch, in the order in which they are called; whoever has left is not."""
    rows = conn.execute(
        """
        SELECT person_id FROM report_watch JOIN person ON person.id = person_id AND person.state = 'active'
        ORDER BY position
        """
    ).fetchall()
    return [row[0] for row in rows]


def join(conn: Connection, person_id: UUID, *, now: datetime) -> bool:
    """Puts somebody at the end of the watch; whether they were not on it."""
    done = conn.execute(
        "INSERT INTO report_watch (person_id, joined_at) VALUES (%s, %s) ON CONFLICT DO NOTHING", [person_id, now]
    )
    return done.rowcount == 1


def leave(conn: Connection, person_id: UUID) -> bool:
    """Takes somebody off the watch; whether they were on it."""
    return conn.execute("DELETE FROM report_watch WHERE person_id = %s", [person_id]).rowcount == 1


def add_calls(conn: Connection, report_id: int, people: tuple[UUID, ...], *, now: datetime) -> int:
    """Writes whom a report called, each once; how many were not called before."""
    done = 0
    for person_id in people:
        done += conn.execute(
            "INSERT INTO report_call (report_id, person_id, called_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [report_id, person_id, now],
        ).rowcount
    return done


def list_calls(conn: Connection, report_id: int) -> list[tuple[UUID, datetime]]:
    """Whom a report called and when, the first one first."""
    return conn.execute(
        "SELECT person_id, called_at FROM report_call WHERE report_id = %s ORDER BY called_at, person_id", [report_id]
    ).fetchall()


def list_untaken(conn: Connection, *, limit: int = 50) -> list[Report]:
    """What calls a person and nobody has taken, the oldest first."""
    # Two questions, because each state has an index of its own; every page asks them.
    found: list[Report] = []
    for condition in (
        "state = 'waiting' AND rank < %(below)s ORDER BY rank, received_at, id",
        "state = 'aside' AND rank < %(below)s ORDER BY points DESC, id",
    ):
        with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
            found += cursor.execute(
                f"SELECT {columns()} FROM report WHERE {condition} LIMIT %(limit)s".encode(),  # noqa: S608
                {"below": DANGER_BELOW, "limit": limit},
            ).fetchall()
    return sorted(found, key=lambda report: (report.received_at, report.id))[:limit]
