"""One look-up within 31 bits among ten million: the index beside faiss, which others use, in the same run, one thread.

    python benchmarks/index_lookup.py [--rows 10000000] [--seeds 1 2 3] [--shapes even photo-like]

Peers: IndexBinaryMultiHash(256, 16, 16) with one flip a table, as Meta's hasher-matcher-actioner sets it, and
IndexBinaryFlat. Every answer that faiss gives is compared with ours. Half of the queries are listed hashes with 0 to 31
bits flipped, the other half come from the same source and are not listed.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from hash_shapes import BYTES, SHAPES, altered, near

from vangnet.hashing.index import RADIUS, Index, IndexBuilder

GOALS = {"even": (150, 250), "photo-like": (50, 50)}


def main() -> None:
    """Measures each shape with each seed, then prints the medians over the seeds as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--queries", type=int, default=2000)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print("| hashes | seed | index p50 / p99 | faiss multi-hash p50 / p99 | faiss flat p50 / p99 | times faster (goal) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for shape in arguments.shapes:
        results = [_measure(shape, seed, arguments.rows, arguments.queries) for seed in arguments.seeds]
        ours, multi, flat, batch = np.median(results, axis=0)
        goal_multi, goal_flat = GOALS[shape]
        print(
            f"| {shape}, {arguments.rows:,} | median | {_ms(ours)} | {_ms(multi)} | {_ms(flat)} | "
            f"{multi[0] / ours[0]:.0f} (≥ {goal_multi}); {flat[0] / ours[0]:.0f} (≥ {goal_flat}) |"
        )
        print(f"| {shape}, 8 dihedrals as one batch | median | {_ms(batch)} | | | goal ≤ 1.5 ms |", flush=True)


def _measure(shape: str, seed: int, count: int, query_count: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(seed)
    hashes = SHAPES[shape](rng, count + query_count)
    hashes, others = hashes[:count], hashes[count:]
    listed = hashes[rng.integers(0, count, query_count // 2)]
    queries = [near(rng, hash_.tobytes(), int(rng.integers(0, RADIUS + 1))) for hash_ in listed]
    queries += [hash_.tobytes() for hash_ in others[: query_count // 2]]
    rng.shuffle(queries)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        builder = IndexBuilder()
        builder.add_hashes(hashes.tobytes(), np.arange(count, dtype=np.uint64))
        builder.write(Path(folder) / "index")
        index = Index.open(Path(folder) / "index")
    ours, answers = _timed(index.lookup, queries)
    views = [np.frombuffer(query, dtype=np.uint8)[None] for query in queries]
    dihedrals = [altered(rng, np.repeat(view, 8, axis=0), most=256).tobytes() for view in views[:300]]
    batch, _ = _timed(index.lookup_batch, dihedrals)
    multi = faiss.IndexBinaryMultiHash(BYTES * 8, 16, 16)
    multi.add(hashes)
    multi.nflip = RADIUS // 16
    flat = faiss.IndexBinaryFlat(BYTES * 8)
    flat.add(hashes)
    peers = []
    for peer in (multi, flat):
        # faiss compares strictly; 150 queries are some seconds of the slowest.
        timed, found = _timed(lambda view, peer=peer: peer.range_search(view, RADIUS + 1), views[:150])
        for (_, distances, ids), answer in zip(found, answers, strict=False):
            theirs = sorted(zip(distances.astype(int).tolist(), ids.tolist(), strict=True))
            assert theirs == [(match.distance, match.id) for match in answer], "faiss and the index disagree"
        peers.append(timed)
    print(f"| {shape}, {count:,} | {seed} | {_ms(ours)} | {_ms(peers[0])} | {_ms(peers[1])} | ", end="")
    print(f"{peers[0][0] / ours[0]:.0f}; {peers[1][0] / ours[0]:.0f} |", flush=True)
    return [ours, peers[0], peers[1], batch]


def _timed(work: Callable[[Any], Any], queries: list[Any]) -> tuple[tuple[float, float], list[Any]]:
    """(Median, 99th percentile) in seconds, and the answers."""
    for query in queries[:20]:
        work(query)
    times, answers = [], []
    for query in queries:
        start = time.perf_counter_ns()
        answer = work(query)
        times.append((time.perf_counter_ns() - start) / 1e9)
        answers.append(answer)
    median, worst = np.quantile(times, [0.5, 0.99])
    return (float(median), float(worst)), answers


def _ms(times: tuple[float, float]) -> str:
    return " / ".join(f"{1000 * value:.3f} ms" if value < 0.01 else f"{1000 * value:.1f} ms" for value in times)


if __name__ == "__main__":
    main()
