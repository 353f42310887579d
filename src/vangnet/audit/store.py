"""The audit tables."""

from collections.abc import Mapping
from datetime import datetime

from psycopg.types.json import Jsonb

from vangnet.audit.model import Actor
from vangnet.db import Connection


def add_event(
    conn: Connection,
    actor: Actor,
    *,
    action: str,
    record: str,
    record_id: str,
    at: datetime,
    details: Mapping[str, object],
) -> None:
    """Writes the event and puts it in the sealer's way, in one statement."""
    conn.execute(
        """
        WITH event AS (
            INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)
            VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        )
        INSERT INTO audit_unsealed (event_id) SELECT id FROM event
        """,
        [at, actor.kind, actor.id, action, record, record_id, Jsonb(dict(details))],
    )
