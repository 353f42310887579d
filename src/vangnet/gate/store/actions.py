"""The table of what the provider says that it did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.gate.actions import ProviderAction, Said


def add_action(
    conn: Connection, *, decision_id: UUID, action: ProviderAction, reason: str | None, said_by: str, now: datetime
) -> Said:
    """Keeps what was said."""
    row = conn.execute(
        """
        INSERT INTO gate_action (decision_id, action, reason, said_by, said_at) VALUES (%s, %s, %s, %s, %s) RETURNING id
        """,
        [decision_id, action, reason, said_by, now],
    ).fetchone()
    assert row is not None  # noqa: S101 (an INSERT that returns)
    return Said(id=row[0], decision_id=decision_id, action=action, reason=reason, said_by=said_by, said_at=now)


def list_actions(conn: Connection, decision_id: UUID) -> list[Said]:
    """Everything that was said about a decision, the oldest first."""
    with conn.cursor(row_factory=kwargs_row(_said)) as cursor:
        return cursor.execute(
            """
            SELECT id, decision_id, action, reason, said_by, said_at FROM gate_action WHERE decision_id = %s ORDER BY id
            """,
            [decision_id],
        ).fetchall()


def _said(*, action: str, **rest: Any) -> Said:
    return Said(action=ProviderAction(action), **rest)
