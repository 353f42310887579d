"""How fast a photo is hashed, beside python-threatexchange in the same run; and how near `full~` lies to `full`.

    python benchmarks/hash_photo.py [--photos FOLDER] [--seeds 1 2 3] [--per-size N] [--sizes 1 12]

Photos are generated (soft areas, edges, texture, grain, colour) and cut from the photographs that scikit-image carries, or
from the pictures in FOLDER. All times are of one thread, from the bytes of a JPEG to its hash, decoding included, tool
after tool on the same file, so that both meet the same machine. What decoding alone takes is measured beside them, with
the decoder that both use: no tool that decodes the whole picture can be faster than that.
"""

import argparse
import io
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from figures import Figure, percentile, show
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from pictures import distance, encoded, packaged, photo

from vangnet.hashing import jpeg, media
from vangnet.hashing.model import SCREEN_QUALITY, Convention, Decoded, Limits, MediaFormat
from vangnet.hashing.wire import Job

SIZES = {1: (1024, 1024), 3: (2000, 1500), 6: (3000, 2000), 12: (4000, 3000)}
QUALITIES = (75, 85, 90, 93)
PHOTOGRAPHS = {"astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg"}


def sources(folder: Path | None) -> list[Image.Image]:
    """Photographs to cut from."""
    if folder is None:
        return [image for name, image in packaged() if name in PHOTOGRAPHS]
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".jpg", ".png", ".webp"})
    return [Image.open(path).convert("RGB") for path in paths]


def photos(cut_from: list[Image.Image], megapixels: int, seed: int, count: int, *, only_cut: bool) -> Iterator[bytes]:
    """JPEG files of that size."""
    rng = random.Random(1000 * megapixels + seed)  # noqa: S311 (the same photos each run)
    size = SIZES[megapixels]
    for number in range(count):
        if only_cut or number % 3 == 2:
            picture = cut(rng.choice(cut_from), size, rng)
        else:
            picture = photo(100_000 * megapixels + 1000 * seed + number, *size)
        yield encoded(picture, "JPEG", quality=rng.choice(QUALITIES), subsampling=rng.choice((0, 2, 2)), progressive=False)


def cut(image: Image.Image, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A part of a picture, brought to `size`, with the grain that a camera adds."""
    width, height = size
    part = min(image.width / width, image.height / height) * rng.uniform(0.7, 1.0)
    wide, high = part * width, part * height
    left, top = rng.uniform(0, image.width - wide), rng.uniform(0, image.height - high)
    scaled = image.resize(size, Image.Resampling.LANCZOS, box=(left, top, left + wide, top + high))
    grain = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.choice((0, 2, 4)), (height, width, 1))
    return Image.fromarray((np.asarray(scaled) + grain).clip(0, 255).astype(np.uint8))


def ours(data: bytes, convention: Convention) -> Decoded:
    """In this process: what isolation costs is another benchmark."""
    job = Job(
        length=len(data),
        format=MediaFormat.JPEG,
        conventions=frozenset({convention}),
        pixels=10**9,
        frames=1,
        seconds=60,
    )
    answer = media.hash_frames(data, job)
    if not isinstance(answer, Decoded):
        raise TypeError(answer)
    return answer


def near(data: bytes) -> Decoded:
    """`full~`: read in this process where that can be, decoded where not."""
    answer = jpeg.read(data, Limits(), cuts=False)
    return answer if isinstance(answer, Decoded) else ours(data, Convention.SCREEN)


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def decoded(data: bytes) -> None:
    """Decoding alone, as `media` has it done."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.load()


class Measured:
    """What was measured of one size: medians and distances, a seed each."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {name: [] for name in ("peer", "full", "full~", "decode")}
        self.megabytes: list[float] = []
        self.near: list[list[int]] = []

    def add(self, files: Iterator[bytes], repeat: int, timed: int) -> None:
        """Measures the photos of one seed: the times of the first `timed`, the distances of all."""
        times: dict[str, list[float]] = {name: [] for name in self.times}
        self.near.append([])
        for number, data in enumerate(files):
            true = ours(data, Convention.FULL).frames[0].transforms[0]
            other = near(data).frames[0].transforms[0]
            if other.quality >= SCREEN_QUALITY:
                self.near[-1].append(distance(true.hash().hash, other.hash().hash))
            if number >= timed:
                continue
            if pdq_from_bytes(data)[0] != true.hash().hash.hex():
                raise AssertionError("python-threatexchange and the true hash disagree")
            self.megabytes.append(len(data) / 1e6)
            for name, best in best_of(repeat, data).items():
                times[name].append(best)
        for name, values in times.items():
            if values:
                self.times[name].append(statistics.median(values))


def best_of(repeat: int, data: bytes) -> dict[str, float]:
    """The best of some tries, the tools taking turns."""
    works: dict[str, Callable[[], object]] = {
        "peer": lambda: pdq_from_bytes(data),
        "full": lambda: ours(data, Convention.FULL),
        "full~": lambda: near(data),
        "decode": lambda: decoded(data),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeat):
        for name, work in works.items():
            best[name] = min(best[name], milliseconds(work))
    return best


def speed_rows(megapixels: int, found: Measured) -> list[Figure]:
    """The rows of one size."""
    peer, times = "python-threatexchange", found.times
    kind = f"{megapixels} MP JPEG of {statistics.median(found.megabytes):.1f} MB"
    goals: dict[str, dict[int, float]] = {"full": {1: 8, 12: 5}, "full~": {12: 15}}
    rows = [
        Figure(
            what=f"{kind} → {'true `full`' if name == 'full' else '`full~`'}",
            unit="ms",
            ours=times[name],
            peer=peer,
            theirs=times["peer"],
            times=goals[name].get(megapixels),
        )
        for name in ("full", "full~")
    ]
    share = [100 * decode / full for decode, full in zip(times["decode"], times["full"], strict=True)]
    bound = Figure(
        what="decoding alone: no whole decode can be faster",
        unit="ms",
        ours=times["decode"],
        peer=peer,
        theirs=times["peer"],
    )
    return [*rows, bound, Figure(what="its share of true `full`", unit="%", ours=share)]


def nearness_rows(what: str, by_seed: list[list[int]]) -> list[Figure]:
    """How far `full~` lies from `full`."""
    everything = [bits for distances in by_seed for bits in distances]
    if not everything:
        return []
    name = f"`full~` beside `full`, {what}, quality ≥ {SCREEN_QUALITY}, {len(everything)} photos"
    medians = [float(statistics.median(distances)) for distances in by_seed if distances]
    return [
        Figure(what=f"{name}: median", unit="bits", ours=medians, at_most=2),
        Figure(what="p99", unit="bits", ours=[percentile(everything, 99)], at_most=8),
        Figure(what="most", unit="bits", ours=[max(everything)]),
    ]


def main() -> None:
    """Measures each size with each seed, then prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--per-size", type=int, default=14, help="photos of each size and seed")
    parser.add_argument("--timed", type=int, default=4, help="of which so many are timed")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), choices=list(SIZES))
    arguments = parser.parse_args()
    media.prepare()
    cut_from = sources(arguments.photos)
    speed, nearness, everything = [], [], []
    for megapixels in arguments.sizes:
        found = Measured()
        # Of the smallest only the times are of interest: screening is for large ones.
        count = arguments.per_size if megapixels > 1 else arguments.timed
        for seed in arguments.seeds:
            files = photos(cut_from, megapixels, seed, count, only_cut=arguments.photos is not None)
            found.add(files, arguments.repeat, arguments.timed)
        speed += speed_rows(megapixels, found)
        if megapixels > 1:
            nearness += nearness_rows(f"{megapixels} MP", found.near)
            everything += found.near
    show([*speed, *nearness, *nearness_rows("all of them", everything)])


if __name__ == "__main__":
    main()
