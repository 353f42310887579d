"""The table of triage policies, and how many places of the order were taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from vangnet.db import Connection
from vangnet.reports.store.numbers import number


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """A policy as it was chosen."""

    version: int
    document: object
    chosen_by: str
    chosen_at: datetime


def find_policy(conn: Connection) -> PolicyRow | None:
    """The last one that was chosen."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return cursor.execute(
            "SELECT version, document, chosen_by, chosen_at FROM report_triage_policy ORDER BY version DESC LIMIT 1"
        ).fetchone()


def list_policies(conn: Connection, *, limit: int = 50) -> list[PolicyRow]:
    """All that were chosen, the last first."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return cursor.execute(
            "SELECT version, document, chosen_by, chosen_at FROM report_triage_policy ORDER BY version DESC LIMIT %s",
            [limit],
        ).fetchall()


def add_policy(conn: Connection, document: Mapping[str, object], *, chosen_by: str, now: datetime) -> int:
    """Keeps a policy as the next version, which is returned."""
    # Two people who choose at once: the second waits and becomes the later version.
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('report triage policy', 0))")
    found = find_policy(conn)
    version = 1 if found is None else found.version + 1
    conn.execute(
        "INSERT INTO report_triage_policy (version, document, chosen_by, chosen_at) VALUES (%s, %s, %s, %s)",
        [version, Jsonb(document), chosen_by, now],
    )
    return version


def count_taken(conn: Connection) -> int:
    """How many places of the order were taken so far."""
    return number(conn, "SELECT taken FROM report_desk")


def lock_taken(conn: Connection) -> int:
    """The same; whoever takes the next place waits until the end of the transaction."""
    return number(conn, "SELECT taken FROM report_desk FOR UPDATE")


def take_place(conn: Connection) -> None:
    """One more place was taken."""
    conn.execute("UPDATE report_desk SET taken = taken + 1")
