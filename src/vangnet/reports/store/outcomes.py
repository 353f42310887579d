"""The tables of investigations, of what they came to, and of series."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.reports.model.outcomes import Effect, Investigation, InvestigationOutcome, Outcome, Series
from vangnet.reports.store.numbers import number

# --- investigations ---


def put_investigation(conn: Connection, *, code: bytes, sealed: bytes, by: str, now: datetime) -> int:
    """The investigation of this number, new or known; returns our id of it."""
    conn.execute(
        """
        INSERT INTO report_investigation (code, number, opened_at, opened_by) VALUES (%s, %s, %s, %s)
        ON CONFLICT (code) DO NOTHING
        """,
        [code, sealed, now, by],
    )
    return number(conn, "SELECT id FROM report_investigation WHERE code = %s", [code])


def get_investigation(conn: Connection, investigation_id: int) -> Investigation:
    """An investigation. Raises NotFound."""
    with conn.cursor(row_factory=class_row(Investigation)) as cursor:
        found = cursor.execute(
            "SELECT id, opened_at, opened_by, number FROM report_investigation WHERE id = %s",
            [investigation_id],
        ).fetchone()
    if found is None:
        raise NotFound(record="investigation", key=str(investigation_id))
    return found


def list_investigations(conn: Connection, *, limit: int) -> list[Investigation]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(Investigation)) as cursor:
        return cursor.execute(
            "SELECT id, opened_at, opened_by, number FROM report_investigation ORDER BY opened_at DESC, id DESC LIMIT %s",
            [limit],
        ).fetchall()


def add_report(conn: Connection, investigation_id: int, report_id: int, *, by: str, now: datetime) -> bool:
    """Writes that a report led to an investigation; whether that was new."""
    found = conn.execute(
        """
        INSERT INTO report_investigated (report_id, investigation_id, at, by) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [report_id, investigation_id, now, by],
    )
    return found.rowcount == 1


def remove_report(conn: Connection, investigation_id: int, report_id: int) -> bool:
    """Writes that a report did not lead to it; whether it had said so."""
    found = conn.execute(
        "DELETE FROM report_investigated WHERE report_id = %s AND investigation_id = %s", [report_id, investigation_id]
    )
    return found.rowcount == 1


def list_reports_of(conn: Connection, investigation_ids: Collection[int]) -> dict[int, list[int]]:
    """The reports that led to each of these."""
    found: dict[int, list[int]] = {id_: [] for id_ in investigation_ids}
    for investigation_id, report_id in conn.execute(
        """
        SELECT investigation_id, report_id FROM report_investigated WHERE investigation_id = ANY(%s)
        ORDER BY investigation_id, report_id
        """,
        [list(investigation_ids)],
    ):
        found[investigation_id].append(report_id)
    return found


def add_outcome(
    conn: Connection, investigation_id: int, outcome: Outcome, *, people: int | None, by: str, now: datetime
) -> int:
    """Writes what it came to; returns the number of that."""
    return number(
        conn,
        """
        INSERT INTO report_outcome (investigation_id, outcome, people, at, by) VALUES (%s, %s, %s, %s, %s) RETURNING id
        """,
        [investigation_id, outcome, people, now, by],
    )


def withdraw_outcome(conn: Connection, outcome_id: int, *, now: datetime) -> InvestigationOutcome:
    """Writes that it was a mistake. Raises NotFound, also where that was written before."""
    with conn.cursor(row_factory=kwargs_row(_outcome)) as cursor:
        found = cursor.execute(
            """
            UPDATE report_outcome SET withdrawn_at = %s WHERE id = %s AND withdrawn_at IS NULL
            RETURNING id, investigation_id, outcome, people, at, by, withdrawn_at
            """,
            [now, outcome_id],
        ).fetchone()
    if found is None:
        raise NotFound(record="outcome", key=str(outcome_id))
    return found


def list_outcomes(conn: Connection, investigation_ids: Collection[int]) -> list[InvestigationOutcome]:
    """What these came to, the first first; what was a mistake is left out."""
    with conn.cursor(row_factory=kwargs_row(_outcome)) as cursor:
        return cursor.execute(
            """
            SELECT id, investigation_id, outcome, people, at, by, withdrawn_at FROM report_outcome
            WHERE investigation_id = ANY(%s) AND withdrawn_at IS NULL ORDER BY id
            """,
            [list(investigation_ids)],
        ).fetchall()


def effect(conn: Connection) -> Effect:
    """From reports to results, in numbers."""
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM report), (SELECT count(DISTINCT report_id) FROM report_investigated),
               (SELECT count(*) FROM report_investigation),
               (SELECT count(DISTINCT investigation_id) FROM report_outcome WHERE withdrawn_at IS NULL)
        """
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has a row)
    counted = conn.execute(
        """
        SELECT outcome, count(*), sum(coalesce(people, 1)) FROM report_outcome WHERE withdrawn_at IS NULL GROUP BY outcome
        """
    ).fetchall()
    return Effect(
        reports=row[0],
        led_to_investigation=row[1],
        investigations=row[2],
        with_outcome=row[3],
        outcomes={Outcome(outcome): (count, int(people)) for outcome, count, people in counted},
    )


# --- series ---

#: Reports that have to do with a series: people put them there, or they hold one of its files.
_MEMBERS = """
    SELECT series_id, report_id FROM report_series_report
    UNION
    SELECT file.series_id, item.report_id FROM report_series_file AS file JOIN report_item AS item USING (file_id)
"""


def put_series(conn: Connection, code: str, *, by: str, now: datetime) -> int:
    """The series of this code, new or known; returns our number of it."""
    conn.execute(
        "INSERT INTO report_series (code, known_at, known_by) VALUES (%s, %s, %s) ON CONFLICT (code) DO NOTHING",
        [code, now, by],
    )
    return number(conn, "SELECT id FROM report_series WHERE code = %s", [code])


def put_into_series(conn: Connection, series_id: int, report_id: int, *, files: bool, by: str, now: datetime) -> int:
    """Puts a report into a series, with its files or without; returns how many files were new in it."""
    conn.execute(
        "INSERT INTO report_series_report (series_id, report_id, at, by) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [series_id, report_id, now, by],
    )
    if not files:
        return 0
    return conn.execute(
        """
        INSERT INTO report_series_file (series_id, file_id, at)
        SELECT DISTINCT %s::bigint, file_id, %s::timestamptz FROM report_item WHERE report_id = %s AND file_id IS NOT NULL
        ON CONFLICT DO NOTHING
        """,
        [series_id, now, report_id],
    ).rowcount


def take_out_of_series(conn: Connection, series_id: int, report_id: int) -> bool:
    """Takes a report out of a series, with the files that no other report of it brought; whether it was in it."""
    found = conn.execute("DELETE FROM report_series_report WHERE series_id = %s AND report_id = %s", [series_id, report_id])
    conn.execute(
        """
        DELETE FROM report_series_file AS file WHERE series_id = %(series)s
          AND file_id IN (SELECT file_id FROM report_item WHERE report_id = %(report)s)
          AND NOT EXISTS (
            SELECT FROM report_series_report AS other JOIN report_item AS item ON item.report_id = other.report_id
            WHERE other.series_id = %(series)s AND item.file_id = file.file_id
          )
        """,
        {"series": series_id, "report": report_id},
    )
    return found.rowcount == 1


def list_series(conn: Connection, *, limit: int) -> list[Series]:
    """Series, those with files that nobody has seen first, then those that turn up most often."""
    with conn.cursor(row_factory=class_row(Series)) as cursor:
        return cursor.execute(
            f"""
            WITH member AS ({_MEMBERS}),
            counted AS (
                SELECT member.series_id, count(*) AS reports, count(*) FILTER (WHERE report.unseen > 0) AS with_unseen,
                       count(*) FILTER (WHERE report.received_at > series.known_at) AS again
                FROM member JOIN report ON report.id = member.report_id JOIN report_series AS series
                  ON series.id = member.series_id
                GROUP BY member.series_id
            )
            SELECT series.id, series.code, series.known_at,
                   (SELECT count(*) FROM report_series_file AS file WHERE file.series_id = series.id) AS files,
                   coalesce(counted.reports, 0) AS reports, coalesce(counted.with_unseen, 0) AS with_unseen,
                   coalesce(counted.again, 0) AS again
            FROM report_series AS series LEFT JOIN counted ON counted.series_id = series.id
            ORDER BY with_unseen DESC, again DESC, series.code LIMIT %s
            """,  # noqa: S608 (all of it is ours)
            [limit],
        ).fetchall()


def list_members(conn: Connection, series_id: int, *, limit: int) -> list[int]:
    """The reports that have to do with a series, the newest first."""
    rows = conn.execute(
        f"SELECT report_id FROM ({_MEMBERS}) AS member WHERE series_id = %s ORDER BY report_id DESC LIMIT %s",  # noqa: S608
        [series_id, limit],
    ).fetchall()
    return [row[0] for row in rows]


def list_series_of(conn: Connection, report_id: int) -> list[tuple[int, str]]:
    """The series that a report has to do with: number and code."""
    return conn.execute(
        """
        SELECT DISTINCT series.id, series.code FROM report_series AS series
        WHERE series.id IN (SELECT series_id FROM report_series_report WHERE report_id = %(report)s)
           OR series.id IN (
                SELECT file.series_id FROM report_item AS item JOIN report_series_file AS file USING (file_id)
                WHERE item.report_id = %(report)s
              )
        ORDER BY series.code
        """,
        {"report": report_id},
    ).fetchall()


def count_kin(conn: Connection, report_id: int, *, most: int) -> int:
    """How many other reports have to do with the same series as this one, counted up to so many."""
    series = [series_id for series_id, _ in list_series_of(conn, report_id)]
    if not series:
        return 0
    return number(
        conn,
        """
        SELECT count(*) FROM (
            SELECT report_id FROM report_series_report WHERE series_id = ANY(%(series)s) AND report_id <> %(report)s
            UNION
            SELECT item.report_id FROM report_series_file AS file JOIN report_item AS item USING (file_id)
            WHERE file.series_id = ANY(%(series)s) AND item.report_id <> %(report)s
            LIMIT %(most)s
        ) AS kin
        """,
        {"series": series, "report": report_id, "most": most},
    )


def _outcome(**row: Any) -> InvestigationOutcome:
    return InvestigationOutcome(**row | {"outcome": Outcome(row["outcome"])})
