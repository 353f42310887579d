"""The audit tables."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row, dict_row

from vangnet.audit.chain import Head, Seal, SealRow
from vangnet.audit.model import Actor, ActorKind, ChainState, EventFilter, ListedEvent
from vangnet.db import Connection

#: One sealer works at a time, in whichever process; the number means nothing.
_SEALER_LOCK = 7_264_002
#: How many rows one round trip of a long reading brings.
_BATCH_ROWS = 10_000

# The event's fields as `chain.leaf` takes them. A row changed by hand may hold anything, and reading it must not fail:
# hence the casts, and the time that is no time.
_ENCODED: LiteralString = """
    e.id::bigint,
    CASE WHEN isfinite(e.at) THEN (extract(epoch FROM e.at) * 1000000)::bigint END,
    e.actor_kind::text, e.actor_id::text, e.action::text, e.record::text, e.record_id::text, e.details::text
"""
#: What COPY BINARY sends before the first row, and after the last (PostgreSQL documentation, COPY, "Binary Format").
_COPY_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_COPY_HEADER_BYTES = len(_COPY_SIGNATURE) + 8
_COPY_TRAILER = b"\xff\xff"


def add_event(
    conn: Connection, actor: Actor, *, action: str, record: str, record_id: str, at: datetime, details: str
) -> None:
    """Writes the event and puts it in the sealer's way, in one statement. `details` are canonical JSON."""
    conn.execute(
        """
        WITH event AS (
            INSERT INTO audit_event (at, actor_kind, actor_id, action, record, record_id, details)
            VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
        )
        INSERT INTO audit_unsealed (event_id) SELECT id FROM event
        """,
        [at, actor.kind, actor.id, action, record, record_id, details],
    )


# --- what people read ---


def list_events(conn: Connection, wanted: EventFilter, *, before: int | None, limit: int) -> list[ListedEvent]:
    """At most `limit` events, newest first; with `before`, those older than the event with that id."""
    kinds = None if wanted.actor_kind is None else [wanted.actor_kind]
    if kinds is None and wanted.actor_id is not None:
        kinds = list(ActorKind)  # The index begins with the kind.
    conditions: list[tuple[LiteralString, object]] = [
        ("e.record = %s", wanted.record),
        ("e.record_id = %s", wanted.record_id),
        ("e.actor_kind = ANY(%s)", kinds),
        ("e.actor_id = %s", wanted.actor_id),
        ("e.action = %s", wanted.action),
        ("e.at >= %s", wanted.since),
        ("e.at < %s", wanted.until),
        ("(e.at, e.id) < (SELECT at, id FROM audit_event WHERE id = %s)", before),
    ]
    # Put together from what is asked for, so that the planner sees which index serves.
    given = [(condition, value) for condition, value in conditions if value is not None]
    query: LiteralString = (
        "SELECT e.*, s.position, s.sealed_at FROM audit_event e LEFT JOIN audit_seal s ON s.event_id = e.id WHERE true"  # noqa: S608
        + "".join(" AND " + condition for condition, _ in given)
        + " ORDER BY e.at DESC, e.id DESC LIMIT %s"
    )
    with conn.cursor(row_factory=class_row(ListedEvent)) as cursor:
        return cursor.execute(query, [*(value for _, value in given), limit]).fetchall()


def list_actions(conn: Connection) -> list[str]:
    """Every action that occurs, in alphabetical order; as many index probes as there are actions, however many events."""
    rows = conn.execute(
        """
        WITH RECURSIVE found AS (
            (SELECT action FROM audit_event ORDER BY action LIMIT 1)
            UNION ALL
            SELECT (SELECT e.action FROM audit_event e WHERE e.action > f.action ORDER BY e.action LIMIT 1)
            FROM found f WHERE f.action IS NOT NULL
        )
        SELECT action FROM found WHERE action IS NOT NULL
        """
    ).fetchall()
    return [action for (action,) in rows]


def stream_trail(conn: Connection) -> Iterator[dict[str, object]]:
    """Every seal with its event, in order of position; whatever is gone is None. Names and forms as in an export."""
    with conn.cursor("trail", row_factory=dict_row) as cursor:
        cursor.itersize = _BATCH_ROWS
        cursor.execute(
            """
            SELECT s.position, encode(s.leaf, 'hex') AS leaf, encode(s.chain, 'hex') AS chain,
                   CASE WHEN isfinite(s.sealed_at) THEN (extract(epoch FROM s.sealed_at) * 1000000)::bigint END
                       AS sealed_at_us,
                   e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS at,
                   CASE WHEN isfinite(e.at) THEN (extract(epoch FROM e.at) * 1000000)::bigint END AS at_us,
                   e.actor_kind, e.actor_id, e.action, e.record, e.record_id, e.details::text AS details
            FROM audit_seal s LEFT JOIN audit_event e ON e.id = s.event_id ORDER BY s.position
            """
        )
        yield from cursor


def chain_state(conn: Connection) -> ChainState:
    """How far the trail is sealed, and what waits."""
    with conn.cursor(row_factory=class_row(ChainState)) as cursor:
        cursor.execute(
            """
            SELECT coalesce(s.position, 0) AS position, s.sealed_at, e.at AS newest_sealed_event_at,
                   (SELECT count(*) FROM audit_unsealed) AS waiting,
                   (SELECT at FROM audit_event WHERE id = (SELECT min(event_id) FROM audit_unsealed)) AS oldest_waiting_at,
                   x.position AS head_position, x.sealed_at AS head_sealed_at,
                   x.problem AS export_problem, x.failing_since AS export_failing_since
            FROM (VALUES (1)) one
            LEFT JOIN (SELECT * FROM audit_seal ORDER BY position DESC LIMIT 1) s ON true
            LEFT JOIN audit_event e ON e.id = s.event_id
            LEFT JOIN audit_export x ON true
            """
        )
        return cursor.fetchall()[0]


# --- what the sealer does ---


def try_sealer_lock(conn: Connection) -> bool:
    """Whether this transaction is the one that may seal, until it ends.

    It is then also durable when committed, whatever the server's setting: a head must not be exported of what a crash of
    the server may undo.
    """
    row = conn.execute(
        """
        SELECT pg_try_advisory_xact_lock(%s),
               set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)
        """,
        [_SEALER_LOCK],
    ).fetchone()
    return row is not None and bool(row[0])


def take_unsealed(conn: Connection, limit: int) -> list[int]:
    """The ids of the first committed events that wait, in order; they wait no longer when this transaction commits."""
    rows = conn.execute(
        """
        DELETE FROM audit_unsealed
        WHERE event_id IN (SELECT event_id FROM audit_unsealed ORDER BY event_id LIMIT %s)
        RETURNING event_id
        """,
        [limit],
    ).fetchall()
    return sorted(event_id for (event_id,) in rows)


def delete_unsealed_twins(conn: Connection) -> int:
    """Takes events out of the sealer's way that are sealed already, and says how many there were."""
    return conn.execute("DELETE FROM audit_unsealed u USING audit_seal s WHERE s.event_id = u.event_id").rowcount


def add_seals(conn: Connection, seals: Iterable[Seal]) -> None:
    """Appends to the chain."""
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY audit_seal (position, event_id, leaf, chain, sealed_at) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["int8", "int8", "bytea", "bytea", "timestamptz"])
        for seal in seals:
            copy.write_row((seal.position, seal.event_id, seal.leaf, seal.chain, seal.sealed_at))


def find_end(conn: Connection) -> tuple[int, bytes] | None:
    """The last position and the chain's value there, or None where nothing is sealed yet."""
    return conn.execute("SELECT position, chain FROM audit_seal ORDER BY position DESC LIMIT 1").fetchone()


def find_last_seal(conn: Connection) -> Seal | None:
    """The last seal, or None where nothing is sealed yet."""
    with conn.cursor(row_factory=class_row(Seal)) as cursor:
        return cursor.execute("SELECT * FROM audit_seal ORDER BY position DESC LIMIT 1").fetchone()


def update_exported(conn: Connection, head: Head | None) -> None:
    """Notes that heads can be exported, and which was the last one, if there is a new one."""
    if head is None:
        conn.execute("UPDATE audit_export SET problem = NULL, failing_since = NULL WHERE problem IS NOT NULL")
        return
    conn.execute(
        """
        INSERT INTO audit_export (position, sealed_at) VALUES (%s, %s)
        ON CONFLICT (only_row) DO UPDATE
        SET position = excluded.position, sealed_at = excluded.sealed_at, problem = NULL, failing_since = NULL
        """,
        [head.position, head.sealed_at],
    )


def update_export_failed(conn: Connection, problem: str, now: datetime) -> None:
    """Notes why no head can be exported, and since when."""
    conn.execute(
        """
        INSERT INTO audit_export AS x (problem, failing_since) VALUES (%s, %s)
        ON CONFLICT (only_row) DO UPDATE
        SET problem = excluded.problem, failing_since = coalesce(x.failing_since, excluded.failing_since)
        """,
        [problem, now],
    )


# --- what a verification reads ---


def read_in_one_snapshot(conn: Connection) -> None:
    """From here on this transaction sees the database as it is now, and changes nothing. Its first statement."""
    conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def read_encoded(conn: Connection, event_ids: Sequence[int]) -> list[tuple[int, bytes]]:
    """Those of the events that are there, each as its id and the encoding that `chain.leaf` takes; in no order."""
    return list(
        _encoded(
            conn,
            "COPY (SELECT " + _ENCODED + "FROM audit_event e WHERE e.id = ANY(%s::bigint[])) TO STDOUT (FORMAT BINARY)",
            # As text, which the driver passes on: an array of numbers it would write one by one.
            ["{" + ",".join(map(str, event_ids)) + "}"],
        )
    )


def stream_inserted(conn: Connection) -> Iterator[tuple[int, bytes]]:
    """Events that are neither sealed nor waiting, which no transaction of ours leaves behind; as `read_encoded`."""
    return _encoded(
        conn,
        "COPY (SELECT "  # noqa: S608
        + _ENCODED
        + """
            FROM audit_event e
            WHERE NOT EXISTS (SELECT FROM audit_seal s WHERE s.event_id = e.id)
              AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.event_id = e.id)
        ) TO STDOUT (FORMAT BINARY)""",
    )


def stream_seals(conn: Connection) -> Iterator[list[SealRow]]:
    """The whole chain in order of position, in batches."""
    with conn.cursor("seals", binary=True) as cursor:
        cursor.execute(
            """
            SELECT coalesce(s.position::bigint, 0), coalesce(s.event_id::bigint, 0),
                   coalesce(s.leaf::bytea, ''), coalesce(s.chain::bytea, ''),
                   CASE WHEN isfinite(s.sealed_at) THEN (extract(epoch FROM s.sealed_at) * 1000000)::bigint END
            FROM audit_seal s ORDER BY s.position
            """
        )
        while rows := cursor.fetchmany(_BATCH_ROWS):
            yield rows


def find_chains(conn: Connection, positions: Sequence[int]) -> dict[int, bytes]:
    """The chain's value at each of the positions that it has."""
    rows = conn.execute(
        "SELECT position, chain FROM audit_seal WHERE position = ANY(%s::bigint[])", [list(positions)]
    ).fetchall()
    return dict(rows)


def count_waiting(conn: Connection) -> tuple[int, int | None]:
    """How many events wait, and the time of the one with the lowest id, in microseconds since 1970."""
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM audit_unsealed),
               (SELECT CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000000)::bigint END
                FROM audit_event WHERE id = (SELECT min(event_id) FROM audit_unsealed))
        """
    ).fetchone()
    return (0, None) if row is None else (row[0], row[1])


def stream_sealed_twice(conn: Connection) -> Iterator[tuple[int, int]]:
    """Events that more than one seal names, each with the last position that does."""
    with conn.cursor("sealed_twice") as cursor:
        cursor.execute("SELECT event_id, max(position) FROM audit_seal GROUP BY event_id HAVING count(*) > 1")
        yield from cursor


def stream_waiting_gone(conn: Connection) -> Iterator[int]:
    """The ids of events that wait to be sealed and are not there."""
    with conn.cursor("waiting_gone") as cursor:
        cursor.execute(
            """
            SELECT u.event_id FROM audit_unsealed u
            WHERE NOT EXISTS (SELECT FROM audit_event e WHERE e.id = u.event_id)
            """
        )
        yield from (event_id for (event_id,) in cursor)


def stream_waiting_sealed(conn: Connection) -> Iterator[tuple[int, int]]:
    """Events that wait although they are sealed: their ids and positions."""
    with conn.cursor("waiting_sealed") as cursor:
        cursor.execute("SELECT u.event_id, s.position FROM audit_unsealed u JOIN audit_seal s ON s.event_id = u.event_id")
        yield from cursor


def _encoded(conn: Connection, query: LiteralString, values: Sequence[object] | None = None) -> Iterator[tuple[int, bytes]]:
    with conn.cursor() as cursor, cursor.copy(query, values) as copy:
        # The protocol sends one message a row: the number of fields (2 bytes), then each field's length and value.
        for message in copy:
            row = bytes(message)
            if row.startswith(_COPY_SIGNATURE):
                row = row[_COPY_HEADER_BYTES:]
            if row not in {_COPY_TRAILER, b""}:
                yield int.from_bytes(row[6:14], "big", signed=True), row[2:]
