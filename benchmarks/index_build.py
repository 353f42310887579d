"""Building an index of ten million hashes, opening it, and its memory: the index beside faiss, in the same run.

    python benchmarks/index_build.py [--rows 10000000] [--seeds 1 2 3] [--shape even]

Our build ends with the file on the disk (fsync), from hashes in memory; the disk's own speed is measured beside it, by
writing as many bytes. faiss' build ends with its index in memory alone, with as many threads as there are processors.
`open` maps the file and checks header and tables; `verify` reads every byte against its checksum, and is what stands
between opening and the first look-up. Memory is what the mapped file has resident after that.
"""

import argparse
import gc
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import faiss
import numpy as np
from figures import Figure, show
from hash_shapes import BYTES, SHAPES

from vangnet.hashing.index import Index, IndexBuilder

MEBIBYTE = 1024 * 1024
PEER = "faiss IndexBinaryMultiHash(256, 16, 16)"


def main() -> None:
    """Measures with each seed, then prints a row for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shape", default="even", choices=list(SHAPES))
    arguments = parser.parse_args()
    # Each seed in a process of its own: memory that faiss gave back to its allocator would count as not taken.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        futures = [pool.submit(_measure, arguments.shape, seed, arguments.rows) for seed in arguments.seeds]
        results = [future.result() for future in futures]
    build, processors, disk, open_, verify, memory, faiss_s, faiss_gb = zip(*results, strict=True)
    what = f"of {arguments.rows:,} {arguments.shape} hashes"
    show(
        [
            Figure(what=f"build {what}", unit="s", ours=build, peer=PEER, theirs=faiss_s, at_most=8),
            Figure(what="of it, seconds of processors", unit="s", ours=processors),
            Figure(what="as many bytes written to this disk, alone", unit="s", ours=disk),
            Figure(what="open", unit="s", ours=open_, at_most=0.2),
            Figure(what="verify every byte, before the first look-up", unit="s", ours=verify),
            Figure(what="memory of the PDQ section", unit="GB", ours=memory, peer=PEER, theirs=faiss_gb, at_most=1.6),
        ]
    )


def _measure(shape: str, seed: int, count: int) -> list[float]:
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
        disk_s = _seconds(lambda: _write(Path(folder) / "bytes", path.stat().st_size))
        open_s = _seconds(lambda: Index.open(path, verify=False))
        index = Index.open(path, verify=False)
        verify_s = _seconds(index.verify)
        memory_gb = _mapped(path) / 1e9
    del index
    gc.collect()
    before_gb = _resident() / 1e9
    multi = faiss.IndexBinaryMultiHash(BYTES * 8, 16, 16)
    faiss_s = _seconds(lambda: multi.add(hashes))
    return [build_s, processors_s, disk_s, open_s, verify_s, memory_gb, faiss_s, _resident() / 1e9 - before_gb]


def _write(path: Path, size: int) -> None:
    block = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for _ in range(size // MEBIBYTE):
            file.write(block)
        os.fsync(file.fileno())


def _mapped(path: Path) -> int:
    """Bytes of a mapped file that are in this process' memory."""
    sizes, ours = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.split(" ", 1)[0]:
            ours = line.endswith(str(path))
        elif ours and line.startswith("Rss:"):
            sizes += int(line.split()[1]) * 1024
    return sizes


def _resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
