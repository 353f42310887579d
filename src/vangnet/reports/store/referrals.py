"""The tables of referrals, sent and received, and of what became of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.handoff.model.referrals import ReferralOutcome, ReferralReason
from vangnet.reports.model.referrals import Answer, ReceivedReferral, Referral, ReferralState, Share
from vangnet.reports.model.reports import ReportState
from vangnet.reports.store.numbers import number

_COLUMNS = "id, report_id, party_id, case_number, version, reason, shares, note, state, state_at, sent_at, sent_by"


def add_referral(conn: Connection, referral: Referral) -> None:
    """Writes a new referral."""
    conn.execute(
        f"INSERT INTO report_referral ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
        [
            referral.id, referral.report_id, referral.party_id, referral.case_number, referral.version, referral.reason,
            sorted(referral.shares), referral.note, referral.state, referral.state_at, referral.sent_at, referral.sent_by,
        ],
    )  # fmt: skip


def update_state(conn: Connection, referral: Referral) -> None:
    """Writes how it stands."""
    conn.execute(
        "UPDATE report_referral SET state = %s, state_at = %s WHERE id = %s",
        [referral.state, referral.state_at, referral.id],
    )


def get_referral(conn: Connection, referral_id: UUID) -> Referral:
    """Raises NotFound."""
    return _one(conn, f"SELECT {_COLUMNS} FROM report_referral WHERE id = %s", referral_id)  # noqa: S608 (columns are ours)


def get_referral_for_update(conn: Connection, referral_id: UUID) -> Referral:
    """The same, locked. Raises NotFound."""
    return _one(conn, f"SELECT {_COLUMNS} FROM report_referral WHERE id = %s FOR UPDATE", referral_id)  # noqa: S608


def list_referrals(
    conn: Connection, *, states: Collection[ReferralState], before: tuple[datetime, UUID] | None = None, limit: int
) -> list[Referral]:
    """Those in these states, the newest first; `before` is the time of sending and id of the last one seen."""
    with conn.cursor(row_factory=kwargs_row(_referral)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM report_referral
            WHERE state = ANY(%(states)s) AND (%(at)s::timestamptz IS NULL OR (sent_at, id) < (%(at)s, %(id)s::uuid))
            ORDER BY sent_at DESC, id DESC LIMIT %(limit)s
            """,  # noqa: S608
            {"states": list(states), "at": before and before[0], "id": before and before[1], "limit": limit},
        ).fetchall()


def list_of_report(conn: Connection, report_id: int) -> list[Referral]:
    """The referrals of one report, the first one first."""
    with conn.cursor(row_factory=kwargs_row(_referral)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM report_referral WHERE report_id = %s ORDER BY sent_at, id",  # noqa: S608
            [report_id],
        ).fetchall()


def add_part(conn: Connection, referral_id: UUID, part: int, handoff_id: UUID) -> None:
    """Writes with which hand-off a part of it goes."""
    conn.execute(
        "INSERT INTO report_referral_part (referral_id, part, handoff_id) VALUES (%s, %s, %s)",
        [referral_id, part, handoff_id],
    )


def list_parts(conn: Connection, referral_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The hand-offs of each of these referrals, in their order."""
    found: dict[UUID, list[UUID]] = {id_: [] for id_ in referral_ids}
    for referral_id, handoff_id in conn.execute(
        "SELECT referral_id, handoff_id FROM report_referral_part WHERE referral_id = ANY(%s) ORDER BY referral_id, part",
        [list(referral_ids)],
    ):
        found[referral_id].append(handoff_id)
    return found


def erase_notes(conn: Connection, report_id: int) -> None:
    """What colleagues wrote beside the referrals of a report is gone."""
    conn.execute("UPDATE report_referral SET note = NULL WHERE report_id = %s", [report_id])


# --- received ---

_RECEIVED = """
    SELECT referral.party_id, referral.referral_id, referral.case_number, referral.reason, referral.received_at,
           referral.delivery_id, report.id AS report_id, report.state AS report_state
    FROM report_referral_received AS referral
    LEFT JOIN report_came AS came ON came.delivery_id = referral.delivery_id
    LEFT JOIN report ON report.id = came.report_id
"""


def lock_received(conn: Connection, party_id: UUID, referral_id: UUID) -> None:
    """Two parts of the same referral wait for each other until the end of the transaction."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"referral {party_id} {referral_id}"])


def add_received(
    conn: Connection, *, party_id: UUID, referral_id: UUID, case_number: str, reason: ReferralReason, delivery_id: int,
    now: datetime,
) -> None:  # fmt: skip
    """Writes a referral that arrived whole."""
    conn.execute(
        """
        INSERT INTO report_referral_received (party_id, referral_id, case_number, reason, received_at, delivery_id)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [party_id, referral_id, case_number, reason, now, delivery_id],
    )


def find_received(conn: Connection, party_id: UUID, referral_id: UUID) -> ReceivedReferral | None:
    """A referral that arrived."""
    with conn.cursor(row_factory=kwargs_row(_received)) as cursor:
        return cursor.execute(
            _RECEIVED + "WHERE referral.party_id = %s AND referral.referral_id = %s", [party_id, referral_id]
        ).fetchone()


def list_received_as(conn: Connection, report_id: int) -> list[ReceivedReferral]:
    """The referrals with which a report came, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_received)) as cursor:
        return cursor.execute(
            _RECEIVED + "WHERE came.report_id = %s ORDER BY referral.received_at DESC", [report_id]
        ).fetchall()


def list_received(conn: Connection, *, limit: int) -> list[ReceivedReferral]:
    """What was referred to us, the newest first."""
    with conn.cursor(row_factory=kwargs_row(_received)) as cursor:
        return cursor.execute(_RECEIVED + "ORDER BY referral.received_at DESC LIMIT %s", [limit]).fetchall()


# --- answers ---


def add_answer(conn: Connection, answer: Answer) -> bool:
    """Writes what became of a referral; whether that was new."""
    found = conn.execute(
        """
        INSERT INTO report_referral_answer (party_id, referral_id, ours, outcome, at, handoff_id)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (handoff_id) DO NOTHING
        """,
        [answer.party_id, answer.referral_id, answer.ours, answer.outcome, answer.at, answer.handoff_id],
    )
    return found.rowcount == 1


def list_answers(conn: Connection, referral_ids: Sequence[UUID]) -> list[Answer]:
    """What became of these referrals, the first answer first."""
    with conn.cursor(row_factory=kwargs_row(_answer)) as cursor:
        return cursor.execute(
            """
            SELECT party_id, referral_id, ours, outcome, at, handoff_id FROM report_referral_answer
            WHERE referral_id = ANY(%s) ORDER BY id
            """,
            [list(referral_ids)],
        ).fetchall()


def count_open(conn: Connection) -> int:
    """How many referrals of ours are not answered."""
    return number(conn, "SELECT count(*) FROM report_referral WHERE state = 'sent'")


def _one(conn: Connection, query: str, referral_id: UUID) -> Referral:
    with conn.cursor(row_factory=kwargs_row(_referral)) as cursor:
        found = cursor.execute(query.encode(), [referral_id]).fetchone()
    if found is None:
        raise NotFound(record="referral", key=str(referral_id))
    return found


def _referral(**row: Any) -> Referral:
    return Referral(
        **row
        | {
            "reason": ReferralReason(row["reason"]),
            "shares": frozenset(Share(one) for one in row["shares"]),
            "state": ReferralState(row["state"]),
        }
    )


def _received(**row: Any) -> ReceivedReferral:
    state = row["report_state"]
    return ReceivedReferral(
        **row | {"reason": ReferralReason(row["reason"]), "report_state": None if state is None else ReportState(state)}
    )


def _answer(**row: Any) -> Answer:
    return Answer(**row | {"outcome": ReferralOutcome(row["outcome"])})
