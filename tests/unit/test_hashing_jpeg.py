"""The DC-only JPEG reader against Pillow, which decodes with libjpeg-turbo: the same pixels, or a reason why not."""

import io
import itertools
import os
import random
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, packaged, photo
from pictures.jpeg_cases import bases, damaged, drafted, eighth, exif, judge, made_up, plain, with_segments
from pictures.jpeg_writer import Component, File, Scan, segment, written
from PIL import Image

from vangnet import _core

#: Y, Cb and Cr at these factors each, as Pillow names them.
SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
SIDES = [(1, 1), (1, 40), (40, 1), (7, 9), (8, 8), (9, 17), (16, 16), (31, 33), (64, 48), (127, 65), (250, 333)]


def assert_the_same(data: bytes, name: object) -> None:
    ours, theirs = eighth(data), drafted(data)
    assert theirs is not None, name
    assert not isinstance(ours, str), (name, ours)
    np.testing.assert_array_equal(ours[0], theirs, err_msg=str(name))


# --- what encoders write ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [*SUBSAMPLINGS, "grey"])
def test_every_pixel_is_libjpeg_turbo_s(subsampling: str, progressive: bool) -> None:
    for (number, (width, height)), quality in itertools.product(enumerate(SIDES), (5, 50, 75, 95, 100)):
        picture = photo(number, width, height)
        if subsampling == "grey":
            picture, options = picture.convert("L"), {}
        else:
            options = {"subsampling": SUBSAMPLINGS[subsampling]}
        for extra in ({}, {"optimize": True}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}):
            data = encoded(picture, "JPEG", quality=quality, progressive=progressive, **options, **extra)
            assert_the_same(data, (width, height, quality, extra))


def test_every_packaged_picture_is_read_as_libjpeg_turbo_reads_it() -> None:
    for (name, image), progressive in itertools.product(packaged(), (False, True)):
        data = encoded(image, "JPEG", quality=87, progressive=progressive)
        assert_the_same(data, (name, progressive))


def test_every_reference_picture_is_read_as_libjpeg_turbo_reads_it() -> None:
    folder = os.environ.get("VANGNET_TEST_VECTORS")
    if folder is None:
        pytest.skip("VANGNET_TEST_VECTORS names no folder")
    files = sorted(Path(folder).rglob("*.jp*g"))
    assert files
    for file in files:
        assert_the_same(file.read_bytes(), file.name)


def test_a_jpeg_that_holds_several_pictures_gives_the_first() -> None:
    two = encoded(photo(1, 400, 300), "MPO", save_all=True, append_images=[photo(2, 401, 300)])
    assert_the_same(two, "two pictures")


def test_noise_and_sharp_edges_are_read_as_libjpeg_turbo_reads_them() -> None:
    random_ = np.random.default_rng(4)
    noise = Image.fromarray(random_.integers(0, 256, (200, 300, 3), np.uint8))
    squares = Image.fromarray((np.indices((200, 300)).sum(0) // 9 % 2 * 255).astype(np.uint8))
    for picture, quality in itertools.product((noise, squares), (1, 60, 98, 100)):
        for progressive in (False, True):
            assert_the_same(encoded(picture, "JPEG", quality=quality, progressive=progressive), quality)


# --- what the standard allows -------------------------------------------------------------------------------------


def test_made_up_files_of_every_kind_are_read_as_libjpeg_turbo_reads_them() -> None:
    kinds: Counter[object] = Counter()
    for seed in range(400):
        rng = random.Random(seed)  # noqa: S311 (pictures)
        file = made_up(rng)
        data = written(file, rng)
        assert_the_same(data, f"seed {seed}")
        kinds[file.frame, len(file.components), len(file.scans[0].components), file.scans[0].restart > 0] += 1
    assert len(kinds) > 12, kinds


def test_pixels_of_means_beyond_all_bounds_are_libjpeg_turbo_s() -> None:
    rng = random.Random(9)  # noqa: S311 (pictures)
    means = [0, 1, -1, 1023, -1024, 1024, 2047, -2047, 300, -300, 900, -900, 1500, -1500, 511, -512]
    blocks = np.zeros((1, len(means), 64), np.int64)
    for step in (1, 3, 7, 8, 255, 1000, 32767):
        # Differences of more than 2047 are not for samples of 8 bits.
        blocks[0, :, 0] = means if step < 255 else [mean // 2 for mean in means]
        component = Component(id=1, across=1, down=1, blocks=blocks)
        file = File(
            width=8 * len(means),
            height=8,
            components=(component,),
            scans=(Scan(components=(0,), last=0), Scan(components=(0,), first=1)),
            frame=0xC2,
            steps={0: [step] * 64},
            wide_steps=step > 255,
        )
        data = written(file, rng)
        if not isinstance(eighth(data), str):
            assert_the_same(data, step)


# --- what is left to a decoder ------------------------------------------------------------------------------------


def made(**changes: object) -> bytes:
    """A small file of our own, with something changed."""
    rng = random.Random(1)  # noqa: S311 (pictures)
    blocks = np.random.default_rng(1).integers(-60, 60, (2, 3, 64))
    component = Component(id=1, across=1, down=1, blocks=blocks)
    fields: dict[str, object] = {
        "width": 24, "height": 16, "components": (component,), "scans": (Scan(components=(0,)),),
    }  # fmt: skip
    return written(File(**(fields | changes)), rng)  # type: ignore[arg-type]


def with_frame(data: bytes, marker: int) -> bytes:
    return data.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)


def with_sides(data: bytes, width: int, height: int) -> bytes:
    """The file with other sides in its header."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def colours(*ids: int, before: bytes = b"") -> bytes:
    blocks = np.zeros((2, 3, 64), np.int64)
    components = tuple(Component(id=id_, across=1, down=1, blocks=blocks) for id_ in ids)
    return made(components=components, scans=(Scan(components=tuple(range(len(ids)))),), before=before)


def factors(*pairs: tuple[int, int]) -> bytes:
    blocks = np.zeros((8, 12, 64), np.int64)
    parts = tuple(Component(id=at, across=a, down=d, blocks=blocks) for at, (a, d) in enumerate(pairs))
    return made(components=parts, scans=tuple(Scan(components=(place,)) for place in range(len(pairs))))


def steps_of(scans_: tuple[Scan, ...]) -> bytes:
    return made(frame=0xC2, scans=scans_)


ALL = Scan(components=(0,), first=1)
ADOBE_RGB = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
LEFT_TO_A_DECODER = [
    ("foreign", b""),
    ("foreign", b"\xff"),
    ("foreign", encoded(photo(3, 30, 30), "PNG")),
    ("arithmetic", with_frame(plain(), 0xC9)),
    ("arithmetic", with_frame(plain(), 0xCA)),
    ("lossless", with_frame(plain(), 0xC3)),
    ("hierarchical", with_frame(plain(), 0xC5)),
    ("hierarchical", with_frame(plain(), 0xCD)),
    ("precision", made(precision=12)),
    ("colours", encoded(photo(3, 30, 30).convert("CMYK"), "JPEG")),
    ("colours", colours(*b"RGB")),
    ("colours", colours(1, 2, 3, before=ADOBE_RGB)),
    ("colours", colours(1, 2)),
    ("sampling", factors((1, 1), (2, 1), (1, 1))),
    ("sampling", factors((2, 1), (1, 2), (1, 1))),
    ("sampling", factors((5, 1), (1, 1), (1, 1))),
    ("height_later", with_sides(plain(), 50, 0)),
    ("height_later", made().replace(b"\xff\xd9", segment(0xDC, b"\0\x10") + b"\xff\xd9")),
    ("missing_tables", made(steps={})),
    ("missing_tables", made(steps={2: [1] * 64})),
    ("missing_tables", plain().replace(b"\xff\xc4", b"\xff\xe5")),
    ("truncated", plain()[:-2]),
    ("truncated", with_sides(plain(), 1500, 65_000)),
    ("damaged", plain().replace(b"\xff\xd9", b"\0\0\xff\xd9")),
    ("scans", made(scans=(Scan(components=(0,)), Scan(components=(0,))))),
    ("scans", made(scans=(Scan(components=(0,), last=5),))),
    ("scans", steps_of((Scan(components=(0,), last=0),))),
    ("scans", steps_of((Scan(components=(0,), last=0, low=1), ALL))),
    ("scans", steps_of((Scan(components=(0,), last=0), Scan(components=(0,), first=1, low=1)))),
    ("scans", steps_of((Scan(components=(0,), last=0), Scan(components=(0,), last=0), ALL))),
    ("scans", steps_of((Scan(components=(0,), last=0, low=2), Scan(components=(0,), last=0, high=1), ALL))),
    ("orientation", plain().replace(b"\xff\xdb", segment(0xE1, b"Exif\0\0MM\0*") + b"\xff\xdb", 1)),
]


@pytest.mark.parametrize(
    ("reason", "data"), LEFT_TO_A_DECODER, ids=[f"{at} {r}" for at, (r, _) in enumerate(LEFT_TO_A_DECODER)]
)
def test_what_is_unusual_is_left_to_a_decoder(reason: str, data: bytes) -> None:
    assert eighth(data) == reason


def test_what_is_made_here_is_read_where_nothing_is_changed() -> None:
    assert_the_same(made(), "sequential")
    assert_the_same(steps_of((Scan(components=(0,), last=0), ALL)), "progressive")
    assert_the_same(colours(1, 2, 3), "colours")
    assert_the_same(factors((2, 2), (1, 2), (2, 1)), "factors")


def test_a_picture_of_more_pixels_than_allowed_is_not_looked_at() -> None:
    data = plain(50, 40)
    assert not isinstance(_core.jpeg_eighth(data, 2000), str)
    assert _core.jpeg_eighth(data, 1999) == "too_large"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_file_that_breaks_off_is_never_read(progressive: bool) -> None:
    data = plain(progressive=progressive, restart_marker_blocks=2)
    for length in range(len(data)):
        assert isinstance(eighth(data[:length]), str), length
    assert not isinstance(eighth(data + b"what follows the picture"), str)


# --- orientation --------------------------------------------------------------------------------------------------


def pillow_orientation(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        value = image.getexif().get(0x0112, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>%s</x:xmpmeta>"


@pytest.mark.parametrize("big_endian", [False, True])
def test_the_orientation_is_the_one_that_pillow_finds(big_endian: bool) -> None:
    found = set()
    for orientation in range(12):
        data = with_segments(exif(orientation, big_endian=big_endian))
        ours = eighth(data)
        assert not isinstance(ours, str)
        assert ours[1] == pillow_orientation(data)
        found.add(ours[1])
    assert found == set(range(1, 9))


def test_an_orientation_that_is_told_in_an_unusual_way_is_left_to_a_decoder() -> None:
    usual = exif(6, big_endian=True)
    in_xmp = segment(0xE1, XMP % b'<a tiff:Orientation="6"/>')
    for segments in (
        [usual, usual],
        [in_xmp],
        [exif(6, big_endian=True, kind=4)],
        [exif(6, big_endian=True, count=2)],
        [usual[:-14]],
    ):
        cut = [segment(0xE1, one[4:]) for one in segments]
        assert eighth(with_segments(*cut)) == "orientation"


def test_other_exif_and_xmp_turn_nothing() -> None:
    for segments in (
        [],
        [exif(6, big_endian=False, tag=0x0113)],
        [segment(0xE1, XMP % b"nothing about it")],
        [segment(0xE1, b"http://example.com/\0whatever")],
        [segment(0xE1, b"Exif\0\0")],
    ):
        data = with_segments(*segments)
        ours = eighth(data)
        assert not isinstance(ours, str)
        assert ours[1] == pillow_orientation(data) == 1
    both = with_segments(exif(6, big_endian=False), segment(0xE1, XMP % b'<a tiff:Orientation="3"/>'))
    assert eighth(both)[1] == pillow_orientation(both) == 6


# --- damage -------------------------------------------------------------------------------------------------------


def test_a_damaged_file_is_read_as_a_decoder_reads_it_or_left_to_one(seed: int) -> None:
    found: Counter[str] = Counter()
    files = bases()
    for number in range(6000):
        rng = random.Random(f"{seed} {number}")  # noqa: S311 (damage)
        data = damaged(rng.choice(files), rng)
        try:
            found[judge(data)] += 1
        except AssertionError as error:
            raise AssertionError(f"case {number} of seed {seed}") from error
    assert found["read"] > 100, found
    assert len(found) > 9, found
