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
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from figures import Figure, percentile, show
from linking import Caseload

from vangnet.db import Connection, Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.keys import Keys
from vangnet.reports.features import Feature, FeatureKind
from vangnet.reports.linking import JOINS_UP_TO
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
from vangnet.reports.service import joining
from vangnet.reports.service.secrets import Secrets, secrets_of
from vangnet.reports.service.shared_values import coded
from vangnet.reports.store import values as value_store

GOAL_MS = 200
_NOW = datetime(2026, 12, 31, tzinfo=UTC)
_SERVICE = "service.example"
_REPORT = """
COPY report (id, source, reporter_kind, content_mac, incident, received_at, state, state_at, items, unseen, known, problems,
    facts, policy_version, points, rank) FROM STDIN
"""
_REPORT_LINE = "{0}\tapi\tcompany\t\\\\x{1}\tmaterial\t2026-12-01\twaiting\t2026-12-01\t{2}\t{2}\t0\t0\t{{}}\t0\t0\t0\n"
_MANY = """
INSERT INTO report_value_many (code, kind, reports, common)
SELECT code, kind, count(*), most > 0 FROM report_value
JOIN unnest(%s::text[], %s::integer[]) AS limits (of, most) ON of = kind
GROUP BY code, kind, most HAVING count(*) > greatest(most, CASE most WHEN 0 THEN 20 ELSE most END)
"""
#: Addresses are left: those that two reports saw within six hours of a year are few.
_LINKS = """
INSERT INTO report_link (a, b, kind, by, shared, reports)
SELECT one.report_id, other.report_id, one.kind, max(one.by), count(*), 2
FROM report_value AS one JOIN report_value AS other ON other.code = one.code AND other.report_id > one.report_id
WHERE one.kind <> 'address' AND NOT EXISTS (SELECT FROM report_value_many AS many WHERE many.code = one.code)
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


def kept_of(values: Sequence[Feature]) -> list[Feature]:
    """The features of that report, without reading a draft: as `features` makes them."""
    made = []
    for one in values:
        key = one.key
        if one.kind is FeatureKind.EMAIL:
            key = b"%s@%s" % (key.partition(b"\0")[2], _SERVICE.encode())
        elif one.kind is FeatureKind.ADDRESS:
            key = _address(int.from_bytes(key, "big")).packed
        made.append(Feature(kind=one.kind, key=key, seen=one.seen, among=one.among))
    return made


def load(conn: Connection, secrets: Secrets, caseload: Caseload, reports: int) -> int:
    """Fills the tables; returns how many files there are."""
    files = 0
    items: list[int] = []
    with conn.cursor().copy("COPY report_value (report_id, among, code, kind, by, seen) FROM STDIN") as copy:
        for first in range(1, reports + 1, 1000):
            lines = []
            chunk = [(number, kept_of(caseload.report())) for number in range(first, min(first + 1000, reports + 1))]
            codes = iter(coded(secrets, [one for _, values in chunk for one in values]))
            for number, values in chunk:
                rows = {(code := next(codes)).key: code for _ in values}
                held = sum(one.kind is FeatureKind.FILE for one in rows.values())
                items.append(held)
                files += held
                lines += [_line(number, one) for one in rows.values()]
            copy.write("".join(lines).encode())
    with conn.cursor().copy(_REPORT) as copy:
        for number, held in enumerate(items, start=1):
            copy.write(_REPORT_LINE.format(number, "00" * 32, held).encode())
    return files


def _line(number: int, one: Feature) -> str:
    seen = value_store._packed(one.seen)  # noqa: SLF001 (as the store writes it)
    by = {FeatureKind.FILE: "sha256", FeatureKind.ADDRESS: "ipv4"}.get(one.kind, "")
    shown = "\\N" if seen is None else f"\\\\x{seen.hex()}"
    return f"{number}\t{one.among}\t\\\\x{one.key.hex()}\t{one.kind}\t{by}\t{shown}\n"


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
            joining.join(conn, keys, report_id=number, draft=draft, now=_NOW)
        yield time.perf_counter() - start


def main() -> None:
    """Loads, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    caseload = Caseload(arguments.seed, arguments.reports)
    with tempfile.TemporaryDirectory() as folder:
        keys, server = Keys.open(Path(folder) / "keys"), EmbeddedServer(Path(folder) / "data")
        server.acquire()
        try:
            _measure(server, keys, caseload, arguments.reports, arguments.new)
        finally:
            server.release()


def _measure(server: EmbeddedServer, keys: Keys, caseload: Caseload, reports: int, new: int) -> None:
    owner = server.conninfo(OWNER, DATABASE)
    migrate.upgrade(owner)
    _loaded(owner, secrets_of(keys), caseload, reports)
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


def _loaded(conninfo: str, secrets: Secrets, caseload: Caseload, reports: int) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("ALTER TABLE report_value DROP CONSTRAINT report_value_pkey")
        conn.execute("DROP INDEX report_value_report")
        files = load(conn, secrets, caseload, reports)
        conn.execute("SET LOCAL maintenance_work_mem = '1GB'")
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
