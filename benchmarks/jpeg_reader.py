"""How fast a JPEG becomes `full~` by the DC-only reader, beside python-threatexchange and Pillow's draft, in the same run.

    python benchmarks/jpeg_reader.py [--photos FOLDER] [--seeds 1 2 3] [--per-size N] [--repeat N]

Files are those of `hash_photo.py`, baseline and progressive. All times are processor time of one thread from the bytes of a
file on, the tools taking turns on the same file. Every file's eighth is compared with Pillow's before it is timed.
"""

import argparse
import io
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, show
from hash_photo import cut, photo, sources
from pictures import encoded
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

from vangnet import _core
from vangnet.hashing import jpeg
from vangnet.hashing.model import Decoded, Limits, MediaHash

#: Sides, and whether the file is progressive.
KINDS = {
    "12 MP baseline": ((4000, 3000), False),
    "12 MP progressive": ((4000, 3000), True),
    "2 MP progressive": ((1600, 1200), True),
    "1 MP baseline": ((1152, 864), False),
    "0.8 MP baseline": ((1024, 768), False),
    "0.5 MP baseline": ((800, 600), False),
}
QUALITIES = (75, 85, 90, 93)
#: By kind: how many times as fast as python-threatexchange, and as Pillow's draft.
GOALS = {
    "12 MP baseline": (40, 1),
    "12 MP progressive": (None, 5),
    "1 MP baseline": (15, None),
    "0.8 MP baseline": (15, None),
    "0.5 MP baseline": (15, None),
}
LIMITS = Limits()


def files(kind: str, seed: int, count: int, cut_from: list[Image.Image]) -> Iterator[bytes]:
    """JPEG files of that kind, the same each run."""
    size, progressive = KINDS[kind]
    rng = random.Random(f"{kind} {seed}")  # noqa: S311
    for number in range(count):
        picture = cut(rng.choice(cut_from), size, rng) if number % 2 else photo(1000 * seed + number, *size)
        subsampling = rng.choice((0, 2, 2))
        yield encoded(picture, "JPEG", quality=rng.choice(QUALITIES), subsampling=subsampling, progressive=progressive)


def drafted(data: bytes) -> bytes:
    """Pillow's decode at an eighth."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft("L", (image.width // 8, image.height // 8))
        return image.tobytes()


def eighth(data: bytes) -> bytes:
    """Ours."""
    answer = _core.jpeg_eighth(data, LIMITS.pixels)
    if isinstance(answer, str):
        raise TypeError(answer)
    return answer[0]


def screened(data: bytes) -> MediaHash:
    """`full~` as the gate has it."""
    answer = jpeg.read(data, LIMITS, cuts=False)
    if not isinstance(answer, Decoded):
        raise TypeError(answer)
    return answer.frames[0].transforms[0].hash()


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) / 1e6


def measured(data: bytes, repeat: int) -> dict[str, float]:
    """The best of some tries of each tool, taking turns."""
    if eighth(data) != drafted(data):
        raise AssertionError("the reader and libjpeg-turbo disagree")
    works: dict[str, Callable[[], object]] = {
        "peer": lambda: pdq_from_bytes(data),
        "draft": lambda: drafted(data),
        "reader": lambda: eighth(data),
        "full~": lambda: screened(data),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeat):
        for name, work in works.items():
            best[name] = min(best[name], milliseconds(work))
    return best


def rows(kind: str, times: dict[str, list[float]], megabytes: list[float]) -> list[Figure]:
    """The rows of one kind."""
    by_peer, by_draft = GOALS.get(kind, (None, None))
    what = f"{kind} JPEG of {statistics.median(megabytes):.2f} MB"
    return [
        Figure(
            what=f"{what} → `full~`", unit="ms", ours=times["full~"], peer="python-threatexchange", theirs=times["peer"],
            times=by_peer,
        ),
        Figure(
            what=f"{what} → `full~`", unit="ms", ours=times["full~"], peer="Pillow's draft, decoding alone",
            theirs=times["draft"], times=by_draft,
        ),
        Figure(
            what=f"{what}: reading an eighth alone", unit="ms", ours=times["reader"], peer="Pillow's draft",
            theirs=times["draft"],
        ),
    ]  # fmt: skip


def main() -> None:
    """Measures each kind with each seed, then prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--per-size", type=int, default=6, help="files of each kind and seed")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    arguments = parser.parse_args()
    cut_from = sources(arguments.photos)
    found = []
    for kind in arguments.kinds:
        times: dict[str, list[float]] = {name: [] for name in ("peer", "draft", "reader", "full~")}
        megabytes: list[float] = []
        for seed in arguments.seeds:
            one: list[dict[str, float]] = []
            for data in files(kind, seed, arguments.per_size, cut_from):
                megabytes.append(len(data) / 1e6)
                one.append(measured(data, arguments.repeat))
            for name, values in times.items():
                values.append(statistics.median(best[name] for best in one))
        found += rows(kind, times, megabytes)
    show(found)


if __name__ == "__main__":
    main()
