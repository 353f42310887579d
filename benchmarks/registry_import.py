"""Claim: 10 million entries are read from CSV in 6 minutes on 2 cores, with 1 GB of our own memory, whatever is killed.

    python benchmarks/registry_import.py [--entries N] [--pages N]

Each row has an MD5, a PDQ hash with its quality, a category and a reference. All is included: reading, the safeguards with
20,000 known-good pictures, looking for duplicates, sealing, the signed stream, commits to disk. The database is the
embedded one with its usual settings. Then the same at a tenth of the size with the importing process killed again and
again: every row must be there, and none twice. At last, a page of the list: its counts and fifty entries, from any place.
"""

import argparse
import json
import os
import random
import resource
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.hashing.model import Convention
from vangnet.identity.permissions import Permission
from vangnet.keys import Keys
from vangnet.registry.formats import csv
from vangnet.registry.model.entries import EntryState, HashAlgorithm, ListedHash
from vangnet.registry.service import entries, imports, known_good, lists
from vangnet.registry.service.known_good import GoodPicture

_ACTOR = Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission))
_KNOWN_GOOD = 20_000
_HEADER = "reference,category,md5,pdq,pdq_quality\n"
_LEAST_ROWS = 100_000


def write_csv(path: Path, rows: int) -> None:
    """A list of made-up hashes; every thousandth row is one that was there before."""
    with path.open("w", encoding="ascii") as file:
        file.write(_HEADER)
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            text = secrets.token_bytes(48 * count).hex()
            lines = [
                f"S-{start + row},{'A1' if row % 3 else 'B2'},{text[96 * row : 96 * row + 32]},"
                f"{text[96 * row + 32 : 96 * row + 96]},{50 + row % 51}\n"
                for row in range(count)
            ]
            for row in range(999, count, 1000):
                lines[row] = lines[row - 1]
            file.writelines(lines)


def add_known_good(database: Database, keys: Keys) -> None:
    """Harmless pictures by the thousand."""
    pictures = [
        GoodPicture(
            name=f"{number}.png",
            hashes=(
                ListedHash(algorithm=HashAlgorithm.MD5, value=secrets.token_bytes(16)),
                *(
                    ListedHash(
                        algorithm=HashAlgorithm.PDQ, value=secrets.token_bytes(32), convention=convention, quality=90
                    )
                    for convention in (Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512)
                ),
            ),
        )
        for number in range(_KNOWN_GOOD)
    ]
    with database.transaction() as conn:
        known_good.add(conn, _ACTOR, keys=keys, set_name="made up", pictures=pictures, now=datetime.now(UTC))


def import_file(conninfo: str, keys_dir: str, list_id: str, path: str) -> None:
    """What runs in the process of its own: the import, as the command does it."""
    keys = Keys.open(Path(keys_dir))
    started = time.perf_counter()
    with Database(conninfo) as database, Path(path).open("rb") as file:
        digest = imports.digest_of(iter(lambda: file.read(1 << 20), b""))
        file.seek(0)
        with database.transaction() as conn:
            batch = imports.start(
                conn, _ACTOR, list_id=UUID(list_id), format_="csv", source_digest=digest, now=datetime.now(UTC)
            )
        batch = imports.run(
            database.transaction, _ACTOR, keys=keys, batch=batch, rows=csv.read(file, after=batch.position),
            clock=lambda: datetime.now(UTC), progress=lambda _: print(".", flush=True),
        )  # fmt: skip
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "seconds": time.perf_counter() - started, "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024, "taken": batch.taken, "duplicates": batch.duplicates,
        "skipped": batch.skipped, "collided": batch.collided,
    }))  # fmt: skip


class Bench:
    """A database of its own, and what is done with it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.server = EmbeddedServer(folder / "data")
        self.server.acquire()
        stack.callback(self.server.release)
        migrate.upgrade(self.server.conninfo(OWNER))
        self.keys = Keys.open(folder / "keys")
        self.database = stack.enter_context(Database(self.server.conninfo(RUNTIME, DATABASE)))
        add_known_good(self.database, self.keys)

    def make_list(self, name: str) -> UUID:
        """A new list."""
        with self.database.transaction() as conn:
            return lists.create(conn, _ACTOR, keys=self.keys, name=name, now=datetime.now(UTC)).id

    def start_import(self, list_id: UUID, path: Path) -> subprocess.Popen[str]:
        """The importing process."""
        command = [
            sys.executable, __file__, "--child", self.database.conninfo, str(self.folder / "keys"), str(list_id), str(path),
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def entries_of(self, list_id: UUID) -> tuple[int, int, int]:
        """How many entries there are, different references among them, and what the counts say."""
        with self.database.transaction() as conn:
            there, different = conn.execute(
                "SELECT count(*), count(DISTINCT reference) FROM registry_entry WHERE list_id = %s", [list_id]
            ).fetchall()[0]
            return there, different, lists.overview(conn, _ACTOR, list_id, now=datetime.now(UTC)).entries()


def measure_import(bench: Bench, rows: int) -> UUID:
    """The whole, once."""
    path = bench.folder / "list.csv"
    write_csv(path, rows)
    list_id = bench.make_list("whole")
    process = bench.start_import(list_id, path)
    output, _ = process.communicate()
    assert process.returncode == 0, "the import failed"
    said = json.loads(output.splitlines()[-1])
    repeated = rows // 1000
    assert (said["taken"], said["duplicates"], said["skipped"]) == (rows - repeated, repeated, 0), said
    assert bench.entries_of(list_id) == (rows - repeated,) * 3
    a_second = rows / said["seconds"]
    print(f"{rows:,} entries ({path.stat().st_size / 1e6:,.0f} MB of CSV) on {os.cpu_count()} cores")
    print(f"  {a_second:,.0f} entries/s: 10 million in {1e7 / a_second / 60:.1f} minutes")
    print(f"  our own process: {said['cpu'] / said['seconds'] * 100:.0f} % of a core, {said['peak_mb']:,.0f} MB at most")
    path.unlink()
    return list_id


def measure_kills(bench: Bench, rows: int, seed: int) -> None:
    """The import killed again and again."""
    random_ = random.Random(seed)  # noqa: S311
    path = bench.folder / "killed.csv"
    write_csv(path, rows)
    list_id = bench.make_list("killed")
    kills = 0
    while True:
        process = bench.start_import(list_id, path)
        assert process.stdout is not None
        batches = random_.randint(1, 4)
        while batches and process.stdout.readline().startswith("."):
            batches -= 1
        time.sleep(random_.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        if process.wait() == 0:
            break
        kills += 1
        with bench.database.transaction() as conn:
            if not any(b.state == "running" for b in imports.list_batches(conn, _ACTOR, list_id=list_id)):
                break
    expected = rows - rows // 1000
    found = bench.entries_of(list_id)
    assert found == (expected,) * 3, f"{found} rather than {expected} (seed {seed})"
    print(f"killed with SIGKILL {kills} times and read on: {expected:,} of {expected:,} entries there, none twice")
    path.unlink()


def measure_pages(bench: Bench, list_id: UUID, pages: int) -> None:
    """A page of the list."""
    took = []
    for _ in range(pages):
        after = secrets.randbelow(1_000_000)
        started = time.perf_counter()
        with bench.database.transaction() as conn:
            lists.overview(conn, _ACTOR, list_id, now=datetime.now(UTC))
            entries.list_entries(conn, _ACTOR, list_id=list_id, state=EntryState.ACTIVE, after=after, limit=50)
        took.append((time.perf_counter() - started) * 1000)
    print(f"a page of the list: median {statistics.median(took):.1f} ms, p95 {statistics.quantiles(took, n=20)[-1]:.1f} ms")


def main() -> None:
    """Measures and prints."""
    if sys.argv[1:2] == ["--child"]:
        import_file(*sys.argv[2:6])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vangnet-") as folder, ExitStack() as stack:
        bench = Bench(Path(folder), stack)
        list_id = measure_import(bench, given.entries)
        measure_pages(bench, list_id, given.pages)
        measure_kills(bench, max(given.entries // 10, _LEAST_ROWS), given.seed)


if __name__ == "__main__":
    main()
