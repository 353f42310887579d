"""Changes beside a file of ten million hashes: how soon they count, and what they cost a look-up.

    python benchmarks/index_delta.py [--rows 10000000] [--seeds 1 2 3]

The peer of a change is what it takes elsewhere: HMA builds its index anew, which benchmarks/index_build.py times. Look-ups
with and without 100,000 additions alternate in one process, so that both meet the same moments of the machine.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from figures import Figure, show
from hash_shapes import BYTES, Hashes, even

from vangnet.hashing.index import Index, IndexBuilder

ADDITIONS = 100_000


def main() -> None:
    """Measures with each seed, then prints a row for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    results = [_measure(seed, arguments.rows) for seed in arguments.seeds]
    ms = {name: [1000 * result[name] for result in results] for name in results[0]}
    pairs = zip(ms["with, p50"], ms["without, p50"], strict=True)
    slower = [100 * (changed / plain - 1) for changed, plain in pairs]
    show(
        [
            Figure(what=f"lookups with {ADDITIONS:,} in the delta: slower by", unit="%", ours=slower, at_most=10),
            Figure(what="such a lookup", unit="ms", ours=ms["with, p50"], p99=ms["with, p99"]),
            Figure(what="without, in turns", unit="ms", ours=ms["without, p50"], p99=ms["without, p99"]),
            Figure(what="addition until it matches", unit="ms", ours=ms["added, p50"], p99=ms["added, p99"], at_most=1),
            Figure(what="withdrawal until it no longer matches", unit="ms", ours=ms["withdrawn, p50"]),
            Figure(what="longest of the first 2,000 additions", unit="ms", ours=ms["first additions, longest"]),
            Figure(what="merge into a new file", unit="ms", ours=ms["merge"]),
            Figure(what="lookup while merging", unit="ms", ours=ms["merging, p50"], p99=ms["merging, p99"]),
            Figure(what="longest lookup while merging", unit="ms", ours=ms["merging, longest"]),
        ]
    )


def _measure(seed: int, count: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "index"
        builder = IndexBuilder()
        builder.add_hashes(even(rng, count).tobytes(), np.arange(count, dtype=np.uint64))
        builder.write(path)
        plain, changed = Index.open(path), Index.open(path)
        added = even(rng, ADDITIONS)
        result = {"first additions, longest": _one_by_one(changed, added[:2000], first_id=count)}
        changed.add_hashes(added[2000:].tobytes(), np.arange(count + 2000, count + ADDITIONS, dtype=np.uint64))
        result |= _side_by_side(plain, changed, [rng.bytes(BYTES) for _ in range(20_000)])
        result |= _until_it_counts(changed, [rng.bytes(BYTES) for _ in range(1000)], first_id=2 * count)
        return result | _while_merging(changed, path, [rng.bytes(BYTES) for _ in range(2000)])


def _one_by_one(index: Index, hashes: Hashes, *, first_id: int) -> float:
    """The longest that one addition took, in seconds."""
    longest = 0.0
    for id_, hash_ in enumerate(hashes, start=first_id):
        start = time.perf_counter_ns()
        index.add(id_, hash_.tobytes())
        longest = max(longest, (time.perf_counter_ns() - start) / 1e9)
    return longest


def _side_by_side(plain: Index, changed: Index, queries: list[bytes]) -> dict[str, float]:
    times: dict[Index, list[float]] = {plain: [], changed: []}
    for number, query in enumerate(queries):
        index = (plain, changed)[number % 2]
        start = time.perf_counter_ns()
        index.lookup(query)
        times[index].append((time.perf_counter_ns() - start) / 1e9)
    return {
        f"{what}, p{percent}": float(np.percentile(times[index], percent))
        for what, index in (("without", plain), ("with", changed))
        for percent in (50, 99)
    }


def _until_it_counts(index: Index, hashes: list[bytes], *, first_id: int) -> dict[str, float]:
    added, withdrawn = [], []
    for id_, hash_ in enumerate(hashes, start=first_id):
        start = time.perf_counter_ns()
        index.add(id_, hash_)
        assert index.lookup(hash_)[0].id == id_
        added.append((time.perf_counter_ns() - start) / 1e9)
        start = time.perf_counter_ns()
        index.withdraw([id_])
        assert not index.lookup(hash_)
        withdrawn.append((time.perf_counter_ns() - start) / 1e9)
    return {
        "added, p50": float(np.percentile(added, 50)),
        "added, p99": float(np.percentile(added, 99)),
        "withdrawn, p50": float(np.percentile(withdrawn, 50)),
    }


def _while_merging(index: Index, path: Path, queries: list[bytes]) -> dict[str, float]:
    """Look-ups from when the merge begins until after its file took over, one every five milliseconds."""
    start = time.perf_counter()
    merging = threading.Thread(target=index.merge, args=(path,))
    merging.start()
    times = []
    while merging.is_alive() or len(times) < 100:
        before = time.perf_counter_ns()
        index.lookup(queries[len(times) % len(queries)])
        times.append((time.perf_counter_ns() - before) / 1e9)
        merging.join(0.005)
    assert index.info().additions == 0
    return {
        "merge": time.perf_counter() - start,
        "merging, p50": float(np.percentile(times, 50)),
        "merging, p99": float(np.percentile(times, 99)),
        "merging, longest": max(times),
    }


if __name__ == "__main__":
    main()
