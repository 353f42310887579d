"""The tables of the gate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row, scalar_row
from psycopg.types.json import Jsonb

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.gate.model import (
    CheckAnswer,
    CheckMatch,
    Counted,
    CountedMatch,
    Decision,
    Door,
    KeptDecision,
    ListedDecision,
    Outcome,
)
from vangnet.hashing.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """A policy as it was chosen."""

    version: int
    document: object
    chosen_by: str
    chosen_at: datetime


# --- policy ---


def find_policy(conn: Connection) -> PolicyRow | None:
    """The last one that was chosen."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return cursor.execute(
            "SELECT version, document, chosen_by, chosen_at FROM gate_policy ORDER BY version DESC LIMIT 1"
        ).fetchone()


def policy_version(conn: Connection) -> int:
    """The version of the last one, 0 where none was chosen."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute("SELECT coalesce(max(version), 0) FROM gate_policy").fetchone() or 0)


def add_policy(conn: Connection, document: Mapping[str, object], *, chosen_by: str, now: datetime) -> int:
    """Keeps a policy as the next version, which is returned."""
    # Two people who choose at once: the second waits and becomes the later version.
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('gate policy', 0))")
    version = policy_version(conn) + 1
    conn.execute(
        "INSERT INTO gate_policy (version, document, chosen_by, chosen_at) VALUES (%s, %s, %s, %s)",
        [version, Jsonb(document), chosen_by, now],
    )
    return version


# --- decisions ---


def add_decision(conn: Connection, kept: KeptDecision, *, sealed: bytes, now: datetime) -> bool:
    """Keeps a decision with its matches; False where it is there already, and then nothing is written."""
    answer = kept.answer
    added = conn.execute(
        """
        INSERT INTO gate_decision
            (id, at, kept_at, door, provider_key, object_id, outcome, decision, reason, checked, index_version,
             policy_version, sealed, uploaded_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING
        """,
        [
            answer.check_id, kept.at, now, kept.door, kept.provider_key, kept.object_id, answer.outcome, answer.decision,
            answer.reason, list(answer.checked), answer.index_version, kept.policy_version, sealed,
            kept.uploaded_at,
        ],
    )  # fmt: skip
    if not added.rowcount:
        return False
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO gate_match
                (decision_id, place, list_id, list_name, entry_id, classification, algorithm, distance, view, shadow)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                [
                    answer.check_id, place, match.list_id, match.list_name, match.entry_id, match.classification,
                    match.algorithm, match.distance, match.view, match.shadow,
                ]
                for place, match in enumerate(answer.matches)
            ],
        )  # fmt: skip
    return True


_DECISION = """
    SELECT id, at, kept_at, door, provider_key, object_id, outcome, decision, reason, checked, index_version,
           policy_version, reported_at, revised_at, uploaded_at, answered_at
    FROM gate_decision
"""


def find_decision(conn: Connection, decision_id: UUID) -> ListedDecision | None:
    """One, with its matches."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_DECISION + "WHERE id = %s", [decision_id]).fetchone()
    return None if row is None else _with_matches(conn, [row])[0]


def list_some(conn: Connection, decision_ids: Sequence[UUID]) -> list[ListedDecision]:
    """Those of them that are kept, in the same order."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_DECISION + "WHERE id = ANY(%s)", [list(decision_ids)]).fetchall()
    found = {one.answer.check_id: one for one in _with_matches(conn, rows)}
    return [found[one] for one in decision_ids if one in found]


def get_decision(conn: Connection, decision_id: UUID) -> ListedDecision:
    """The same. Raises NotFound."""
    found = find_decision(conn, decision_id)
    if found is None:
        raise NotFound(record="decision", key=str(decision_id))
    return found


def get_decision_for_update(conn: Connection, decision_id: UUID) -> ListedDecision:
    """The same, and nobody else changes it until the transaction ends. Raises NotFound."""
    conn.execute("SELECT FROM gate_decision WHERE id = %s FOR UPDATE", [decision_id])
    return get_decision(conn, decision_id)


def get_sealed(conn: Connection, decision_id: UUID) -> bytes:
    """The file's digests as they are kept. Raises NotFound."""
    row = conn.execute("SELECT sealed FROM gate_decision WHERE id = %s", [decision_id]).fetchone()
    if row is None:
        raise NotFound(record="decision", key=str(decision_id))
    return bytes(row[0])


def list_decisions(
    conn: Connection,
    *,
    object_id: str | None,
    entry_id: int | None,
    decision: Decision | None,
    revised: bool,
    later: bool,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ListedDecision]:
    """The newest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            _DECISION  # noqa: S608 (all of it is written here)
            + """
            WHERE (%(object)s::text IS NULL OR object_id = %(object)s)
              AND (%(entry)s::bigint IS NULL OR id IN (SELECT decision_id FROM gate_match WHERE entry_id = %(entry)s))
              AND (%(decision)s::text IS NULL OR decision = %(decision)s)
              AND (NOT %(revised)s OR revised_at IS NOT NULL)
              AND (NOT %(later)s OR uploaded_at IS NOT NULL)
              AND (%(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s))
            ORDER BY at DESC, id DESC LIMIT %(limit)s
            """,
            {
                "object": object_id,
                "entry": entry_id,
                "decision": decision,
                "revised": revised,
                "later": later,
                "at": None if before is None else before[0],
                "id": None if before is None else before[1],
                "limit": limit,
            },
        ).fetchall()
    return _with_matches(conn, rows)


def take_untold(conn: Connection, *, limit: int, now: datetime) -> list[ListedDecision]:
    """Decisions of which the registry was not told yet, the oldest first; from now on it was."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            UPDATE gate_decision SET told_at = %s
            WHERE id IN (
                SELECT id FROM gate_decision WHERE told_at IS NULL ORDER BY at, id LIMIT %s FOR UPDATE SKIP LOCKED
            )
            RETURNING id, at, kept_at, door, provider_key, object_id, outcome, decision, reason, checked, index_version,
                      policy_version, reported_at, revised_at, uploaded_at, answered_at
            """,
            [now, limit],
        ).fetchall()
    return _with_matches(conn, rows)


def update_reported(conn: Connection, decision_id: UUID, *, now: datetime) -> None:
    """Its reports are signed."""
    conn.execute("UPDATE gate_decision SET reported_at = %s WHERE id = %s", [now, decision_id])


def update_revised(conn: Connection, decision_ids: Sequence[UUID], *, now: datetime) -> list[ListedDecision]:
    """They do not stand any more; returns those that did until now."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            UPDATE gate_decision SET revised_at = %s WHERE id = ANY(%s) AND revised_at IS NULL
            RETURNING id, at, kept_at, door, provider_key, object_id, outcome, decision, reason, checked, index_version,
                      policy_version, reported_at, revised_at, uploaded_at, answered_at
            """,
            [now, list(decision_ids)],
        ).fetchall()
    return _with_matches(conn, rows)


def list_unanswered(conn: Connection, *, after: tuple[datetime, UUID] | None, limit: int) -> list[ListedDecision]:
    """Those of which the provider did not say what it did, the oldest first; the condition is that of their index."""
    at, id_ = (None, None) if after is None else after
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            _DECISION
            + """
            WHERE answered_at IS NULL AND (decision <> 'allow' OR uploaded_at IS NOT NULL)
              AND (%(at)s::timestamptz IS NULL OR (at, id) > (%(at)s, %(id)s))
            ORDER BY at, id LIMIT %(limit)s
            """,
            {"at": at, "id": id_, "limit": limit},
        ).fetchall()
    return _with_matches(conn, rows)


def count_unanswered(conn: Connection) -> int:
    """How many there are of those."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(
            "SELECT count(*) FROM gate_decision WHERE answered_at IS NULL"
            " AND (decision <> 'allow' OR uploaded_at IS NOT NULL)"
        )
        return int(cursor.fetchone() or 0)


def update_answered(conn: Connection, decision_id: UUID, *, now: datetime) -> None:
    """The provider said what became of it."""
    conn.execute("UPDATE gate_decision SET answered_at = %s WHERE id = %s AND answered_at IS NULL", [now, decision_id])


def add_report(conn: Connection, *, decision_id: UUID, party_id: UUID, handoff_id: UUID) -> None:
    """Which hand-off reports it to whom."""
    conn.execute(
        "INSERT INTO gate_report (decision_id, party_id, handoff_id) VALUES (%s, %s, %s)",
        [decision_id, party_id, handoff_id],
    )


def list_reports(conn: Connection, decision_id: UUID) -> list[tuple[UUID, UUID]]:
    """Parties and hand-offs."""
    return conn.execute(
        "SELECT party_id, handoff_id FROM gate_report WHERE decision_id = %s ORDER BY party_id", [decision_id]
    ).fetchall()


# --- counts ---


def add_counts(conn: Connection, counted: Iterable[Counted]) -> None:
    """Adds to the counts of their minutes."""
    # In a fixed order: two gates that add at the same time must not wait for each other in a circle.
    rows = sorted(
        [
            one.minute, one.provider_key or "", one.door.value, one.outcome.value, one.decision.value,
            "" if one.reason is None else one.reason.value, one.checks,
        ]
        for one in counted
    )  # fmt: skip
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO gate_count (minute, provider_key, door, outcome, decision, reason, checks)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (minute, provider_key, door, outcome, decision, reason)
            DO UPDATE SET checks = gate_count.checks + excluded.checks
            """,
            rows,
        )


def add_match_counts(conn: Connection, counted: Iterable[CountedMatch]) -> None:
    """Adds to the counts of their minutes."""
    rows = sorted([one.minute, one.list_id, one.decision.value, one.shadow, one.matches] for one in counted)
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO gate_list_count (minute, list_id, decision, shadow, matches) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (minute, list_id, decision, shadow)
            DO UPDATE SET matches = gate_list_count.matches + excluded.matches
            """,
            rows,
        )


def sum_counts(conn: Connection, *, since: datetime) -> list[tuple[Outcome, Decision, Reason | None, int]]:
    """How many checks came to what since then."""
    rows = conn.execute(
        """
        SELECT outcome, decision, reason, sum(checks)::bigint FROM gate_count WHERE minute >= %s
        GROUP BY outcome, decision, reason ORDER BY outcome, decision, reason
        """,
        [since],
    ).fetchall()
    return [
        (Outcome(outcome), Decision(decision), Reason(reason) if reason else None, checks)
        for outcome, decision, reason, checks in rows
    ]


# --- repeats ---


def take_name(conn: Connection, *, name_mac: bytes, bytes_mac: bytes, now: datetime) -> bytes:
    """Keeps under which bytes a name was used first; returns those."""
    row = conn.execute(
        """
        INSERT INTO gate_repeat (name_mac, bytes_mac, at) VALUES (%s, %s, %s)
        ON CONFLICT (name_mac) DO UPDATE SET at = gate_repeat.at
        RETURNING bytes_mac
        """,
        [name_mac, bytes_mac, now],
    ).fetchone()
    assert row is not None  # noqa: S101 (an upsert returns its row)
    return bytes(row[0])


def forget_names(conn: Connection, *, before: datetime) -> int:
    """Forgets names that were used before then; returns how many."""
    return conn.execute("DELETE FROM gate_repeat WHERE at < %s", [before]).rowcount


# --- rows ---


def _with_matches(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[ListedDecision]:
    matches: dict[UUID, list[CheckMatch]] = {}
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            SELECT decision_id, list_id, list_name, entry_id, classification, algorithm, distance, view, shadow
            FROM gate_match WHERE decision_id = ANY(%s) ORDER BY decision_id, place
            """,
            [[row["id"] for row in rows]],
        )
        for match in cursor:
            matches.setdefault(match.pop("decision_id"), []).append(CheckMatch(**match))
    return [_decision(row, tuple(matches.get(row["id"], ()))) for row in rows]


def _decision(row: dict[str, Any], matches: tuple[CheckMatch, ...]) -> ListedDecision:
    return ListedDecision(
        answer=CheckAnswer(
            check_id=row["id"],
            outcome=Outcome(row["outcome"]),
            decision=Decision(row["decision"]),
            matches=matches,
            checked=tuple(row["checked"]),
            index_version=row["index_version"],
            reason=None if row["reason"] is None else Reason(row["reason"]),
        ),
        door=Door(row["door"]),
        provider_key=None if row["provider_key"] is None else str(row["provider_key"]),
        object_id=row["object_id"],
        at=row["at"],
        kept_at=row["kept_at"],
        policy_version=row["policy_version"],
        reported_at=row["reported_at"],
        revised_at=row["revised_at"],
        uploaded_at=row["uploaded_at"],
        answered_at=row["answered_at"],
    )
