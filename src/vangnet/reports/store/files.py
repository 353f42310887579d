"""The tables of the different files that reports hold, and of the digests by which each is known again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.registry.model.classification import Classification
from vangnet.reports.model.reports import ReportFile
from vangnet.reports.store.numbers import number

_COLUMNS = """
    id, medium_id, media_type, size_bytes, pdq_quality, unhashable, cluster_id, first_seen_at, recognised_at, entry_id,
    distance, classification, classified_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file as it is written."""

    id: int
    macs: tuple[bytes, ...]
    medium_id: UUID | None
    media_type: str | None
    size_bytes: int | None
    #: Sealed.
    hashes: bytes | None
    pdq_quality: int | None
    unhashable: str | None
    entry_id: int | None
    distance: int | None


def find_by_digests(conn: Connection, macs: Collection[bytes]) -> Mapping[bytes, int]:
    """The files that have these digests."""
    rows = conn.execute("SELECT mac, file_id FROM report_file_digest WHERE mac = ANY(%b)", [list(macs)]).fetchall()
    return {bytes(mac): file_id for mac, file_id in rows}


def count_held(conn: Connection, report_id: int, came: Sequence[tuple[int, bytes]], *, kept: bool) -> int:
    """Of how many files, each with its place and a digest, a report holds that very file there; if `kept`, in the vault."""
    return number(
        conn,
        """
        SELECT count(*) FROM unnest(%b::integer[], %b::bytea[]) AS came (position, mac)
        JOIN report_item AS item ON item.report_id = %s AND item.position = came.position AND item.has_bytes
        JOIN report_file_digest AS digest ON digest.mac = came.mac AND digest.file_id = item.file_id
        JOIN report_file AS file ON file.id = item.file_id AND (file.medium_id IS NOT NULL OR NOT %s)
        """,
        [[position for position, _ in came], [mac for _, mac in came], report_id, kept],
    )


def next_ids(conn: Connection, count: int) -> list[int]:
    """The numbers of so many files that are about to be written."""
    if not count:
        return []
    rows = conn.execute("SELECT nextval('report_file_id_seq') FROM generate_series(1, %s)", [count]).fetchall()
    return [row[0] for row in rows]


class _SomebodyElse(Exception):
    """Another transaction wrote one of these digests first."""


def add_new(
    conn: Connection, files: Sequence[FileRow], digests: Mapping[bytes, int], *, asked: bool, now: datetime
) -> bool:
    """Writes new files, and by what these and others are known again; False, and nothing, where others came first.

    Whoever writes one of these digests at the same time is waited for. All are written by one statement and in one order,
    so that nobody waits for each other in a ring. `asked` says whether the lists could be asked about them.
    """
    if not digests:
        _add_files(conn, files, asked=asked, now=now)
        return True
    try:
        with conn.transaction():
            _add_files(conn, files, asked=asked, now=now)
            ordered = sorted(digests.items())
            added = conn.execute(
                """
                INSERT INTO report_file_digest (mac, file_id) SELECT * FROM unnest(%b::bytea[], %b::bigint[])
                ON CONFLICT (mac) DO NOTHING
                """,
                [[mac for mac, _ in ordered], [id_ for _, id_ in ordered]],
            ).rowcount
            if added < len(ordered):
                raise _SomebodyElse
    except _SomebodyElse:
        return False
    return True


def _add_files(conn: Connection, files: Sequence[FileRow], *, asked: bool, now: datetime) -> None:
    if not files:
        return
    with conn.cursor().copy(
        """
        COPY report_file (
            id, medium_id, media_type, size_bytes, hashes, pdq_quality, unhashable, first_seen_at, recognised_at, entry_id,
            distance
        ) FROM STDIN
        """
    ) as copy:
        for file in files:
            copy.write_row([
                file.id, file.medium_id, file.media_type, file.size_bytes, file.hashes, file.pdq_quality, file.unhashable,
                now, now if asked else None, file.entry_id, file.distance,
            ])  # fmt: skip


def complete(conn: Connection, file: FileRow) -> None:
    """Writes what became known of a file because its bytes came, after its name alone did."""
    conn.execute(
        """
        UPDATE report_file
        SET medium_id = %s, media_type = %s, size_bytes = %s, hashes = %s, pdq_quality = %s, unhashable = %s
        WHERE id = %s AND medium_id IS NULL
        """,
        [file.medium_id, file.media_type, file.size_bytes, file.hashes, file.pdq_quality, file.unhashable, file.id],
    )


def update_recognised(conn: Connection, file_id: int, *, entry_id: int | None, distance: int | None, now: datetime) -> None:
    """Writes what the lists say of a file now."""
    conn.execute(
        "UPDATE report_file SET recognised_at = %s, entry_id = %s, distance = %s WHERE id = %s",
        [now, entry_id, distance, file_id],
    )


def update_all_recognised(conn: Connection, found: Sequence[tuple[int, int | None, int | None]], *, now: datetime) -> None:
    """The same of many: file, entry, distance."""
    conn.execute(
        """
        UPDATE report_file SET recognised_at = %s, entry_id = found.entry_id, distance = found.distance
        FROM unnest(%b::bigint[], %b::bigint[], %b::smallint[]) AS found (id, entry_id, distance)
        WHERE report_file.id = found.id
        """,
        [now, [one[0] for one in found], [one[1] for one in found], [one[2] for one in found]],
    )


def update_classification(
    conn: Connection, file_id: int, classification: Classification | None, *, now: datetime | None
) -> None:
    """Writes what our people agreed that it is, or that they do not any more."""
    conn.execute(
        "UPDATE report_file SET classification = %s, classified_at = %s WHERE id = %s", [classification, now, file_id]
    )


def update_cluster(conn: Connection, file_ids: Collection[int], cluster_id: int) -> None:
    """Writes to which cluster of like pictures these belong."""
    conn.execute("UPDATE report_file SET cluster_id = %s WHERE id = ANY(%s)", [cluster_id, list(file_ids)])


def get_file(conn: Connection, file_id: int) -> ReportFile:
    """Raises NotFound."""
    found = list_files(conn, [file_id])
    if not found:
        raise NotFound(record="file", key=str(file_id))
    return found[0]


def get_file_for_update(conn: Connection, file_id: int) -> ReportFile:
    """The same, locked. Raises NotFound."""
    conn.execute("SELECT FROM report_file WHERE id = %s FOR NO KEY UPDATE", [file_id])
    return get_file(conn, file_id)


def list_files(conn: Connection, file_ids: Collection[int]) -> list[ReportFile]:
    """These, by number."""
    with conn.cursor(row_factory=kwargs_row(_file)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM report_file WHERE id = ANY(%s) ORDER BY id",  # noqa: S608 (columns are ours)
            [list(file_ids)],
        ).fetchall()


def list_of_cluster(conn: Connection, cluster_id: int, *, limit: int = 50) -> list[ReportFile]:
    """The files of a cluster of like pictures, the first one first."""
    with conn.cursor(row_factory=kwargs_row(_file)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM report_file WHERE cluster_id = %s ORDER BY id LIMIT %s",  # noqa: S608
            [cluster_id, limit],
        ).fetchall()


def sealed_hashes(conn: Connection, file_ids: Collection[int]) -> Mapping[int, bytes]:
    """The sealed digests and hashes of these, where there are any."""
    rows = conn.execute(
        "SELECT id, hashes FROM report_file WHERE id = ANY(%s) AND hashes IS NOT NULL", [list(file_ids)]
    ).fetchall()
    return {id_: bytes(sealed) for id_, sealed in rows}


def _file(**row: Any) -> ReportFile:
    classification = row["classification"]
    return ReportFile(**row | {"classification": None if classification is None else Classification(classification)})
