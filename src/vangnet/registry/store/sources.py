"""The tables of third parties' services, and of what we told them."""

from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import Conflict, NotFound
from vangnet.registry.model.sources import Feedback, FeedbackState, Source, SourceKind, SourceState


def add_source(conn: Connection, added: Source) -> None:
    """Raises Conflict where there is one of that name."""
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO registry_source
                    (id, name, kind, list_id, base_url, credentials, state, place, added_by, added_at)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    added.id, added.name, added.kind, added.list_id, added.base_url, added.credentials, added.state,
                    added.place, added.added_by, added.added_at,
                ],
            )  # fmt: skip
    except UniqueViolation as error:
        raise Conflict(problem=f"there is a source named `{added.name}` already") from error


def update_source(conn: Connection, changed: Source) -> None:
    """Writes what can change."""
    conn.execute(
        """
        UPDATE registry_source SET credentials = %s, state = %s, place = %s, fetched_at = %s, failures = %s, problem = %s
        WHERE id = %s
        """,
        [
            changed.credentials, changed.state, changed.place, changed.fetched_at, changed.failures, changed.problem,
            changed.id,
        ],
    )  # fmt: skip


def get_source(conn: Connection, source_id: UUID) -> Source:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_source)) as cursor:
        found = cursor.execute("SELECT * FROM registry_source WHERE id = %s", [source_id]).fetchone()
    return _found(found, source_id)


def get_source_for_update(conn: Connection, source_id: UUID) -> Source:
    """The same, locked. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_source)) as cursor:
        found = cursor.execute("SELECT * FROM registry_source WHERE id = %s FOR UPDATE", [source_id]).fetchone()
    return _found(found, source_id)


def find_source_of_list(conn: Connection, list_id: UUID, kind_of_scheme: str) -> Source | None:
    """The service from which entries of that scheme came into a list."""
    with conn.cursor(row_factory=kwargs_row(_source)) as cursor:
        return cursor.execute(
            "SELECT * FROM registry_source WHERE list_id = %s AND kind = %s ORDER BY added_at LIMIT 1",
            [list_id, kind_of_scheme],
        ).fetchone()


def find_source_by_name(conn: Connection, name: str) -> Source | None:
    """Without regard to case."""
    with conn.cursor(row_factory=kwargs_row(_source)) as cursor:
        return cursor.execute("SELECT * FROM registry_source WHERE lower(name) = lower(%s)", [name]).fetchone()


def list_sources(conn: Connection) -> list[Source]:
    """All, by name."""
    with conn.cursor(row_factory=kwargs_row(_source)) as cursor:
        return cursor.execute("SELECT * FROM registry_source ORDER BY lower(name)").fetchall()


def get_scheme(conn: Connection, category_id: int) -> str:
    """The scheme of a category. Raises NotFound."""
    row = conn.execute("SELECT scheme FROM registry_category WHERE id = %s", [category_id]).fetchone()
    if row is None:
        raise NotFound(record="category", key=str(category_id))
    scheme: str = row[0]
    return scheme


def add_feedback(conn: Connection, added: Feedback) -> None:
    """Writes what is to be sent."""
    conn.execute(
        """
        INSERT INTO registry_feedback (id, source_id, entry_id, agrees, reason, state, given_by, given_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            added.id, added.source_id, added.entry_id, added.agrees, added.reason, added.state, added.given_by,
            added.given_at,
        ],
    )  # fmt: skip


def update_feedback(conn: Connection, changed: Feedback) -> None:
    """Writes what became of it."""
    conn.execute(
        "UPDATE registry_feedback SET state = %s, problem = %s, answered_at = %s WHERE id = %s",
        [changed.state, changed.problem, changed.answered_at, changed.id],
    )


def get_feedback_for_update(conn: Connection, feedback_id: UUID) -> Feedback:
    """Locked. Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_feedback)) as cursor:
        found = cursor.execute("SELECT * FROM registry_feedback WHERE id = %s FOR UPDATE", [feedback_id]).fetchone()
    if found is None:
        raise NotFound(record="feedback", key=str(feedback_id))
    return found


def list_feedback(conn: Connection, *, source_id: UUID, limit: int) -> list[Feedback]:
    """What was told to a service, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_feedback)) as cursor:
        return cursor.execute(
            "SELECT * FROM registry_feedback WHERE source_id = %s ORDER BY given_at DESC, id LIMIT %s", [source_id, limit]
        ).fetchall()


def _source(*, kind: str, state: str, **rest: Any) -> Source:
    return Source(kind=SourceKind(kind), state=SourceState(state), **rest)


def _feedback(*, state: str, **rest: Any) -> Feedback:
    return Feedback(state=FeedbackState(state), **rest)


def _found(found: Source | None, source_id: UUID) -> Source:
    if found is None:
        raise NotFound(record="source", key=str(source_id))
    return found
