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
from hash_shapes import BYTES, even

from vangnet.hashing.index import Index, IndexBuilder

ADDITIONS = 100_000


def main() -> None:
    """Measures with each seed, then prints the medians over the seeds as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    results = [_measure(seed, arguments.rows) for seed in arguments.seeds]
    median = {name: float(np.median([result[name] for result in results])) for name in results[0]}
    slower = 100 * (median["lookup, 100,000 in the delta, p50"] / median["lookup, nothing in the delta, p50"] - 1)
    print("| what | median over the seeds | goal |")
    print("| --- | --- | --- |")
    for name, seconds in median.items():
        print(f"| {name} | {1000 * seconds:.4f} ms | {'≤ 1 ms' if 'until it matches' in name else ''} |")
    print(f"| lookups with 100,000 in the delta | {slower:.1f} % slower | ≤ 10 % |")


def _measure(seed: int, count: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "index"
        builder = IndexBuilder()
        builder.add_hashes(even(rng, count).tobytes(), np.arange(count, dtype=np.uint64))
        builder.write(path)
        plain, changed = Index.open(path), Index.open(path)
        added = even(rng, ADDITIONS)
        changed.add_hashes(added.tobytes(), np.arange(count, count + ADDITIONS, dtype=np.uint64))
        result = _side_by_side(plain, changed, [rng.bytes(BYTES) for _ in range(6000)])
        result |= _until_it_counts(changed, [rng.bytes(BYTES) for _ in range(1000)], first_id=2 * count)
        return result | _while_merging(changed, path, [rng.bytes(BYTES) for _ in range(2000)])


def _side_by_side(plain: Index, changed: Index, queries: list[bytes]) -> dict[str, float]:
    times: dict[Index, list[float]] = {plain: [], changed: []}
    for number, query in enumerate(queries):
        index = (plain, changed)[number % 2]
        start = time.perf_counter_ns()
        index.lookup(query)
        times[index].append((time.perf_counter_ns() - start) / 1e9)
    return {
        f"lookup, {what} in the delta, p{percent}": float(np.percentile(times[index], percent))
        for what, index in (("nothing", plain), ("100,000", changed))
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
        "addition until it matches, p50": float(np.percentile(added, 50)),
        "addition until it matches, p99": float(np.percentile(added, 99)),
        "withdrawal until it no longer matches, p50": float(np.percentile(withdrawn, 50)),
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
        "merge into a new file": time.perf_counter() - start,
        "lookup while merging, p50": float(np.percentile(times, 50)),
        "lookup while merging, p99": float(np.percentile(times, 99)),
        "lookup while merging, longest": max(times),
    }


if __name__ == "__main__":
    main()
