"""The tables of evidence clocks and of requests to preserve."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.identity.model import Language
from vangnet.reports.model.clocks import Clock, ClockState, Preservation, PreservationState, SentHow
from vangnet.reports.model.regimes import EvidenceKind
from vangnet.reports.store.numbers import number

_CLOCK = """
    SELECT id, report_id, kind, regime, starts_at, expires_at, state, state_at, preservation_id, sealed FROM report_clock
"""
_OPEN = """
    WHERE state IN ('running', 'requested')
      AND report_id IN (SELECT id FROM report WHERE state IN ('waiting', 'claimed', 'referred'))
    ORDER BY expires_at, id LIMIT %s
"""
_WITH_SAME_HOLDER = """
    WHERE (report_id, holder_code) = (SELECT report_id, holder_code FROM report_clock WHERE id = %s)
    ORDER BY id FOR UPDATE
"""
_REQUEST = """
    SELECT id, report_id, party_id, regime AS law, language, state, state_at, drafted_at, drafted_by, sent_at, sent_how,
           secured_until, renewals, letter
    FROM report_preservation
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRow:
    """A clock as it is written."""

    code: bytes
    holder_code: bytes
    kind: EvidenceKind
    regime: str | None
    sealed: bytes
    starts_at: datetime | None
    expires_at: datetime | None
    state: ClockState


def add_clocks(conn: Connection, report_id: int, clocks: Sequence[ClockRow], *, version: int, now: datetime) -> None:
    """Writes the clocks of a report; one that it has already stays as it is."""
    conn.execute(
        """
        INSERT INTO report_clock (
            report_id, code, holder_code, kind, regime, regimes_version, sealed, starts_at, expires_at, state, state_at
        )
        SELECT %s, code, holder_code, kind, regime, %s, sealed, starts_at, expires_at, state, %s
        FROM unnest(
            %b::bytea[], %b::bytea[], %b::text[], %b::text[], %b::bytea[], %b::timestamptz[], %b::timestamptz[], %b::text[]
        ) AS clock (code, holder_code, kind, regime, sealed, starts_at, expires_at, state)
        ON CONFLICT (report_id, code) DO NOTHING
        """,
        [
            report_id, version, now,
            [one.code for one in clocks], [one.holder_code for one in clocks], [one.kind.value for one in clocks],
            [one.regime for one in clocks], [one.sealed for one in clocks], [one.starts_at for one in clocks],
            [one.expires_at for one in clocks], [one.state.value for one in clocks],
        ],
    )  # fmt: skip


def next_expiry(conn: Connection, report_id: int, *, now: datetime) -> datetime | None:
    """When the next evidence of a report is gone that is still to be had."""
    row = conn.execute(
        """
        SELECT min(expires_at) FROM report_clock
        WHERE report_id = %s AND state IN ('running', 'requested') AND expires_at > %s
        """,
        [report_id, now],
    ).fetchone()
    return None if row is None else row[0]


def expire_due(conn: Connection, *, now: datetime, limit: int) -> list[int]:
    """Writes of some clocks that their time is over; the reports that they belong to."""
    rows = conn.execute(
        """
        WITH due AS (
            SELECT id FROM report_clock WHERE state IN ('running', 'requested') AND expires_at <= %s
            ORDER BY expires_at, id LIMIT %s FOR UPDATE SKIP LOCKED
        )
        UPDATE report_clock SET state = 'expired', state_at = %s WHERE id IN (SELECT id FROM due) RETURNING report_id
        """,
        [now, limit, now],
    ).fetchall()
    return sorted({row[0] for row in rows})


def list_open(conn: Connection, *, limit: int) -> list[Clock]:
    """Clocks that run or were asked for, those that end first before the others, those without an end last."""
    with conn.cursor(row_factory=kwargs_row(_clock)) as cursor:
        return cursor.execute(
            _CLOCK + _OPEN,
            [limit],
        ).fetchall()


def count_by_state(conn: Connection) -> dict[ClockState, int]:
    """How many clocks are in each state."""
    rows = conn.execute("SELECT state, count(*) FROM report_clock GROUP BY state").fetchall()
    return {ClockState(state): count for state, count in rows}


def count_unknown(conn: Connection) -> int:
    """How many clocks run of which nobody knows the end."""
    return number(conn, "SELECT count(*) FROM report_clock WHERE state IN ('running', 'requested') AND expires_at IS NULL")


def list_of_report(conn: Connection, report_id: int) -> list[Clock]:
    """All clocks of a report, those that end first before the others."""
    with conn.cursor(row_factory=kwargs_row(_clock)) as cursor:
        return cursor.execute(_CLOCK + "WHERE report_id = %s ORDER BY expires_at, id", [report_id]).fetchall()


def list_of_request(conn: Connection, preservation_id: int) -> list[Clock]:
    """The clocks that a request is about, locked."""
    with conn.cursor(row_factory=kwargs_row(_clock)) as cursor:
        return cursor.execute(_CLOCK + "WHERE preservation_id = %s ORDER BY id FOR UPDATE", [preservation_id]).fetchall()


def list_with_same_holder(conn: Connection, clock_id: int) -> list[Clock]:
    """This clock and those of the same report that the same holder has, locked. Raises NotFound where there is none."""
    with conn.cursor(row_factory=kwargs_row(_clock)) as cursor:
        found = cursor.execute(
            _CLOCK + _WITH_SAME_HOLDER,
            [clock_id],
        ).fetchall()
    if not found:
        raise NotFound(record="clock", key=str(clock_id))
    return found


def update_clocks(
    conn: Connection, clock_ids: Collection[int], state: ClockState, *, preservation_id: int | None, now: datetime
) -> None:
    """Writes how these stand, and with which request they are asked for."""
    conn.execute(
        "UPDATE report_clock SET state = %s, state_at = %s, preservation_id = %s WHERE id = ANY(%s)",
        [state, now, preservation_id, list(clock_ids)],
    )


def erase(conn: Connection, report_id: int) -> None:
    """Who has what, and what was written about it, is gone; how many clocks there were, and their times, stays."""
    conn.execute("UPDATE report_clock SET sealed = NULL WHERE report_id = %s", [report_id])
    conn.execute("UPDATE report_preservation SET letter = NULL WHERE report_id = %s", [report_id])


# --- requests ---


def add_request(conn: Connection, request: Preservation, *, version: int) -> int:
    """Writes a new request; returns its number."""
    return number(
        conn,
        """
        INSERT INTO report_preservation (
            report_id, party_id, regime, regimes_version, language, state, state_at, drafted_at, drafted_by
        ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        [
            request.report_id, request.party_id, request.law, version, request.language, request.state, request.state_at,
            request.drafted_at, request.drafted_by,
        ],
    )  # fmt: skip


def update_request(conn: Connection, request: Preservation) -> None:
    """Writes how it stands, whom it goes to, and its letter."""
    conn.execute(
        """
        UPDATE report_preservation
        SET party_id = %s, language = %s, letter = %s, state = %s, state_at = %s, sent_at = %s, sent_how = %s,
            secured_at = CASE WHEN %s = 'secured' THEN %s ELSE secured_at END, secured_until = %s, renewals = %s
        WHERE id = %s
        """,
        [
            request.party_id, request.language, request.letter, request.state, request.state_at, request.sent_at,
            request.sent_how, request.state, request.state_at, request.secured_until, request.renewals, request.id,
        ],
    )  # fmt: skip


def get_request(conn: Connection, preservation_id: int) -> Preservation:
    """Raises NotFound."""
    return _request_of(conn, _REQUEST + "WHERE id = %s", preservation_id)


def get_request_for_update(conn: Connection, preservation_id: int) -> Preservation:
    """The same, locked. Raises NotFound."""
    return _request_of(conn, _REQUEST + "WHERE id = %s FOR UPDATE", preservation_id)


def list_open_requests(conn: Connection, *, limit: int) -> list[Preservation]:
    """Requests about which something is still to be done, or awaited, the one that stands so longest first."""
    with conn.cursor(row_factory=kwargs_row(_request)) as cursor:
        return cursor.execute(
            _REQUEST + "WHERE state IN ('drafted', 'sent', 'secured') ORDER BY state_at, id LIMIT %s", [limit]
        ).fetchall()


def list_requests_of(conn: Connection, report_id: int) -> list[Preservation]:
    """The requests of a report, the first one first."""
    with conn.cursor(row_factory=kwargs_row(_request)) as cursor:
        return cursor.execute(_REQUEST + "WHERE report_id = %s ORDER BY id", [report_id]).fetchall()


def list_lapsed(conn: Connection, *, now: datetime, limit: int) -> list[Preservation]:
    """Requests that were granted and whose time ended, locked."""
    with conn.cursor(row_factory=kwargs_row(_request)) as cursor:
        return cursor.execute(
            _REQUEST
            + """
            WHERE state IN ('sent', 'secured') AND secured_until <= %s
            ORDER BY secured_until, id LIMIT %s FOR UPDATE SKIP LOCKED
            """,
            [now, limit],
        ).fetchall()


def _request_of(conn: Connection, query: str, preservation_id: int) -> Preservation:
    with conn.cursor(row_factory=kwargs_row(_request)) as cursor:
        found = cursor.execute(query.encode(), [preservation_id]).fetchone()
    if found is None:
        raise NotFound(record="preservation request", key=str(preservation_id))
    return found


def _clock(**row: Any) -> Clock:
    return Clock(**row | {"kind": EvidenceKind(row["kind"]), "state": ClockState(row["state"])})


def _request(**row: Any) -> Preservation:
    return Preservation(
        **row
        | {
            "language": Language(row["language"]),
            "state": PreservationState(row["state"]),
            "sent_how": None if row["sent_how"] is None else SentHow(row["sent_how"]),
        }
    )
