"""Claim: a year of CyberTips (100,000) is taken in within 20 minutes on 2 cores, which is 12 ms a report.

    python benchmarks/report_intake.py [--seeds 1 2 3] [--bundles 1000] [--files 50]

Made-up bundles, each an archive with one document that tells of so many files by their hashes, lie in a folder, and
`vangnet intake bundle FOLDER --jobs 2` takes them in: read, sealed, linked, put in order, each committed to the disk by the
embedded database with its usual settings. What it takes for processes to start is measured with few bundles and left out.

The floor beside it is no product, because none that is open takes CyberTips in: it is the least that such a thing can be.
The standard library parses the same documents (they are our own; what others send never goes there), and one row a report
and one a file, in the clear, are written to tables without any index, in a transaction a report, by as many processes. It
checks nothing, seals nothing, knows nothing again and links nothing.

The time depends on what else the machine does; the processor time of a report, ours and the server's, hardly does.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import psycopg
from figures import Figure, show
from registry_import import processor_seconds

from vangnet.audit.model import Actor, ActorKind
from vangnet.db import Database, migrate
from vangnet.db.embedded import DATABASE, OWNER, RUNTIME, EmbeddedServer
from vangnet.identity.model import InstallationKind, Language
from vangnet.identity.permissions import Permission
from vangnet.identity.service import installation
from vangnet.simulation.cybertips import make_tip, write_zip

GOAL_MS = 12
#: With so many the command starts its processes, and hardly any of the time is theirs.
FEW = 60
_JOBS = 2
_ACTOR = Actor(kind=ActorKind.CONSOLE, id="0", permissions=frozenset(Permission))
_NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_TABLES = """
CREATE TABLE plain_report (id bigint PRIMARY KEY, reference text, said text);
CREATE TABLE plain_file (report_id bigint, place integer, reference text, md5 text, sha1 text, said text)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What so many reports took."""

    seconds: float
    #: Processor time, the server's included.
    processor_s: float

    def less(self, other: "Cost") -> "Cost":
        """What was not spent on the other."""
        return Cost(seconds=self.seconds - other.seconds, processor_s=self.processor_s - other.processor_s)


def main() -> None:
    """Makes, takes in, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--bundles", type=int, default=1000)
    parser.add_argument("--files", type=int, default=50)
    given = parser.parse_args()
    costs = [measured(seed, given.bundles, given.files) for seed in given.seeds]
    ours, floor = [one for one, _ in costs], [one for _, one in costs]
    print(f"{given.bundles:,} bundles of {given.files} files each, {_JOBS} processes, {len(costs)} seeds.")

    def each(found: Sequence[Cost], value: Callable[[Cost], float]) -> list[float]:
        return [value(one) for one in found]

    def took_ms(cost: Cost) -> float:
        return 1000 * cost.seconds / given.bundles

    def processor_ms(cost: Cost) -> float:
        return 1000 * cost.processor_s / given.bundles

    def a_second(cost: Cost) -> float:
        return given.bundles / cost.seconds

    peer = "floor: parsed and written, no more"
    show([
        Figure(
            what="a report taken in", unit="ms", ours=each(ours, took_ms), peer=peer, theirs=each(floor, took_ms),
            at_most=GOAL_MS,
        ),
        Figure(
            what="of processor time, the server's included", unit="ms", ours=each(ours, processor_ms), peer=peer,
            theirs=each(floor, processor_ms),
        ),
        Figure(
            what="reports taken in", unit="a second", ours=each(ours, a_second), peer=peer, theirs=each(floor, a_second)
        ),
    ])  # fmt: skip


def measured(seed: int, bundles: int, files: int) -> tuple[Cost, Cost]:
    """What we and the floor need for so many bundles."""
    with tempfile.TemporaryDirectory(prefix="vangnet-") as name, ExitStack() as stack:
        folder = Path(name)
        write_bundles(folder / "few", seed * 1_000_003, FEW, files)
        write_bundles(folder / "many", seed * 1_000_003 + FEW, FEW + bundles, files)
        server = EmbeddedServer(folder / "data")
        server.acquire()
        stack.callback(server.release)
        migrate.upgrade(server.conninfo(OWNER))
        database = stack.enter_context(Database(server.conninfo(RUNTIME, DATABASE)))
        with database.transaction() as conn:
            installation.set_up(
                conn, _ACTOR, kind=InstallationKind.POLICE, party_name="Politie Voorbeeld", language=Language.NL, now=_NOW
            )
        start = costing(server, lambda: take_in(folder, folder / "few"))
        ours = costing(server, lambda: take_in(folder, folder / "many")).less(start)
        with database.transaction() as conn:
            found = conn.execute("SELECT count(*), sum(items) FROM report").fetchall()
        assert found[0][0] == bundles + 2 * FEW, f"{found[0][0]} reports are there"
        with psycopg.connect(server.conninfo(OWNER)) as conn:
            conn.execute(_TABLES)
        start = costing(server, lambda: take_plainly(server.conninfo(OWNER), folder / "few"))
        floor = costing(server, lambda: take_plainly(server.conninfo(OWNER), folder / "many")).less(start)
    return ours, floor


def write_bundles(folder: Path, first: int, count: int, files: int) -> None:
    """Made-up bundles, whose files do not come along."""
    folder.mkdir()
    for number in range(first, first + count):
        tip = make_tip(number, now=_NOW, files=files, with_content=False)
        write_zip(tip, folder / f"{tip.report_id}.zip", one_document=True)


def costing(server: EmbeddedServer, work: Callable[[], None]) -> Cost:
    """What it took."""
    pid = server.running_pid()
    assert pid is not None, "the database does not run"
    before, started = processor_seconds(pid) + _children_s(), time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return Cost(seconds=seconds, processor_s=processor_seconds(pid) + _children_s() - before)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def take_in(folder: Path, bundles: Path) -> None:
    """The command, as a person gives it."""
    environ = os.environ | {"VANGNET_DATA_DIR": str(folder / "data"), "VANGNET_KEYS_DIR": str(folder / "keys")}
    command = [sys.executable, "-m", "vangnet", "intake", "bundle", str(bundles), "--jobs", str(_JOBS)]
    subprocess.run(command, env=environ, check=True, capture_output=True)


# --- the floor ---


def take_plainly(conninfo: str, bundles: Path) -> None:
    """Parses each document and writes a row a report and a file."""
    paths = sorted(bundles.iterdir())
    processes = [
        get_context("spawn").Process(target=_share, args=(conninfo, paths[number::_JOBS])) for number in range(_JOBS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, "the floor failed"


def _share(conninfo: str, paths: Sequence[Path]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for path in paths:
            with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
                root = ET.fromstring(archive.read("report.xml"))  # noqa: S314 (our own document)
            files = [
                (
                    int(path.stem), place, one.findtext("fileId"), _hash(one, "MD5"), _hash(one, "SHA1"),
                    " ".join(one.itertext()),
                )
                for place, one in enumerate(root.iter("fileDetails"))
            ]  # fmt: skip
            said = " ".join(root.iterfind("report").__next__().itertext())
            with conn.transaction(), conn.cursor() as cursor:
                cursor.execute("INSERT INTO plain_report VALUES (%s, %s, %s)", [int(path.stem), path.stem, said])
                cursor.executemany("INSERT INTO plain_file VALUES (%s, %s, %s, %s, %s, %s)", files)


def _hash(details: "ET.Element", kind: str) -> str | None:
    return details.findtext(f"originalFileHash[@hashType='{kind}']")


if __name__ == "__main__":
    main()
