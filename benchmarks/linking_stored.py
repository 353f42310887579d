"""Claim: a new report is linked in a moment, however many reports the database holds.

    python benchmarks/linking_stored.py [--reports 100000] [--new 500] [--seed 1]

The made-up caseload of `linking.py` (what is assumed is said there) is loaded into a PostgreSQL server of its own, with its
values as codes, the links and groups that they make, and what is common. Then new reports come, one transaction each, as
they are taken in: features are made of the draft, values written, links found, groups made anew, committed to the disk. The
report's own row and its files are not in the figures. What comparing with every report costs, `linking.py` shows.
"""

import argparse
import gc
import ipaddress
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import psycopg
from figures import Figure, percentile, show
from linking import BEGIN, Caseload

from vangnet.db import Connection, Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.keys import Keys
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
    Trace,
)
from vangnet.reports.rules.linking.features import Feature, FeatureKind
from vangnet.reports.rules.linking.links import JOINS_UP_TO
from vangnet.reports.service.linking import joining
from vangnet.reports.service.secrets import Secrets, secrets_of

Ints: TypeAlias = npt.NDArray[np.int64]
Codes: TypeAlias = npt.NDArray[np.bytes_]

GOAL_MS = 200
_NOW = datetime(2026, 12, 31, tzinfo=UTC)
_SERVICE = "service.example"
_REPORT = """
COPY report (id, source, reporter_kind, content_mac, incident, received_at, state, state_at, items, unseen, known, problems,
    facts, policy_version, points, rank) FROM STDIN
"""
_REPORT_LINE = "{0}\tapi\tcompany\t\\\\x{1}\tmaterial\t2026-12-01\twaiting\t2026-12-01\t{2}\t{2}\t0\t0\t{{}}\t0\t0\t0\n"
_VALUES = "COPY report_value (report_id, among, code, kind, by, seen) FROM STDIN (FORMAT binary)"
_WRITTEN: dict[FeatureKind, Callable[[int], bytes]] = {
    FeatureKind.ACCOUNT: lambda number: b"%s\0%d" % (_SERVICE.encode(), number),
    FeatureKind.EMAIL: lambda number: b"%d@%s" % (number, _SERVICE.encode()),
}
_MANY = """
INSERT INTO report_value_many (code, kind, reports, common)
SELECT code, kind, count(*), most > 0 FROM report_value
JOIN unnest(%s::text[], %s::integer[]) AS limits (of, most) ON of = kind
GROUP BY code, kind, most HAVING count(*) > greatest(most, CASE most WHEN 0 THEN 20 ELSE most END)
"""
#: Addresses are left: those that two reports saw within six hours of a year are few.
_LINKS = """
WITH few AS MATERIALIZED (
    SELECT * FROM report_value
    WHERE code IN (SELECT code FROM report_value WHERE kind <> 'address' GROUP BY code HAVING count(*) > 1)
        AND code NOT IN (SELECT code FROM report_value_many)
)
INSERT INTO report_link (a, b, kind, by, shared, reports)
SELECT one.report_id, other.report_id, one.kind, max(one.by), count(*), 2
FROM few AS one JOIN few AS other ON other.code = one.code AND other.report_id > one.report_id
GROUP BY one.report_id, other.report_id, one.kind
HAVING one.kind <> 'file' OR count(*) * 10 >= greatest(max(one.among), max(other.among))
"""


def draft_of(values: Iterable[Feature]) -> ReportDraft:
    """A report that has these values."""
    items, signs, traces = [], [], []
    for one in values:
        match one.kind:
            case FeatureKind.FILE:
                items.append(ItemDraft(kind=ItemKind.HASH, hashes=(("sha256", one.key),)))
            case FeatureKind.ACCOUNT:
                account = one.key.decode().partition("\0")[2]
                signs.append(Identifier(kind=IdentifierKind.ACCOUNT, value=account, service=_SERVICE))
            case FeatureKind.EMAIL:
                signs.append(
                    Identifier(kind=IdentifierKind.EMAIL, value=f"{one.key.decode().partition(chr(0))[2]}@{_SERVICE}")
                )
            case _:
                address = _address(int.from_bytes(one.key, "big"))
                traces.append(Trace(address=str(address), at=one.seen[0].first))
    return ReportDraft(
        source=Source.API, reporter=Reporter(kind=ReporterKind.COMPANY, name=_SERVICE), incident=Incident.MATERIAL,
        items=items, people=(NamedPerson(role=PersonRole.REPORTED, identifiers=tuple(signs)),), traces=tuple(traces),
    )  # fmt: skip


def _address(number: int) -> ipaddress.IPv4Address:
    # Of 2**24 addresses, so that there are enough.
    return ipaddress.IPv4Address((11 << 24) + number % 2**24)


class Drawn:
    """The same caseload drawn many reports at a time, as codes: what comes once has any code, what comes back its own."""

    def __init__(self, seed: int, reports: int, secrets: Secrets) -> None:
        self._rng = np.random.default_rng(seed)
        self._reports = reports
        self._secrets = secrets

    def chunk(self, first: int, count: int) -> tuple[Ints, list[bytes]]:
        """So many reports from a number on: how many files each has, and its values as rows of a binary COPY."""
        rng = self._rng
        # As `random.paretovariate` draws it.
        drawn = np.minimum(2 * rng.random(count) ** (-1 / 1.1), 2000).astype(np.int64)
        of = np.repeat(np.arange(first, first + count), drawn)
        goes_round = ((20 * self._reports) ** rng.random(of.size)).astype(np.int64)
        again = np.where(rng.random(of.size) < 0.5, goes_round, -1)
        files = self._codes(FeatureKind.FILE, again, lambda number: number.to_bytes(32, "big"))
        of, files = _each_once(of, files)
        held = np.bincount(of - first, minlength=count)
        rows = [_rows(of, held[of - first], files, FeatureKind.FILE, b"sha256")]
        everyone = np.arange(first, first + count)
        some = everyone[rng.random(count) < 0.6]
        for kind, who, share in ((FeatureKind.ACCOUNT, everyone, 0.2), (FeatureKind.EMAIL, some, 0.15)):
            pool = rng.integers(0, self._reports // 4, who.size)
            numbers = np.where(rng.random(who.size) < share, pool, -1)
            rows.append(_rows(who, np.ones_like(who), self._codes(kind, numbers, _WRITTEN[kind]), kind, b""))
        return held, [*rows, self._addresses(everyone)]

    def _addresses(self, everyone: Ints) -> bytes:
        rng = self._rng
        who = np.repeat(everyone, rng.integers(0, 4, everyone.size))
        pool = rng.integers(0, self._reports // 10, who.size)
        numbers = np.where(rng.random(who.size) < 0.3, pool, rng.integers(0, 2**24, who.size))
        who, codes = _each_once(who, self._codes(FeatureKind.ADDRESS, numbers, lambda number: _address(number).packed))
        at = (rng.integers(0, 365 * 24 * 60, who.size) * 60 + int(BEGIN.timestamp())) * 1_000_000
        return _rows(who, np.ones_like(who), codes, FeatureKind.ADDRESS, b"ipv4", at)

    def _codes(self, kind: FeatureKind, numbers: Ints, key: Callable[[int], bytes]) -> Codes:
        """The codes of these values; of those that are below 0, codes that nothing else has."""
        codes = np.frombuffer(self._rng.bytes(16 * numbers.size), dtype="S16").copy()
        known, places = np.unique(numbers, return_inverse=True)
        made = self._secrets.values_of([kind.encode() + b"\0" + key(max(int(one), 0)) for one in known])
        back = numbers >= 0
        codes[back] = np.array(made, dtype="S16")[places[back]]
        return codes


def _each_once(of: Ints, codes: Codes) -> tuple[Ints, Codes]:
    """Each value once a report."""
    order = np.lexsort((codes, of))
    of, codes = of[order], codes[order]
    new = np.append(True, (of[1:] != of[:-1]) | (codes[1:] != codes[:-1]))
    return of[new], codes[new]


def _rows(  # noqa: PLR0917 (a column each)
    of: Ints, among: Ints, codes: Codes, kind: FeatureKind, by: bytes, seen: Ints | None = None
) -> bytes:
    """Values as rows of a binary COPY: report_id, among, code, kind, by, seen."""
    name = kind.encode()
    fields: list[tuple[str, str, object]] = [
        ("n", ">i2", 6), ("l1", ">i4", 8), ("report", ">i8", of), ("l2", ">i4", 4), ("among", ">i4", among),
        ("l3", ">i4", 16), ("code", "S16", codes), ("l4", ">i4", len(name)), ("kind", f"S{len(name)}", name),
        ("l5", ">i4", len(by)), ("by", f"S{len(by)}", by), ("l6", ">i4", -1 if seen is None else 16),
    ]  # fmt: skip
    if seen is not None:
        fields += [("from", ">i8", seen), ("to", ">i8", seen)]
    # A text of no length has no place in such an array.
    fields = [one for one in fields if one[1] != "S0"]
    table = np.zeros(of.size, dtype=[(name_, type_) for name_, type_, _ in fields])
    for name_, _, value in fields:
        table[name_] = value
    return table.tobytes()


def load(conn: Connection, drawn: Drawn, reports: int) -> int:
    """Fills the tables; returns how many files there are."""
    items: list[int] = []
    with conn.cursor().copy(_VALUES) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for first in range(1, reports + 1, 20_000):
            held, rows = drawn.chunk(first, min(20_000, reports + 1 - first))
            items += held.tolist()
            for one in rows:
                copy.write(one)
        copy.write(b"\xff\xff")
    with conn.cursor().copy(_REPORT) as copy:
        for number, count in enumerate(items, start=1):
            copy.write(_REPORT_LINE.format(number, "00" * 32, count).encode())
    return sum(items)


def group(conn: Connection) -> tuple[int, int]:
    """Writes the groups that the links make; returns how many links, and how many reports are in the largest."""
    parent: dict[int, int] = {}

    def first(one: int) -> int:
        while parent.setdefault(one, one) != one:
            parent[one] = one = parent[parent[one]]
        return one

    pairs = conn.execute("SELECT DISTINCT a, b FROM report_link").fetchall()
    for a, b in pairs:
        low, high = sorted((first(a), first(b)))
        parent[high] = low
    of = {one: first(one) for one in parent}
    conn.execute(
        """
        UPDATE report SET group_id = found.of FROM unnest(%s::bigint[], %s::bigint[]) AS found (id, of)
        WHERE report.id = found.id
        """,
        [list(of), list(of.values())],
    )
    sizes: dict[int, int] = defaultdict(int)
    for one in of.values():
        sizes[one] += 1
    return len(pairs), max(sizes.values(), default=1)


def new_reports(database: Database, keys: Keys, drafts: Sequence[ReportDraft]) -> Iterator[float]:
    """Seconds to link each, from the draft to the commit."""
    for draft in drafts:
        with database.transaction() as conn:
            (number,) = conn.execute("SELECT nextval(pg_get_serial_sequence('report', 'id'))").fetchall()[0]
            with conn.cursor().copy(_REPORT) as copy:
                copy.write(_REPORT_LINE.format(number, "00" * 32, len(draft.items)).encode())
        start = time.perf_counter()
        with database.transaction() as conn:
            prepared = joining.prepare(conn, keys, report_id=number, draft=draft, is_new=True)
            joining.join_prepared(conn, keys, prepared, now=_NOW)
        yield time.perf_counter() - start


def main() -> None:
    """Loads, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys, server = Keys.open(Path(folder) / "keys"), EmbeddedServer(Path(folder) / "data")
        server.acquire()
        try:
            _measure(server, keys, seed=arguments.seed, reports=arguments.reports, new=arguments.new)
        finally:
            server.release()


def _measure(server: EmbeddedServer, keys: Keys, *, seed: int, reports: int, new: int) -> None:
    owner = server.conninfo(OWNER, DATABASE)
    migrate.upgrade(owner)
    _loaded(owner, Drawn(seed, reports, secrets_of(keys)), reports)
    caseload = Caseload(seed, reports)
    drafts = [draft_of(caseload.report()) for _ in range(new)]
    gc.collect()
    gc.freeze()
    with Database(server.conninfo(RUNTIME, DATABASE)) as database:
        # The first ones find plans and pages cold.
        list(new_reports(database, keys, [draft_of(caseload.report()) for _ in range(20)]))
        times = list(new_reports(database, keys, drafts))
    show(
        [
            Figure(
                what="linking of a new report, committed", unit="ms", ours=[1000 * percentile(times, 50)],
                p99=[1000 * percentile(times, 99)], at_most=GOAL_MS,
            ),
            Figure(what="the longest of them", unit="ms", ours=[1000 * max(times)], at_most=GOAL_MS),
        ]
    )  # fmt: skip


def _loaded(conninfo: str, drawn: Drawn, reports: int) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("ALTER TABLE report_value DROP CONSTRAINT report_value_pkey")
        conn.execute("DROP INDEX report_value_report")
        files = load(conn, drawn, reports)
        conn.execute("SET LOCAL maintenance_work_mem = '1GB'; SET LOCAL work_mem = '512MB'")
        conn.execute("ALTER TABLE report_value ADD PRIMARY KEY (code, report_id)")
        conn.execute("CREATE INDEX report_value_report ON report_value (report_id, kind)")
        conn.execute(_MANY, [[kind.value for kind in JOINS_UP_TO], list(JOINS_UP_TO.values())])
        conn.execute("ANALYZE report_value; ANALYZE report_value_many")
        conn.execute(_LINKS)
        links, largest = group(conn)
        conn.execute("SELECT setval(pg_get_serial_sequence('report', 'id'), %s)", [reports])
        conn.commit()
        conn.autocommit = True
        conn.execute("VACUUM ANALYZE report, report_value, report_value_many, report_link")
        ((size,),) = conn.execute("SELECT pg_size_pretty(pg_total_relation_size('report_value'))").fetchall()
    print(f"{reports:,} reports with {files:,} files and {links:,} links; values take {size}.")
    print(f"The largest group has {largest} reports.")


if __name__ == "__main__":
    main()
