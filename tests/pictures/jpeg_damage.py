"""Damage to JPEG files: bytes, segments, scans and pieces of other files, as seldom alike as can be."""

import itertools
import random
import struct

from PIL import Image

from pictures import encoded, packaged, photo
from pictures.jpeg_cases import bases, damaged

#: All that mean something in a JPEG, and a few that mean nothing.
_MARKERS = (*range(0xC0, 0xE3), 0xEE, 0xEF, 0xFE, 0x01, 0x02, 0x00, 0xFF)


def files() -> list[bytes]:
    """Whole files of many kinds: those of `bases`, and photographs as libjpeg-turbo writes them in all its ways."""
    found = bases()
    pictures = [image for _, image in packaged()]
    for number in range(24):
        rng = random.Random(number)  # noqa: S311 (pictures)
        sides = (rng.randrange(8, 160), rng.randrange(8, 160))
        picture = pictures[number % len(pictures)].resize(sides) if number % 3 else photo(number, *sides)
        options: dict[str, object] = {
            "quality": rng.choice((1, 20, 50, 75, 90, 95, 100)),
            "subsampling": rng.choice((0, 1, 2)),
            "progressive": rng.random() < 0.4,
            "optimize": rng.random() < 0.5,
            **rng.choice(({}, {"restart_marker_blocks": rng.randrange(1, 9)}, {"restart_marker_rows": 1})),
            **rng.choice(({}, {"comment": b"\xff\xd9" * 9}, {"exif": Image.Exif()}, {"dpi": (72, 72)})),
        }
        found.append(encoded(picture.convert(rng.choice(("RGB", "RGB", "L"))), "JPEG", **options))
    # Wide enough for waves to be screened by.
    for sides in ((390, 400), (520, 385), (385, 600), (800, 400)):
        found += [encoded(photo(7, *sides), "JPEG", quality=quality) for quality in (5, 60)]
    found.append(encoded(photo(9, 1160, 1153).convert("L"), "JPEG", quality=5, progressive=True))
    found.append(encoded(photo(8, 60, 50).convert("CMYK"), "JPEG"))
    return found


def wrecked(known: list[bytes], rng: random.Random) -> bytes:
    """One of the `known` files, damaged in one or two ways."""
    data = rng.choice(known)
    for _ in range(rng.choice((1, 1, 2))):
        match rng.randrange(9):
            case 0 | 1:
                data = damaged(data, rng)
            case 2:
                data = data[: rng.randrange(2, len(data) + 1)]
            case 3:
                data = _wrong_length(data, rng)
            case 4:
                data = _soup(data, rng)
            case 5:
                data = _spliced(data, rng.choice(known), rng)
            case 6:
                data = _other_sides(data, rng)
            case 7:
                data = _other_scans(data, rng)
            case _:
                data = _mixed(data, rng)
    return data


def _places(data: bytes) -> list[int]:
    """Where segments begin: their 0xff, as far as the lengths lead and one after each scan."""
    places, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        places.append(at)
        scan = data[at + 1] == 0xDA
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        while scan and at + 1 < len(data) and (data[at] != 0xFF or data[at + 1] in {0, *range(0xD0, 0xD8)}):
            at += 1
    return places


def _wrong_length(data: bytes, rng: random.Random) -> bytes:
    places = _places(data)
    if not places:
        return data
    at = rng.choice(places) + 2
    length = rng.choice((0, 1, 2, 3, 0xFFFF, rng.randrange(1 << 16), max(0, int.from_bytes(data[at : at + 2]) - 1)))
    return data[:at] + struct.pack(">H", length) + data[at + 2 :]


def _soup(data: bytes, rng: random.Random) -> bytes:
    """Markers anywhere, with and without content."""
    places = [*_places(data), rng.randrange(2, len(data) + 1)] if len(data) > 2 else [0]
    for _ in range(rng.randrange(1, 9)):
        at = rng.choice(places)
        content = rng.choice((b"", struct.pack(">H", 2), struct.pack(">H", 7) + rng.randbytes(5)))
        data = data[:at] + b"\xff" * rng.randrange(1, 4) + bytes([rng.choice(_MARKERS)]) + content + data[at:]
    return data


def _spliced(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """The segments of one file before those of another, or a piece of one within the other."""
    mine, its = _places(data), _places(other)
    if mine and its and rng.random() < 0.7:
        return data[: rng.choice(mine)] + other[rng.choice(its) :]
    start = rng.randrange(len(other) + 1)
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[start : start + rng.randrange(1, 400)] + data[at:]


def _other_sides(data: bytes, rng: random.Random) -> bytes:
    """The frame promises another picture."""
    for at in _places(data):
        if data[at + 1] in {0xC0, 0xC1, 0xC2} and at + 11 <= len(data):
            content = bytearray(data)
            side = rng.choice((0, 1, 7, 8, 9, 64, 0x7FFF, 0xFFFF, rng.randrange(1, 300)))
            both = rng.random() < 0.3
            for which in (5, 7) if both else (rng.choice((5, 7)),):
                content[at + which : at + which + 2] = struct.pack(">H", side)
            if rng.random() < 0.3:
                content[at + 11 : at + 12] = bytes(
                    [rng.choice((0x11, 0x12, 0x21, 0x22, 0x41, 0x14, 0x44, 0x13, 0x00, 0x51))]
                )
            return bytes(content)
    return data


def _other_scans(data: bytes, rng: random.Random) -> bytes:
    """Scans change places, come twice, go, or tell of other coefficients."""
    starts = [*_places(data), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(starts)]
    scans = [number for number, piece in enumerate(pieces) if piece[1] in {0xDA, 0xC4}]
    if not scans:
        return data
    one, two = rng.choice(scans), rng.choice(scans)
    match rng.randrange(4):
        case 0:
            pieces[one], pieces[two] = pieces[two], pieces[one]
        case 1:
            pieces.insert(two, pieces[one])
        case 2:
            del pieces[one]
        case _:
            piece = bytearray(pieces[one])
            end = 2 + int.from_bytes(piece[2:4])
            if piece[1] == 0xDA and 7 < end <= len(piece):
                first = rng.choice((0, 0, 1, 2, 63, 64, 255))
                piece[end - 3 : end] = bytes(
                    [first, rng.choice((0, 1, 5, 63, 64)), rng.randrange(256) & rng.choice((0, 17, 255))]
                )
            pieces[one] = bytes(piece)
    return data[: starts[0]] + b"".join(pieces)


def _mixed(data: bytes, rng: random.Random) -> bytes:
    """Coded bytes of noise, of ones, or with restart markers where none belong."""
    at = rng.randrange(min(2, len(data)), len(data) + 1)
    length = rng.randrange(1, 300)
    piece = rng.choice(
        (
            rng.randbytes(length).replace(b"\xff", b"\xff\x00"),
            b"\xff\x00" * length,
            bytes(length),
            b"".join(bytes([0xFF, 0xD0 + number % 8]) + rng.randbytes(3) for number in range(length // 5)),
        )
    )
    return data[:at] + piece + data[at + rng.choice((0, len(piece))) :]
