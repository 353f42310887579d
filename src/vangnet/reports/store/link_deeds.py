"""The tables of what people did by hand to links and groups."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vangnet.db import Connection
from vangnet.errors import NotFound
from vangnet.reports.rules.linking.features import FeatureKind
from vangnet.reports.rules.linking.grouping import Cut, Deed, Dismissed, Merged, Split, Undone, named
from vangnet.reports.store.numbers import number

_COLUMNS = "id, kind, link_kind, value_kind, value_code, undoes, stands, by, at"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedRow:
    """A deed, with who did it and whether it holds."""

    deed: Deed
    stands: bool
    by: str
    at: datetime


def next_number(conn: Connection) -> int:
    """The number of a deed that is about to be written. Under the lock of joining it is higher than any before."""
    return number(conn, "SELECT coalesce(max(id), 0) + 1 FROM report_link_deed")


def add_deed(conn: Connection, deed: Deed, *, by: str, now: datetime) -> None:
    """Writes a deed under its number. What it undoes, if anything, is to be updated by `update_stands`."""
    link_kind = deed.kind if isinstance(deed, Cut) else None
    value = deed.value if isinstance(deed, Dismissed) else (None, None)
    conn.execute(
        """
        INSERT INTO report_link_deed (id, kind, link_kind, value_kind, value_code, undoes, by, at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            deed.number, _KINDS[type(deed)], link_kind, *value, deed.deed if isinstance(deed, Undone) else None, by, now,
        ],
    )  # fmt: skip
    sides = [(report, _side(deed, report)) for report in sorted(named(deed))]
    conn.execute(
        """
        INSERT INTO report_link_deed_report (deed_id, report_id, side)
        SELECT %s, * FROM unnest(%s::bigint[], %s::smallint[])
        """,
        [deed.number, [report for report, _ in sides], [side for _, side in sides]],
    )


def update_stands(conn: Connection, deed_id: int, stands: bool) -> None:
    """Writes whether a deed holds."""
    conn.execute("UPDATE report_link_deed SET stands = %s WHERE id = %s", [stands, deed_id])


def get_deed(conn: Connection, deed_id: int) -> DeedRow:
    """Raises NotFound."""
    found = _rows(conn, "WHERE id = %s", [deed_id])
    if not found:
        raise NotFound(record="deed", key=str(deed_id))
    return found[0]


def list_naming(conn: Connection, report_ids: Collection[int]) -> list[Deed]:
    """The deeds that hold and name one of these reports, in order."""
    found = _rows(
        conn,
        "WHERE stands AND id IN (SELECT deed_id FROM report_link_deed_report WHERE report_id = ANY(%s))",
        [list(report_ids)],
    )
    return [row.deed for row in found]


def find_undoing(conn: Connection, deed_id: int) -> DeedRow | None:
    """The deed that undid this one, and holds."""
    found = _rows(conn, "WHERE undoes = %s AND stands", [deed_id])
    return found[0] if found else None


def list_history(conn: Connection, report_ids: Collection[int], codes: Collection[bytes], *, limit: int) -> list[DeedRow]:
    """What was done to these reports and values, the last first, whether it holds or not."""
    return _rows(
        conn,
        """
        WHERE kind <> 'undone' AND (
            id IN (SELECT deed_id FROM report_link_deed_report WHERE report_id = ANY(%s)) OR value_code = ANY(%s)
        )
        """,
        [list(report_ids), list(codes), limit],
        order="id DESC LIMIT %s",
    )


def list_dismissed(conn: Connection, codes: Collection[bytes]) -> frozenset[tuple[FeatureKind, bytes]]:
    """Those of these values that join nothing, because a person said so."""
    rows = conn.execute(
        "SELECT value_kind, value_code FROM report_link_deed WHERE kind = 'dismissed' AND stands AND value_code = ANY(%b)",
        [list(codes)],
    ).fetchall()
    return frozenset((FeatureKind(kind), bytes(code)) for kind, code in rows)


def is_named(conn: Connection, report_id: int) -> bool:
    """Whether a deed that holds names this report."""
    row = conn.execute(
        """
        SELECT FROM report_link_deed_report AS named JOIN report_link_deed AS deed ON deed.id = named.deed_id
        WHERE named.report_id = %s AND deed.stands LIMIT 1
        """,
        [report_id],
    ).fetchone()
    return row is not None


def is_kept_apart(conn: Connection, report_ids: Collection[int]) -> bool:
    """Whether somebody keeps one of these reports apart from others."""
    row = conn.execute(
        """
        SELECT FROM report_link_deed_report AS named JOIN report_link_deed AS deed ON deed.id = named.deed_id
        WHERE named.report_id = ANY(%s) AND deed.kind = 'split' AND deed.stands LIMIT 1
        """,
        [list(report_ids)],
    ).fetchone()
    return row is not None


_KINDS: Mapping[type, str] = {Cut: "cut", Dismissed: "dismissed", Merged: "merged", Split: "split", Undone: "undone"}


def _side(deed: Deed, report: int) -> int:
    match deed:
        case Split():
            return 1 if report in deed.one else 2
        case _:
            return 0


def _rows(conn: Connection, condition: str, args: Sequence[object], *, order: str = "id") -> list[DeedRow]:
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM report_link_deed {condition} ORDER BY {order}".encode(),  # noqa: S608 (all of it is ours)
        args,
    ).fetchall()
    sides: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for deed_id, report_id, side in conn.execute(
        "SELECT deed_id, report_id, side FROM report_link_deed_report WHERE deed_id = ANY(%s)", [[row[0] for row in rows]]
    ):
        sides[deed_id][side].add(report_id)
    return [DeedRow(deed=_deed(row[:6], sides[row[0]]), stands=row[6], by=row[7], at=row[8]) for row in rows]


def _deed(row: Sequence[Any], sides: Mapping[int, set[int]]) -> Deed:
    id_, kind, link_kind, value_kind, code, undoes = row
    match kind:
        case "cut":
            a, b = sorted(sides[0])
            return Cut(number=id_, a=a, b=b, kind=None if link_kind is None else FeatureKind(link_kind))
        case "dismissed":
            return Dismissed(number=id_, value=(FeatureKind(value_kind), bytes(code)))
        case "merged":
            return Merged(number=id_, reports=frozenset(sides[0]))
        case "split":
            return Split(number=id_, one=frozenset(sides[1]), other=frozenset(sides[2]))
        case _:
            return Undone(number=id_, deed=undoes)
