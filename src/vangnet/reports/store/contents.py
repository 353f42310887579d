"""The table of what reports say, sealed."""

from collections.abc import Iterable

from vangnet.db import Connection
from vangnet.errors import NotFound


def add_parts(conn: Connection, report_id: int, version: int, sealed: Iterable[bytes]) -> None:
    """Writes the parts of one version of a report."""
    with conn.cursor().copy("COPY report_content (report_id, version, part, sealed) FROM STDIN") as copy:
        for part, content in enumerate(sealed):
            copy.write_row([report_id, version, part, content])


def get_part(conn: Connection, report_id: int, version: int, part: int) -> bytes:
    """One of them. Raises NotFound, also where it was erased."""
    row = conn.execute(
        "SELECT sealed FROM report_content WHERE report_id = %s AND version = %s AND part = %s", [report_id, version, part]
    ).fetchone()
    if row is None:
        raise NotFound(record="content of report", key=str(report_id))
    return bytes(row[0])


def list_parts(conn: Connection, report_id: int, version: int) -> list[bytes]:
    """All of them, in order."""
    rows = conn.execute(
        "SELECT sealed FROM report_content WHERE report_id = %s AND version = %s ORDER BY part", [report_id, version]
    ).fetchall()
    return [bytes(row[0]) for row in rows]
