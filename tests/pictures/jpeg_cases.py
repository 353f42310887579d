"""JPEG files for the DC-only reader: usual, made up, and damaged; and what Pillow makes of them.

Pillow decodes with libjpeg-turbo, which shares nothing with the reader.
"""

import io
import itertools
import random
import struct
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile

from pictures import encoded, photo
from pictures.jpeg_writer import Component, File, Scan, segment, written
from vangnet import _core
from vangnet.hashing.kinds import recognise
from vangnet.hashing.model import MediaFormat

MOST_PIXELS = 10**8


def eighth(data: bytes) -> tuple[np.ndarray, int] | str:
    """Ours: the pixels and the orientation, or the reason."""
    answer = _core.jpeg_eighth(data, MOST_PIXELS)
    if isinstance(answer, str):
        return answer
    luma, width, height, orientation = answer
    return np.frombuffer(luma, np.uint8).reshape(-(-height // 8), -(-width // 8)), orientation


def drafted(data: bytes) -> np.ndarray | None:
    """Theirs; None where they find fault with the file."""
    try:
        with warnings.catch_warnings():
            # Of EXIF that is no good Pillow warns, and goes on.
            warnings.simplefilter("ignore")
            return _drafted(data)
    except (OSError, SyntaxError, ValueError, struct.error, IndexError):
        return None


def _drafted(data: bytes) -> np.ndarray | None:
    with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as image:
        width, height = image.size
        if min(width, height) < 8:
            return np.asarray(_by_eight(data))
        image.draft("L", (width // 8, height // 8))
        assert image.size == (-(-width // 8), -(-height // 8))
        image.load()
        return np.asarray(image) if image.mode == "L" else None


def _by_eight(data: bytes) -> Image.Image:
    """The same for a picture with a side under 8, for which `draft` would choose a lesser scale."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "MPO")) as image:
        assert isinstance(image, ImageFile.ImageFile)
        width, height = image.size
        image.draft("L", None)
        image._size = (-(-width // 8), -(-height // 8))
        image.tile = [image.tile[0]._replace(extents=(0, 0, *image._size))]
        image.decoderconfig = (8, 0)
        image.load()
        return image.copy()


# --- usual files ------------------------------------------------------------------------------------------------------


def plain(width: int = 50, height: int = 40, **options: object) -> bytes:
    """A small photo."""
    return encoded(photo(3, width, height), "JPEG", quality=80, **options)


def with_segments(*segments: bytes) -> bytes:
    """A small photo with these segments first."""
    data = plain()
    return data[:2] + b"".join(segments) + data[2:]


def exif(orientation: int, *, big_endian: bool, kind: int = 3, count: int = 1, tag: int = 0x0112) -> bytes:
    """A segment of EXIF that tells an orientation."""
    form = ">" if big_endian else "<"
    start = b"MM\0*" if big_endian else b"II*\0"
    value = struct.pack(f"{form}HH", orientation, 0) if kind == 3 else struct.pack(f"{form}I", orientation)
    entry = struct.pack(f"{form}HHI", tag, kind, count) + value
    other = struct.pack(f"{form}HHII", 0x0100, 4, 1, 77)
    content = start + struct.pack(f"{form}IH", 8, 2) + other + entry + bytes(4)
    return segment(0xE1, b"Exif\0\0" + content)


# --- made up ----------------------------------------------------------------------------------------------------------


def made_up(rng: random.Random) -> File:
    """A file of any factors and scans whose luma is the finest."""
    width, height = rng.choice(((rng.randrange(1, 70), rng.randrange(1, 70)), (rng.randrange(1, 200), rng.randrange(1, 9))))
    count = rng.choice((1, 3, 3, 3))
    factors = [(rng.randrange(1, 5), rng.randrange(1, 5))]
    factors += [(rng.randrange(1, factors[0][0] + 1), rng.randrange(1, factors[0][1] + 1)) for _ in range(count - 1)]
    progressive = rng.random() < 0.5
    numbers = np.random.default_rng(rng.randrange(2**32))
    wide = rng.random() < 0.2
    step = rng.choice((1, 2, 3, 8, 16, 99, 254, 300 if wide else 17))
    steps = {number: [step + number, *rng.choices(range(1, 256), k=63)] for number in range(2)}
    strength = 1023 // step + 2
    components = []
    for place, (across, down) in enumerate(factors):
        rows = -(-height // (8 * factors[0][1])) * down
        columns = -(-width // (8 * factors[0][0])) * across
        blocks = numbers.integers(-strength, strength, (rows, columns, 64), endpoint=True)
        blocks[..., 1:] //= 3
        blocks[..., 1:] *= numbers.random((rows, columns, 63)) < rng.choice((0, 0.02, 0.3, 1))
        one = Component(id=rng.randrange(80) * 3 + place, across=across, down=down, blocks=blocks, table=int(place > 0))
        components.append(one)
    restart = rng.choice((0, 0, 1, 2, 7))
    return File(
        width=width,
        height=height,
        components=tuple(components),
        scans=tuple(_scans(rng, factors, restart, progressive=progressive)),
        frame=0xC2 if progressive else rng.choice((0xC0, 0xC1)),
        steps=steps,
        wide_steps=wide,
    )


def _scans(rng: random.Random, factors: list[tuple[int, int]], restart: int, *, progressive: bool) -> Iterator[Scan]:
    places = list(range(len(factors)))
    blocks = sum(across * down for across, down in factors)
    # An MCU has ten blocks at most.
    together = (
        [tuple(places)] if blocks <= 10 and rng.random() < 0.6 else [(place,) for place in rng.sample(places, len(places))]
    )
    if not progressive:
        yield from (Scan(components=some, restart=restart) for some in together)
        return
    low = rng.choice((0, 0, 1, 2, 3))
    yield from (Scan(components=some, last=0, low=low, restart=restart) for some in together)
    later = [Scan(components=(place,), first=1, last=63, restart=restart) for place in places]
    for place in places:
        middle = rng.randrange(1, 63)
        if rng.random() < 0.5:
            later.remove(Scan(components=(place,), first=1, last=63, restart=restart))
            later.append(Scan(components=(place,), first=1, last=middle, restart=restart))
            later.append(Scan(components=(place,), first=middle + 1, last=63, restart=restart))
    rng.shuffle(later)
    for high in range(low, 0, -1):
        yield from itertools.islice(later, 1)
        later = later[1:]
        together = together if rng.random() < 0.7 else [(place,) for place in places]
        yield from (Scan(components=some, last=0, high=high, low=high - 1, restart=restart) for some in together)
    yield from later


# --- damaged ----------------------------------------------------------------------------------------------------------


def bases() -> list[bytes]:
    """Files to damage: of each kind one, small, so that each part of them is hit."""
    files = [
        plain(**options)
        for options in (
            {},
            {"progressive": True},
            {"restart_marker_blocks": 2, "optimize": True},
            {"subsampling": 0, "exif": bytes(Image.Exif())},
        )
    ]
    files.append(with_segments(exif(6, big_endian=True)))
    for seed in range(12):
        rng = random.Random(seed)  # noqa: S311 (pictures)
        files.append(written(made_up(rng), rng))
    return files


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The file with a few bytes changed, put in, or taken out."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(content))
        # Half of all changes are among the headers, where most is decided.
        if rng.random() < 0.5:
            at = min(at, rng.randrange(len(content)))
        match rng.randrange(6):
            case 0:
                content[at] ^= 1 << rng.randrange(8)
            case 1:
                content[at] = rng.choice((0, 1, 255, rng.randrange(256)))
            case 2:
                del content[at : at + rng.choice((1, 2, 9, 30))]
            case 3:
                content[at:at] = rng.randbytes(rng.choice((1, 2, 9)))
            case 4:
                content[at : at + 2] = bytes(
                    [0xFF, rng.choice((0xC0, 0xC2, 0xC4, 0xD0, 0xD7, 0xD9, 0xDA, 0xDB, 0xDD, 0xFF, 0))]
                )
            case _:
                start = rng.randrange(len(content))
                piece = content[start : start + rng.randrange(1, 60)]
                content[at:at] = piece
        if not content:
            content = bytearray(data[:9])
    return bytes(content)


def judge(data: bytes) -> str:
    """What became of the file. What is read, Pillow reads the same."""
    ours = eighth(data)
    if isinstance(ours, str):
        assert ours != "failed"
        return ours
    assert recognise(data[:512]) is MediaFormat.JPEG
    theirs = drafted(data)
    assert theirs is not None, "a decoder finds fault with it"
    np.testing.assert_array_equal(ours[0], theirs)
    return "read"
