"""Policies of before, and the decisions that another one is tried on."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.gate.model import Decision, ListedDecision, Outcome
from vangnet.gate.store import PolicyRow, list_some
from vangnet.hashing.model import Reason


def list_policies(conn: Connection, *, limit: int) -> list[PolicyRow]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return cursor.execute(
            "SELECT version, document, chosen_by, chosen_at FROM gate_policy ORDER BY version DESC LIMIT %s", [limit]
        ).fetchall()


def list_versions(conn: Connection, versions: Sequence[int]) -> list[PolicyRow]:
    """Those with these numbers."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return cursor.execute(
            "SELECT version, document, chosen_by, chosen_at FROM gate_policy WHERE version = ANY(%s)", [list(versions)]
        ).fetchall()


def decisions_since(conn: Connection, since: datetime, *, limit: int) -> list[ListedDecision]:
    """Kept decisions on uploads since then, the newest first; not those on uploads that were accepted before."""
    rows = conn.execute(
        "SELECT id FROM gate_decision WHERE at >= %s AND uploaded_at IS NULL ORDER BY at DESC, id DESC LIMIT %s",
        [since, limit],
    ).fetchall()
    return list_some(conn, [row[0] for row in rows])


def counts_without_match(conn: Connection, since: datetime) -> list[tuple[Outcome, Decision, Reason | None, int]]:
    """Checks since then that no row is kept of: files that could not be examined, and checks that could not be made."""
    rows = conn.execute(
        """
        SELECT outcome, decision, reason, sum(checks)::bigint FROM gate_count
        WHERE minute >= %s AND outcome IN ('unhashable', 'unavailable')
        GROUP BY outcome, decision, reason ORDER BY outcome, reason, decision
        """,
        [since],
    ).fetchall()
    return [
        (Outcome(outcome), Decision(decision), Reason(reason) if reason else None, checks)
        for outcome, decision, reason, checks in rows
    ]


def shadow_matches(conn: Connection, since: datetime) -> dict[UUID, int]:
    """How many checks matched each list that only counted."""
    return dict(
        conn.execute(
            "SELECT list_id, sum(matches)::bigint FROM gate_list_count WHERE shadow AND minute >= %s GROUP BY list_id",
            [since],
        ).fetchall()
    )
