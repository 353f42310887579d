"""The tables of batches and of their rows that were not taken."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.registry.model.matches import Batch, BatchProblem, BatchState

#: So many problems of a batch are kept; the others are counted.
PROBLEMS_KEPT = 1000


def add_batch(
    conn: Connection,
    *,
    list_id: UUID,
    party_id: UUID | None,
    format_: str,
    source_digest: bytes,
    by: str,
    now: datetime,
) -> Batch:
    """A new batch, at its beginning. Raises Conflict where the same source is being read."""
    try:
        with conn.transaction(), conn.cursor(row_factory=kwargs_row(_batch)) as cursor:
            added = cursor.execute(
                """
                INSERT INTO registry_batch
                    (list_id, party_id, format, source_digest, state, started_by, started_at, seen_at)
                VALUES (%(list)s, %(party)s, %(format)s, %(digest)s, 'running', %(by)s, %(now)s, %(now)s) RETURNING *
                """,
                {
                    "list": list_id, "party": party_id, "format": format_, "digest": source_digest, "by": by, "now": now,
                },
            ).fetchone()  # fmt: skip
    except UniqueViolation as error:
        raise Conflict(problem="the same source is being read into this list already") from error
    assert added is not None  # noqa: S101 (an INSERT that returns)
    return added


def find_running(conn: Connection, list_id: UUID, source_digest: bytes) -> Batch | None:
    """The batch of this source that was not read to its end, locked."""
    with conn.cursor(row_factory=kwargs_row(_batch)) as cursor:
        return cursor.execute(
            """
            SELECT * FROM registry_batch WHERE list_id = %s AND source_digest = %s AND state = 'running' FOR UPDATE
            """,
            [list_id, source_digest],
        ).fetchone()


def get_batch(conn: Connection, batch_id: int) -> Batch:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_batch)) as cursor:
        found = cursor.execute("SELECT * FROM registry_batch WHERE id = %s", [batch_id]).fetchone()
    return _found(found, batch_id)


def get_batch_for_update(conn: Connection, batch_id: int) -> Batch:
    """The same, and nobody else reads it on until the transaction ends. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_batch)) as cursor:
        found = cursor.execute("SELECT * FROM registry_batch WHERE id = %s FOR UPDATE", [batch_id]).fetchone()
    return _found(found, batch_id)


def list_batches(conn: Connection, list_id: UUID | None, *, limit: int) -> list[Batch]:
    """The batches of a list, or of all, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_batch)) as cursor:
        return cursor.execute(
            """
            SELECT * FROM registry_batch WHERE %(list)s::uuid IS NULL OR list_id = %(list)s ORDER BY id DESC LIMIT %(limit)s
            """,
            {"list": list_id, "limit": limit},
        ).fetchall()


def update_batch(conn: Connection, batch: Batch) -> None:
    """How far it was read, and what became of it."""
    conn.execute(
        """
        UPDATE registry_batch
        SET position = %s, checkpoint = %s, taken = %s, duplicates = %s, skipped = %s, collided = %s, withdrawn = %s,
            state = %s, seen_at = %s, finished_at = %s
        WHERE id = %s
        """,
        [
            batch.position, batch.checkpoint, batch.taken, batch.duplicates, batch.skipped, batch.collided, batch.withdrawn,
            batch.state, batch.seen_at, batch.finished_at, batch.id,
        ],
    )  # fmt: skip


def add_problems(conn: Connection, batch_id: int, problems: Sequence[BatchProblem]) -> None:
    """Keeps these, unless enough are kept already."""
    row = conn.execute("SELECT count(*) FROM registry_batch_problem WHERE batch_id = %s", [batch_id]).fetchone()
    kept = 0 if row is None else row[0]
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO registry_batch_problem (batch_id, position, field, problem) VALUES (%s, %s, %s, %s)
            ON CONFLICT (batch_id, position) DO NOTHING
            """,
            [[batch_id, one.position, one.field, one.problem] for one in problems[: max(PROBLEMS_KEPT - kept, 0)]],
        )


def list_problems(conn: Connection, batch_id: int, *, after: int, limit: int) -> list[BatchProblem]:
    """The kept problems of a batch behind the position `after`."""
    with conn.cursor(row_factory=class_row(BatchProblem)) as cursor:
        return cursor.execute(
            """
            SELECT position, field, problem FROM registry_batch_problem
            WHERE batch_id = %s AND position > %s ORDER BY position LIMIT %s
            """,
            [batch_id, after, limit],
        ).fetchall()


def _batch(*, state: str, source_digest: bytes, **rest: Any) -> Batch:
    return Batch(state=BatchState(state), source_digest=bytes(source_digest), **rest)


def _found(batch: Batch | None, batch_id: int) -> Batch:
    if batch is None:
        raise NotFound(record="batch", key=str(batch_id))
    return batch
