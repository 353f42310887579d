"""The table of the clusters of pictures that look alike: the leader of each, sealed."""

from collections.abc import Collection, Mapping, Sequence

from vangnet.db import Connection
from vangnet.reports.store.numbers import number


def lock_clusters(conn: Connection) -> None:
    """Whoever begins clusters does so alone, until the end of the transaction."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('report clusters', 0))")


def list_leaders(conn: Connection, *, after: int, ours: bool) -> list[tuple[int, bytes]]:
    """The leaders behind a number, in order: those that this transaction itself wrote, or all others."""
    rows = conn.execute(
        """
        SELECT id, leader FROM report_cluster
        WHERE id > %s AND (xmin = coalesce(pg_current_xact_id_if_assigned()::xid, '0'::xid)) = %s ORDER BY id
        """,
        [after, ours],
    ).fetchall()
    return [(id_, bytes(leader)) for id_, leader in rows]


def next_number(conn: Connection) -> int:
    """The number of the next cluster. Under the lock, nobody else has it."""
    return number(conn, "SELECT coalesce(max(id), 0) + 1 FROM report_cluster")


def add_leaders(conn: Connection, leaders: Sequence[tuple[int, bytes]]) -> None:
    """Writes the leaders of new clusters, sealed."""
    conn.execute(
        "INSERT INTO report_cluster (id, leader) SELECT * FROM unnest(%s::bigint[], %s::bytea[])",
        [[id_ for id_, _ in leaders], [sealed for _, sealed in leaders]],
    )


def files_of(conn: Connection, report_id: int) -> Mapping[int, tuple[int, bool]]:
    """By the place of the item, the file of each item of a report that has one, and whether a list knows it."""
    rows = conn.execute(
        """
        SELECT item.position, file.id, file.entry_id IS NOT NULL
        FROM report_item AS item JOIN report_file AS file ON file.id = item.file_id WHERE item.report_id = %s
        """,
        [report_id],
    ).fetchall()
    return {position: (file_id, listed) for position, file_id, listed in rows}


def lock_files(conn: Connection, file_ids: Collection[int]) -> None:
    """Locks these files, in the order of their numbers."""
    conn.execute("SELECT FROM report_file WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(file_ids)])


def put_clusters(conn: Connection, clusters: Mapping[int, int]) -> None:
    """Writes to which cluster each of these files belongs."""
    conn.execute(
        """
        UPDATE report_file SET cluster_id = found.cluster_id
        FROM unnest(%s::bigint[], %s::bigint[]) AS found (id, cluster_id)
        WHERE report_file.id = found.id AND report_file.cluster_id IS DISTINCT FROM found.cluster_id
        """,
        [list(clusters), list(clusters.values())],
    )
