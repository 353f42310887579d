"""What another way to describe pictures must offer to stand beside PDQ: PhotoDNA, or a network trained to find copies.

None is shipped. Lists carry their values already, opaque and found by equality alone (`registry.model.entries.OPAQUE`).
Who may use such a descriptor installs it, and it lives as PDQ does: it describes pictures in the decoding process, and its
index is a file that never changes with a delta beside it, followed from the same stream of changes, known by the same ids
and merged, opened and checked in the same way. So whatever keeps the index of PDQ keeps that one, too.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from vangnet.hashing.index import Match
from vangnet.hashing.model import Pixels


class DescriptorIndex(Protocol):
    """Listed values, looked up by nearness. Many threads may look up, add, withdraw and merge at the same time."""

    def add(self, values: Sequence[bytes], ids: Sequence[int]) -> None:
        """Adds a value for each id; they match from now on. Raises InvalidInput for a value that is none."""

    def withdraw(self, ids: Iterable[int]) -> None:
        """Nothing that was added under these ids until now matches any more; an unknown id is no mistake."""

    def lookup(self, value: bytes, radius: int) -> list[Match]:
        """All entries within the radius, nearest first, then by id; each once. Raises InvalidInput or IndexUnusable."""

    def merge(self, path: Path, *, mark: int = 0) -> None:
        """Writes file and delta into a new file, which replaces another at once, and goes on with that one."""

    @property
    def mark(self) -> int:
        """The number that was given when the file was written: how far the stream had been read."""


@runtime_checkable
class Descriptor(Protocol):
    """One way to describe what a picture looks like."""

    @property
    def algorithm(self) -> str:
        """The name under which lists carry its values: one of `registry.model.entries.HashAlgorithm`."""

    @property
    def radius(self) -> int:
        """Up to which distance two values are of pictures that look alike. A match holds at most, until it was shown how
        often it is wrong."""

    def describe(self, picture: Pixels) -> bytes | None:
        """The value of an upright picture, grey or RGB; None where there is too little to see. Runs in a decoding process:
        it opens nothing, loads nothing, and starts nothing."""

    def empty_index(self) -> DescriptorIndex:
        """An index without entries and without a file."""

    def open_index(self, path: Path) -> DescriptorIndex:
        """The index in a file, every byte of it checked. Raises NotFound or IndexUnusable."""
