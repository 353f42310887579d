"""The table of terms as they were chosen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from psycopg.types.json import Json

from vangnet.db import Connection


def list_terms(conn: Connection) -> Iterator[tuple[int, Any, str, datetime]]:
    """Version, document, who chose it and when; the newest first."""
    yield from conn.execute("SELECT version, document, chosen_by, chosen_at FROM retention_terms ORDER BY version DESC")


def add_terms(conn: Connection, document: dict[str, Any], *, chosen_by: str, now: datetime) -> int:
    """Keeps terms as the next version, and returns its number."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('retention terms', 0))")
    row = conn.execute(
        """
        INSERT INTO retention_terms (version, document, chosen_by, chosen_at)
        SELECT coalesce(max(version), 0) + 1, %s, %s, %s FROM retention_terms
        RETURNING version
        """,
        [Json(document), chosen_by, now],
    ).fetchone()
    assert row is not None  # noqa: S101 (just added)
    return int(row[0])
