"""The tables of hand-offs sent and received."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row, scalar_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.handoff.model import (
    Envelope,
    Kind,
    Outcome,
    ReceivedHandoff,
    SentHandoff,
    SentState,
    SignedEnvelope,
)

_SENT = """
    SELECT id, party_id, case_number, kind, sent_at, state, state_at, try_until, tries, last_tried_at, next_try_at, problem,
           outcome
    FROM handoff_sent
"""
_RECEIVED = """
    SELECT id, party_id, sender, envelope_id, case_number, kind, sent_at, received_at, outcome FROM handoff_received
"""

# --- sent ---


def add_sent(conn: Connection, signed: SignedEnvelope, *, party_id: UUID, try_until: datetime) -> None:
    """Keeps an envelope of ours, waiting to be sent."""
    envelope = signed.envelope
    conn.execute(
        """
        INSERT INTO handoff_sent
            (id, party_id, case_number, kind, sent_at, body, state, state_at, try_until, next_try_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            envelope.id, party_id, envelope.case_number, envelope.kind, envelope.sent_at, signed.to_bytes(),
            SentState.WAITING, envelope.sent_at, try_until, envelope.sent_at,
        ],
    )  # fmt: skip


def get_sent(conn: Connection, handoff_id: UUID) -> SentHandoff:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_sent)) as cursor:
        found = cursor.execute(_SENT + "WHERE id = %s", [handoff_id]).fetchone()
    if found is None:
        raise NotFound(record="hand-off", key=str(handoff_id))
    return found


def get_sent_for_update(conn: Connection, handoff_id: UUID) -> SentHandoff:
    """The same, and nobody else changes it until the transaction ends. Raises NotFound."""
    conn.execute("SELECT FROM handoff_sent WHERE id = %s FOR UPDATE", [handoff_id])
    return get_sent(conn, handoff_id)


def get_sent_body(conn: Connection, handoff_id: UUID) -> bytes:
    """What is sent, byte for byte. Raises NotFound."""
    found = conn.execute("SELECT body FROM handoff_sent WHERE id = %s", [handoff_id]).fetchone()
    if found is None:
        raise NotFound(record="hand-off", key=str(handoff_id))
    return bytes(found[0])


def list_sent(
    conn: Connection,
    *,
    states: Collection[SentState],
    party_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[SentHandoff]:
    """The newest first."""
    with conn.cursor(row_factory=kwargs_row(_sent)) as cursor:
        return cursor.execute(
            _SENT
            + """
            WHERE state = ANY(%(states)s) AND (%(party)s::uuid IS NULL OR party_id = %(party)s)
              AND (%(at)s::timestamptz IS NULL OR (sent_at, id) < (%(at)s, %(id)s))
            ORDER BY sent_at DESC, id DESC LIMIT %(limit)s
            """,
            {"states": list(states), "party": party_id, "limit": limit, **_cursor(before)},
        ).fetchall()


def list_these_sent(conn: Connection, handoff_ids: Collection[UUID]) -> list[SentHandoff]:
    """These, in the order of sending."""
    with conn.cursor(row_factory=kwargs_row(_sent)) as cursor:
        return cursor.execute(_SENT + "WHERE id = ANY(%s) ORDER BY sent_at, id", [list(handoff_ids)]).fetchall()


def list_open(conn: Connection, *, limit: int) -> list[SentHandoff]:
    """Those that somebody should look at, the oldest first."""
    with conn.cursor(row_factory=kwargs_row(_sent)) as cursor:
        return cursor.execute(
            _SENT + "WHERE state IN ('waiting', 'refused', 'unacknowledged') ORDER BY sent_at, id LIMIT %s", [limit]
        ).fetchall()


def count_open(conn: Connection) -> int:
    """How many somebody should look at."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SELECT count(*) FROM handoff_sent WHERE state IN ('waiting', 'refused', 'unacknowledged')")
        return int(cursor.fetchone() or 0)


def count_undecided(conn: Connection) -> int:
    """How many wait for a person's decision."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SELECT count(*) FROM handoff_sent WHERE state IN ('refused', 'unacknowledged')")
        return int(cursor.fetchone() or 0)


def update_sent(conn: Connection, sent: SentHandoff) -> None:
    """Writes what became of a hand-off; a receipt has a function of its own."""
    conn.execute(
        """
        UPDATE handoff_sent
        SET state = %s, state_at = %s, try_until = %s, tries = %s, last_tried_at = %s, next_try_at = %s, problem = %s
        WHERE id = %s
        """,
        [
            sent.state, sent.state_at, sent.try_until, sent.tries, sent.last_tried_at, sent.next_try_at, sent.problem,
            sent.id,
        ],
    )  # fmt: skip


def update_sent_with_receipt(conn: Connection, handoff_id: UUID, *, outcome: Outcome, receipt: bytes, at: datetime) -> None:
    """Acknowledged, with the receipt as it came."""
    conn.execute(
        """
        UPDATE handoff_sent
        SET state = 'acknowledged', state_at = %(at)s, tries = tries + 1, last_tried_at = %(at)s, next_try_at = NULL,
            problem = NULL, outcome = %(outcome)s, receipt = %(receipt)s
        WHERE id = %(id)s
        """,
        {"id": handoff_id, "outcome": outcome, "receipt": receipt, "at": at},
    )


def has_case_number(conn: Connection, case_number: str) -> bool:
    """Whether one of our hand-offs, sent or received, has this case number."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return bool(
            cursor.execute(
                """
                SELECT EXISTS (SELECT FROM handoff_sent WHERE case_number = %(number)s)
                    OR EXISTS (SELECT FROM handoff_received WHERE case_number = %(number)s)
                """,
                {"number": case_number},
            ).fetchone()
        )


# --- received ---


def add_received(conn: Connection, received: ReceivedHandoff, *, signed: SignedEnvelope, receipt: bytes) -> None:
    """Keeps an envelope as taken, with the receipt that we give for it."""
    conn.execute(
        """
        INSERT INTO handoff_received
            (id, party_id, sender, envelope_id, case_number, kind, sent_at, received_at, outcome, body, sha256, receipt)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            received.id, received.party_id, received.sender, received.envelope_id, received.case_number, received.kind,
            received.sent_at, received.received_at, received.outcome, signed.to_bytes(), signed.envelope.sha256, receipt,
        ],
    )  # fmt: skip


def lock_envelope(conn: Connection, envelope: Envelope) -> None:
    """Makes a second copy of the same envelope, arriving at the same time, wait until the first is taken or refused."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"handoff {envelope.sender.hex()} {envelope.id}"]
    )


def find_receipt(conn: Connection, *, sender: bytes, envelope_id: UUID) -> tuple[bytes, bytes] | None:
    """The digest of the envelope that was taken under this id, and the receipt we gave for it."""
    found: tuple[bytes, bytes] | None = conn.execute(
        "SELECT sha256, receipt FROM handoff_received WHERE sender = %s AND envelope_id = %s", [sender, envelope_id]
    ).fetchone()
    return found


def count_received(conn: Connection, *, sender: bytes, since: datetime) -> int:
    """How many envelopes of this sender were taken since then."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SELECT count(*) FROM handoff_received WHERE sender = %s AND received_at >= %s", [sender, since])
        return int(cursor.fetchone() or 0)


def get_received(conn: Connection, received_id: UUID) -> ReceivedHandoff:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_received)) as cursor:
        found = cursor.execute(_RECEIVED + "WHERE id = %s", [received_id]).fetchone()
    if found is None:
        raise NotFound(record="hand-off", key=str(received_id))
    return found


def get_received_body(conn: Connection, received_id: UUID) -> bytes:
    """What came, byte for byte. Raises NotFound."""
    found = conn.execute("SELECT body FROM handoff_received WHERE id = %s", [received_id]).fetchone()
    if found is None:
        raise NotFound(record="hand-off", key=str(received_id))
    return bytes(found[0])


def list_received(
    conn: Connection, *, party_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[ReceivedHandoff]:
    """The newest first."""
    with conn.cursor(row_factory=kwargs_row(_received)) as cursor:
        return cursor.execute(
            _RECEIVED
            + """
            WHERE (%(party)s::uuid IS NULL OR party_id = %(party)s)
              AND (%(at)s::timestamptz IS NULL OR (received_at, id) < (%(at)s, %(id)s))
            ORDER BY received_at DESC, id DESC LIMIT %(limit)s
            """,
            {"party": party_id, "limit": limit, **_cursor(before)},
        ).fetchall()


def list_received_of_case(conn: Connection, *, party_id: UUID, case_number: str, kind: Kind) -> list[ReceivedHandoff]:
    """What a party handed over of one kind under one case number, the first one first."""
    with conn.cursor(row_factory=kwargs_row(_received)) as cursor:
        return cursor.execute(
            _RECEIVED + "WHERE party_id = %s AND case_number = %s AND kind = %s ORDER BY received_at, id",
            [party_id, case_number, kind],
        ).fetchall()


def _sent(*, kind: str, state: str, outcome: str | None, **rest: Any) -> SentHandoff:
    return SentHandoff(
        kind=Kind(kind), state=SentState(state), outcome=None if outcome is None else Outcome(outcome), **rest
    )


def _received(*, kind: str, outcome: str, **rest: Any) -> ReceivedHandoff:
    return ReceivedHandoff(kind=Kind(kind), outcome=Outcome(outcome), **rest)


def _cursor(before: tuple[datetime, UUID] | None) -> dict[str, datetime | UUID | None]:
    return {"at": None, "id": None} if before is None else {"at": before[0], "id": before[1]}
