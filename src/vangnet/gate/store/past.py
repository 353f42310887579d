"""The tables of accepted uploads: what was chosen, and what is kept by keyed digests, a table a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from vangnet.db import Connection
from vangnet.gate.past import KeptUpload, PastChoice
from vangnet.identity.model.parties import LegalBasis

#: One statement a column, so that each look-up is one descent of that column's index in each day.
_FIND: dict[str, LiteralString] = {
    "md5": "SELECT md5_mac, check_id, object_id, at FROM gate_past WHERE md5_mac = ANY(%s)",
    "sha1": "SELECT sha1_mac, check_id, object_id, at FROM gate_past WHERE sha1_mac = ANY(%s)",
    "sha256": "SELECT sha256_mac, check_id, object_id, at FROM gate_past WHERE sha256_mac = ANY(%s)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    """An accepted upload as it is written."""

    upload: KeptUpload
    md5: UUID | None
    sha1: UUID | None
    sha256: UUID | None


# --- choice ---


def find_choice(conn: Connection) -> PastChoice | None:
    """What holds."""
    row = conn.execute(
        """
        SELECT version, kept, basis, reference, ends_on, days, pictures, chosen_by, chosen_at FROM gate_past_choice
        ORDER BY version DESC LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    version, kept, basis, reference, ends_on, days, pictures, chosen_by, chosen_at = row
    return PastChoice(
        version=version, kept=kept, days=days, pictures=pictures, chosen_by=chosen_by, chosen_at=chosen_at,
        basis=LegalBasis(text=basis, reference=reference, ends_on=ends_on) if kept else None,
    )  # fmt: skip


def add_choice(
    conn: Connection,
    *,
    kept: bool,
    basis: LegalBasis | None,
    days: int | None,
    pictures: str | None,
    chosen_by: str,
    now: datetime,
) -> None:
    """Keeps a choice as the next version. The caller has the place alone."""
    text, reference, ends_on = (None, None, None) if basis is None else (basis.text, basis.reference, basis.ends_on)
    conn.execute(
        """
        INSERT INTO gate_past_choice (version, kept, basis, reference, ends_on, days, pictures, chosen_by, chosen_at)
        SELECT coalesce(max(version), 0) + 1, %s, %s, %s, %s, %s, %s, %s, %s FROM gate_past_choice
        """,
        [kept, text, reference, ends_on, days, pictures, chosen_by, now],
    )


# --- uploads ---


def add_day(conn: Connection, day: date) -> None:
    """Makes the table of that day, unless it is there."""
    conn.execute("SELECT gate_past_add_day(%s)", [day])


def drop_days(conn: Connection, before: date | None) -> int:
    """Drops the tables of the days before that one, or all; returns how many."""
    row = conn.execute("SELECT gate_past_drop_days(%s)", [before]).fetchone()
    return 0 if row is None else int(row[0])


def list_days(conn: Connection) -> list[tuple[date, int]]:
    """The days of which there is a table, and about how many uploads each has."""
    rows = conn.execute(
        """
        SELECT to_date(right(c.relname, 8), 'YYYYMMDD'), greatest(c.reltuples, 0)::bigint
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'gate_past'::regclass ORDER BY c.relname
        """
    ).fetchall()
    return [(day, uploads) for day, uploads in rows]


def add_uploads(conn: Connection, rows: Iterable[PastRow]) -> None:
    """Writes uploads of days whose tables are there."""
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY gate_past (day, at, check_id, object_id, md5_mac, sha1_mac, sha256_mac) FROM STDIN") as copy,
    ):
        for row in rows:
            one = row.upload
            copy.write_row((one.at.date(), one.at, one.check_id, one.object_id, row.md5, row.sha1, row.sha256))


def find_uploads(conn: Connection, algorithm: str, codes: Sequence[UUID]) -> list[tuple[UUID, KeptUpload]]:
    """The uploads with one of these codes, each with its code."""
    return [
        (code, KeptUpload(check_id=check_id, object_id=object_id, at=at))
        for code, check_id, object_id, at in conn.execute(_FIND[algorithm], [list(codes)]).fetchall()
    ]


def remove_uploads(conn: Connection, object_ids: Sequence[str]) -> int:
    """Erases uploads by their names; returns how many."""
    return conn.execute("DELETE FROM gate_past WHERE object_id = ANY(%s)", [list(object_ids)]).rowcount


# --- what was erased a moment ago ---


def add_erased(conn: Connection, codes: Sequence[UUID], *, now: datetime) -> None:
    """Uploads of these names that are about to be written are dropped."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO gate_past_erased (object_mac, at) VALUES (%s, %s)
            ON CONFLICT (object_mac) DO UPDATE SET at = excluded.at
            """,
            [[code, now] for code in codes],
        )


def list_erased(conn: Connection) -> dict[UUID, datetime]:
    """What was erased, and when."""
    return dict(conn.execute("SELECT object_mac, at FROM gate_past_erased").fetchall())


def remove_erased(conn: Connection, *, before: datetime) -> None:
    """Forgets it."""
    conn.execute("DELETE FROM gate_past_erased WHERE at < %s", [before])
