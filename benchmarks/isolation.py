"""What isolation costs a picture: the sandbox beside the same decoder in this process, in the same run.

    python benchmarks/isolation.py [--count N]

The two take turns on the same file. A pause before each lets the next process be made ready, as in a service that is not
saturated; the last column is a service that is: every core busy with sandboxed pictures, back to back.
"""

import argparse
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from pictures import encoded, photo

from vangnet.hashing import media
from vangnet.hashing.model import Convention, Decoded, MediaFormat
from vangnet.hashing.sandbox import Sandbox, features
from vangnet.hashing.wire import Job

FULL = frozenset({Convention.FULL})
PAUSE_SECONDS = 0.03


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    count = parser.parse_args().count
    media.prepare()
    print(features())
    print("| picture | in-process p50 | sandbox p50 | cost p50 | cost p95 | sandboxed, all cores |")
    print("| --- | --- | --- | --- | --- | --- |")
    with Sandbox() as sandbox:
        for width, height in ((320, 240), (1024, 768), (2000, 1500), (4000, 3000)):
            data = encoded(photo(width, width, height), "JPEG", quality=85)
            print(measured(sandbox, data, f"{width} x {height}", max(count * 320 // width, 10)), flush=True)


def measured(sandbox: Sandbox, data: bytes, name: str, count: int) -> str:
    job = Job(length=len(data), format=MediaFormat.JPEG, conventions=FULL, pixels=10**9, frames=1, seconds=60)
    here, there = [], []
    for _ in range(count):
        time.sleep(PAUSE_SECONDS)
        start = time.perf_counter()
        assert isinstance(media.hash_frames(data, job), Decoded)
        here.append((time.perf_counter() - start) * 1000)
        time.sleep(PAUSE_SECONDS)
        start = time.perf_counter()
        assert isinstance(sandbox.decode(data, MediaFormat.JPEG, FULL), Decoded)
        there.append((time.perf_counter() - start) * 1000)
    costs = sorted(there_ - here_ for there_, here_ in zip(there, here, strict=True))
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda _: sandbox.decode(data, MediaFormat.JPEG, FULL), range(count)))
    rate = count / (time.perf_counter() - start)
    cells = [
        name,
        f"{statistics.median(here):.1f} ms",
        f"{statistics.median(there):.1f} ms",
        f"{statistics.median(costs):.1f} ms",
        f"{costs[len(costs) * 95 // 100]:.1f} ms",
        f"{rate:.0f} a second",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
