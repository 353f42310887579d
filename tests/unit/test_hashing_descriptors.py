"""The interface of other descriptors fits what we have: PDQ behind it lives as it does without."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from pictures import photo
from PIL import Image

from vangnet import _core
from vangnet.errors import NotFound
from vangnet.hashing.descriptors import Descriptor, DescriptorIndex
from vangnet.hashing.index import Index, Match
from vangnet.hashing.model import TRUSTED_QUALITY, Pixels


class PdqIndex:
    def __init__(self, index: Index) -> None:
        self._index = index

    def add(self, values: Sequence[bytes], ids: Sequence[int]) -> None:
        self._index.add_hashes(b"".join(values), ids)

    def withdraw(self, ids: Iterable[int]) -> None:
        self._index.withdraw(ids)

    def lookup(self, value: bytes, radius: int) -> list[Match]:
        return self._index.lookup(value, radius)

    def merge(self, path: Path, *, mark: int = 0) -> None:
        self._index.merge(path, mark=mark)

    @property
    def mark(self) -> int:
        return self._index.info().mark


class Pdq:
    algorithm = "pdq"
    radius = 31

    def describe(self, picture: Pixels) -> bytes | None:
        coefficients, quality = _core.pdq_transform(picture.content, picture.width, picture.height)
        return _core.pdq_hash(coefficients) if quality >= TRUSTED_QUALITY else None

    def empty_index(self) -> DescriptorIndex:
        return PdqIndex(Index.empty())

    def open_index(self, path: Path) -> DescriptorIndex:
        return PdqIndex(Index.open(path))


def pixels(image: Image.Image) -> Pixels:
    return Pixels(width=image.width, height=image.height, channels=len(image.getbands()), content=image.tobytes())


def test_a_descriptor_s_index_lives_as_that_of_pdq_does(tmp_path: Path) -> None:
    descriptor: Descriptor = Pdq()
    assert isinstance(descriptor, Descriptor)
    values = [descriptor.describe(pixels(photo(seed, 320, 240))) for seed in range(4)]
    assert all(values)
    index = descriptor.empty_index()
    index.add([value for value in values if value], range(1, 5))
    assert [[match.id for match in index.lookup(value, 31)] for value in values if value] == [[1], [2], [3], [4]]
    index.withdraw([2, 99])
    index.merge(tmp_path / "index", mark=7)
    opened = descriptor.open_index(tmp_path / "index")
    assert opened.mark == index.mark == 7
    assert [[match.id for match in opened.lookup(value, 31)] for value in values if value] == [[1], [], [3], [4]]


def test_too_little_to_see_is_not_described_and_no_file_is_no_index(tmp_path: Path) -> None:
    assert Pdq().describe(pixels(Image.new("L", (100, 100)))) is None
    with pytest.raises(NotFound):
        Pdq().open_index(tmp_path / "none")
