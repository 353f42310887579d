"""Claim: what is newly listed is found among 100 million accepted uploads, and kept as a later match, within a second.

    python benchmarks/gate_past.py [--uploads N] [--days N] [--seeds N …] [--look-ups N] [--peer-look-ups N]

A table of accepted uploads is filled as the gate's migration makes it: a table a day, an index a digest. Measured is the
whole look-up of one entry with its three digests, as the gate does it, half of them found; and how fast entries are looked
up a thousand at once, as after a list was activated. The peer is what one would do without the keyed indices: the same
rows in a plain table, read through for each entry.

What a look-up costs is a descent of three indices in each day, so it depends on the days and on the depth of a day's index,
not on the sum. 100 million over 30 days are 3.3 million a day: `--days` gives fewer days of that size, and the depth is
printed, so that the figure for 30 days follows by multiplying.
"""

import argparse
import hashlib
import math
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from figures import Figure, percentile, show

from vangnet import config
from vangnet.db import Database, open_database
from vangnet.db.embedded import OWNER, EmbeddedServer
from vangnet.gate.past import ALGORITHMS
from vangnet.gate.store import past as store

GOAL_S = 1.0
_DAYS_KEPT = 30
#: Bytes of a B-tree's page, of an entry with a UUID in it, and how full pages are that are filled at random.
_PAGE, _ENTRY, _FULL = 8192, 24, 0.7

_FILL = """
INSERT INTO gate_past (day, at, check_id, object_id, md5_mac, sha1_mac, sha256_mac)
SELECT given.day::date, given.day::timestamp AT TIME ZONE 'UTC', gen_random_uuid(), given.day || '-' || number,
       md5('m' || given.seed || given.day || number)::uuid, md5('s' || given.seed || given.day || number)::uuid,
       md5('t' || given.seed || given.day || number)::uuid
FROM (SELECT %(day)s::text AS day, %(seed)s::text AS seed) AS given, generate_series(1, %(uploads)s) AS number
"""


@contextmanager
def database(folder: Path) -> Iterator[tuple[Database, str]]:
    """An embedded database of its own, and where its owner connects."""
    settings = config.load({"VANGNET_DATA_DIR": str(folder / "data"), "VANGNET_KEYS_DIR": str(folder / "keys")})
    with open_database(settings) as opened:
        server = opened.server
        assert isinstance(server, EmbeddedServer)
        yield opened, server.conninfo(OWNER)


def fill(opened: Database, owner: str, *, uploads: int, days: int, seed: int) -> float:
    """Fills the days, and the peer's plain table; returns how many uploads a second were written."""
    a_day = uploads // days
    started = time.perf_counter()
    for ago in range(days):
        day = (datetime.now(UTC) - timedelta(days=ago)).date()
        with opened.transaction() as conn:
            store.add_day(conn, day)
            conn.execute(_FILL, {"day": day.isoformat(), "seed": seed, "uploads": a_day})
    took_s = time.perf_counter() - started
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS plain")
        conn.execute("CREATE UNLOGGED TABLE plain AS SELECT * FROM gate_past")
        conn.execute("VACUUM ANALYZE plain")
        conn.execute("VACUUM ANALYZE gate_past")
        conn.execute("GRANT SELECT ON plain TO vangnet_runtime")
    return a_day * days / took_s


def drawn(rng: random.Random, *, seed: int, uploads: int, days: int, found: bool) -> list[uuid.UUID]:
    """The three codes of an entry: of an upload that is kept, or of none."""
    if not found:
        return [uuid.UUID(int=rng.getrandbits(128)) for _ in ALGORITHMS]
    day = (datetime.now(UTC) - timedelta(days=rng.randrange(days))).date().isoformat()
    number = rng.randrange(uploads // days) + 1

    return [
        uuid.UUID(hashlib.md5(f"{letter}{seed}{day}{number}".encode(), usedforsecurity=False).hexdigest())
        for letter in "mst"
    ]


def look_up(opened: Database, codes: Sequence[Sequence[uuid.UUID]]) -> int:
    """Looks entries up as the gate does it, in one transaction; returns how many uploads were found."""
    with opened.transaction() as conn:
        return sum(
            len(store.find_uploads(conn, algorithm, [one[place] for one in codes]))
            for place, algorithm in enumerate(ALGORITHMS)
        )


def look_up_plain(opened: Database, codes: Sequence[uuid.UUID]) -> int:
    """The same without an index."""
    with opened.transaction() as conn:
        rows = conn.execute(
            "SELECT check_id, object_id, at FROM plain WHERE md5_mac = %s OR sha1_mac = %s OR sha256_mac = %s", list(codes)
        ).fetchall()
    return len(rows)


def depth(uploads_a_day: int) -> int:
    """How many pages a descent reads in a day's index."""
    fan_out = _PAGE * _FULL / _ENTRY
    return max(1, math.ceil(math.log(max(2, uploads_a_day), fan_out)))


def plan(opened: Database) -> str:
    """How PostgreSQL looks one code up."""
    with opened.transaction() as conn:
        rows = conn.execute(
            "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT object_id FROM gate_past WHERE sha256_mac = ANY(%s)",
            [[uuid.uuid4()]],
        ).fetchall()
    lines = [str(line) for (line,) in rows]
    scans = sum("Index Scan" in line or "Bitmap Index" in line for line in lines)
    return f"{scans} index scans, {next((line.strip() for line in lines if 'Buffers' in line), '')}"


def main() -> None:
    """Fills, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=_DAYS_KEPT)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--look-ups", type=int, default=300)
    parser.add_argument("--peer-look-ups", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as (opened, owner):
        written = fill(opened, owner, uploads=given.uploads, days=given.days, seed=7)
        a_day = given.uploads // given.days
        print(f"{given.uploads:,} uploads over {given.days} days, written {written:,.0f} a second by the database alone")
        print(f"a day's index: about {depth(a_day)} pages deep; with 100 million over 30 days: {depth(10**8 // 30)}")
        print(plan(opened))
        ours, slow, theirs, batches = [], [], [], []
        for seed in given.seeds:
            rng = random.Random(seed)  # noqa: S311 (which uploads are asked for)
            took, peer = [], []
            for number in range(given.look_ups):
                codes = drawn(rng, seed=7, uploads=given.uploads, days=given.days, found=number % 2 == 0)
                started = time.perf_counter()
                found = look_up(opened, [codes])
                took.append(1000 * (time.perf_counter() - started))
                assert found == (3 if number % 2 == 0 else 0)
                if number < given.peer_look_ups:
                    started = time.perf_counter()
                    assert look_up_plain(opened, codes) == found // 3
                    peer.append(1000 * (time.perf_counter() - started))
            many = [
                drawn(rng, seed=7, uploads=given.uploads, days=given.days, found=number % 100 == 0)
                for number in range(1000)
            ]
            started = time.perf_counter()
            assert look_up(opened, many) == 30
            batches.append(1000 / (time.perf_counter() - started))
            ours.append(statistics.median(took))
            slow.append(percentile(took, 99))
            theirs.append(statistics.median(peer))
        show([
            Figure(
                what="one entry, three digests", unit="ms", ours=ours, p99=slow, peer="plain table, read through",
                theirs=theirs, at_most=1000 * GOAL_S,
            ),
            Figure(what="entries looked up a thousand at once", unit="a second", ours=batches),
        ])  # fmt: skip


if __name__ == "__main__":
    main()
