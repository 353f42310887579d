"""The safeguards: what is not taken, what is stopped, and when a match is one too many."""

import math
import random

import pytest
from pictures import distance, photo, reference
from PIL import Image
from running.hash_lists import md5, near, pdq

from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.registry.safeguards import FLOOD_LEAST, FLOOD_MOST, FLOOD_TIMES, PASSED, Collides, Safeguards, Unfit, floods
from vangnet.registry.structures import structural_hashes


@pytest.fixture(scope="module")
def only_structures() -> Safeguards:
    return Safeguards([])


def random_hashes(seed: int, count: int) -> list[bytes]:
    drawn = random.Random(seed)  # noqa: S311 (a test's)
    return [drawn.randbytes(32) for _ in range(count)]


def test_an_entry_within_31_bits_of_a_known_good_picture_collides_and_at_32_passes(seed: int) -> None:
    (good,) = random_hashes(seed, 1)
    safeguards = Safeguards([(5, [pdq(good)])], structures={})
    at_31, at_32 = safeguards.check([[pdq(near(good, 31, seed))], [pdq(near(good, 32, seed))]])
    assert at_31 == Collides(known_good_id=5, algorithm=HashAlgorithm.PDQ, distance=31)
    assert at_32 is PASSED


def test_the_index_finds_what_comparing_with_everything_finds(seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    good = random_hashes(seed, 300)
    # Some near one of them, at every distance around the limit; some anywhere.
    asked = [near(drawn.choice(good), drawn.randrange(60), number) for number in range(300)] + random_hashes(seed + 1, 300)
    safeguards = Safeguards([(number + 1, [pdq(value)]) for number, value in enumerate(good)], structures={})
    for value, finding in zip(asked, safeguards.check([[pdq(one)] for one in asked]), strict=True):
        nearest = min(distance(value, other) for other in good)
        if nearest <= 31:
            assert isinstance(finding, Collides)
            assert finding.distance == nearest
            assert distance(good[finding.known_good_id - 1], value) == nearest
        else:
            assert finding is PASSED


def test_hashes_of_another_convention_are_not_compared(seed: int) -> None:
    (good,) = random_hashes(seed, 1)
    safeguards = Safeguards([(1, [pdq(good, convention=Convention.FLOOR512)])], structures={})
    in_full, in_floor = safeguards.check([[pdq(good)], [pdq(good, convention=Convention.FLOOR512)]])
    assert in_full is PASSED
    assert isinstance(in_floor, Collides)


@pytest.mark.parametrize("algorithm", [HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.SHA256])
def test_the_same_file_collides_by_its_digest(algorithm: HashAlgorithm) -> None:
    size = {"md5": 16, "sha1": 20, "sha256": 32}[algorithm]
    same = ListedHash(algorithm=algorithm, value=b"x" * size)
    other = ListedHash(algorithm=algorithm, value=b"y" * size)
    safeguards = Safeguards([(3, [same])], structures={})
    found, passed = safeguards.check([[other, same], [other]])
    assert found == Collides(known_good_id=3, algorithm=algorithm, distance=0)
    assert passed is PASSED


def test_an_opaque_value_is_not_taken_for_a_digest() -> None:
    safeguards = Safeguards([(3, [md5("a")])], structures={})
    opaque = ListedHash(algorithm=HashAlgorithm.OTHER, value=md5("a").value)
    assert safeguards.check([[opaque]]) == [PASSED]


@pytest.mark.parametrize(("quality", "taken"), [(49, False), (50, True), (0, False), (None, True)])
def test_a_hash_of_little_quality_is_not_taken(
    only_structures: Safeguards, seed: int, quality: int | None, *, taken: bool
) -> None:
    (value,) = random_hashes(seed, 1)
    (finding,) = only_structures.check([[md5("a"), pdq(value, quality=quality)]])
    assert isinstance(finding, Unfit) is not taken


@pytest.mark.parametrize("level", [0, 1, 64, 127, 128, 200, 254, 255])
@pytest.mark.parametrize("size", [(64, 64), (333, 200), (1280, 720)])
def test_a_flat_picture_is_not_taken_though_its_quality_is_not_told(
    only_structures: Safeguards, size: tuple[int, int], level: int
) -> None:
    value, _ = reference(Image.new("L", size, level))
    (finding,) = only_structures.check([[pdq(value, quality=None)]])
    assert isinstance(finding, Unfit)
    assert "shows nothing (flat)" in finding.problem


@pytest.mark.parametrize("side", [100, 200, 400])
def test_a_soft_gradient_is_not_taken_at_any_size(only_structures: Safeguards, side: int) -> None:
    image = Image.new("L", (side, side))
    for x in range(side):
        for y in range(side):
            image.putpixel((x, y), round(255 * min(1.0, math.hypot(x / side - 0.25, y / side - 0.25))))
    value, _ = reference(image)
    (finding,) = only_structures.check([[pdq(value, quality=None)]])
    assert isinstance(finding, Unfit)
    assert finding.structure == "gradient"


def test_31_bits_beside_a_structure_is_refused_and_32_is_not(seed: int) -> None:
    (value,) = random_hashes(seed, 1)
    safeguards = Safeguards([], structures={value: "grid"})
    for convention in (Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512):
        at_31, at_32 = safeguards.check(
            [[pdq(near(value, distance, seed), convention=convention)] for distance in (31, 32)]
        )
        assert isinstance(at_31, Unfit)
        assert at_32 is PASSED


def test_pictures_that_show_something_are_taken(only_structures: Safeguards) -> None:
    values = [reference(photo(number, 320, 240))[0] for number in range(40)]
    assert {type(one) for one in only_structures.check([[pdq(value, quality=None)] for value in values])} == {type(PASSED)}


def test_structures_are_the_same_in_every_process() -> None:
    assert structural_hashes()
    assert all(len(value) == 32 for value in structural_hashes())


# --- the flood stop ---


@pytest.mark.parametrize(
    ("matches", "typical", "flood"),
    [
        (FLOOD_LEAST - 1, 0.0, False),
        (FLOOD_LEAST, 0.0, True),
        (FLOOD_LEAST, 1.0, True),
        (FLOOD_LEAST, 2.0, False),
        (FLOOD_TIMES * 2, 2.0, True),
        (FLOOD_TIMES * 2 - 1, 2.0, False),
        (FLOOD_MOST - 1, 1000.0, False),
        (FLOOD_MOST, 1000.0, True),
    ],
)
def test_far_more_than_such_entries_match_is_a_flood(matches: int, typical: float, *, flood: bool) -> None:
    assert floods(matches, typical=typical) is flood
