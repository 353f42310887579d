"""Building an index of ten million hashes, opening it, and its size: the index beside faiss, in the same run.

    python benchmarks/index_build.py [--rows 10000000] [--seeds 1 2 3]

Beside the seconds on the clock stand those of the processors, which tell more on a machine that does other things too.
Our build ends with the file on the disk (fsync), from hashes in memory; the disk's own speed is measured beside it, by
writing as many bytes. faiss' build ends with its index in memory alone. `open` maps the file and checks header and
tables; `verify` reads every byte against its checksum, and is what stands between opening and the first look-up.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
from hash_shapes import BYTES, SHAPES

from vangnet.hashing.index import Index, IndexBuilder

MEBIBYTE = 1024 * 1024


def main() -> None:
    """Measures each shape with each seed, then prints the medians over the seeds as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shapes", nargs="+", default=["even"], choices=list(SHAPES))
    parser.add_argument("--without-faiss", action="store_true")
    arguments = parser.parse_args()
    columns = ["hashes", "seed", "build (goal ≤ 8 s)", "of processors", "disk alone", "open (≤ 0.2 s)", "verify"]
    print(f"| {' | '.join([*columns, 'size (≤ 1.6 GB)', 'faiss multi-hash'])} |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for shape in arguments.shapes:
        results = []
        for seed in arguments.seeds:
            results.append(_measure(shape, seed, arguments.rows, with_faiss=not arguments.without_faiss))
            _print(f"{shape}, {arguments.rows:,}", str(seed), results[-1])
        _print(f"{shape}, {arguments.rows:,}", "median", [float(value) for value in np.median(results, axis=0)])


def _measure(shape: str, seed: int, count: int, *, with_faiss: bool) -> list[float]:
    hashes = SHAPES[shape](np.random.default_rng(seed), count)
    data, ids = hashes.tobytes(), np.arange(count, dtype=np.uint64)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "index"

        def build() -> None:
            builder = IndexBuilder()
            builder.add_hashes(data, ids)
            builder.write(path)

        before = time.process_time()
        build_s = _seconds(build)
        processors_s = time.process_time() - before
        size = path.stat().st_size
        disk_s = _seconds(lambda: _write(Path(folder) / "bytes", size))
        open_s = _seconds(lambda: Index.open(path, verify=False))
        index = Index.open(path, verify=False)
        verify_s = _seconds(index.verify)
    faiss_s = faiss_gb = float("nan")
    if with_faiss:
        before = _resident()
        multi = faiss.IndexBinaryMultiHash(BYTES * 8, 16, 16)
        faiss_s = _seconds(lambda: multi.add(hashes))
        faiss_gb = (_resident() - before) / 1e9
    return [build_s, processors_s, disk_s, open_s, verify_s, size / 1e9, faiss_s, faiss_gb]


def _write(path: Path, size: int) -> None:
    block = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for _ in range(size // MEBIBYTE):
            file.write(block)
        os.fsync(file.fileno())


def _resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _print(what: str, seed: str, values: list[float]) -> None:
    build, processors, disk, open_, verify, size, faiss_s, faiss_gb = values
    print(
        f"| {what} | {seed} | {build:.1f} s | {processors:.1f} s | {disk:.1f} s | {open_:.4f} s | "
        f"{verify:.2f} s | {size:.2f} GB | {faiss_s:.0f} s, {faiss_gb:.1f} GB: {faiss_s / build:.0f} times |",
        flush=True,
    )


if __name__ == "__main__":
    main()
