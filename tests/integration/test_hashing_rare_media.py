"""Forms of pictures that are rare, and that other tools trip over: depths, interlacing, EXIF beyond JPEG, long sides.

PNGs are put together here by hand, because Pillow writes few of their forms.
"""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from pictures import distance, encoded, photo, reference
from PIL import Image

from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention, Hashed, Limits, Outcome, Reason, Unhashable
from vangnet.hashing.sandbox import Sandbox

PHOTO = photo(7, 401, 300)
PIXELS = np.asarray(PHOTO)
GREY = np.asarray(PHOTO.convert("L"))
#: How a picture must lie in the file so that, turned as EXIF says, it stands upright (CIPA DC-008, 4.6.4).
LYING = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@pytest.fixture(scope="module")
def hasher() -> Iterator[Hasher]:
    with Sandbox(limits=Limits(pixels=8_000_000)) as sandbox:
        yield Hasher(sandbox)


def only_hash(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Hashed), outcome
    assert len(outcome.frames) == 1
    return outcome.frames[0].hashes()[Convention.FULL].hash


def png(samples: Samples, depth: int, colour: int, *, interlaced: bool = False) -> bytes:
    """A PNG (W3C, 2003) of these samples: rows, columns, channels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def rows(part: Samples) -> bytes:
        if depth == 16:
            return b"".join(b"\0" + row.astype(">u2").tobytes() for row in part)
        bits = (part.reshape(len(part), -1)[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        return b"".join(b"\0" + np.packbits(row.reshape(-1)).tobytes() for row in bits)

    height, width = samples.shape[:2]
    # Adam7: first row and column, then the steps, of each of the seven passes.
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    passes = adam7 if interlaced else [(0, 0, 1, 1)]
    body = b"".join(rows(samples[top::down, left::right]) for top, left, down, right in passes)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def of_depth(depth: int) -> tuple[bytes, Image.Image]:
    """A grey PNG of fewer bits, and what it shows."""
    samples = GREY >> (8 - depth)
    return png(samples, depth, 0), Image.fromarray(samples * (255 // (2**depth - 1)))


WIDE = PIXELS.astype(np.uint16) * 257
ALPHA = np.linspace(0, 65535, PIXELS.shape[1]).astype(np.uint16)[None, :, None] * np.ones(
    (PIXELS.shape[0], 1, 1), np.uint16
)
EXACT = {
    "1-bit grey": of_depth(1),
    "2-bit grey": of_depth(2),
    "4-bit grey": of_depth(4),
    "48-bit colour": (png(WIDE, 16, 2), PHOTO),
    "64-bit colour, opaque": (png(np.dstack([WIDE, np.full(GREY.shape, 65535, np.uint16)]), 16, 6), PHOTO),
    "interlaced colour": (png(PIXELS, 8, 2, interlaced=True), PHOTO),
    "interlaced 16-bit grey": (png(GREY.astype(np.uint16) * 257, 16, 0, interlaced=True), Image.fromarray(GREY)),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_png_of_any_form_hashes_as_what_it_shows(name: str, hasher: Hasher) -> None:
    data, shown = EXACT[name]
    assert only_hash(hasher.hash_bytes(data)) == reference(shown)[0]


def test_16_bits_of_transparency_lie_on_white_too(hasher: Hasher) -> None:
    share = ALPHA.astype(np.float64) / 65535
    shown = Image.fromarray((PIXELS * share + 255 * (1 - share)).round().astype(np.uint8))
    found = only_hash(hasher.hash_bytes(png(np.dstack([WIDE, ALPHA]), 16, 6)))
    assert distance(found, reference(shown)[0]) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_turns_other_formats_too(name: str, orientation: int, hasher: Hasher) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = PHOTO.transpose(LYING[orientation]) if orientation in LYING else PHOTO
    outcome = hasher.hash_bytes(encoded(image, name, exif=exif, **({"quality": 95} if name in {"WEBP", "AVIF"} else {})))
    assert distance(only_hash(outcome), reference(PHOTO)[0]) <= 6
    assert isinstance(outcome, Hashed)
    assert (outcome.width, outcome.height) == PHOTO.size


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "group4"])
def test_a_turned_tiff_is_upright_however_it_is_compressed(compression: str, hasher: Hasher) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    shown = PHOTO.convert("1").convert("L") if compression == "group4" else PHOTO
    lying = shown.transpose(LYING[8])
    data = encoded(lying.convert("1") if compression == "group4" else lying, "TIFF", exif=exif, compression=compression)
    assert only_hash(hasher.hash_bytes(data)) == reference(shown)[0]


def test_a_turned_heic_is_upright(hasher: Hasher) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    pillow_heif.from_pillow(PHOTO.transpose(Image.Transpose.ROTATE_90)).save(file, quality=95, exif=exif.tobytes())
    assert distance(only_hash(hasher.hash_bytes(file.getvalue())), reference(PHOTO)[0]) <= 6


def test_a_progressive_cmyk_jpeg_is_read(hasher: Hasher) -> None:
    data = encoded(PHOTO.convert("CMYK"), "JPEG", quality=95, progressive=True)
    assert distance(only_hash(hasher.hash_bytes(data)), reference(PHOTO)[0]) <= 4


@pytest.mark.parametrize("size", [(65_500, 60), (60, 65_500)])
def test_a_jpeg_as_long_as_jpeg_allows_is_hashed(size: tuple[int, int], hasher: Hasher) -> None:
    data = encoded(photo(5, *size), "JPEG", quality=80)
    with Image.open(io.BytesIO(data)) as image:
        assert only_hash(hasher.hash_bytes(data)) == reference(image)[0]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP"])
def test_a_small_file_that_claims_billions_of_pixels_is_too_large_at_once(name: str, hasher: Hasher) -> None:
    data = bytearray(encoded(PHOTO, name))
    width, height = struct.pack(">H", 401), struct.pack(">H", 300)
    # Where each format says its sides, and how.
    if name == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        assert data[at : at + 4] == height + width
        data[at : at + 4] = b"\xff\xdc\xff\xdc"
    elif name == "PNG":
        data[16:24] = struct.pack(">II", 60_000, 60_000)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif name == "GIF":
        data[6:10] = struct.pack("<HH", 65_000, 65_000)
    else:
        data[18:26] = struct.pack("<ii", 60_000, 60_000)
    outcome = hasher.hash_bytes(bytes(data))
    assert isinstance(outcome, Unhashable)
    assert outcome.reason is Reason.TOO_LARGE
