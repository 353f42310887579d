"""What isolation costs a picture: the sandbox beside the same decoder in this process, in the same run.

    python benchmarks/isolation.py [--count N] [--seeds 1 2 3]

The two take turns on the same file. A pause before each lets the next process be made ready, as in a service that is not
saturated; pictures a second are those of a service that is: every core busy with sandboxed pictures, back to back.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from figures import Figure, percentile, show

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from pictures import encoded, photo

from vangnet.hashing import media
from vangnet.hashing.model import Convention, Decoded, MediaFormat
from vangnet.hashing.sandbox import Sandbox, features
from vangnet.hashing.wire import Job

FULL = frozenset({Convention.FULL})
PAUSE_SECONDS = 0.03


def main() -> None:
    """Measures each size with each seed, then prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="pictures of the smallest size")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    media.prepare()
    found = features()
    print(f"Of the kernel: {'seccomp' if found.seccomp else 'no seccomp'}, Landlock {found.landlock}")
    rows = []
    with Sandbox() as sandbox:
        for width, height in ((320, 240), (1024, 768), (2000, 1500), (4000, 3000)):
            count = max(arguments.count * 320 // width, 10)
            files = [encoded(photo(1000 * seed + width, width, height), "JPEG", quality=85) for seed in arguments.seeds]
            here, there, costs, rates = zip(*(_measured(sandbox, data, count) for data in files), strict=True)
            p50 = [statistics.median(values) for values in costs]
            p99 = [percentile(values, 99) for values in costs]
            name = f"isolation of {width} x {height}"
            rows += [
                Figure(what=f"{name}: what it costs", unit="ms", ours=p50, p99=p99, at_most=4),
                Figure(what="hashed in isolation", unit="ms", ours=there, peer="in this process", theirs=here),
                Figure(what=f"pictures a second, {os.cpu_count()} cores", unit="", ours=rates),
            ]
    show(rows)


def _measured(sandbox: Sandbox, data: bytes, count: int) -> tuple[float, float, list[float], float]:
    """Medians here and there, what isolation cost each picture, all in milliseconds; and pictures a second."""
    job = Job(length=len(data), format=MediaFormat.JPEG, conventions=FULL, pixels=10**9, frames=1, seconds=60)
    here, there = [], []
    for _ in range(count):
        here.append(_milliseconds(lambda: media.hash_frames(data, job)))
        there.append(_milliseconds(lambda: sandbox.decode(data, MediaFormat.JPEG, FULL)))
    costs = [there_ - here_ for here_, there_ in zip(here, there, strict=True)]
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda _: sandbox.decode(data, MediaFormat.JPEG, FULL), range(count)))
    return statistics.median(here), statistics.median(there), costs, count / (time.perf_counter() - start)


def _milliseconds(work: Callable[[], object]) -> float:
    time.sleep(PAUSE_SECONDS)
    start = time.perf_counter()
    answer = work()
    elapsed = (time.perf_counter() - start) * 1000
    if not isinstance(answer, Decoded):
        raise TypeError(answer)
    return elapsed


if __name__ == "__main__":
    main()
