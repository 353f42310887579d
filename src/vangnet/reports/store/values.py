"""The tables of the values by which reports are linked: each as a code, with the reports that have it."""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from vangnet.db import Connection
from vangnet.reports.model.drafts import PersonRole
from vangnet.reports.rules.linking.features import Doubt, FeatureKind, Period

_Code = TypeVar("_Code", bound=StrEnum)
_COLUMNS = "code, kind, report_id, by, among, doubts, roles, seen, hash"
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """A value of a report as it lies in its table."""

    code: bytes = field(repr=False)
    kind: FeatureKind
    report_id: int
    by: str
    among: int
    doubts: frozenset[Doubt]
    roles: frozenset[PersonRole]
    seen: tuple[Period, ...]
    #: Sealed.
    hash: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A value that more reports have than such a value joins."""

    kind: FeatureKind
    reports: int
    common: bool


def add_values(conn: Connection, rows: Sequence[ValueRow]) -> None:
    """Writes the values of a report."""
    if not rows:
        return
    conn.execute(
        """
        INSERT INTO report_value (report_id, code, kind, by, among, doubts, roles, seen, hash)
        SELECT %s, * FROM unnest(
            %b::bytea[], %b::text[], %b::text[], %b::integer[], %b::text[], %b::text[], %b::bytea[], %b::bytea[]
        )
        """,
        [
            rows[0].report_id, [row.code for row in rows], [row.kind.value for row in rows], [row.by for row in rows],
            [row.among for row in rows], [_codes(row.doubts) for row in rows], [_codes(row.roles) for row in rows],
            [_packed(row.seen) for row in rows], [row.hash for row in rows],
        ],
    )  # fmt: skip


def take_values(conn: Connection, report_id: int) -> frozenset[bytes]:
    """Removes the values of a report; returns their codes."""
    rows = conn.execute("DELETE FROM report_value WHERE report_id = %s RETURNING code", [report_id]).fetchall()
    return frozenset(bytes(code) for (code,) in rows)


def list_values(conn: Connection, report_id: int) -> list[ValueRow]:
    """The values of a report."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM report_value WHERE report_id = %s",  # noqa: S608 (columns are ours)
        [report_id],
    ).fetchall()
    return [_row(row) for row in rows]


def list_shared_among(conn: Connection, report_ids: Collection[int], kinds: Collection[FeatureKind]) -> list[ValueRow]:
    """The values of these kinds that at least two of these reports have, of each of those that have it.

    Without what is common: that joins nothing.
    """
    rows = conn.execute(
        f"""
        SELECT {_COLUMNS} FROM (
            SELECT *, count(*) OVER (PARTITION BY code) AS times FROM report_value
            WHERE report_id = ANY(%s) AND kind = ANY(%s)
        ) AS found
        WHERE times > 1 AND NOT EXISTS (
            SELECT FROM report_value_many AS many WHERE many.code = found.code AND many.common
        )
        """,  # noqa: S608
        [list(report_ids), [kind.value for kind in kinds]],
    ).fetchall()
    return [_row(row) for row in rows]


def list_having(conn: Connection, codes: Collection[bytes], *, but: int | None) -> list[ValueRow]:
    """Every report that has one of these values, in any order, without one report. For values that few have."""
    # With an order, PostgreSQL would rather read all values of all reports in that order, while nobody has counted them.
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM report_value WHERE code = ANY(%b) AND report_id <> %s",  # noqa: S608
        [list(codes), but or 0],
    ).fetchall()
    return [_row(row) for row in rows]


def list_newest_having(conn: Connection, codes: Collection[bytes], *, at_most: int) -> list[ValueRow]:
    """Of each of these values, the newest reports that have it."""
    rows = conn.execute(
        f"""
        SELECT {", ".join(f"found.{name.strip()}" for name in _COLUMNS.split(","))}
        FROM unnest(%b::bytea[]) AS wanted (code) CROSS JOIN LATERAL (
            SELECT * FROM report_value WHERE code = wanted.code ORDER BY report_id DESC LIMIT %s
        ) AS found
        """,  # noqa: S608
        [list(codes), at_most],
    ).fetchall()
    return [_row(row) for row in rows]


def list_reports_having(conn: Connection, code: bytes) -> list[int]:
    """The reports that have a value."""
    rows = conn.execute("SELECT report_id FROM report_value WHERE code = %s ORDER BY report_id", [code]).fetchall()
    return [row[0] for row in rows]


def count_having(conn: Connection, codes: Collection[bytes]) -> Mapping[bytes, int]:
    """How many reports have each of these."""
    rows = conn.execute(
        "SELECT code, count(*) FROM report_value WHERE code = ANY(%b) GROUP BY code", [list(codes)]
    ).fetchall()
    return {bytes(code): count for code, count in rows}


# --- what very many have ---


def list_many(conn: Connection, codes: Collection[bytes]) -> Mapping[bytes, Many]:
    """Those of these values that very many reports have."""
    rows = conn.execute(
        "SELECT code, kind, reports, common FROM report_value_many WHERE code = ANY(%b)", [list(codes)]
    ).fetchall()
    return {
        bytes(code): Many(kind=FeatureKind(kind), reports=reports, common=common) for code, kind, reports, common in rows
    }


def mark_many(conn: Connection, values: Iterable[tuple[FeatureKind, bytes]], *, common: bool) -> None:
    """Writes that these are values that very many reports have, and how many. What was common once stays so."""
    listed = list(values)
    if not listed:
        return
    counts = count_having(conn, [code for _, code in listed])
    conn.execute(
        """
        INSERT INTO report_value_many (code, kind, reports, common)
        SELECT code, kind, reports, %s FROM unnest(%b::bytea[], %b::text[], %b::bigint[]) AS found (code, kind, reports)
        ON CONFLICT (code) DO UPDATE SET common = report_value_many.common OR excluded.common
        """,
        [
            common,
            [code for _, code in listed],
            [kind.value for kind, _ in listed],
            [counts.get(code, 0) for _, code in listed],
        ],
    )  # fmt: skip


def count_up(conn: Connection, codes: Collection[bytes], by: int) -> None:
    """So many more reports, or fewer, have each of these, as far as they are of those that very many have."""
    if codes:
        conn.execute(
            "UPDATE report_value_many SET reports = greatest(reports + %s, 0) WHERE code = ANY(%b)", [by, list(codes)]
        )


# --- rows ---


def _row(row: Sequence[Any]) -> ValueRow:
    code, kind, report_id, by, among, doubts, roles, seen, hash_ = row
    return ValueRow(
        code=code, kind=FeatureKind(kind), report_id=report_id, by=by, among=among, doubts=_as_set(Doubt, doubts),
        roles=_as_set(PersonRole, roles), seen=_unpacked(seen), hash=hash_,
    )  # fmt: skip


def _codes(found: Collection[StrEnum]) -> str | None:
    return ",".join(sorted(found)) if found else None


def _as_set(of: type[_Code], text: str | None) -> frozenset[_Code]:
    return frozenset(of(one) for one in text.split(",")) if text else frozenset()


def _packed(seen: Sequence[Period]) -> bytes | None:
    if not seen:
        return None
    times = [(at - _BEGIN) // _MICROSECOND for period in seen for at in (period.first, period.last)]
    return struct.pack(f">{len(times)}q", *times)


def _unpacked(seen: bytes | None) -> tuple[Period, ...]:
    if not seen:
        return ()
    times = [_BEGIN + at * _MICROSECOND for (at,) in struct.iter_unpack(">q", seen)]
    return tuple(Period(first, last) for first, last in zip(times[::2], times[1::2], strict=True))


def as_codes(found: Collection[StrEnum]) -> str | None:
    """A set as it lies in a column: its members with commas, NULL where it is empty."""
    return _codes(found)


def as_roles(text: Any) -> frozenset[PersonRole]:
    """The roles in such a column."""
    return _as_set(PersonRole, text)
