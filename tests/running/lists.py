"""Made-up entries of hash lists, and streams of any length, for tests of formats."""

import random
from collections.abc import Callable, Iterator

from hypothesis import strategies as st

from vangnet.hashing.model import Convention
from vangnet.registry.model.entries import LENGTHS, Category, EntryDraft, HashAlgorithm, ListedHash, MediaKind

_WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\ufffd"), min_size=1, max_size=30
)
_OPAQUE = st.from_regex(r"[A-Za-z0-9+/=_.:-]{1,60}", fullmatch=True)


def _listed(algorithm: HashAlgorithm) -> st.SearchStrategy[ListedHash]:
    if algorithm is HashAlgorithm.PDQ:
        return st.builds(
            ListedHash,
            algorithm=st.just(algorithm),
            value=st.binary(min_size=32, max_size=32),
            convention=st.sampled_from([Convention.FULL, Convention.FLOOR512, Convention.THUMBNAIL512]),
            quality=st.none() | st.integers(0, 100),
        )
    size = LENGTHS.get(algorithm)
    value = st.binary(min_size=size, max_size=size) if size else _OPAQUE.map(str.encode)
    return st.builds(ListedHash, algorithm=st.just(algorithm), value=value)


def drafts() -> st.SearchStrategy[EntryDraft]:
    """Entries with every kind of hash that files of lists have."""
    written = [algorithm for algorithm in HashAlgorithm if algorithm is not HashAlgorithm.PDQ_WINDOW]
    hashes = st.lists(st.sampled_from(written), min_size=1, max_size=5, unique=True).flatmap(
        lambda algorithms: st.tuples(*map(_listed, sorted(algorithms, key=list(HashAlgorithm).index)))
    )
    return st.builds(
        EntryDraft,
        media_kind=st.sampled_from(MediaKind),
        hashes=hashes,
        category=st.builds(Category, scheme=_WORD, name=_WORD),
        reference=st.none() | _WORD,
        note=st.none() | st.lists(_WORD, min_size=1, max_size=4).map(" ".join),
    )


class Stream:
    """A file that is made while it is read: `head`, then what `piece` says for 0, 1, …, then `tail`."""

    def __init__(self, piece: Callable[[int], bytes], count: int, *, head: bytes = b"", tail: bytes = b"") -> None:
        self._parts = self._made(piece, count, head, tail)
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        """Some hundred kB at a time, whatever is asked for."""
        del size
        block = bytearray()
        for part in self._parts:
            block += part
            if len(block) >= 100_000:
                break
        self.bytes_read += len(block)
        return bytes(block)

    @staticmethod
    def _made(piece: Callable[[int], bytes], count: int, head: bytes, tail: bytes) -> Iterator[bytes]:
        yield head
        for number in range(count):
            yield piece(number)
        yield tail


class Dripping:
    """A file of which each read gives a few bytes, another number each time."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._data = data
        self._at = 0
        self._random = random.Random(seed)  # noqa: S311 (a test's own)

    def read(self, size: int = -1) -> bytes:
        """At most nine bytes, whatever is asked for."""
        del size
        end = self._at + self._random.randint(1, 9)
        taken, self._at = self._data[self._at : end], min(end, len(self._data))
        return taken


def mutated(data: bytes, seed: int) -> bytes:
    """The file with some bytes changed, taken out, doubled or swapped."""
    drawn = random.Random(seed)  # noqa: S311 (a test's own)
    changed = bytearray(data)
    for _ in range(drawn.randint(1, 6)):
        if not changed:
            break
        at = drawn.randrange(len(changed))
        match drawn.randrange(4):
            case 0:
                changed[at] = drawn.randrange(256)
            case 1:
                del changed[at : at + drawn.randint(1, 20)]
            case 2:
                changed[at:at] = drawn.choice(
                    [b'"', b"{", b"}", b"[", b"]", b"\\", b"\n", b",", b"\x00", b"\xff\xfe", b":"]
                )
            case _:
                changed[at:at] = changed[at : at + drawn.randint(1, 40)]
    return bytes(changed)
