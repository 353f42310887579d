"""The table of the links that join reports, and the group of each report."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from vangnet.db import Connection
from vangnet.reports.rules.linking.features import FeatureKind
from vangnet.reports.rules.linking.links import Because, Link
from vangnet.reports.store.values import as_codes, as_roles

_COLUMNS = "a, b, kind, by, shared, reports, bits_apart, minutes_apart, roles_a, roles_b"


def lock_joining(conn: Connection) -> None:
    """Whoever changes which reports belong together does so alone, until the end of the transaction."""
    # What follows finds rows by index. While nobody has counted a new table, PostgreSQL would rather read all of it.
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('report joining', 0)), set_config('enable_seqscan', 'off', true)"
    )


def add_links(conn: Connection, links: Iterable[Link]) -> None:
    """Writes links that join; one that is there stays as it is."""
    listed = list(links)
    if not listed:
        return
    conn.execute(
        f"""
        INSERT INTO report_link ({_COLUMNS})
        SELECT * FROM unnest(
            %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::integer[], %s::integer[], %s::smallint[], %s::integer[],
            %s::text[], %s::text[]
        )
        ON CONFLICT DO NOTHING
        """,  # noqa: S608 (columns are ours)
        [
            [one.a for one in listed], [one.b for one in listed], [one.kind.value for one in listed],
            [one.because.by for one in listed], [one.because.values for one in listed],
            [one.because.reports for one in listed], [one.because.bits_apart for one in listed],
            [one.because.minutes_apart for one in listed], [as_codes(one.because.roles[0]) for one in listed],
            [as_codes(one.because.roles[1]) for one in listed],
        ],
    )  # fmt: skip


def take_links(conn: Connection, report_id: int) -> frozenset[int]:
    """Removes the links of a report; returns the reports at their other ends."""
    rows = conn.execute(
        "DELETE FROM report_link WHERE a = %s OR b = %s RETURNING CASE WHEN a = %s THEN b ELSE a END",
        [report_id, report_id, report_id],
    ).fetchall()
    return frozenset(row[0] for row in rows)


def remove_links_among(conn: Connection, report_ids: Collection[int], kinds: Collection[FeatureKind]) -> None:
    """Removes the links of these kinds between any two of these reports."""
    ids = list(report_ids)
    conn.execute(
        "DELETE FROM report_link WHERE a = ANY(%s) AND b = ANY(%s) AND kind = ANY(%s)",
        [ids, ids, [kind.value for kind in kinds]],
    )


def list_links_among(conn: Connection, report_ids: Collection[int]) -> list[Link]:
    """The links between any two of these reports."""
    ids = list(report_ids)
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM report_link WHERE a = ANY(%s) AND b = ANY(%s)",  # noqa: S608
        [ids, ids],
    ).fetchall()
    return [_link(row) for row in rows]


def list_held(conn: Connection, report_ids: Collection[int]) -> list[Link]:
    """The held links at which one of these reports stands."""
    ids = list(report_ids)
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM report_link WHERE held AND (a = ANY(%s) OR b = ANY(%s))",  # noqa: S608
        [ids, ids],
    ).fetchall()
    return [_link(row) for row in rows]


def put_held(conn: Connection, report_ids: Collection[int], held: Iterable[Link]) -> None:
    """Writes which of the links of these reports are held, and that no other is."""
    ids, listed = list(report_ids), list(held)
    conn.execute("UPDATE report_link SET held = false WHERE held AND (a = ANY(%s) OR b = ANY(%s))", [ids, ids])
    if listed:
        conn.execute(
            """
            UPDATE report_link SET held = true FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS found (a, b, kind)
            WHERE report_link.a = found.a AND report_link.b = found.b AND report_link.kind = found.kind
            """,
            [[one.a for one in listed], [one.b for one in listed], [one.kind.value for one in listed]],
        )


# --- groups ---


def groups_of(conn: Connection, report_ids: Collection[int]) -> Mapping[int, int | None]:
    """The group of each of these reports that is there; None where it is alone."""
    rows = conn.execute("SELECT id, group_id FROM report WHERE id = ANY(%s)", [list(report_ids)]).fetchall()
    return dict(rows)


def list_members(conn: Connection, group_ids: Collection[int]) -> Mapping[int, int]:
    """The reports of these groups, each with its group."""
    rows = conn.execute("SELECT id, group_id FROM report WHERE group_id = ANY(%s)", [list(group_ids)]).fetchall()
    return dict(rows)


def count_members(conn: Connection, group_id: int) -> int:
    """How many reports a group has."""
    row = conn.execute("SELECT count(*) FROM report WHERE group_id = %s", [group_id]).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has a row)
    count: int = row[0]
    return count


def list_near(conn: Connection, report_ids: Collection[int]) -> frozenset[int]:
    """The reports that are in a group with one of these, that a held link leads to, or that a merge names beside one."""
    rows = conn.execute(
        """
        SELECT id FROM report WHERE group_id IN (SELECT group_id FROM report WHERE id = ANY(%(ids)s))
        UNION SELECT b FROM report_link WHERE held AND a = ANY(%(ids)s)
        UNION SELECT a FROM report_link WHERE held AND b = ANY(%(ids)s)
        UNION SELECT other.report_id
            FROM report_link_deed_report AS own
            JOIN report_link_deed AS deed ON deed.id = own.deed_id AND deed.kind = 'merged' AND deed.stands
            JOIN report_link_deed_report AS other ON other.deed_id = deed.id
            WHERE own.report_id = ANY(%(ids)s)
        """,
        {"ids": list(report_ids)},
    ).fetchall()
    return frozenset(row[0] for row in rows)


def lock_reports(conn: Connection, report_ids: Collection[int]) -> None:
    """Locks these reports, in the order of their numbers: as everybody does who changes several."""
    conn.execute("SELECT FROM report WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(report_ids)])


def update_groups(conn: Connection, groups: Mapping[int, int | None]) -> None:
    """Writes the group of each of these reports."""
    if groups:
        conn.execute(
            """
            UPDATE report SET group_id = found.group_id FROM unnest(%s::bigint[], %s::bigint[]) AS found (id, group_id)
            WHERE report.id = found.id
            """,
            [list(groups), list(groups.values())],
        )


def list_open(conn: Connection, report_ids: Collection[int], *, limit: int) -> list[int]:
    """Those of these reports that wait or are worked on: the first ones."""
    rows = conn.execute(
        "SELECT id FROM report WHERE id = ANY(%s) AND state IN ('waiting', 'claimed', 'aside') ORDER BY id LIMIT %s",
        [list(report_ids), limit],
    ).fetchall()
    return [row[0] for row in rows]


def let_place_anew(conn: Connection, report_ids: Collection[int], *, now: datetime) -> None:
    """Writes that time changes the place of these now, so that they are placed anew with the others of which that is so."""
    conn.execute("UPDATE report SET changes_at = least(changes_at, %s) WHERE id = ANY(%s)", [now, list(report_ids)])


def _link(row: Sequence[Any]) -> Link:
    a, b, kind, by, shared, reports, bits_apart, minutes_apart, roles_a, roles_b = row
    because = Because(
        by=by, values=shared, reports=reports, bits_apart=bits_apart, minutes_apart=minutes_apart,
        roles=(as_roles(roles_a), as_roles(roles_b)),
    )  # fmt: skip
    return Link(kind=FeatureKind(kind), a=a, b=b, because=because)
