"""How much farther `full~` is looked up than `full`: enough for what changed sides, and no more than it need be."""

import array

import pytest
from pictures import distance, encoded, photo

from vangnet.hashing import jpeg, media
from vangnet.hashing.model import SCREEN_RADIUS, Convention, Decoded, Limits, MediaFormat, Transform
from vangnet.hashing.nearness import bits_that_may_differ
from vangnet.hashing.wire import Job

MOST = SCREEN_RADIUS - 31


def transform(values: list[float]) -> Transform:
    return Transform(convention=Convention.SCREEN, quality=100, coefficients=array.array("f", values).tobytes())


def test_coefficients_near_the_middle_are_counted_within_limits() -> None:
    wide = [float(value) for value in range(-1280, 1280, 10)]
    assert bits_that_may_differ(transform(wide), 3000) == 8
    near = [0.1 if abs(value) <= 50 else value for value in wide]
    assert 8 < bits_that_may_differ(transform(near), 3000) <= 12
    assert bits_that_may_differ(transform([value / 1000 for value in wide]), 3000) == MOST


@pytest.mark.parametrize("side", [0, 384, 1408])
def test_a_small_picture_or_a_part_is_looked_up_as_far_as_ever(side: int) -> None:
    assert bits_that_may_differ(transform([float(value) for value in range(-1280, 1280, 10)]), side) == MOST


@pytest.mark.parametrize("seed", range(4))
def test_no_more_bits_differ_than_it_says(seed: int) -> None:
    width, height = ((1500, 1409), (2000, 1500), (1409, 2100), (2945, 2945))[seed]
    data = encoded(photo(700 + seed, width, height), "JPEG", quality=(60, 75, 85, 93)[seed])
    nearly = jpeg.read(data, Limits(), cuts=False)
    assert isinstance(nearly, Decoded)
    job = Job(
        length=len(data), format=MediaFormat.JPEG, conventions=frozenset({Convention.FULL}), pixels=10**8, frames=1,
        seconds=60,
    )  # fmt: skip
    true = media.hash_frames(data, job)
    assert isinstance(true, Decoded)
    (near,), (full,) = nearly.frames[0].transforms, true.frames[0].transforms
    assert distance(near.hash().hash, full.hash().hash) <= bits_that_may_differ(near, min(width, height))
