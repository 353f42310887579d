"""Claim: a picture that is newly listed is looked for among 10 million kept ones, in all eight views, within a second.

    python benchmarks/gate_past_pictures.py [--uploads N …] [--days N] [--seeds N …] [--look-ups N] [--at-once N]

The tables are filled as the gate writes them: a table a day, each hash sealed for its day. Measured are how long one
process takes to read and open all of them (that is done when it takes them over, beside the checks), how much memory they
then take, and how long one new entry takes, half of which are found: looking up its eight views in each day's index, and
fetching and opening what is near. What follows from a finding, a decision kept and told, is not part of it. The peer
compares the same eight views with every hash (faiss' flat binary index, 32 bytes a hash and nothing more).
"""

import argparse
import resource
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import faiss
import numpy as np
from figures import Figure, percentile, show
from gate_past import database
from hash_shapes import Hashes, even, near

from vangnet.db import Database
from vangnet.gate.model import PictureHash
from vangnet.gate.past import SEALED, KeptUpload, picture_label
from vangnet.gate.service.past_pictures import KeptPictures
from vangnet.gate.store import past_pictures as store
from vangnet.gate.turned import turned
from vangnet.hashing.index import RADIUS
from vangnet.hashing.model import Convention
from vangnet.keys import Keys, Sealer

GOAL_S = 1.0
_WRITTEN_AT_ONCE = 50_000


def fill(opened: Database, keys: Keys, hashes: Hashes, days: list[date]) -> float:
    """Fills the days; returns how many were sealed and written a second."""
    sealer = keys.sealer(SEALED)
    started = time.perf_counter()
    for number, day in enumerate(days):
        its = hashes[number * len(hashes) // len(days) : (number + 1) * len(hashes) // len(days)]
        with opened.transaction() as conn:
            store.add_day(conn, day)
            for start in range(0, len(its), _WRITTEN_AT_ONCE):
                store.add_pictures(conn, _rows(sealer, its[start : start + _WRITTEN_AT_ONCE], day))
    return len(hashes) / (time.perf_counter() - started)


def _rows(sealer: Sealer, hashes: Hashes, day: date) -> Iterator[tuple[KeptUpload, Convention, bytes]]:
    at = datetime.combine(day, datetime.min.time(), UTC)
    for number, sealed in enumerate(sealer.seal_many([one.tobytes() for one in hashes], picture_label(day))):
        upload = KeptUpload(check_id=uuid.uuid4(), object_id=f"{day} {number}", at=at)
        yield upload, Convention.FULL, sealed


def read(opened: Database, held: KeptPictures) -> tuple[float, float]:
    """Reads everything; how long that took, and the longest step, for which whoever writes waits."""
    steps = []
    done = False
    while not done:
        started = time.perf_counter()
        with opened.transaction() as conn:
            done = held.catch_up(conn, now=datetime.now(UTC))
        steps.append(time.perf_counter() - started)
    return sum(steps), max(steps)


def resident_mb() -> float:
    """Memory of this process that is in use, mapped index files among it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def wanted(rng: np.random.Generator, hashes: Hashes, number: int) -> bytes:
    """An entry's hash: near one that is kept, in some view, for every second one."""
    if number % 2:
        return bytes(even(rng, 1)[0])
    kept = hashes[rng.integers(len(hashes))].tobytes()
    views = list(turned(near(rng, kept, int(rng.integers(0, RADIUS + 1)))).values())
    return views[int(rng.integers(len(views)))]


def measure(opened: Database, keys: Keys, uploads: int, given: argparse.Namespace) -> list[Figure]:
    """One number of kept pictures."""
    hashes = even(np.random.default_rng(7), uploads)
    days = [(datetime.now(UTC) - timedelta(days=ago)).date() for ago in range(given.days)]
    written = fill(opened, keys, hashes, days)
    held = KeptPictures(keys)
    before = resident_mb()
    took_s, longest_s = read(opened, held)
    memory = resident_mb() - before
    assert len(held) == uploads
    flat = faiss.IndexBinaryFlat(256)
    flat.add(hashes)
    ours, slow, theirs, batches = [], [], [], []
    for seed in given.seeds:
        rng = np.random.default_rng(seed)
        took, peer = [], []
        for number in range(given.look_ups):
            hash_ = wanted(rng, hashes, number)
            started = time.perf_counter()
            with opened.transaction() as conn:
                found = list(held.find(conn, {PictureHash(convention=Convention.FULL, value=hash_)}, RADIUS))
            took.append(1000 * (time.perf_counter() - started))
            assert len(found) == (number + 1) % 2
            if number < given.peer_look_ups:
                views = np.frombuffer(b"".join(turned(hash_).values()), dtype=np.uint8).reshape(8, 32)
                started = time.perf_counter()
                ends, _, _ = flat.range_search(views, RADIUS + 1)
                peer.append(1000 * (time.perf_counter() - started))
                assert bool(ends[-1]) == bool(found)
        many = {
            PictureHash(convention=Convention.FULL, value=wanted(rng, hashes, number)) for number in range(given.at_once)
        }
        started = time.perf_counter()
        with opened.transaction() as conn:
            assert len(list(held.find(conn, many, RADIUS))) == (given.at_once + 1) // 2
        batches.append(given.at_once / (time.perf_counter() - started))
        ours.append(statistics.median(took))
        slow.append(percentile(took, 99))
        theirs.append(statistics.median(peer))
    with opened.transaction() as conn:
        store.drop_days(conn, None)
    kept = f"{uploads:,} kept"
    return [
        Figure(
            what=f"{kept}: one new entry, eight views", unit="ms", ours=ours, p99=slow, peer="faiss, every hash",
            theirs=theirs, at_most=1000 * GOAL_S,
        ),
        Figure(what=f"{kept}: entries looked up {given.at_once} at once", unit="a second", ours=batches),
        Figure(what=f"{kept}: reading all of them", unit="s", ours=[took_s]),
        Figure(what=f"{kept}: the longest step of that", unit="s", ours=[longest_s]),
        Figure(what=f"{kept}: memory", unit="MB", ours=[memory]),
        Figure(what=f"{kept}: sealed and written", unit="a second", ours=[written]),
    ]  # fmt: skip


def main() -> None:
    """Fills, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--look-ups", type=int, default=200)
    parser.add_argument("--peer-look-ups", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=200)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as (opened, _):
        keys = Keys.open(Path(folder) / "keys-of-pictures")
        for uploads in given.uploads:
            rows += measure(opened, keys, uploads, given)
    print(f"{given.days} days, radius {RADIUS}.")
    show(rows)


if __name__ == "__main__":
    main()
