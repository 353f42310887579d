"""The tables of matches: what was decided, what no longer stands, and how often entries match."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from vangnet.db import Connection
from vangnet.registry.model.matches import NewMatch, RevisedMatch

_REVISED = """
    SELECT id, list_id, entry_id, reference, at, revised_seq, revised_at, revised_reason, told_at FROM registry_match
"""


class Revision(NamedTuple):
    """The change by which an entry ceased to stand."""

    seq: int
    reason: str | None


class Hour(NamedTuple):
    """How often the entries of a list matched in an hour."""

    hour: datetime
    entries: int
    matches: int


def add_matches(conn: Connection, list_of: dict[int, UUID], matches: Sequence[NewMatch]) -> None:
    """Keeps decisions; `list_of` tells each entry's list."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO registry_match (id, list_id, entry_id, reference, distance, at) VALUES (%s, %s, %s, %s, %s, %s)
            """,
            [[uuid.uuid4(), list_of[one.entry_id], one.entry_id, one.reference, one.distance, one.at] for one in matches],
        )


def count_hour(conn: Connection, entry_id: int, list_id: UUID, hour: datetime, matches: int) -> int:
    """Adds to what an entry matched in an hour; returns the sum."""
    row = conn.execute(
        """
        INSERT INTO registry_match_hour AS hour (entry_id, hour, list_id, matches) VALUES (%s, %s, %s, %s)
        ON CONFLICT (entry_id, hour) DO UPDATE SET matches = hour.matches + excluded.matches RETURNING matches
        """,
        [entry_id, hour, list_id, matches],
    ).fetchone()
    assert row is not None  # noqa: S101 (an INSERT that returns)
    return int(row[0])


def typical(conn: Connection, entry_id: int, list_id: UUID, *, since: datetime, hour: datetime) -> float:
    """What an hour with matches had from `since` until `hour`: the list's median, or this entry's where that is larger."""
    row = conn.execute(
        """
        SELECT greatest(
            percentile_cont(0.5) WITHIN GROUP (ORDER BY matches),
            percentile_cont(0.5) WITHIN GROUP (ORDER BY matches) FILTER (WHERE entry_id = %(entry)s)
        )
        FROM registry_match_hour WHERE list_id = %(list)s AND hour >= %(since)s AND hour < %(hour)s
        """,
        {"list": list_id, "entry": entry_id, "since": since, "hour": hour},
    ).fetchone()
    return float(row[0]) if row is not None and row[0] is not None else 0.0


def last_revisions(conn: Connection, entry_ids: Collection[int]) -> dict[int, Revision]:
    """For entries that do not stand: the change by which they ceased to, of their own or their list's."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (e.id) e.id, c.seq, c.reason
        FROM registry_entry e
        JOIN registry_list l ON l.id = e.list_id
        JOIN registry_change c
          ON (c.kind = 'entry_state' AND c.entry_id = e.id AND c.value = e.state)
          OR (c.kind = 'list_state' AND c.list_id = e.list_id AND c.value = l.state)
        WHERE e.id = ANY(%s)
          AND ((e.state IN ('withdrawn', 'suspended') AND c.kind = 'entry_state')
            OR (l.state IN ('suspended', 'quarantined') AND c.kind = 'list_state'))
        ORDER BY e.id, c.seq DESC
        """,
        [list(entry_ids)],
    )
    return {entry_id: Revision(seq, reason) for entry_id, seq, reason in rows.fetchall()}


def revise(conn: Connection, *, first: int, last: int, limit: int, now: datetime) -> int:
    """Marks decisions that rest on what ceased to stand by the changes `first` to `last`; at most `limit` at once."""
    return conn.execute(
        """
        UPDATE registry_match SET revised_seq = revised.seq, revised_at = %(now)s, revised_reason = revised.reason
        FROM (
            (SELECT m.id, c.seq, c.reason FROM registry_change c
             JOIN registry_match m ON m.entry_id = c.entry_id AND m.revised_seq IS NULL
             WHERE c.seq BETWEEN %(first)s AND %(last)s AND c.kind = 'entry_state' AND c.value IN ('withdrawn', 'suspended')
             LIMIT %(limit)s)
            UNION ALL
            (SELECT m.id, c.seq, c.reason FROM registry_change c
             JOIN registry_match m ON m.list_id = c.list_id AND m.revised_seq IS NULL
             WHERE c.seq BETWEEN %(first)s AND %(last)s AND c.kind = 'list_state'
               AND c.value IN ('suspended', 'quarantined')
             LIMIT %(limit)s)
        ) AS revised
        WHERE registry_match.id = revised.id
        """,
        {"first": first, "last": last, "limit": limit, "now": now},
    ).rowcount


def revise_entries(conn: Connection, revisions: dict[int, Revision], *, now: datetime) -> int:
    """Marks the open decisions of these entries."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            UPDATE registry_match SET revised_seq = %s, revised_at = %s, revised_reason = %s
            WHERE entry_id = %s AND revised_seq IS NULL
            """,
            [[revision.seq, now, revision.reason, entry_id] for entry_id, revision in revisions.items()],
        )
        return cursor.rowcount


def list_revised(
    conn: Connection, *, list_id: UUID | None, after: tuple[int, UUID] | None, limit: int
) -> list[RevisedMatch]:
    """Decisions that no longer stand, in the order of the changes that revised them, behind one of them."""
    seq, id_ = (0, UUID(int=0)) if after is None else after
    with conn.cursor(row_factory=class_row(RevisedMatch)) as cursor:
        return cursor.execute(
            _REVISED
            + """
            WHERE revised_seq IS NOT NULL AND (revised_seq, id) > (%(seq)s, %(id)s)
              AND (%(list)s::uuid IS NULL OR list_id = %(list)s)
            ORDER BY revised_seq, id LIMIT %(limit)s
            """,
            {"seq": seq, "id": id_, "list": list_id, "limit": limit},
        ).fetchall()


def count_untold(conn: Connection) -> int:
    """How many decisions no longer stand and were not told to their owner."""
    row = conn.execute("SELECT count(*) FROM registry_match WHERE revised_seq IS NOT NULL AND told_at IS NULL").fetchone()
    return 0 if row is None else int(row[0])


def update_told(conn: Connection, ids: Collection[UUID], *, now: datetime) -> int:
    """These were told to their owner."""
    return conn.execute(
        "UPDATE registry_match SET told_at = %s WHERE id = ANY(%s) AND revised_seq IS NOT NULL AND told_at IS NULL",
        [now, list(ids)],
    ).rowcount


def list_hours(conn: Connection, list_id: UUID, *, since: datetime) -> list[Hour]:
    """How often a list matched, by the hour, in order."""
    with conn.cursor(row_factory=class_row(Hour)) as cursor:
        return cursor.execute(
            """
            SELECT hour, count(*)::int AS entries, sum(matches)::bigint AS matches FROM registry_match_hour
            WHERE list_id = %s AND hour >= %s GROUP BY hour ORDER BY hour
            """,
            [list_id, since],
        ).fetchall()


def list_most_matched(conn: Connection, list_id: UUID, *, since: datetime, limit: int) -> list[tuple[int, int]]:
    """The entries of a list that matched most, each with how often."""
    return conn.execute(
        """
        SELECT entry_id, sum(matches)::bigint AS total FROM registry_match_hour WHERE list_id = %s AND hour >= %s
        GROUP BY entry_id ORDER BY total DESC, entry_id LIMIT %s
        """,
        [list_id, since, limit],
    ).fetchall()
