"""The tables of the webhook: where to, its secrets, its deliveries."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.gate.webhooks import Delivery, DeliveryState, Event, Webhook, WebhookState

# --- the webhook ---


def find_webhook(conn: Connection) -> Webhook | None:
    """The one there is, whatever its state."""
    with conn.cursor(row_factory=kwargs_row(_webhook)) as cursor:
        return cursor.execute("SELECT url, events, state, state_at, chosen_by, silent_until FROM gate_webhook").fetchone()


def put_webhook(conn: Connection, webhook: Webhook) -> None:
    """Sets it, in place of the one before; what was silent is tried again."""
    conn.execute(
        """
        INSERT INTO gate_webhook (url, events, state, state_at, chosen_by) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (only_one) DO UPDATE
        SET url = excluded.url, events = excluded.events, state = excluded.state, state_at = excluded.state_at,
            chosen_by = excluded.chosen_by, silences = 0, silent_until = NULL
        """,
        [webhook.url, sorted(webhook.events), webhook.state, webhook.state_at, webhook.chosen_by],
    )


def update_state(conn: Connection, state: WebhookState, *, by: str, now: datetime) -> None:
    """It is off, or gone."""
    conn.execute("UPDATE gate_webhook SET state = %s, state_at = %s, chosen_by = %s", [state, now, by])


def update_heard(conn: Connection) -> None:
    """It answered."""
    conn.execute("UPDATE gate_webhook SET silences = 0, silent_until = NULL WHERE silences > 0")


def update_silent(conn: Connection, delays_s: Sequence[float], *, now: datetime) -> None:
    """It did not answer at all: each time it is left alone for longer."""
    conn.execute(
        """
        UPDATE gate_webhook
        SET silences = silences + 1,
            silent_until = %(now)s + make_interval(
                secs => (%(delays)s::float8[])[least(silences + 1, cardinality(%(delays)s::float8[]))]
            )
        """,
        {"now": now, "delays": list(delays_s)},
    )


# --- secrets ---


def add_secret(conn: Connection, sealed: bytes, *, now: datetime) -> None:
    """Another secret, which is the newest."""
    conn.execute("INSERT INTO gate_webhook_secret (id, sealed, made_at) VALUES (%s, %s, %s)", [uuid.uuid4(), sealed, now])


def end_secrets(conn: Connection, *, at: datetime) -> None:
    """Those that have no end yet, end then."""
    conn.execute("UPDATE gate_webhook_secret SET ends_at = %s WHERE ends_at IS NULL", [at])


def remove_ended_secrets(conn: Connection, *, now: datetime) -> int:
    """Forgets secrets that ended; returns how many."""
    return conn.execute("DELETE FROM gate_webhook_secret WHERE ends_at <= %s", [now]).rowcount


def list_secrets(conn: Connection, *, now: datetime) -> list[tuple[bytes, datetime, datetime | None]]:
    """Those that count: sealed, since when, until when; the newest first."""
    return conn.execute(
        """
        SELECT sealed, made_at, ends_at FROM gate_webhook_secret WHERE ends_at IS NULL OR ends_at > %s
        ORDER BY ends_at DESC NULLS FIRST, made_at DESC
        """,
        [now],
    ).fetchall()


# --- deliveries ---

_DELIVERY = """
    SELECT id, event, decision_id, made_at, body, state, state_at, tries, last_tried_at, next_try_at, status, problem
    FROM gate_webhook_delivery
"""


def add_delivery(conn: Connection, *, event: Event, decision_id: UUID | None, body: bytes, now: datetime) -> UUID | None:
    """Keeps a message for the webhook, where it is on and told of such; while it is silent, for later."""
    id_ = uuid.uuid4()
    added = conn.execute(
        """
        INSERT INTO gate_webhook_delivery (id, event, decision_id, made_at, body, state, state_at, next_try_at)
        SELECT %(id)s, %(event)s, %(decision)s, %(now)s, %(body)s, 'waiting', %(now)s, greatest(%(now)s, silent_until)
        FROM gate_webhook WHERE state = 'on' AND (%(event)s = ANY(events) OR %(event)s = 'webhook.test')
        """,
        {"id": id_, "event": event, "decision": decision_id, "body": body, "now": now},
    )
    return id_ if added.rowcount else None


def get_delivery(conn: Connection, delivery_id: UUID) -> Delivery:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        found = cursor.execute(_DELIVERY + "WHERE id = %s", [delivery_id]).fetchone()
    if found is None:
        raise NotFound(record="delivery", key=str(delivery_id))
    return found


def get_delivery_for_update(conn: Connection, delivery_id: UUID) -> Delivery:
    """The same, and nobody else changes it until the transaction ends. Raises NotFound."""
    conn.execute("SELECT FROM gate_webhook_delivery WHERE id = %s FOR UPDATE", [delivery_id])
    return get_delivery(conn, delivery_id)


def find_due(conn: Connection, *, now: datetime) -> Delivery | None:
    """What is to be sent next, if its time has come."""
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        return cursor.execute(
            _DELIVERY + "WHERE state = 'waiting' AND next_try_at <= %s ORDER BY next_try_at, id LIMIT 1", [now]
        ).fetchone()


def next_try_at(conn: Connection) -> datetime | None:
    """When something is to be sent next; None where nothing waits."""
    row = conn.execute("SELECT min(next_try_at) FROM gate_webhook_delivery WHERE state = 'waiting'").fetchone()
    return None if row is None else row[0]


def list_deliveries(
    conn: Connection,
    *,
    state: DeliveryState | None,
    decision_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Delivery]:
    """The newest first."""
    at, id_ = (None, None) if before is None else before
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        return cursor.execute(
            _DELIVERY
            + """
            WHERE (%(state)s::text IS NULL OR state = %(state)s)
              AND (%(decision)s::uuid IS NULL OR decision_id = %(decision)s)
              AND (%(at)s::timestamptz IS NULL OR (made_at, id) < (%(at)s, %(id)s))
            ORDER BY made_at DESC, id DESC LIMIT %(limit)s
            """,
            {"state": state, "decision": decision_id, "at": at, "id": id_, "limit": limit},
        ).fetchall()


def count_deliveries(conn: Connection) -> dict[DeliveryState, int]:
    """How many there are in each state."""
    rows = conn.execute("SELECT state, count(*) FROM gate_webhook_delivery GROUP BY state").fetchall()
    return {DeliveryState(state): number for state, number in rows}


def update_delivery(conn: Connection, delivery: Delivery) -> None:
    """Writes what became of one."""
    conn.execute(
        """
        UPDATE gate_webhook_delivery
        SET state = %s, state_at = %s, tries = %s, last_tried_at = %s, next_try_at = %s, status = %s, problem = %s
        WHERE id = %s
        """,
        [
            delivery.state, delivery.state_at, delivery.tries, delivery.last_tried_at, delivery.next_try_at,
            delivery.status, delivery.problem, delivery.id,
        ],
    )  # fmt: skip


def fail_due(conn: Connection, *, problem: str, delays_s: Sequence[float], now: datetime) -> int:
    """A try failed for everything that was due; returns for how many it was the last one."""
    row = conn.execute(
        """
        WITH failed AS (
            UPDATE gate_webhook_delivery
            SET tries = tries + 1, last_tried_at = %(now)s, status = NULL, problem = %(problem)s,
                state = CASE WHEN tries < cardinality(%(delays)s::float8[]) THEN 'waiting' ELSE 'parked' END,
                state_at = CASE WHEN tries < cardinality(%(delays)s::float8[]) THEN state_at ELSE %(now)s END,
                next_try_at = CASE WHEN tries < cardinality(%(delays)s::float8[])
                    THEN %(now)s + make_interval(secs => (%(delays)s::float8[])[tries + 1]) END
            WHERE state = 'waiting' AND next_try_at <= %(now)s
            RETURNING state
        )
        SELECT count(*) FROM failed WHERE state = 'parked'
        """,
        {"problem": problem, "delays": list(delays_s), "now": now},
    ).fetchone()
    return 0 if row is None else int(row[0])


def park_waiting(conn: Connection, *, problem: str, now: datetime) -> int:
    """Nothing that waits is sent any more; returns how many."""
    return conn.execute(
        """
        UPDATE gate_webhook_delivery SET state = 'parked', state_at = %s, next_try_at = NULL, problem = %s
        WHERE state = 'waiting'
        """,
        [now, problem],
    ).rowcount


def remove_deliveries(conn: Connection, *, before: datetime, limit: int) -> int:
    """Forgets what was made before then and does not wait; returns how many."""
    return conn.execute(
        """
        DELETE FROM gate_webhook_delivery
        WHERE id IN (
            SELECT id FROM gate_webhook_delivery WHERE made_at < %s AND state <> 'waiting' ORDER BY made_at, id LIMIT %s
        )
        """,
        [before, limit],
    ).rowcount


def _webhook(*, events: list[str], state: str, **rest: Any) -> Webhook:
    return Webhook(events=frozenset(map(Event, events)), state=WebhookState(state), **rest)


def _delivery(*, event: str, state: str, body: bytes, **rest: Any) -> Delivery:
    return Delivery(event=Event(event), state=DeliveryState(state), body=bytes(body), **rest)
