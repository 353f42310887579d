"""Photos on their way through the gate: `full~` screens, the true hash confirms, nothing within 31 bits is lost on the way.

Listed are hashes near those of the photos, among them the worst there can be: 31 bits off, none of which `full~` has wrong.
Beside the gate stands a search without an index, on hashes made by others.
"""

import io
import random
from collections.abc import Iterator
from uuid import UUID

import pytest
from pictures import distance, encoded, packaged, photo, reference
from PIL import Image

from vangnet.gate.matching import Matcher
from vangnet.gate.policy import Found
from vangnet.hashing import jpeg
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.index import RADIUS, Index
from vangnet.hashing.model import SCREEN_QUALITY, Convention, Decoded, View
from vangnet.hashing.sandbox import Sandbox
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.model.lists import ListState
from vangnet.registry.service.live import Asked, LiveMatch

LIST = UUID(int=1)
#: Sides, and whether the file is progressive: by means and waves, by means alone, and what is decoded as it was.
KINDS = (
    ((640, 480), False), ((800, 600), False), ((1024, 768), False), ((1152, 864), False), ((1600, 1200), False),
    ((2000, 1500), True), ((3008, 3000), False), ((800, 600), True),
)  # fmt: skip
PHOTOGRAPHS = {"astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"}
BITS = 256


class Listed:
    """The hashes as the gate asks its live index; all are active."""

    conventions = frozenset({Convention.FULL})
    widest_radius = RADIUS

    def __init__(self, hashes: list[bytes]) -> None:
        self._index = Index.empty()
        self._index.add_hashes(b"".join(hashes), range(len(hashes)))

    def lookup(self, hash_: bytes, radius: int, convention: Convention, **_: object) -> list[LiveMatch]:
        return [
            LiveMatch(
                list_id=LIST, list_state=ListState.ACTIVE, entry_id=match.id, category_id=1,
                classification=Classification.BASELINE, proposed=False, algorithm=HashAlgorithm.PDQ,
                distance=match.distance, effect=Effect.DECIDES,
            )
            for match in self._index.lookup(hash_, radius, convention=convention)
        ]  # fmt: skip

    def is_any_near(self, asked: list[Asked], convention: Convention) -> bool:
        return any(self._index.lookup(one.hash, one.radius, convention=convention) for one in asked)

    def find_digest(self, *_: object) -> list[LiveMatch]:
        return []


def photos() -> Iterator[bytes]:
    """JPEG files: parts of photographs, and generated ones."""
    cut_from = [image for name, image in packaged() if name in PHOTOGRAPHS]
    for place, (size, progressive) in enumerate(KINDS):
        for number in range(3):
            rng = random.Random(f"{size} {number}")  # noqa: S311 (pictures)
            if number == 0:
                picture = photo(place, *size)
            else:
                image = rng.choice(cut_from)
                part = min(image.width / size[0], image.height / size[1]) * rng.uniform(0.6, 1)
                left = rng.uniform(0, image.width - part * size[0])
                top = rng.uniform(0, image.height - part * size[1])
                box = (left, top, left + part * size[0], top + part * size[1])
                picture = image.resize(size, Image.Resampling.LANCZOS, box=box)
            yield encoded(picture, "JPEG", quality=rng.choice((70, 80, 90, 95)), progressive=progressive)


def flipped(hash_: bytes, bits: list[int]) -> bytes:
    number = int.from_bytes(hash_)
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(BITS // 8)


def near(true: bytes, screened: bytes, rng: random.Random) -> list[bytes]:
    """Hashes on both sides of the radius: any, and those that lie as far from `screened` as from `true` they can."""
    differs = int.from_bytes(true) ^ int.from_bytes(screened)
    agree = [bit for bit in range(BITS) if not differs >> bit & 1]
    hashes = [flipped(true, rng.sample(range(BITS), count)) for count in (0, 3, 17, 25, 29, 30, 31, 31, 32, 33)]
    return hashes + [flipped(true, rng.sample(agree, count)) for count in (29, 30, 31, 31, 32)]


@pytest.fixture(scope="module")
def hasher() -> Iterator[Hasher]:
    with Sandbox() as sandbox:
        yield Hasher(sandbox)


def test_screening_loses_nothing_that_the_true_hash_would_find(hasher: Hasher) -> None:
    rng = random.Random(7)  # noqa: S311 (pictures)
    files, trues, hashes, beyond = [], [], [], 0
    for data in photos():
        with Image.open(io.BytesIO(data)) as image:
            true, _ = reference(image)
        read = jpeg.read(data, hasher.limits, cuts=True)
        if not isinstance(read, Decoded) or read.frames[0].transforms[0].quality < SCREEN_QUALITY:
            continue
        screened = read.frames[0].transforms[0].hash().hash
        # What no look-up of `full~` at 31 would find.
        its = near(true, screened, rng)
        beyond += sum(distance(true, one) <= RADIUS < distance(screened, one) for one in its)
        files.append(data)
        trues.append(true)
        hashes += its
    assert len(files) > len(KINDS)
    assert beyond > len(KINDS)
    matcher = Matcher(Listed(hashes), hasher, lambda _: "listed")  # type: ignore[arg-type]
    for number, (data, true) in enumerate(zip(files, trues, strict=True)):
        expected = {(place, distance(true, one)) for place, one in enumerate(hashes) if distance(true, one) <= RADIUS}
        assert len(expected) >= 10
        assert _upright(matcher.examine(data).found) == expected, f"photo {number}"


def _upright(found: tuple[Found, ...]) -> set[tuple[int, int]]:
    return {(one.entry_id, one.distance) for one in found if one.view == View.ORIGINAL.value}
