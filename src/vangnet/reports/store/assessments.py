"""The tables of what people answered about files, and of what is asked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from vangnet.db import Connection
from vangnet.reports.rules.assessment.answers import AssessedClass, FileState, Given, NotListed, Stage
from vangnet.reports.store.numbers import number

_GIVEN = "id, file_id, report_id, position, person_id, stage, class AS assessed, answers, as_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """How far the assessment of a file is."""

    file_id: int
    state: FileState
    since: datetime
    outcome: AssessedClass | None
    entry_id: int | None
    not_listed: NotListed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """A file that waits for a second or a third person, and where it was answered first."""

    file_id: int
    state: FileState
    since: datetime
    report_id: int
    position: int


# --- questions ---


def find_questions(conn: Connection) -> tuple[int, object] | None:
    """What somebody chose to ask, with its version."""
    row = conn.execute("SELECT version, document FROM report_questions ORDER BY version DESC LIMIT 1").fetchone()
    return None if row is None else (row[0], row[1])


def add_questions(conn: Connection, document: object, *, by: str, now: datetime) -> int:
    """Writes other questions; returns their version."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('report questions', 0))")
    return number(
        conn,
        """
        INSERT INTO report_questions (version, document, chosen_by, chosen_at)
        SELECT coalesce(max(version), 0) + 1, %s, %s, %s FROM report_questions RETURNING version
        """,
        [Jsonb(document), by, now],
    )


# --- answers ---


def add_given(conn: Connection, given: Given, *, questions: int, now: datetime) -> None:
    """Writes an answer; its number is given by the database."""
    conn.execute(
        """
        INSERT INTO report_assessment (
            file_id, report_id, position, person_id, stage, class, answers, questions, as_file, at
        ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            given.file_id, given.report_id, given.position, given.person_id, given.stage, given.assessed,
            Jsonb(dict(given.answers)), questions, given.as_file, now,
        ],
    )  # fmt: skip


def undo_given(conn: Connection, ids: Collection[int], *, now: datetime) -> None:
    """These answers are taken back."""
    conn.execute("UPDATE report_assessment SET undone_at = %s WHERE id = ANY(%s) AND undone_at IS NULL", [now, list(ids)])


def list_given(conn: Connection, file_ids: Collection[int]) -> dict[int, list[Given]]:
    """The answers to these files that nobody took back, in the order in which they were given."""
    with conn.cursor(row_factory=kwargs_row(_given)) as cursor:
        found = cursor.execute(
            f"SELECT {_GIVEN} FROM report_assessment WHERE file_id = ANY(%s) AND undone_at IS NULL ORDER BY id",  # noqa: S608
            [list(file_ids)],
        ).fetchall()
    answers: dict[int, list[Given]] = {file_id: [] for file_id in file_ids}
    for one in found:
        answers[one.file_id].append(one)
    return answers


def list_as(conn: Connection, file_id: int, person_id: UUID) -> list[Given]:
    """A person's answers to files that they found to be the same as this one."""
    with conn.cursor(row_factory=kwargs_row(_given)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_GIVEN} FROM report_assessment
            WHERE as_file = %s AND person_id = %s AND undone_at IS NULL ORDER BY id
            """,  # noqa: S608 (columns are ours)
            [file_id, person_id],
        ).fetchall()


def find_last_of(conn: Connection, report_id: int, person_id: UUID, *, since: datetime) -> Given | None:
    """The last answer that a person gave on a report since then, and did not take back."""
    with conn.cursor(row_factory=kwargs_row(_given)) as cursor:
        return cursor.execute(
            f"""
            SELECT {_GIVEN} FROM report_assessment
            WHERE report_id = %s AND person_id = %s AND undone_at IS NULL AND as_file IS NULL AND at >= %s
            ORDER BY id DESC LIMIT 1
            """,  # noqa: S608 (columns are ours)
            [report_id, person_id, since],
        ).fetchone()


def list_standing_answers(conn: Connection, report_id: int) -> list[Mapping[str, str]]:
    """What was answered last about each decided file of a report."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (given.file_id) given.answers FROM report_assessment AS given
        JOIN report_assessed AS assessed ON assessed.file_id = given.file_id AND assessed.state = 'stands'
        WHERE given.undone_at IS NULL
            AND given.file_id IN (SELECT file_id FROM report_item WHERE report_id = %s AND file_id IS NOT NULL)
        ORDER BY given.file_id, given.id DESC
        """,
        [report_id],
    ).fetchall()
    return [row[0] for row in rows]


def place_later(conn: Connection, file_ids: Collection[int], but: Collection[int], *, now: datetime) -> None:
    """Reports that wait and hold one of these files, but for those, are to be put where they belong by the next job."""
    conn.execute(
        """
        UPDATE report SET changes_at = %s WHERE id IN (
            SELECT report.id FROM report WHERE report.state = 'waiting' AND report.id <> ALL(%s)
                AND report.id IN (SELECT report_id FROM report_item WHERE file_id = ANY(%s))
            ORDER BY report.id FOR NO KEY UPDATE SKIP LOCKED
        )
        """,
        [now, list(but), list(file_ids)],
    )


def list_pairs(conn: Connection, *, since: datetime) -> list[tuple[AssessedClass, AssessedClass]]:
    """First and second answers to the same file, given since then by people who did not know of each other."""
    rows = conn.execute(
        """
        SELECT first.class, second.class FROM report_assessment AS second
        JOIN report_assessment AS first
            ON first.file_id = second.file_id AND first.stage = 'first' AND first.undone_at IS NULL
        WHERE second.stage = 'second' AND second.undone_at IS NULL AND second.at >= %s
            AND second.as_file IS NULL AND first.as_file IS NULL
        """,
        [since],
    ).fetchall()
    return [(AssessedClass(first), AssessedClass(second)) for first, second in rows]


# --- how far a file is ---


def put_assessed(conn: Connection, assessed: Assessed) -> None:
    """Writes how far the assessment of a file is."""
    conn.execute(
        """
        INSERT INTO report_assessed (file_id, state, since, outcome, entry_id, not_listed) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (file_id) DO UPDATE SET state = excluded.state, since = excluded.since, outcome = excluded.outcome,
            entry_id = excluded.entry_id, not_listed = excluded.not_listed
        """,
        [
            assessed.file_id, assessed.state, assessed.since, assessed.outcome, assessed.entry_id, assessed.not_listed,
        ],
    )  # fmt: skip


def remove_assessed(conn: Connection, file_id: int) -> None:
    """Nobody has answered about it any more."""
    conn.execute("DELETE FROM report_assessed WHERE file_id = %s", [file_id])


def list_assessed(conn: Connection, file_ids: Collection[int]) -> dict[int, Assessed]:
    """How far these are; one that nobody answered about is left out."""
    with conn.cursor(row_factory=kwargs_row(_assessed)) as cursor:
        found = cursor.execute(
            "SELECT file_id, state, since, outcome, entry_id, not_listed FROM report_assessed WHERE file_id = ANY(%s)",
            [list(file_ids)],
        ).fetchall()
    return {one.file_id: one for one in found}


def list_waiting(conn: Connection, person_id: UUID, *, limit: int) -> list[WaitingFile]:
    """What waits for a second or third person and could be this one: they have not answered. The oldest first."""
    with conn.cursor(row_factory=kwargs_row(_waiting)) as cursor:
        return cursor.execute(
            """
            SELECT assessed.file_id, assessed.state, assessed.since, first.report_id, first.position
            FROM report_assessed AS assessed
            JOIN report_assessment AS first
                ON first.file_id = assessed.file_id AND first.stage = 'first' AND first.undone_at IS NULL
            WHERE assessed.state <> 'stands' AND NOT EXISTS (
                SELECT FROM report_assessment AS own
                WHERE own.file_id = assessed.file_id AND own.person_id = %s AND own.undone_at IS NULL
            )
            ORDER BY assessed.since, assessed.file_id LIMIT %s
            """,
            [person_id, limit],
        ).fetchall()


# --- the same picture ---


def put_same(conn: Connection, a: int, b: int, person_id: UUID, *, same: bool, now: datetime) -> None:
    """Writes what a person found of two files, in the place of what they found before."""
    conn.execute(
        """
        INSERT INTO report_same (file_id, other_id, person_id, same, at) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (file_id, other_id, person_id) DO UPDATE SET same = excluded.same, at = excluded.at
        """,
        [min(a, b), max(a, b), person_id, same, now],
    )


def remove_same(conn: Connection, a: int, b: int, person_id: UUID) -> None:
    """The person takes that back."""
    conn.execute(
        "DELETE FROM report_same WHERE file_id = %s AND other_id = %s AND person_id = %s", [min(a, b), max(a, b), person_id]
    )


def list_same(conn: Connection, file_id: int, person_id: UUID) -> dict[int, bool]:
    """What a person found of this file and others: by the other, whether it is the same picture."""
    rows = conn.execute(
        """
        SELECT CASE WHEN file_id = %(file)s THEN other_id ELSE file_id END, same FROM report_same
        WHERE person_id = %(person)s AND %(file)s IN (file_id, other_id)
        """,
        {"file": file_id, "person": person_id},
    ).fetchall()
    return dict(rows)


# --- which list takes what ---


def put_listing(conn: Connection, assessed: AssessedClass, list_id: UUID, *, by: str, now: datetime) -> None:
    """Writes which list takes a class."""
    conn.execute(
        """
        INSERT INTO report_listing (class, list_id, chosen_by, chosen_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (class) DO UPDATE
        SET list_id = excluded.list_id, chosen_by = excluded.chosen_by, chosen_at = excluded.chosen_at
        """,
        [assessed, list_id, by, now],
    )


def list_listings(conn: Connection) -> dict[AssessedClass, UUID]:
    """Which list takes which class, as somebody chose."""
    rows = conn.execute("SELECT class, list_id FROM report_listing").fetchall()
    return {AssessedClass(name): list_id for name, list_id in rows}


# --- generated pictures that check the work ---


def add_check_answer(
    conn: Connection, report_id: int, person_id: UUID, assessed: AssessedClass, *, right: bool, now: datetime
) -> None:
    """Writes what somebody answered about a generated picture; the first answer counts."""
    conn.execute(
        """
        INSERT INTO report_check_answer (report_id, person_id, class, right_one, at) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [report_id, person_id, assessed, right, now],
    )


def has_check_answer(conn: Connection, report_id: int, person_id: UUID) -> bool:
    """Whether this person answered about the one of this report."""
    row = conn.execute(
        "SELECT FROM report_check_answer WHERE report_id = %s AND person_id = %s", [report_id, person_id]
    ).fetchone()
    return row is not None


def count_check_answers(conn: Connection, person_id: UUID | None, *, since: datetime) -> tuple[int, int, int]:
    """How many answered, how many answers there are, how many of them are right; of one person, or of all."""
    row = conn.execute(
        """
        SELECT count(DISTINCT person_id), count(*), count(*) FILTER (WHERE right_one) FROM report_check_answer
        WHERE at >= %s AND (%s::uuid IS NULL OR person_id = %s)
        """,
        [since, person_id, person_id],
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has a row)
    return row[0], row[1], row[2]


# --- rows ---


def _given(**row: Any) -> Given:
    return Given(**row | {"stage": Stage(row["stage"]), "assessed": AssessedClass(row["assessed"])})


def _assessed(**row: Any) -> Assessed:
    outcome, not_listed = row["outcome"], row["not_listed"]
    return Assessed(
        **row
        | {
            "state": FileState(row["state"]),
            "outcome": None if outcome is None else AssessedClass(outcome),
            "not_listed": None if not_listed is None else NotListed(not_listed),
        }
    )


def _waiting(**row: Any) -> WaitingFile:
    return WaitingFile(**row | {"state": FileState(row["state"])})
