"""The order in which reports wait, read from the table page by page: by rank, and by age."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from psycopg.rows import kwargs_row

from vangnet.db import Connection
from vangnet.reports.model.reports import Report
from vangnet.reports.model.triage_policy import Equals
from vangnet.reports.store.reports import as_report, columns

#: So many are read at a time; whoever needs the first ones reads no more than that.
_CHUNK = 64


def by_rank(conn: Connection, equals: Equals, *, since: datetime) -> Iterator[Report]:
    """What waits, by rank; of as high a rank as the policy says. `since`: what came in later can still be in time."""
    rank: int | None = None
    while True:
        row = conn.execute(
            "SELECT min(rank) FROM report WHERE state = 'waiting' AND (%s::integer IS NULL OR rank > %s)", [rank, rank]
        ).fetchone()
        rank = None if row is None else row[0]
        if rank is None:
            return
        match equals:
            case Equals.OLDEST:
                yield from _of_rank(conn, rank)
            case Equals.NEWEST:
                yield from _of_rank(conn, rank, newest_first=True)
            case Equals.IN_TIME:
                yield from _of_rank(conn, rank, since=since)
                yield from _of_rank(conn, rank, until=since, newest_first=True)


def by_age(conn: Connection, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[Report]:
    """What waits, whoever waits longest first; or of these only what came in from `since` to `until`."""
    after: tuple[datetime, int] | None = None
    while True:
        with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
            found = cursor.execute(
                f"""
                SELECT {columns()} FROM report WHERE state = 'waiting'
                  AND (%(none)s OR (received_at, id) > (%(at)s::timestamptz, %(id)s::bigint))
                  AND received_at BETWEEN %(since)s AND %(until)s
                ORDER BY received_at, id LIMIT %(limit)s
                """,  # noqa: S608 (columns are ours)
                {
                    "none": after is None, "at": after and after[0], "id": after and after[1], "limit": _CHUNK,
                    "since": since or "-infinity", "until": until or "infinity",
                },
            ).fetchall()  # fmt: skip
        yield from found
        if len(found) < _CHUNK:
            return
        after = (found[-1].received_at, found[-1].id)


def _of_rank(
    conn: Connection,
    rank: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = False,
) -> Iterator[Report]:
    """What waits at one rank and came in from `since` on, or before `until`."""
    direction, compared = ("DESC", "<") if newest_first else ("ASC", ">")
    conditions = ["state = 'waiting'", "rank = %(rank)s"]
    if since is not None:
        conditions.append("received_at >= %(since)s")
    if until is not None:
        conditions.append("received_at < %(until)s")
    after: tuple[datetime, int] | None = None
    while True:
        more = [] if after is None else [f"(received_at, id) {compared} (%(at)s::timestamptz, %(id)s::bigint)"]
        with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
            found = cursor.execute(
                f"""
                SELECT {columns()} FROM report WHERE {" AND ".join(conditions + more)}
                ORDER BY received_at {direction}, id {direction} LIMIT %(limit)s
                """.encode(),  # noqa: S608 (all of it is ours)
                {
                    "rank": rank, "since": since, "until": until, "at": after and after[0], "id": after and after[1],
                    "limit": _CHUNK,
                },
            ).fetchall()  # fmt: skip
        yield from found
        if len(found) < _CHUNK:
            return
        after = (found[-1].received_at, found[-1].id)


def list_aside(conn: Connection, *, limit: int = 100) -> list[Report]:
    """What nobody can open now: what would be opened first, first."""
    return _listed(conn, "state = 'aside'", "points DESC, id", limit)


def list_claimed(conn: Connection, person_id: UUID | None = None, *, limit: int = 100) -> list[Report]:
    """What somebody works on, claimed longest ago first: one person's, or everybody's."""
    with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
        return cursor.execute(
            f"""
            SELECT {columns()} FROM report WHERE state = 'claimed' AND (%s::uuid IS NULL OR claimed_by = %s)
            ORDER BY claimed_at, id LIMIT %s
            """,  # noqa: S608
            [person_id, person_id, limit],
        ).fetchall()


def list_danger(conn: Connection, rank_below: int, *, limit: int = 100) -> list[Report]:
    """What calls a person and nobody has taken, the oldest first."""
    with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
        return cursor.execute(
            f"""
            SELECT {columns()} FROM report WHERE state IN ('waiting', 'aside') AND rank < %s
            ORDER BY received_at, id LIMIT %s
            """,  # noqa: S608
            [rank_below, limit],
        ).fetchall()


def try_lock(conn: Connection, report_id: int) -> bool:
    """Locks a report that waits, unless somebody else is just taking it; whether it is ours."""
    row = conn.execute(
        "SELECT id FROM report WHERE id = %s AND state = 'waiting' FOR NO KEY UPDATE SKIP LOCKED", [report_id]
    ).fetchone()
    return row is not None


def was_passed_on(conn: Connection, report_id: int, *, by: str, since: datetime) -> bool:
    """Whether the last step of a report was that this person put it back, since then."""
    row = conn.execute(
        "SELECT by = %s AND was = 'claimed' AND state = 'waiting' AND at >= %s FROM report_step"
        " WHERE report_id = %s ORDER BY id DESC LIMIT 1",
        [by, since, report_id],
    ).fetchone()
    return row is not None and bool(row[0])


def count_by_state(conn: Connection) -> dict[str, int]:
    """How many reports are in each state that is not the end."""
    rows = conn.execute("SELECT state, count(*) FROM report WHERE state <> 'done' GROUP BY state").fetchall()
    return dict(rows)


def list_to_place_anew(conn: Connection, *, version: int, now: datetime, limit: int) -> list[int]:
    """What waits and whose place time has changed, or another version of the policy."""
    rows = conn.execute(
        """
        (SELECT id FROM report WHERE state = 'waiting' AND changes_at <= %s ORDER BY changes_at, id LIMIT %s)
        UNION
        (SELECT id FROM report WHERE state IN ('waiting', 'aside') AND policy_version <> %s ORDER BY id LIMIT %s)
        """,
        [now, limit, version, limit],
    ).fetchall()
    return [row[0] for row in rows]


def _listed(conn: Connection, condition: str, order: str, limit: int) -> list[Report]:
    with conn.cursor(row_factory=kwargs_row(as_report)) as cursor:
        return cursor.execute(
            f"SELECT {columns()} FROM report WHERE {condition} ORDER BY {order} LIMIT %s".encode(),  # noqa: S608
            [limit],
        ).fetchall()
