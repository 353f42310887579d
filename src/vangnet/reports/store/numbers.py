"""Queries that have one row with one number."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from vangnet.db import Connection


def number(conn: Connection, query: LiteralString, args: Sequence[object] | Mapping[str, object] = ()) -> int:
    """The number."""
    row = conn.execute(query, args).fetchone()
    assert row is not None  # noqa: S101 (such a query has a row)
    found: int = row[0]
    return found
