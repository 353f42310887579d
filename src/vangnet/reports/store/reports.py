"""The tables of reports, of their steps and of their notes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, kwargs_row
from psycopg.types.json import Jsonb

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.registry.model.classification import Classification
from vangnet.reports.model.contents import as_plain, as_tree
from vangnet.reports.model.drafts import Incident, ItemKind, ReporterKind, Source
from vangnet.reports.model.facts import Facts
from vangnet.reports.model.reports import Closing, Report, ReportItem, ReportState, Step
from vangnet.reports.store.numbers import number
from vangnet.vault.model import Basis

_COLUMNS = """
    id, source, reporter_kind, party_id, version, incident, language, country, received_at, reported_at, incident_at,
    state, state_at, closing, claimed_by, claimed_at, opened_at, items, unseen, known, problems, facts, points, rank,
    due_at, expires_at, drawn_at, group_id, case_number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where triage puts a report."""

    facts: Facts
    policy_version: int
    points: int
    rank: int
    due_at: datetime | None
    changes_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """The different files of a report, counted."""

    unseen: int
    known: int
    #: As what our own people classified some of them, each once.
    classified: tuple[Classification, ...]


def next_id(conn: Connection) -> int:
    """The number of a report that is about to be written."""
    return number(conn, "SELECT nextval(pg_get_serial_sequence('report', 'id'))")


def add_report(conn: Connection, report: Report, *, reference_mac: bytes | None, content_mac: bytes) -> None:
    """Writes a new report under the number that it has; where triage puts it is written when that is known."""
    conn.execute(
        """
        INSERT INTO report (
            id, source, reporter_kind, party_id, reference_mac, content_mac, incident, language, country, received_at,
            reported_at, incident_at, state, state_at, items, unseen, known, problems, facts, policy_version, points, rank,
            due_at, expires_at, case_number
        ) VALUES (
            %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s, %s
        )
        """,
        [
            report.id, report.source, report.reporter_kind, report.party_id, reference_mac, content_mac, report.incident,
            report.language, report.country, report.received_at, report.reported_at, report.incident_at, report.state,
            report.state_at, report.items, report.unseen, report.known, report.problems, Jsonb(as_plain(report.facts)),
            report.points, report.rank, report.due_at, report.expires_at, report.case_number,
        ],
    )  # fmt: skip


def update_version(conn: Connection, report: Report, *, content_mac: bytes) -> None:
    """Writes what another version of it changes."""
    conn.execute(
        """
        UPDATE report SET version = %s, content_mac = %s, incident = %s, language = %s, country = %s, reported_at = %s,
            incident_at = %s, items = %s, unseen = %s, known = %s, problems = %s
        WHERE id = %s
        """,
        [
            report.version, content_mac, report.incident, report.language, report.country, report.reported_at,
            report.incident_at, report.items, report.unseen, report.known, report.problems, report.id,
        ],
    )  # fmt: skip


def update_placed(conn: Connection, report_id: int, placed: Placed) -> None:
    """Writes where triage puts it now, and the facts of which that comes."""
    conn.execute(
        """
        UPDATE report
        SET facts = %s, unseen = %s, known = %s, policy_version = %s, points = %s, rank = %s, due_at = %s, changes_at = %s,
            expires_at = %s
        WHERE id = %s
        """,
        [
            Jsonb(as_plain(placed.facts)), placed.facts.unseen_items, placed.facts.known_items, placed.policy_version,
            placed.points, placed.rank, placed.due_at, placed.changes_at, placed.facts.evidence_expires_at, report_id,
        ],
    )  # fmt: skip


def update_state(conn: Connection, report: Report) -> None:
    """Writes its state, and who has claimed it."""
    conn.execute(
        """
        UPDATE report SET state = %s, state_at = %s, closing = %s, claimed_by = %s, claimed_at = %s, opened_at = %s
        WHERE id = %s
        """,
        [
            report.state, report.state_at, report.closing, report.claimed_by, report.claimed_at, report.opened_at,
            report.id,
        ],
    )  # fmt: skip


def update_basis(conn: Connection, report_id: int, basis: Basis, *, since: datetime) -> None:
    """What it says rests on another basis since then."""
    conn.execute("UPDATE report SET basis = %s, basis_since = %s WHERE id = %s", [basis, since, report_id])


def list_resting(conn: Connection, basis: Basis, *, until: datetime, limit: int) -> list[tuple[int, datetime]]:
    """Reports that rest on a basis since then or earlier, and are not erased: number and since when."""
    return conn.execute(
        """
        SELECT id, basis_since FROM report WHERE basis = %s AND basis_since <= %s AND erased_at IS NULL
        ORDER BY basis_since, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
        """,
        [basis, until, limit],
    ).fetchall()


def count_resting(conn: Connection, basis: Basis, *, until: datetime) -> int:
    """How many there are."""
    return number(
        conn, "SELECT count(*) FROM report WHERE basis = %s AND basis_since <= %s AND erased_at IS NULL", [basis, until]
    )


def erase_said(conn: Connection, report_id: int, *, now: datetime) -> None:
    """What it says, what was noted about it and by what it was known again is gone; that it was there stays."""
    conn.execute("DELETE FROM report_content WHERE report_id = %s", [report_id])
    conn.execute("DELETE FROM report_note WHERE report_id = %s", [report_id])
    conn.execute("UPDATE report SET erased_at = %s, reference_mac = NULL WHERE id = %s", [now, report_id])


def update_case_number(conn: Connection, report_id: int, case_number: str) -> None:
    """Writes the number that it shares with another party."""
    conn.execute("UPDATE report SET case_number = %s WHERE id = %s", [case_number, report_id])


def update_group(conn: Connection, report_ids: Collection[int], group_id: int | None) -> None:
    """Writes to which group these belong."""
    conn.execute("UPDATE report SET group_id = %s WHERE id = ANY(%s)", [group_id, list(report_ids)])


def get_report(conn: Connection, report_id: int) -> Report:
    """Raises NotFound."""
    return _one(conn, f"SELECT {_COLUMNS} FROM report WHERE id = %s", report_id)  # noqa: S608 (columns are ours)


def get_report_for_update(conn: Connection, report_id: int) -> Report:
    """The same, locked. Raises NotFound."""
    return _one(conn, f"SELECT {_COLUMNS} FROM report WHERE id = %s FOR NO KEY UPDATE", report_id)  # noqa: S608


def list_reports(conn: Connection, report_ids: Sequence[int]) -> list[Report]:
    """These, in this order; what is not there is left out."""
    with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM report WHERE id = ANY(%s)",  # noqa: S608
            [list(report_ids)],
        ).fetchall()
    by_id = {report.id: report for report in found}
    return [by_id[id_] for id_ in report_ids if id_ in by_id]


def find_by_reference(conn: Connection, reference_mac: bytes) -> Report | None:
    """The report that the same reporter gave the same number."""
    with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM report WHERE reference_mac = %s",  # noqa: S608
            [reference_mac],
        ).fetchone()


def content_mac_of(conn: Connection, report_id: int) -> bytes:
    """By what the content of its last version is known."""
    row = conn.execute("SELECT content_mac FROM report WHERE id = %s", [report_id]).fetchone()
    if row is None:
        raise NotFound(record="report", key=str(report_id))
    return bytes(row[0])


def lock_reference(conn: Connection, reference_mac: bytes) -> None:
    """Two deliveries of the same report wait for each other until the end of the transaction."""
    # As for `links.lock_joining`: what follows finds rows by index.
    conn.execute(
        "SELECT pg_advisory_xact_lock(%s), set_config('enable_seqscan', 'off', true)",
        [int.from_bytes(reference_mac[:8], "big", signed=True)],
    )


# --- items ---


def put_items(conn: Connection, report_id: int, items: Sequence[ReportItem], *, is_new: bool = False) -> None:
    """Writes what a report holds, instead of what it held."""
    if not is_new:
        conn.execute("DELETE FROM report_item WHERE report_id = %s", [report_id])
    with conn.cursor().copy(
        "COPY report_item (report_id, position, kind, file_id, has_bytes, supplemental, viewed) FROM STDIN"
    ) as copy:
        for item in items:
            copy.write_row([
                report_id, item.position, item.kind, item.file_id, item.has_bytes, item.supplemental, item.viewed,
            ])  # fmt: skip


def list_items(conn: Connection, report_id: int, *, after: int = -1, limit: int = 10_000) -> list[ReportItem]:
    """What a report holds, from behind a position on."""
    with conn.cursor(row_factory=kwargs_row(_item)) as cursor:
        return cursor.execute(
            """
            SELECT report_id, position, kind, file_id, has_bytes, supplemental, viewed FROM report_item
            WHERE report_id = %s AND position > %s ORDER BY position LIMIT %s
            """,
            [report_id, after, limit],
        ).fetchall()


def get_item(conn: Connection, report_id: int, position: int) -> ReportItem:
    """Raises NotFound."""
    with conn.cursor(row_factory=kwargs_row(_item)) as cursor:
        found = cursor.execute(
            """
            SELECT report_id, position, kind, file_id, has_bytes, supplemental, viewed FROM report_item
            WHERE report_id = %s AND position = %s
            """,
            [report_id, position],
        ).fetchone()
    if found is None:
        raise NotFound(record="item", key=f"{report_id}/{position}")
    return found


def list_reports_with_file(conn: Connection, file_id: int, *, limit: int = 1000) -> list[int]:
    """The reports that hold or name a file, the newest first."""
    rows = conn.execute(
        "SELECT DISTINCT report_id FROM report_item WHERE file_id = %s ORDER BY report_id DESC LIMIT %s", [file_id, limit]
    ).fetchall()
    return [row[0] for row in rows]


def count_files(conn: Connection, report_id: int) -> FileCounts:
    """How many files a report has that are known and that are not, and as what our own people classified some."""
    row = conn.execute(
        """
        SELECT count(*) FILTER (WHERE entry_id IS NULL AND classification IS NULL),
            count(*) FILTER (WHERE entry_id IS NOT NULL OR classification IS NOT NULL),
            array_agg(DISTINCT classification) FILTER (WHERE classification IS NOT NULL)
        FROM (
            SELECT DISTINCT file.id, file.entry_id, file.classification
            FROM report_item AS item JOIN report_file AS file ON file.id = item.file_id WHERE item.report_id = %s
        ) AS files
        """,
        [report_id],
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has a row)
    unseen, known, classified = row
    return FileCounts(unseen=unseen, known=known, classified=tuple(Classification(one) for one in classified or ()))


# --- steps ---


def add_step(conn: Connection, step: Step) -> None:
    """Writes what became of a report."""
    conn.execute(
        "INSERT INTO report_step (report_id, at, was, state, closing, by, reason) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [step.report_id, step.at, step.was, step.state, step.closing, step.by, step.reason],
    )


def list_steps(conn: Connection, report_id: int) -> list[Step]:
    """What became of a report, the first step first."""
    with conn.cursor(row_factory=kwargs_row(_step)) as cursor:
        return cursor.execute(
            "SELECT report_id, at, was, state, closing, by, reason FROM report_step WHERE report_id = %s ORDER BY id",
            [report_id],
        ).fetchall()


# --- notes ---


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """A note as it lies in its table."""

    id: int
    report_id: int
    at: datetime
    by: str
    hand_over: bool
    read_at: datetime | None
    sealed: bytes


def add_note(conn: Connection, report_id: int, *, sealed: bytes, hand_over: bool, by: str, now: datetime) -> int:
    """Writes a note; returns its number."""
    return number(
        conn,
        "INSERT INTO report_note (report_id, at, by, hand_over, sealed) VALUES (%s, %s, %s, %s, %s) RETURNING id",
        [report_id, now, by, hand_over, sealed],
    )


def list_notes(conn: Connection, report_id: int) -> list[NoteRow]:
    """The notes of a report, the first one first."""
    with conn.cursor(row_factory=class_row(NoteRow)) as cursor:
        return cursor.execute(
            "SELECT id, report_id, at, by, hand_over, read_at, sealed FROM report_note WHERE report_id = %s ORDER BY id",
            [report_id],
        ).fetchall()


def list_hand_overs(conn: Connection, *, limit: int = 50) -> list[NoteRow]:
    """The notes for whoever takes over that nobody has read, the oldest first."""
    with conn.cursor(row_factory=class_row(NoteRow)) as cursor:
        return cursor.execute(
            """
            SELECT id, report_id, at, by, hand_over, read_at, sealed FROM report_note
            WHERE hand_over AND read_at IS NULL ORDER BY at, id LIMIT %s
            """,
            [limit],
        ).fetchall()


def mark_read(conn: Connection, note_id: int, *, now: datetime) -> None:
    """A note for whoever takes over was read."""
    conn.execute("UPDATE report_note SET read_at = %s WHERE id = %s AND read_at IS NULL", [now, note_id])


# --- rows ---


def as_report(**row: Any) -> Report:
    """A row as a report."""
    return Report(
        **row
        | {
            "source": Source(row["source"]),
            "reporter_kind": ReporterKind(row["reporter_kind"]),
            "incident": Incident(row["incident"]),
            "state": ReportState(row["state"]),
            "closing": None if row["closing"] is None else Closing(row["closing"]),
            "facts": as_tree(Facts, row["facts"]),
        }
    )


def columns() -> str:
    """What is selected for `as_report`."""
    return _COLUMNS


def _one(conn: Connection, query: str, report_id: int) -> Report:
    with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
        found = cursor.execute(query.encode(), [report_id]).fetchone()
    if found is None:
        raise NotFound(record="report", key=str(report_id))
    return found


def _item(**row: Any) -> ReportItem:
    return ReportItem(**row | {"kind": ItemKind(row["kind"])})


def _step(**row: Any) -> Step:
    return Step(
        **row
        | {
            "was": None if row["was"] is None else ReportState(row["was"]),
            "state": ReportState(row["state"]),
            "closing": None if row["closing"] is None else Closing(row["closing"]),
        }
    )
