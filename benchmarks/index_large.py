"""A hundred million hashes: building, memory, opening, look-ups, and all views of one picture as one batch.

    python benchmarks/index_large.py [--rows 100000000] [--peer-rows 10000000] [--seeds 1 2 3] [--shape even]

The index is built in a process of its own, whose peak memory counts; hashes are given to it a million at a time. It takes
12.3 GB of disk (in TMPDIR) and as much memory for look-ups, which share it with all that map the same file. The listed
hashes are the same for all seeds, the queries are not. Half of them are listed hashes with 0 to 31 bits flipped, and each
must be found at that distance; the other half are not listed. For some queries the answer is compared with that of a scan.

The peers have no room for as many: they hold `--peer-rows`, and so does an index beside them. A batch is what is looked up
of one picture with all its views, 48 hashes, by one thread.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from figures import Figure, percentile, show
from hash_shapes import BYTES, SHAPES, Hashes, near

from vangnet.hashing.index import RADIUS, Index, IndexBuilder

STEP = 1_000_000
VIEWS = 48
#: Of each step so many hashes are kept to be asked for.
KEPT = 100
LISTED_SEED = 20
SCANNED = 4
PEER = "faiss IndexBinaryMultiHash(256, 16, 16)"
#: p50, p95, and batches' p50, in milliseconds.
Times = tuple[float, float, float]


def main() -> None:
    """Builds, asks with each seed, then prints a row for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--peer-rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shape", default="even", choices=list(SHAPES))
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--peer-queries", type=int, default=96)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        large, _ = _measured(Path(folder) / "large", arguments.shape, arguments.rows, arguments)
        # Its pages are given back before the peers need memory.
        (Path(folder) / "large").unlink()
        small, kept = _measured(Path(folder) / "small", arguments.shape, arguments.peer_rows, arguments)
    peers = _peers(arguments, kept)
    show(_figures(arguments.rows, large, arguments.shape))
    show(_beside(arguments.peer_rows, small, peers))


def _figures(rows: int, ours: dict[str, list[float]], shape: str) -> list[Figure]:
    what = f"{rows:,} {shape} hashes"
    return [
        Figure(what=f"build of {what}", unit="s", ours=ours["build"]),
        Figure(what="of it, seconds of processors", unit="s", ours=ours["processors"]),
        Figure(what="peak memory of the process that builds", unit="GB", ours=ours["peak"], at_most=24),
        Figure(what="the file", unit="GB", ours=ours["file"]),
        Figure(what="open", unit="s", ours=ours["open"], at_most=0.5),
        Figure(what="verify every byte, before the first look-up", unit="s", ours=ours["verify"]),
        Figure(what=f"one look-up ≤ {RADIUS}", unit="ms", ours=ours["p50"], p99=ours["p99"], at_most=0.5),
        Figure(what="19 of 20 look-ups within", unit="ms", ours=ours["p95"]),
        Figure(what=f"{VIEWS} hashes as one batch, one thread", unit="ms", ours=ours["batch"]),
    ]


def _beside(rows: int, ours: dict[str, list[float]], peers: dict[str, list[float]]) -> list[Figure]:
    return [
        Figure(what=f"one look-up ≤ {RADIUS} among {rows:,}", unit="ms", ours=ours["p50"], peer=PEER, theirs=peers["one"]),
        Figure(
            what=f"{VIEWS} hashes as one batch, one thread",
            unit="ms",
            ours=ours["batch"],
            peer=PEER,
            theirs=peers["batch"],
            at_most=5,
        ),
        Figure(what="one look-up", unit="ms", ours=ours["p50"], peer="faiss IndexBinaryFlat", theirs=peers["flat"]),
    ]


def _measured(path: Path, shape: str, rows: int, arguments: argparse.Namespace) -> tuple[dict[str, list[float]], Hashes]:
    # A process of its own: its peak is that of the build alone.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        kept, build, processors, peak = pool.submit(_built, path, shape, rows).result()
    start = time.perf_counter()
    index = Index.open(path, verify=False)
    open_s = time.perf_counter() - start
    start = time.perf_counter()
    index.verify()
    figures = {
        "build": [build],
        "processors": [processors],
        "peak": [peak],
        "file": [path.stat().st_size / 1e9],
        "open": [open_s],
        "verify": [time.perf_counter() - start],
        "p50": [],
        "p95": [],
        "p99": [],
        "batch": [],
    }
    for seed in arguments.seeds:
        times, batches = _asked(index, kept, np.random.default_rng(seed), shape, arguments.queries)
        figures["p50"].append(percentile(times, 50))
        figures["p95"].append(percentile(times, 95))
        figures["p99"].append(percentile(times, 99))
        figures["batch"].append(percentile(batches, 50))
    return figures, kept


def _built(path: Path, shape: str, rows: int) -> tuple[Hashes, float, float, float]:
    """Some of the hashes, seconds, seconds of processors, and the peak of memory in GB."""
    rng = np.random.default_rng(LISTED_SEED)
    builder, kept = IndexBuilder(), []
    seconds = processors = 0.0
    for start in range(0, rows, STEP):
        hashes = SHAPES[shape](rng, min(STEP, rows - start))
        kept.append(hashes[:KEPT].copy())
        data, ids = hashes.tobytes(), np.arange(start, start + len(hashes), dtype=np.uint64)
        before, before_cpu = time.perf_counter(), time.process_time()
        builder.add_hashes(data, ids)
        seconds += time.perf_counter() - before
        processors += time.process_time() - before_cpu
    before, before_cpu = time.perf_counter(), time.process_time()
    builder.write(path)
    seconds += time.perf_counter() - before
    processors += time.process_time() - before_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return np.concatenate(kept), seconds, processors, peak


def _asked(index: Index, kept: Hashes, rng: Any, shape: str, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each look-up, and of each batch. Checks that nothing is lost."""
    queries = _queries(kept, rng, shape, count)
    for query, _, _ in queries[:20]:
        index.lookup(query)
    times = []
    for query, listed, distance in queries:
        start = time.perf_counter_ns()
        found = index.lookup(query)
        times.append((time.perf_counter_ns() - start) / 1e6)
        # Of equal hashes any will do: what counts is that one lies as near.
        assert listed is None or any(match.distance <= distance for match in found), "a listed hash was not found"
    for query, _, _ in queries[:SCANNED]:
        answer = [(match.id, match.distance) for match in index.lookup(query)]
        scanned = index._core.lookup_by_scan("pdq-full", query, RADIUS)  # noqa: SLF001
        assert answer == scanned, "a scan finds something else"
    batches = []
    for at in range(0, len(queries) - VIEWS + 1, VIEWS):
        some = b"".join(query for query, _, _ in queries[at : at + VIEWS])
        start = time.perf_counter_ns()
        index.lookup_batch(some)
        batches.append((time.perf_counter_ns() - start) / 1e6)
    return times, batches


def _queries(kept: Hashes, rng: Any, shape: str, count: int) -> list[tuple[bytes, int | None, int]]:
    """Query, number of the listed hash that it was made of, distance from it."""
    queries: list[tuple[bytes, int | None, int]] = []
    for at in rng.integers(0, len(kept), count // 2):
        bits = int(rng.integers(0, RADIUS + 1))
        queries.append((near(rng, kept[at].tobytes(), bits), int(at), bits))
    queries += [(hash_.tobytes(), None, 0) for hash_ in SHAPES[shape](rng, count - count // 2)]
    rng.shuffle(queries)
    return queries


def _peers(arguments: argparse.Namespace, kept: Hashes) -> dict[str, list[float]]:
    rng = np.random.default_rng(LISTED_SEED)
    multi = faiss.IndexBinaryMultiHash(BYTES * 8, 16, 16)
    multi.nflip = RADIUS // 16
    flat = faiss.IndexBinaryFlat(BYTES * 8)
    for start in range(0, arguments.peer_rows, STEP):
        hashes = SHAPES[arguments.shape](rng, min(STEP, arguments.peer_rows - start))
        multi.add(hashes)
        flat.add(hashes)
    figures: dict[str, list[float]] = {"one": [], "batch": [], "flat": []}
    for seed in arguments.seeds:
        queries = _queries(kept, np.random.default_rng(seed), arguments.shape, arguments.peer_queries)
        arrays = np.stack([np.frombuffer(query, dtype=np.uint8) for query, _, _ in queries])
        figures["one"].append(percentile([_ms(multi, one[None]) for one in arrays], 50))
        figures["flat"].append(percentile([_ms(flat, one[None]) for one in arrays[:20]], 50))
        figures["batch"].append(_ms(multi, arrays[:VIEWS]))
    return figures


def _ms(peer: Any, queries: Hashes) -> float:
    start = time.perf_counter_ns()
    peer.range_search(queries, RADIUS + 1)  # faiss compares strictly.
    return (time.perf_counter_ns() - start) / 1e6


if __name__ == "__main__":
    main()
