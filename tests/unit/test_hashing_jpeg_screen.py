"""`full~` from means and slowest waves of a JPEG's blocks: how near it lies to the true hash, and when there is none."""

import io
import random
from collections.abc import Iterator

import numpy as np
import pytest
from pictures import distance, encoded, packaged, photo, reference
from pictures.jpeg_cases import drafted
from PIL import Image, ImageDraw, ImageOps

from vangnet import _core
from vangnet.hashing import jpeg
from vangnet.hashing.jpeg import Unread
from vangnet.hashing.model import SCREEN_QUALITY, SCREEN_RADIUS, Convention, Cut, Decoded, Limits

LIMITS = Limits()
#: `full~` may lie so far from `full` that nothing within 31 of the one is beyond its radius of the other.
MARGIN = SCREEN_RADIUS - 31
PHOTOGRAPHS = {"astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg"}


def read(data: bytes, *, cuts: bool = False) -> Decoded:
    answer = jpeg.read(data, LIMITS, cuts=cuts)
    assert isinstance(answer, Decoded), answer
    return answer


def true(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return reference(ImageOps.exif_transpose(image))[0]


def cuts_of_photographs(size: tuple[int, int]) -> Iterator[Image.Image]:
    rng = random.Random(f"{size}")  # noqa: S311 (pictures)
    for name, image in packaged():
        if name in PHOTOGRAPHS:
            part = min(image.width / size[0], image.height / size[1]) * rng.uniform(0.6, 1)
            left = rng.uniform(0, image.width - part * size[0])
            top = rng.uniform(0, image.height - part * size[1])
            box = (left, top, left + part * size[0], top + part * size[1])
            yield image.resize(size, Image.Resampling.LANCZOS, box=box)


@pytest.mark.parametrize(
    ("size", "progressive", "most"),
    [
        ((520, 520), False, 10), ((800, 600), False, 10), ((1024, 768), False, 8), ((1155, 1601), False, 6),
        ((1600, 1200), True, 10), ((2953, 3011), False, 6),
    ],
)  # fmt: skip
def test_nothing_within_31_of_the_true_hash_is_beyond_the_radius_of_the_near_one(
    size: tuple[int, int], progressive: bool, most: int
) -> None:
    distances = []
    for number, picture in enumerate([*cuts_of_photographs(size), *(photo(seed, *size) for seed in range(2))]):
        data = encoded(picture, "JPEG", quality=(70, 80, 90, 95)[number % 4], progressive=progressive)
        [transform] = read(data).frames[0].transforms
        assert transform.convention is Convention.SCREEN
        if transform.quality >= SCREEN_QUALITY:
            distances.append(distance(transform.hash().hash, true(data)))
    assert len(distances) >= 6
    # Two hashes within 31 and `most` of a third are within 31 + most of one another.
    assert max(distances) <= most < MARGIN


@pytest.mark.parametrize(("size", "progressive"), [((803, 615), False), ((615, 803), False), ((1305, 1160), True)])
def test_exif_turns_the_near_hash_too(size: tuple[int, int], progressive: bool) -> None:
    picture = photo(5, *size)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(picture, "JPEG", quality=90, exif=exif, progressive=progressive)
        answer = read(data)
        assert (answer.width, answer.height) == (size if orientation < 5 else size[::-1])
        assert distance(answer.frames[0].transforms[0].hash().hash, true(data)) <= 8


def test_waves_come_with_the_same_pixels() -> None:
    data = encoded(photo(1, 601, 777), "JPEG", quality=85)
    answer = _core.jpeg_screen(data, 10**9, 10**6)
    assert not isinstance(answer, str)
    by_waves, (luma, width, height, orientation) = answer
    assert by_waves is not None
    assert (width, height, orientation) == (601, 777, 1)
    assert luma == np.asarray(drafted(data)).tobytes()
    assert _core.jpeg_screen(data, 10**9, 601) == (None, answer[1])


def test_what_is_too_small_for_an_eighth_is_left_to_a_decoder() -> None:
    for size, progressive in (((384, 900), False), ((900, 384), False), ((1000, 1152), True), ((8, 8), False)):
        data = encoded(photo(1, *size), "JPEG", progressive=progressive)
        assert jpeg.read(data, LIMITS, cuts=False) is Unread.SMALL
    for size, progressive in (((385, 900), False), ((1153, 1200), True)):
        assert isinstance(jpeg.read(encoded(photo(1, *size), "JPEG", progressive=progressive), LIMITS, cuts=False), Decoded)


def test_limits_hold() -> None:
    data = encoded(photo(1, 500, 400), "JPEG")
    assert jpeg.read(data, Limits(bytes=len(data) - 1), cuts=False) is Unread.TOO_LARGE
    assert jpeg.read(data, Limits(pixels=500 * 400 - 1), cuts=False) is Unread.TOO_LARGE
    assert isinstance(jpeg.read(data, Limits(bytes=len(data), pixels=500 * 400), cuts=False), Decoded)


def test_every_reason_of_the_reader_is_known_here() -> None:
    # The words of the core, which its own test holds apart.
    words = set(Unread) - {Unread.FAILED, Unread.SMALL, Unread.CUTS}
    assert len(words) == 14
    assert _core.jpeg_screen(b"", 1, 1) in words


def barred(picture: Image.Image, share: float) -> Image.Image:
    ImageDraw.Draw(picture).rectangle((0, 0, picture.width, int(picture.height * share / 2)), fill="black")
    lowest = picture.height - int(picture.height * share / 2)
    ImageDraw.Draw(picture).rectangle((0, lowest, picture.width, picture.height), fill="black")
    return picture


def test_where_something_may_be_cut_off_a_small_picture_a_decoder_looks() -> None:
    for share in (0.1, 0.2, 0.5):
        data = encoded(barred(photo(2, 1024, 768), share), "JPEG", quality=80)
        assert jpeg.read(data, LIMITS, cuts=True) is Unread.CUTS
        assert isinstance(jpeg.read(data, LIMITS, cuts=False), Decoded)


def test_bars_of_a_large_picture_are_cut_off() -> None:
    data = encoded(barred(photo(2, 2960, 2960), 0.2), "JPEG", quality=80)
    found = [cut_out.cuts for cut_out in read(data, cuts=True).frames[0].cut_outs]
    assert (Cut.BARS,) in found
    assert read(data).frames[0].cut_outs == ()
