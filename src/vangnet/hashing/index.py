"""The index: which listed hashes lie within a radius of a hash, and which digests are listed.

An index is a file that never changes, mapped into memory, and a delta beside it of what was added and withdrawn since.
The delta is in memory only: after a restart, whoever feeds the index brings it up to date from `IndexInfo.mark` on.
Every answer is exact, whatever the radius: the same as comparing with every listed hash. How, is told in
rust/core/DESIGN.md.

It knows entries by their ids alone. What an entry is, who listed it and what a match means is not decided here.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vangnet import _core
from vangnet.errors import Conflict, IndexUnusable, InvalidInput, NotFound
from vangnet.hashing.model import HASH_BYTES, Convention

#: What PDQ's makers call alike (ThreatExchange, hashing.pdf, 2019).
RADIUS = 31
#: The largest radius of a look-up.
RADIUS_MAX = 64

#: The list of parts of pictures.
_WINDOWS = f"pdq-{Convention.FULL}-windows"

#: Hashes or digests, one after the other.
Bytes = bytes | bytearray | memoryview
#: Told (done, total) from time to time; what it raises ends the work.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Match:
    """An entry within the radius. An entry with several hashes there is named once, at its least distance."""

    id: int
    #: In how many of the 256 bits the hashes differ.
    distance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInfo:
    """What the file holds of one kind of hash."""

    #: `pdq-full`, `pdq-floor512`, `pdq-thumbnail512`, `pdq-full-windows`, or the name of a digest's algorithm.
    name: str
    #: Pairs of hash and id.
    entries: int
    #: Different hashes; None for digests, which are not counted so.
    different: int | None
    #: Bytes of each hash.
    length: int
    #: Parts into which a hash is cut; 0 where a look-up needs none.
    parts: int
    #: Bytes in the file, and in memory.
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """What an index holds."""

    format: int
    #: The number that was given when the file was written, for example how far a feed had been read.
    mark: int
    #: Bytes of the file.
    bytes: int
    #: Whether the checksums were checked; before that no look-up is answered.
    verified: bool
    lists: tuple[ListInfo, ...]
    #: Additions since the file was written that were not withdrawn.
    additions: int
    #: Ids withdrawn since the file was written.
    withdrawals: int


class IndexBuilder:
    """Collects entries, then writes them as an index file. Ids are any numbers from 0 to 2**64 - 1."""

    def __init__(self) -> None:
        self._builder = _core.IndexBuilder()

    def add_hashes(self, hashes: Bytes, ids: Sequence[int], *, convention: Convention = Convention.FULL) -> None:
        """Adds perceptual hashes, 32 bytes each, one after the other. Raises InvalidInput."""
        with _translated("hashes"):
            self._builder.add_hashes(_listed(convention), _as_bytes(hashes), _as_ids(ids))

    def add_windows(self, hashes: Bytes, ids: Sequence[int]) -> None:
        """Adds hashes of parts of pictures, by the convention `full`; they are looked up apart. Raises InvalidInput."""
        with _translated("hashes"):
            self._builder.add_hashes(_WINDOWS, _as_bytes(hashes), _as_ids(ids))

    def add_digests(self, algorithm: str, values: Bytes, ids: Sequence[int]) -> None:
        """Adds digests, one after the other: `md5`, `sha1`, `sha256`, or another name with a length of its own.

        Digests are looked up by equality alone. The length follows from the count of ids. Raises InvalidInput.
        """
        length = _digest_length(values, ids)
        if length is not None:
            with _translated("values"):
                self._builder.add_digests(algorithm, length, _as_bytes(values), _as_ids(ids))

    def write(self, path: Path, *, mark: int = 0, threads: int | None = None, progress: Progress | None = None) -> None:
        """Writes the file and forgets the entries. A file that is there is replaced at once, or left as it was.

        Raises OSError as the system does.
        """
        with _translated("path"):
            self._builder.write(path, mark=mark, threads=threads or _cores(), progress=progress)


class Index:
    """An index in use. Many threads may look up, add, withdraw and merge at the same time.

    Each answer is that of one moment: all that was added or withdrawn before a call began counts.
    """

    def __init__(self, core: "_core.Index") -> None:
        self._core = core

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> "Index":
        """Opens a file.

        Without `verify` that takes a moment, however large the file is, and look-ups are refused until `verify` was
        called. Raises NotFound or IndexUnusable.
        """
        try:
            with _translated("path"):
                index = cls(_core.Index.open(path))
        except FileNotFoundError:
            raise NotFound(record="index file", key=str(path)) from None
        if verify:
            index.verify()
        return index

    @classmethod
    def empty(cls) -> "Index":
        """An index without entries and without a file."""
        return cls(_core.Index.empty())

    def verify(self, *, threads: int | None = None, progress: Progress | None = None) -> None:
        """Checks every byte of the file against its checksum. Raises IndexUnusable."""
        with _translated("index"):
            self._core.verify(threads=threads or _cores(), progress=progress)

    def lookup(
        self, hash_: bytes, radius: int = RADIUS, *, convention: Convention = Convention.FULL, windows: bool = False
    ) -> list[Match]:
        """All entries within `radius` bits of a hash, nearest first, then by id.

        A hash by the convention `full~` is looked up among those by `full`. With `windows`, among the hashes of parts of
        pictures instead. Raises InvalidInput or IndexUnusable.
        """
        with _translated("hash"):
            found = self._core.lookup(_looked_up(convention, windows=windows), hash_, _radius(radius))
        return [Match(id_, distance) for id_, distance in found]

    def lookup_batch(
        self,
        hashes: Bytes,
        radius: int | Sequence[int] = RADIUS,
        *,
        convention: Convention = Convention.FULL,
        windows: bool = False,
        threads: int = 1,
    ) -> list[list[Match]]:
        """One answer for each hash of 32 bytes; `radius` is one for all, or one for each.

        Raises InvalidInput or IndexUnusable.
        """
        data = _as_bytes(hashes)
        count = len(data) // HASH_BYTES
        radii = [_radius(radius)] * count if isinstance(radius, int) else [_radius(one) for one in radius]
        with _translated("hashes"):
            answers = self._core.lookup_batch(_looked_up(convention, windows=windows), data, radii, threads=threads)
        return [[Match(id_, distance) for id_, distance in found] if found else [] for found in answers]

    def find_digest(self, algorithm: str, value: bytes) -> list[int]:
        """The ids of all entries with exactly this digest, in order. Raises IndexUnusable."""
        with _translated("value"):
            return self._core.find_digest(algorithm, value)

    def has_digests(self, algorithm: str, values: Iterable[bytes]) -> list[bool]:
        """Of each of these digests, whether it is listed. Raises IndexUnusable."""
        find = self._core.find_digest
        with _translated("value"):
            return [bool(find(algorithm, value)) for value in values]

    def add(self, id_: int, hash_: bytes, *, convention: Convention = Convention.FULL) -> None:
        """Adds one perceptual hash; it matches from now on. Raises InvalidInput."""
        self.add_hashes(hash_, [id_], convention=convention)

    def add_hashes(self, hashes: Bytes, ids: Sequence[int], *, convention: Convention = Convention.FULL) -> None:
        """Adds perceptual hashes, 32 bytes each, one after the other. Raises InvalidInput."""
        with _translated("hashes"):
            self._core.add_hashes(_listed(convention), _as_bytes(hashes), _as_ids(ids))

    def add_windows(self, hashes: Bytes, ids: Sequence[int]) -> None:
        """Adds hashes of parts of pictures, by the convention `full`; they are looked up apart. Raises InvalidInput."""
        with _translated("hashes"):
            self._core.add_hashes(_WINDOWS, _as_bytes(hashes), _as_ids(ids))

    def add_digests(self, algorithm: str, values: Bytes, ids: Sequence[int]) -> None:
        """Adds digests, one after the other; the length follows from the count of ids. Raises InvalidInput."""
        length = _digest_length(values, ids)
        if length is not None:
            with _translated("values"):
                self._core.add_digests(algorithm, length, _as_bytes(values), _as_ids(ids))

    def withdraw(self, ids: Iterable[int]) -> None:
        """Withdraws entries: nothing that was listed under these ids until now matches any more.

        What is added under the same id afterwards matches again. An id that is not listed is no mistake.
        """
        with _translated("ids"):
            self._core.withdraw(_as_ids(ids))

    def merge(self, path: Path, *, mark: int = 0, threads: int = 1, progress: Progress | None = None) -> None:
        """Writes file and delta into a new file, and goes on with that one; nobody has to wait meanwhile.

        It takes as long as a build: call it from a thread of its own. `path` may be the present file. Raises Conflict if
        a merge is under way, OSError as the system does; the index then goes on as it was.
        """
        with _translated("path"):
            self._core.merge(path, mark=mark, threads=threads, progress=progress)

    def info(self) -> IndexInfo:
        """What the index holds."""
        format_, mark, bytes_, verified, lists, additions, withdrawals = self._core.info()
        return IndexInfo(
            format=format_,
            mark=mark,
            bytes=bytes_,
            verified=verified,
            lists=tuple(
                ListInfo(name=name, entries=entries, different=different, length=length, parts=parts, bytes=size)
                for name, entries, different, length, parts, size in lists
            ),
            additions=additions,
            withdrawals=withdrawals,
        )


def _listed(convention: Convention) -> str:
    """The list of a convention by which hashes may be listed."""
    if convention is Convention.SCREEN:
        raise InvalidInput(field="convention", problem="`full~` screens and is never listed")
    return f"pdq-{convention}"


def _looked_up(convention: Convention, *, windows: bool = False) -> str:
    if windows:
        return _WINDOWS
    return f"pdq-{Convention.FULL if convention is Convention.SCREEN else convention}"


def _radius(radius: int) -> int:
    if 0 <= radius <= RADIUS_MAX:
        return radius
    raise InvalidInput(field="radius", problem=f"is 0 to {RADIUS_MAX} bits, not {radius}")


def _as_bytes(values: Bytes) -> bytes:
    return values if isinstance(values, bytes) else bytes(values)


def _as_ids(ids: Iterable[int]) -> bytes:
    try:
        # An array of numbers is taken as it lies in memory, so that ten million need no loop.
        numbers = memoryview(ids)  # type: ignore[arg-type]
    except TypeError:
        pass
    else:
        if numbers.format in {"Q", "L"} and numbers.itemsize == 8:
            return numbers.tobytes()
    try:
        return array("Q", ids).tobytes()
    except (OverflowError, TypeError):
        raise InvalidInput(field="ids", problem="are whole numbers from 0 to 2**64 - 1") from None


def _digest_length(values: Bytes, ids: Sequence[int]) -> int | None:
    """Bytes of each of these digests; None if there are none."""
    size = memoryview(values).nbytes
    count = len(ids)  # An array is neither true nor false.
    if not count and not size:
        return None
    if not count or size % count or not size:
        raise InvalidInput(field="values", problem=f"have {size} bytes, which {count} digests cannot share evenly")
    return size // count


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def _translated(field: str) -> Iterator[None]:
    """Turns what the core raises into Vangnet's own errors; `field` is what the caller gave."""
    try:
        yield
    except _core.IndexUnusable as error:
        raise IndexUnusable(problem=str(error)) from error
    except _core.IndexBusy as error:
        raise Conflict(problem=str(error)) from error
    except ValueError as error:
        raise InvalidInput(field=field, problem=str(error)) from error
