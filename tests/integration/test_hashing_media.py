"""Every format through the sandbox, against `pdqhash` on pixels that are brought into the one form here, another way."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
import pillow_heif
import pytest
from pictures import distance, encoded, photo, reference
from PIL import Image

from vangnet.hashing.hasher import Hasher
from vangnet.hashing.model import Convention, Digests, Frame, Hashed, Limits, MediaFormat, Outcome, Reason, Unhashable
from vangnet.hashing.sandbox import Sandbox

PHOTO = photo(7, 401, 300)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(frames=5, pixels=5_000_000)) as sandbox:
        yield sandbox


@pytest.fixture
def hasher(sandbox: Sandbox) -> Hasher:
    return Hasher(sandbox)


def full(frame: Frame) -> bytes:
    return frame.hashes()[Convention.FULL].hash


def only_hash(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Hashed), outcome
    assert len(outcome.frames) == 1
    return full(outcome.frames[0])


def as_16_bit_png(grey: np.ndarray) -> bytes:
    """A 16-bit grey PNG, each sample 257 times the 8-bit one, put together by hand."""
    height, width = grey.shape

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in grey)
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def oriented(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "JPEG", quality=95, exif=exif)


# --- formats that lose nothing: equal to the reference, bit for bit -----------------------------------------------

EXACT = {
    "png": encoded(PHOTO, "PNG"),
    "png with alpha": encoded(PHOTO.convert("RGBA"), "PNG"),
    "bmp": encoded(PHOTO, "BMP"),
    "tiff": encoded(PHOTO, "TIFF"),
    "tiff, deflated": encoded(PHOTO, "TIFF", compression="tiff_deflate"),
    "webp, lossless": encoded(PHOTO, "WEBP", lossless=True, exact=True),
}


@pytest.mark.parametrize("name", EXACT)
def test_what_loses_nothing_hashes_as_the_picture_itself(name: str, hasher: Hasher) -> None:
    assert only_hash(hasher.hash_bytes(EXACT[name])) == reference(PHOTO)[0]


GREY = PHOTO.convert("L")
GREYS = {
    "grey png": (encoded(GREY, "PNG"), GREY),
    "grey png with alpha": (encoded(GREY.convert("LA"), "PNG"), GREY),
    "16-bit png": (as_16_bit_png(np.asarray(GREY)), GREY),
    "16-bit tiff": (encoded(Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257), "TIFF"), GREY),
    "1-bit png": (encoded(GREY.convert("1"), "PNG"), GREY.convert("1").convert("L")),
    "1-bit tiff, group 4": (encoded(GREY.convert("1"), "TIFF", compression="group4"), GREY.convert("1").convert("L")),
}


@pytest.mark.parametrize("name", GREYS)
def test_greys_of_all_depths_hash_as_their_8_bits(name: str, hasher: Hasher) -> None:
    data, plain = GREYS[name]
    assert only_hash(hasher.hash_bytes(data)) == reference(plain)[0]


def test_32_bits_a_pixel_are_stretched_from_darkest_to_brightest(hasher: Hasher) -> None:
    numbers = np.asarray(GREY).astype(np.float32)
    outcome = hasher.hash_bytes(encoded(Image.fromarray(numbers * 1000 - 5), "TIFF"))
    stretched = (numbers - numbers.min()) * (255 / np.ptp(numbers))
    assert distance(only_hash(outcome), reference(Image.fromarray(stretched.astype(np.uint8)))[0]) <= 4


@pytest.mark.parametrize("colours", [2, 4, 16, 256])
def test_a_palette_is_looked_up(colours: int, hasher: Hasher) -> None:
    palette = PHOTO.quantize(colours)
    expected = reference(palette.convert("RGB"))[0]
    assert only_hash(hasher.hash_bytes(encoded(palette, "PNG"))) == expected
    assert only_hash(hasher.hash_bytes(encoded(palette, "GIF"))) == expected


def test_transparent_parts_lie_on_white(hasher: Hasher) -> None:
    mask = Image.linear_gradient("L").resize(PHOTO.size)
    through = PHOTO.copy()
    through.putalpha(mask)
    weights = np.asarray(mask, np.float64)[..., None] / 255
    on_white = np.asarray(PHOTO) * weights + 255 * (1 - weights)
    expected = reference(Image.fromarray(on_white.round().astype(np.uint8)))[0]
    for data in (encoded(through, "PNG"), encoded(through, "WEBP", lossless=True, exact=True)):
        assert distance(only_hash(hasher.hash_bytes(data)), expected) <= 4


def test_a_transparent_colour_of_a_palette_lies_on_white(hasher: Hasher) -> None:
    palette = PHOTO.quantize(8)
    expected = palette.convert("RGB")
    white = np.asarray(expected).copy()
    white[np.asarray(palette) == 3] = 255
    outcome = hasher.hash_bytes(encoded(palette, "PNG", transparency=3))
    assert only_hash(outcome) == reference(Image.fromarray(white))[0]


# --- JPEG ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 2}, {"restart_marker_rows": 1}, {"quality": 10}],
    ids=str,
)
def test_a_jpeg_hashes_as_its_decoded_pixels(options: dict[str, object], hasher: Hasher) -> None:
    data = encoded(PHOTO, "JPEG", **options)
    with Image.open(io.BytesIO(data)) as image:
        assert only_hash(hasher.hash_bytes(data)) == reference(image)[0]


def test_a_grey_jpeg_hashes_as_its_decoded_pixels(hasher: Hasher) -> None:
    data = encoded(GREY, "JPEG", quality=90)
    with Image.open(io.BytesIO(data)) as image:
        assert only_hash(hasher.hash_bytes(data)) == reference(image)[0]


def test_a_cmyk_jpeg_hashes_like_the_picture_it_shows(hasher: Hasher) -> None:
    data = encoded(PHOTO.convert("CMYK"), "JPEG", quality=95)
    assert distance(only_hash(hasher.hash_bytes(data)), reference(PHOTO)[0]) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_before_it_is_hashed(orientation: int, hasher: Hasher) -> None:
    # How a picture must lie in the file so that, turned as EXIF says, it stands upright (CIPA DC-008, 4.6.4).
    lying = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = PHOTO.transpose(lying[orientation]) if orientation in lying else PHOTO
    outcome = hasher.hash_bytes(oriented(image, orientation))
    assert distance(only_hash(outcome), reference(PHOTO)[0]) <= 4
    assert isinstance(outcome, Hashed)
    assert (outcome.width, outcome.height) == PHOTO.size


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_turns_the_screen_too(orientation: int, hasher: Hasher) -> None:
    data = oriented(photo(2, 1601, 1303), orientation)
    true = only_hash(hasher.hash_bytes(data))
    outcome = hasher.hash_bytes(data, frozenset({Convention.SCREEN}))
    assert isinstance(outcome, Hashed)
    assert distance(outcome.frames[0].hashes()[Convention.SCREEN].hash, true) <= 8


def test_the_second_picture_of_a_jpeg_with_two_counts_for_nothing(hasher: Hasher) -> None:
    two = encoded(PHOTO, "MPO", save_all=True, append_images=[photo(8, 401, 300)], quality=90)
    with Image.open(io.BytesIO(two)) as image:
        assert only_hash(hasher.hash_bytes(two)) == reference(image)[0]


# --- newer formats ------------------------------------------------------------------------------------------------


def test_heic_is_read(hasher: Hasher) -> None:
    file = io.BytesIO()
    pillow_heif.from_pillow(PHOTO).save(file, quality=95)
    outcome = hasher.hash_bytes(file.getvalue())
    assert distance(only_hash(outcome), reference(PHOTO)[0]) <= 6
    assert isinstance(outcome, Hashed)
    assert outcome.format is MediaFormat.HEIF


@pytest.mark.parametrize("size", [(401, 300), (1500, 1200)])
def test_avif_is_read(size: tuple[int, int], hasher: Hasher) -> None:
    image = photo(4, *size)
    outcome = hasher.hash_bytes(encoded(image, "AVIF", quality=90))
    assert distance(only_hash(outcome), reference(image)[0]) <= 6
    assert isinstance(outcome, Hashed)
    assert outcome.format is MediaFormat.AVIF


# --- animations ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes() -> list[Image.Image]:
    return [photo(seed, 200, 160).quantize(64).convert("RGB") for seed in range(12)]


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_frames_are_sampled_evenly_and_each_is_hashed(name: str, scenes: list[Image.Image], hasher: Hasher) -> None:
    options: dict[str, object] = {"lossless": True, "exact": True} if name == "WEBP" else {}
    if name != "TIFF":
        options["duration"] = 40
    data = encoded(scenes[0], name, save_all=True, append_images=scenes[1:], **options)
    outcome = hasher.hash_bytes(data)
    assert isinstance(outcome, Hashed)
    assert outcome.frames_total == 12
    assert [frame.index for frame in outcome.frames] == [0, 2, 5, 8, 11]
    for frame in outcome.frames:
        assert distance(full(frame), reference(scenes[frame.index])[0]) <= 4


def test_an_animation_that_breaks_off_gives_the_frames_before_and_says_damaged(
    scenes: list[Image.Image], hasher: Hasher
) -> None:
    data = encoded(scenes[0], "GIF", save_all=True, append_images=scenes[1:], duration=40)
    outcome = hasher.hash_bytes(data[: len(data) // 2])
    assert isinstance(outcome, Unhashable)
    assert outcome.reason is Reason.DAMAGED
    assert distance(full(outcome.frames[0]), reference(scenes[0])[0]) <= 4


# --- what is not hashed -------------------------------------------------------------------------------------------


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", data)
    return file.getvalue()


PNG = encoded(PHOTO, "PNG")
REASONS = {
    "nothing": (b"", Reason.NOT_MEDIA),
    "text": (b"Dear all,\n" * 100, Reason.NOT_MEDIA),
    "page": (b"<!DOCTYPE html><title>x</title>", Reason.NOT_MEDIA),
    "mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(100), Reason.VIDEO),
    "quicktime": (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + bytes(100), Reason.VIDEO),
    "webm": (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01" + bytes(100), Reason.VIDEO),
    "avi": (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(100), Reason.VIDEO),
    "transport stream": ((b"\x47" + bytes(187)) * 4, Reason.VIDEO),
    "zip": (zipped(PNG), Reason.ARCHIVE),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(20), Reason.ARCHIVE),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(20), Reason.ARCHIVE),
    "rar": (b"Rar!\x1a\x07\x01\x00" + bytes(20), Reason.ARCHIVE),
    "tar": (bytes(257) + b"ustar\x0000" + bytes(300), Reason.ARCHIVE),
    "jpeg xl": (b"\xff\x0a" + bytes(50), Reason.UNSUPPORTED),
    "jpeg 2000": (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(50), Reason.UNSUPPORTED),
    "only a beginning": (PNG[:60], Reason.DAMAGED),
    "a jpeg that is none": (b"\xff\xd8\xff\xe0" + bytes(500), Reason.DAMAGED),
    "a bitmap that is none": (encoded(PHOTO, "BMP")[:40], Reason.DAMAGED),
    "heif without a picture": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(30), Reason.DAMAGED),
    "1x1": (encoded(Image.new("RGB", (1, 1)), "JPEG"), Reason.TOO_SMALL),
    "4 high": (encoded(Image.new("RGB", (4000, 4)), "PNG"), Reason.TOO_SMALL),
    "too many pixels": (encoded(Image.new("1", (3000, 2000)), "PNG"), Reason.TOO_LARGE),
    "flat": (encoded(Image.new("RGB", (500, 400), (90, 120, 70)), "JPEG"), Reason.LOW_QUALITY),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_is_not_hashed_says_why_and_has_its_digests(name: str, hasher: Hasher) -> None:
    data, reason = REASONS[name]
    outcome = hasher.hash_bytes(data)
    assert isinstance(outcome, Unhashable)
    assert outcome.reason is reason
    assert outcome.digests == Digests.of(data)


def test_a_hash_of_low_quality_is_given_all_the_same(hasher: Hasher) -> None:
    outcome = hasher.hash_bytes(REASONS["flat"][0])
    assert isinstance(outcome, Unhashable)
    assert outcome.frames[0].hashes()[Convention.FULL].quality < 50


def test_a_jpeg_that_breaks_off_is_damaged_and_hashed_as_far_as_it_goes(hasher: Hasher) -> None:
    data = encoded(PHOTO, "JPEG", quality=90)
    outcome = hasher.hash_bytes(data[: len(data) * 97 // 100])
    assert isinstance(outcome, Unhashable)
    assert outcome.reason is Reason.DAMAGED
    assert distance(full(outcome.frames[0]), reference(PHOTO)[0]) <= 31


def test_every_convention_asked_for_is_given_and_stamped(hasher: Hasher) -> None:
    image = photo(9, 900, 700)
    wanted = frozenset({Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512})
    outcome = hasher.hash_bytes(encoded(image, "PNG"), wanted)
    assert isinstance(outcome, Hashed)
    hashes = outcome.frames[0].hashes()
    assert set(hashes) == wanted
    assert all(hash_.convention is convention for convention, hash_ in hashes.items())
    small = image.copy()
    small.thumbnail((512, 512))
    assert hashes[Convention.THUMBNAIL512].hash == reference(small)[0]
    rows, columns = np.arange(512) * 700 // 512, np.arange(512) * 900 // 512
    nearest = Image.fromarray(np.asarray(image)[rows][:, columns])
    assert hashes[Convention.FLOOR512].hash == reference(nearest)[0]


def test_hashes_and_digests_are_in_no_repr(hasher: Hasher) -> None:
    outcome = hasher.hash_bytes(PNG)
    assert isinstance(outcome, Hashed)
    shown = repr(outcome) + repr(outcome.frames[0].hashes())
    digests = outcome.digests
    for secret in (only_hash(outcome), digests.md5, digests.sha1, digests.sha256):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
