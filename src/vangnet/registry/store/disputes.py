"""The table of disputes, and what lists' suppliers did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.registry.model.disputes import Dispute, DisputeState, SupplierRecord


def add_dispute(conn: Connection, dispute: Dispute) -> None:
    """Raises Conflict where the entry is disputed already."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO registry_dispute (id, list_id, entry_id, by_party, by_person, reason, opened_at, due_at, state,
                                              entry_state, handoff_id)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    dispute.id, dispute.list_id, dispute.entry_id, dispute.by_party, dispute.by_person, dispute.reason,
                    dispute.opened_at, dispute.due_at, dispute.state, dispute.entry_state, dispute.handoff_id,
                ],
            )  # fmt: skip
    except UniqueViolation as error:
        raise Conflict(problem="the entry is disputed already, and waits for an answer") from error


def get_dispute(conn: Connection, dispute_id: UUID) -> Dispute:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_dispute)) as cursor:
        found = cursor.execute("SELECT * FROM registry_dispute WHERE id = %s", [dispute_id]).fetchone()
    return _found(found, dispute_id)


def get_dispute_for_update(conn: Connection, dispute_id: UUID) -> Dispute:
    """The same, and nobody else answers it until the transaction ends. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_dispute)) as cursor:
        found = cursor.execute("SELECT * FROM registry_dispute WHERE id = %s FOR UPDATE", [dispute_id]).fetchone()
    return _found(found, dispute_id)


def find_by_handoff(conn: Connection, handoff_id: UUID) -> Dispute | None:
    """The dispute that came, or was sent on, with this hand-off."""
    with conn.cursor(row_factory=kwargs_row(_dispute)) as cursor:
        return cursor.execute("SELECT * FROM registry_dispute WHERE handoff_id = %s", [handoff_id]).fetchone()


def list_disputes(
    conn: Connection,
    *,
    list_id: UUID | None,
    entry_id: int | None,
    still_open: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Dispute]:
    """Those that are due first come first; `after` is when the last one seen is due, and its id."""
    due_at, id_ = (None, None) if after is None else after
    with conn.cursor(row_factory=kwargs_row(_dispute)) as cursor:
        return cursor.execute(
            """
            SELECT * FROM registry_dispute
            WHERE (%(list)s::uuid IS NULL OR list_id = %(list)s) AND (%(entry)s::bigint IS NULL OR entry_id = %(entry)s)
              AND (state = 'open' OR NOT %(open)s)
              AND (%(at)s::timestamptz IS NULL OR (due_at, id) > (%(at)s, %(id)s))
            ORDER BY due_at, id LIMIT %(limit)s
            """,
            {"list": list_id, "entry": entry_id, "open": still_open, "at": due_at, "id": id_, "limit": limit},
        ).fetchall()


def update_answer(conn: Connection, dispute: Dispute) -> None:
    """What was answered, and by whom."""
    conn.execute(
        "UPDATE registry_dispute SET state = %s, reviewer = %s, answer = %s, answered_at = %s WHERE id = %s",
        [dispute.state, dispute.reviewer, dispute.answer, dispute.answered_at, dispute.id],
    )


def update_handoff(conn: Connection, dispute_id: UUID, handoff_id: UUID) -> None:
    """With which hand-off it was sent on."""
    conn.execute("UPDATE registry_dispute SET handoff_id = %s WHERE id = %s", [handoff_id, dispute_id])


def list_suppliers(conn: Connection) -> list[SupplierRecord]:
    """What became of each supplier's entries; ourselves are the one without a party."""
    with conn.cursor(row_factory=class_row(SupplierRecord)) as cursor:
        return cursor.execute(
            """
            SELECT l.supplier_party_id AS party_id, count(*)::int AS lists,
                   coalesce(sum(c.entries), 0)::bigint AS entries, coalesce(sum(c.withdrawn), 0)::bigint AS withdrawn,
                   coalesce(sum(s.stopped), 0)::bigint AS stopped, coalesce(sum(d.disputed), 0)::bigint AS disputed,
                   coalesce(sum(d.conceded), 0)::bigint AS conceded
            FROM registry_list l
            LEFT JOIN LATERAL (
                SELECT sum(entries) AS entries, sum(entries) FILTER (WHERE state = 'withdrawn') AS withdrawn
                FROM registry_list_count WHERE list_id = l.id
            ) c ON true
            LEFT JOIN LATERAL (
                SELECT count(DISTINCT entry_id) AS stopped FROM registry_collision WHERE list_id = l.id
            ) s ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS disputed, count(*) FILTER (WHERE state IN ('withdrawn', 'corrected')) AS conceded
                FROM registry_dispute WHERE list_id = l.id
            ) d ON true
            WHERE l.origin_party_id IS NULL
            GROUP BY l.supplier_party_id ORDER BY l.supplier_party_id NULLS FIRST
            """
        ).fetchall()


def _dispute(*, state: str, **rest: Any) -> Dispute:
    return Dispute(state=DisputeState(state), **rest)


def _found(dispute: Dispute | None, dispute_id: UUID) -> Dispute:
    if dispute is None:
        raise NotFound(record="dispute", key=str(dispute_id))
    return dispute
