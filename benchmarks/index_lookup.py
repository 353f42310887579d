"""One look-up within 31 bits among ten million: the index beside faiss, which others use, in the same run, one thread.

    python benchmarks/index_lookup.py [--rows 10000000] [--seeds 1 2 3] [--shapes even photo-like]

Peers: IndexBinaryMultiHash(256, 16, 16) with one flip a table, as Meta's hasher-matcher-actioner sets it, and
IndexBinaryFlat. Every answer that faiss gives is compared with ours. Half of the queries are listed hashes with 0 to 31
bits flipped, the other half come from the same source and are not listed. `even` are independent bits; `photo-like` are
correlated, clustered, repeated and templated ones (hash_shapes.py).
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
from figures import Figure, percentile, show
from hash_shapes import BYTES, SHAPES, Hashes, near

from vangnet.hashing.index import RADIUS, Index, IndexBuilder

GOALS = {"even": (150, 250), "photo-like": (50, 50)}
VIEWS = 8
Times = tuple[float, float]


def main() -> None:
    """Measures each shape with each seed, then prints a row for each peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--peer-queries", type=int, default=60)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    for shape in arguments.shapes:
        results = [
            _measure(shape, seed, arguments.rows, arguments.queries, arguments.peer_queries) for seed in arguments.seeds
        ]
        ours, batch, multi, flat = ([tuple(result[at]) for result in results] for at in range(4))
        what = f"one look-up ≤ {RADIUS} among {arguments.rows:,} {shape} hashes"
        goals = GOALS[shape]
        show(
            [
                _figure(what, ours, "faiss IndexBinaryMultiHash(256, 16, 16)", multi, times=goals[0]),
                _figure("the same", ours, "faiss IndexBinaryFlat", flat, times=goals[1]),
                _figure(f"{VIEWS} dihedrals as one batch, one thread", batch, at_most=1.5),
            ]
        )


def _figure(what: str, ours: list[Times], peer: str = "", theirs: list[Times] | None = None, **goal: float) -> Figure:
    medians = [1000 * median for median, _ in ours]
    worst = [1000 * p99 for _, p99 in ours]
    peers = [1000 * median for median, _ in theirs or []]
    return Figure(what=what, unit="ms", ours=medians, p99=worst, peer=peer, theirs=peers, **goal)


def _measure(shape: str, seed: int, count: int, query_count: int, peer_count: int) -> list[Times]:
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
    # The views of one picture are eight hashes that have nothing to do with each other, of one source.
    views = [b"".join(queries[at : at + VIEWS]) for at in range(0, len(queries) - VIEWS + 1, VIEWS)]
    batch, _ = _timed(index.lookup_batch, views)
    return [ours, batch, *_peers(hashes, queries[:peer_count], answers)]


def _peers(hashes: Hashes, queries: list[bytes], answers: list[Any]) -> list[Times]:
    multi = faiss.IndexBinaryMultiHash(BYTES * 8, 16, 16)
    multi.nflip = RADIUS // 16
    flat = faiss.IndexBinaryFlat(BYTES * 8)
    timed = []
    for peer in (multi, flat):
        peer.add(hashes)
        # faiss compares strictly, and takes arrays.
        arrays = [np.frombuffer(query, dtype=np.uint8)[None] for query in queries]
        times, found = _timed(lambda array, peer=peer: peer.range_search(array, RADIUS + 1), arrays)
        for (_, distances, ids), answer in zip(found, answers, strict=False):
            theirs = sorted(zip(distances.astype(int).tolist(), ids.tolist(), strict=True))
            if theirs != [(match.distance, match.id) for match in answer]:
                raise AssertionError("faiss and the index disagree")
        timed.append(times)
    return timed


def _timed(work: Callable[[Any], Any], queries: list[Any]) -> tuple[Times, list[Any]]:
    """(Median, 99th percentile) in seconds, and the answers."""
    for query in queries[:20]:
        work(query)
    times, answers = [], []
    for query in queries:
        start = time.perf_counter_ns()
        answer = work(query)
        times.append((time.perf_counter_ns() - start) / 1e9)
        answers.append(answer)
    return (float(np.median(times)), percentile(times, 99)), answers


if __name__ == "__main__":
    main()
