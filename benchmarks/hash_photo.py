"""How fast a photo is hashed, beside python-threatexchange in the same run; and how near `full~` lies to `full`.

    python benchmarks/hash_photo.py [--photos FOLDER] [--per-size N] [--repeat N] [--only speed|nearness]

Photos are generated (soft areas, edges, texture, grain, colour), or cut from the pictures in FOLDER. All times are of one
thread, from the bytes of a JPEG to its hash, decoding included, tool after tool on the same file, so that both meet the
same machine.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from pictures import distance, encoded, photo

from vangnet.hashing import media
from vangnet.hashing.model import SCREEN_QUALITY, Convention, Decoded, MediaFormat
from vangnet.hashing.wire import Job

SIZES = {1: (1024, 1024), 3: (2000, 1500), 6: (3000, 2000), 12: (4000, 3000)}
QUALITIES = (75, 85, 90, 93)


def photos(folder: Path | None, megapixels: int, count: int) -> Iterator[bytes]:
    """JPEG files of that size."""
    rng = random.Random(megapixels)  # noqa: S311 (the same photos each run)
    size = SIZES[megapixels]
    sources = sorted(path for path in folder.rglob("*") if path.suffix in {".jpg", ".png", ".webp"}) if folder else []
    for number in range(count):
        if sources:
            with Image.open(sources[number % len(sources)]) as image:
                picture = cut(image.convert("RGB"), size, rng)
        else:
            picture = photo(1000 * megapixels + number, *size)
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
    assert isinstance(answer, Decoded)
    return answer


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def speed(folder: Path | None, per_size: int, repeat: int) -> None:
    print("| JPEG → hash, one thread | python-threatexchange | true `full` | ratio | `full~` | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for megapixels in SIZES:
        peer, true, near = [], [], []
        sizes = []
        for data in photos(folder, megapixels, per_size):
            sizes.append(len(data))
            best = [1e9, 1e9, 1e9]
            for _ in range(repeat):
                best[0] = min(best[0], milliseconds(lambda data=data: pdq_from_bytes(data)))
                best[1] = min(best[1], milliseconds(lambda data=data: ours(data, Convention.FULL)))
                best[2] = min(best[2], milliseconds(lambda data=data: ours(data, Convention.SCREEN)))
            peer.append(best[0])
            true.append(best[1])
            near.append(best[2])
            assert pdq_from_bytes(data)[0] == ours(data, Convention.FULL).frames[0].transforms[0].hash().hash.hex()
        cells = [
            f"{megapixels} MP, {statistics.median(sizes) / 1000:.0f} kB, {len(peer)} photos",
            f"{statistics.median(peer):.1f} ms",
            f"{statistics.median(true):.1f} ms",
            f"{statistics.median(p / t for p, t in zip(peer, true, strict=True)):.1f}x",
            f"{statistics.median(near):.1f} ms",
            f"{statistics.median(p / n for p, n in zip(peer, near, strict=True)):.1f}x",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def nearness(folder: Path | None, per_size: int) -> None:
    print("\n| `full~` beside `full` | photos | median | p99 | most |")
    print("| --- | --- | --- | --- | --- |")
    everything: list[int] = []
    for megapixels in (3, 6, 12):
        distances = []
        for data in photos(folder, megapixels, per_size):
            true = ours(data, Convention.FULL).frames[0].transforms[0]
            near = ours(data, Convention.SCREEN).frames[0].transforms[0]
            if near.quality >= SCREEN_QUALITY:
                distances.append(distance(true.hash().hash, near.hash().hash))
        everything += distances
        print(row(f"{megapixels} MP, quality ≥ {SCREEN_QUALITY}", distances), flush=True)
    print(row("all", everything))


def row(name: str, distances: list[int]) -> str:
    if not distances:
        return f"| {name} | 0 | | | |"
    middle, p99 = np.percentile(distances, 50), np.percentile(distances, 99)
    return f"| {name} | {len(distances)} | {middle:.0f} bits | {p99:.0f} bits | {max(distances)} bits |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--per-size", type=int, default=36)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=("speed", "nearness"))
    arguments = parser.parse_args()
    media.prepare()
    if arguments.only != "nearness":
        speed(arguments.photos, min(arguments.per_size, 8), arguments.repeat)
    if arguments.only != "speed":
        nearness(arguments.photos, arguments.per_size)


if __name__ == "__main__":
    main()
