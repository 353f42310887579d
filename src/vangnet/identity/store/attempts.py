"""The table `attempt`: failures to sign in, by kind and subject."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.identity.model.attempts import AttemptKind, Attempts


def take_turn(conn: Connection, kind: AttemptKind, subject: bytes) -> bool:
    """Whether no other attempt of this kind and subject is under way; the turn ends with the transaction.

    Without it a hundred attempts at the same moment would all be let in before the first of them is counted.
    """
    number = int.from_bytes(subject[:8], signed=True) ^ list(AttemptKind).index(kind)
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", [number]).fetchone()
    return row == (True,)


def list_attempts(conn: Connection, subjects: Sequence[tuple[AttemptKind, bytes]]) -> list[Attempts]:
    """The counts that there are for these kinds and subjects."""
    with conn.cursor(row_factory=class_row(Attempts)) as cursor:
        return cursor.execute(
            """
            SELECT failures, last_failed_at, blocked_until FROM attempt
            JOIN unnest(%s::text[], %s::bytea[]) AS asked (kind, subject) USING (kind, subject)
            """,
            [[kind for kind, _ in subjects], [subject for _, subject in subjects]],
        ).fetchall()


def count_failure(conn: Connection, kind: AttemptKind, subject: bytes, *, forget_before: datetime, now: datetime) -> int:
    """How many there are with this one; those whose last was before `forget_before` are forgotten."""
    row = conn.execute(
        """
        INSERT INTO attempt (kind, subject, failures, last_failed_at, blocked_until)
        VALUES (%(kind)s, %(subject)s, 1, %(now)s, %(now)s)
        ON CONFLICT (kind, subject) DO UPDATE SET
            failures = CASE WHEN attempt.last_failed_at < %(forget_before)s THEN 1 ELSE attempt.failures + 1 END,
            last_failed_at = excluded.last_failed_at
        RETURNING failures
        """,
        {"kind": kind, "subject": subject, "now": now, "forget_before": forget_before},
    ).fetchone()
    if row is None:
        raise AssertionError("INSERT … RETURNING returns the row")
    failures: int = row[0]
    return failures


def update_blocked(conn: Connection, kind: AttemptKind, subject: bytes, *, blocked_until: datetime) -> None:
    """No attempt is taken before that time."""
    conn.execute("UPDATE attempt SET blocked_until = %s WHERE kind = %s AND subject = %s", [blocked_until, kind, subject])


def remove_attempts(conn: Connection, kind: AttemptKind, subject: bytes) -> None:
    """It succeeded: the failures before it were slips."""
    conn.execute("DELETE FROM attempt WHERE kind = %s AND subject = %s", [kind, subject])
