"""The tables of deliveries: what came, its sealed bytes, what of it could not be read, which reports came with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.reports.formats.reading import UnreadableReason
from vangnet.reports.model.deliveries import Delivery, DeliveryState
from vangnet.reports.model.drafts import Source
from vangnet.reports.store.numbers import number

_COLUMNS = """
    id, source, party_id, handoff_id, case_number, brought_by, size_bytes, received_at, state, state_at, reports, bad,
    replaced_by
"""


def add_delivery(
    conn: Connection,
    *,
    source: Source,
    party_id: UUID | None,
    handoff_id: UUID | None,
    brought_by: str,
    content_mac: bytes,
    size_bytes: int,
    state: DeliveryState,
    case_number: str | None = None,
    now: datetime,
) -> Delivery:
    """Writes a delivery."""
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        found = cursor.execute(
            f"""
            INSERT INTO report_delivery (
                source, party_id, handoff_id, case_number, brought_by, content_mac, size_bytes, received_at, state, state_at
            ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}
            """,  # noqa: S608 (columns are ours)
            [source, party_id, handoff_id, case_number, brought_by, content_mac, size_bytes, now, state, now],
        ).fetchone()
    assert found is not None  # noqa: S101 (it was just written)
    return found


def add_parts(conn: Connection, delivery_id: int, sealed: Iterable[bytes]) -> None:
    """Writes its bytes, sealed, in pieces."""
    with conn.cursor().copy("COPY report_delivery_part (delivery_id, position, sealed) FROM STDIN") as copy:
        for position, piece in enumerate(sealed):
            copy.write_row([delivery_id, position, piece])


def is_kept(conn: Connection, delivery_id: int) -> bool:
    """Whether its bytes lie here, and not in a folder."""
    return bool(number(conn, "SELECT count(*) FROM report_delivery_part WHERE delivery_id = %s", [delivery_id]))


def list_parts(conn: Connection, delivery_id: int) -> list[bytes]:
    """Its sealed pieces, in order; none where it lies in a folder."""
    rows = conn.execute(
        "SELECT sealed FROM report_delivery_part WHERE delivery_id = %s ORDER BY position", [delivery_id]
    ).fetchall()
    return [bytes(row[0]) for row in rows]


def erase_read(conn: Connection, report_id: int) -> None:
    """The bytes of deliveries of which every report was erased are gone, too."""
    conn.execute(
        """
        DELETE FROM report_delivery_part AS part USING report_came AS came
        WHERE came.report_id = %s AND part.delivery_id = came.delivery_id AND NOT EXISTS (
            SELECT FROM report_came AS other JOIN report ON report.id = other.report_id
            WHERE other.delivery_id = came.delivery_id AND report.erased_at IS NULL
        )
        """,
        [report_id],
    )


def put_problems(conn: Connection, delivery_id: int, problems: Sequence[tuple[UnreadableReason, bytes]]) -> None:
    """Writes what of it could not be read, and why; once."""
    conn.cursor().executemany(
        """
        INSERT INTO report_delivery_problem (delivery_id, position, reason, sealed) VALUES (%s, %s, %s, %s)
        ON CONFLICT (delivery_id, position) DO NOTHING
        """,
        [(delivery_id, position, reason, sealed) for position, (reason, sealed) in enumerate(problems)],
    )


def forget_problems(conn: Connection, delivery_id: int) -> None:
    """It is about to be read once more."""
    conn.execute("DELETE FROM report_delivery_problem WHERE delivery_id = %s", [delivery_id])


def list_problems(conn: Connection, delivery_id: int, *, limit: int = 200) -> list[tuple[int, UnreadableReason, bytes]]:
    """What of it could not be read: position, reason, and where and what to do, sealed."""
    rows = conn.execute(
        """
        SELECT position, reason, sealed FROM report_delivery_problem WHERE delivery_id = %s ORDER BY position LIMIT %s
        """,
        [delivery_id, limit],
    ).fetchall()
    return [(position, UnreadableReason(reason), bytes(sealed)) for position, reason, sealed in rows]


def update_delivery(
    conn: Connection, delivery_id: int, *, state: DeliveryState, reports: int, bad: int, now: datetime,
    replaced_by: int | None = None,
) -> None:  # fmt: skip
    """Writes what came of it."""
    conn.execute(
        "UPDATE report_delivery SET state = %s, state_at = %s, reports = %s, bad = %s, replaced_by = %s WHERE id = %s",
        [state, now, reports, bad, replaced_by, delivery_id],
    )


def get_delivery(conn: Connection, delivery_id: int) -> Delivery:
    """Raises NotFound."""
    return _one(conn, f"SELECT {_COLUMNS} FROM report_delivery WHERE id = %s", delivery_id)  # noqa: S608


def get_delivery_for_update(conn: Connection, delivery_id: int) -> Delivery:
    """The same, locked. Raises NotFound."""
    return _one(conn, f"SELECT {_COLUMNS} FROM report_delivery WHERE id = %s FOR NO KEY UPDATE", delivery_id)  # noqa: S608


def find_first_like(conn: Connection, content_mac: bytes, source: Source, party_id: UUID | None = None) -> Delivery | None:
    """The first delivery of the same bytes by the same way and of the same party that was, or is to be, read."""
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM report_delivery WHERE content_mac = %s AND source = %s
              AND party_id IS NOT DISTINCT FROM %s AND state <> 'again'
            ORDER BY id LIMIT 1
            """,  # noqa: S608
            [content_mac, source, party_id],
        ).fetchone()


def find_by_handoff(conn: Connection, handoff_id: UUID) -> Delivery | None:
    """The delivery that came with a hand-off."""
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM report_delivery WHERE handoff_id = %s",  # noqa: S608
            [handoff_id],
        ).fetchone()


def list_deliveries(conn: Connection, *, open_only: bool, before: int | None = None, limit: int = 100) -> list[Delivery]:
    """Deliveries, the newest first; or only those that wait or that somebody has to look at."""
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM report_delivery
            WHERE (NOT %s OR state IN ('waiting', 'partly', 'unreadable')) AND (%s::bigint IS NULL OR id < %s)
            ORDER BY id DESC LIMIT %s
            """,  # noqa: S608
            [open_only, before, before, limit],
        ).fetchall()


def count_open(conn: Connection) -> int:
    """How many of which not all could be read wait for somebody."""
    return number(conn, "SELECT count(*) FROM report_delivery WHERE state IN ('partly', 'unreadable')")


def lock_content(conn: Connection, content_mac: bytes) -> None:
    """Two deliveries of the same bytes wait for each other until the end of the transaction."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(content_mac[8:16], "big", signed=True)])


def add_came(conn: Connection, report_id: int, delivery_id: int, version: int, *, now: datetime) -> bool:
    """Writes that a version of a report came with a delivery; whether that was new."""
    found = conn.execute(
        """
        INSERT INTO report_came (report_id, delivery_id, version, at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        [report_id, delivery_id, version, now],
    )
    return found.rowcount == 1


def list_contents(conn: Connection, delivery_id: int) -> frozenset[bytes]:
    """Of the reports with a reference that came with a delivery and still say the same: by what their content is known."""
    rows = conn.execute(
        """
        SELECT content_mac FROM report_came AS came
        JOIN report ON report.id = came.report_id AND report.version = came.version
        WHERE came.delivery_id = %s AND report.reference_mac IS NOT NULL
        """,
        [delivery_id],
    ).fetchall()
    return frozenset(bytes(row[0]) for row in rows)


def list_came(conn: Connection, report_id: int) -> list[tuple[int, int, datetime]]:
    """With which deliveries a report came: delivery, version, when."""
    return conn.execute(
        "SELECT delivery_id, version, at FROM report_came WHERE report_id = %s ORDER BY at, delivery_id", [report_id]
    ).fetchall()


def list_reports_of(conn: Connection, delivery_id: int, *, limit: int = 100) -> list[int]:
    """The reports that came with a delivery."""
    rows = conn.execute(
        "SELECT DISTINCT report_id FROM report_came WHERE delivery_id = %s ORDER BY report_id LIMIT %s",
        [delivery_id, limit],
    ).fetchall()
    return [row[0] for row in rows]


def count_reports_of(conn: Connection, delivery_id: int) -> int:
    """How many reports came with a delivery."""
    return number(conn, "SELECT count(DISTINCT report_id) FROM report_came WHERE delivery_id = %s", [delivery_id])


# --- receipts ---


def add_receipt(conn: Connection, code_mac: bytes, delivery_id: int, *, now: datetime) -> None:
    """Writes the receipt of a delivery."""
    conn.execute(
        "INSERT INTO report_receipt (code_mac, delivery_id, made_at) VALUES (%s, %s, %s)", [code_mac, delivery_id, now]
    )


def find_receipt(conn: Connection, code_mac: bytes) -> int | None:
    """The delivery that a receipt is for."""
    row = conn.execute("SELECT delivery_id FROM report_receipt WHERE code_mac = %s", [code_mac]).fetchone()
    return None if row is None else row[0]


def _one(conn: Connection, query: str, delivery_id: int) -> Delivery:
    with conn.cursor(row_factory=kwargs_row(_delivery)) as cursor:
        found = cursor.execute(query.encode(), [delivery_id]).fetchone()
    if found is None:
        raise NotFound(record="delivery", key=str(delivery_id))
    return found


def _delivery(**row: Any) -> Delivery:
    return Delivery(**row | {"source": Source(row["source"]), "state": DeliveryState(row["state"])})
