"""What stands between a list and harm: which entries are not taken, which are stopped, and when one that matches is.

In 2021 the default pictures of a widely used program were on a hash list, and providers removed harmless files. So nothing
may block before it was compared with harmless pictures that are everywhere, before somebody said what its category means,
and before two people agreed; and what then matches far more than such entries do is stopped. Pure: no database, no clock.
"""

import os
import tempfile
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from vangnet import _core
from vangnet.hashing.index import RADIUS, Index, IndexBuilder, Match
from vangnet.hashing.model import TRUSTED_QUALITY, Convention
from vangnet.registry.model.entries import DIGESTS, LENGTHS, HashAlgorithm, ListedHash
from vangnet.registry.model.packing import CODES, CONVENTIONS, pack
from vangnet.registry.structures import structural_hashes

#: Fewer matches in an hour are no flood, whatever others do.
FLOOD_LEAST = 25
#: So many times what entries of the list matched in an hour until now is one.
FLOOD_TIMES = 20
#: More is one in any case: where harmless pictures match from the first hour on, what entries do is nothing to learn from.
FLOOD_MOST = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Nothing speaks against the entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """The entry is not taken: it says nothing about what a picture shows. `problem` is told to the supplier."""

    problem: str
    #: Which structure it is near, where it is.
    structure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collides:
    """The entry is near a harmless picture that is everywhere: a person must decide."""

    known_good_id: int
    algorithm: HashAlgorithm
    distance: int


Finding: TypeAlias = Passed | Unfit | Collides
PASSED = Passed()
_BLURRED = Unfit(problem=f"has a quality below {TRUSTED_QUALITY}: there is too little to see in the picture")

#: Marks an id of the index as that of a structure; known-good pictures are numbered far below.
_STRUCTURE = 1 << 63
_LISTED = tuple(convention for convention in Convention if convention is not Convention.SCREEN)
_DIGESTS = frozenset(DIGESTS)


class Safeguards:
    """All that an entry passes before it is added. Many threads may ask it.

    `known_good` are harmless pictures, each by its number and all its hashes; `structures` are hashes of pictures that show
    nothing, each with what it is.
    """

    def __init__(
        self, known_good: Iterable[tuple[int, Sequence[ListedHash]]], *, structures: Mapping[bytes, str] | None = None
    ) -> None:
        self._digests: dict[bytes, int] = {}
        self._threads = len(os.sched_getaffinity(0))
        found = structural_hashes() if structures is None else structures
        self._structures = list(found.values())
        self._index = self._built(known_good, b"".join(found))

    def check(self, entries: Sequence[Sequence[ListedHash]]) -> list[Finding]:
        """What is found of each entry, given by its hashes."""
        return self.check_packed([pack(hashes) for hashes in entries])

    def check_packed(self, entries: list[bytes]) -> list[Finding]:
        """The same, given by its packed hashes."""
        # What stands later counts for more.
        found: dict[int, Finding] = {**self._by_digest(entries), **self._by_look(entries)}
        return [found.get(number, PASSED) for number in range(len(entries))]

    def without_unfit_windows(self, hashes: Sequence[ListedHash]) -> tuple[ListedHash, ...]:
        """The hashes without the sub-windows that show nothing, or what harmless pictures show too: a part of a picture
        can, where the whole does not."""
        windows = [hash_ for hash_ in hashes if hash_.algorithm is HashAlgorithm.PDQ_WINDOW]
        if not windows:
            return tuple(hashes)
        answers = self._index.lookup_batch(b"".join(hash_.value for hash_ in windows), RADIUS, threads=self._threads)
        unfit = {hash_.value for hash_, near in zip(windows, answers, strict=True) if near}
        return tuple(
            hash_ for hash_ in hashes if hash_.algorithm is not HashAlgorithm.PDQ_WINDOW or hash_.value not in unfit
        )

    def _built(self, known_good: Iterable[tuple[int, Sequence[ListedHash]]], structures: bytes) -> Index:
        builder = IndexBuilder()
        for convention in _LISTED:
            # So small and plain, structures are the same by every convention.
            ids = [_STRUCTURE | number for number in range(len(self._structures))]
            builder.add_hashes(structures, ids, convention=convention)
        for id_, hashes in known_good:
            for hash_ in hashes:
                if hash_.algorithm is HashAlgorithm.PDQ:
                    builder.add_hashes(hash_.value, [id_], convention=hash_.convention or Convention.FULL)
                elif hash_.algorithm in _DIGESTS:
                    # A digest's length tells its algorithm.
                    self._digests.setdefault(hash_.value, id_)
        # A file, because look-ups in one are three times as fast. What is in it is no secret, and its name is gone at once.
        with tempfile.TemporaryDirectory(prefix="vangnet-safeguards-") as folder:
            path = Path(folder) / "index"
            builder.write(path)
            return Index.open(path)

    def _by_look(self, entries: list[bytes]) -> dict[int, Unfit | Collides]:
        """What perceptual hashes tell of the entries of which they tell anything."""
        found: dict[int, Unfit | Collides] = {}
        blurred: list[int] = []
        for code, convention in enumerate(CONVENTIONS):
            values, numbers, qualities = _core.packed_hashes(entries, CODES[HashAlgorithm.PDQ], code)
            if not values:
                continue
            of = array("Q", numbers)
            answers = self._index.lookup_batch(values, RADIUS, convention=convention, threads=self._threads)
            for number, matches in zip(of, answers, strict=True):
                if matches:
                    found[number] = _worse(found.get(number), self._told(matches))
            if min(qualities) < TRUSTED_QUALITY:
                blurred += [number for number, known in zip(of, qualities, strict=True) if known < TRUSTED_QUALITY]
        return found | dict.fromkeys(blurred, _BLURRED)

    def _told(self, matches: Sequence[Match]) -> Unfit | Collides:
        for match in matches:
            if match.id & _STRUCTURE:
                structure = self._structures[match.id ^ _STRUCTURE]
                return Unfit(
                    problem=f"is within {RADIUS} bits of a generated picture that shows nothing ({structure})",
                    structure=structure,
                )
        nearest = matches[0]
        return Collides(known_good_id=nearest.id, algorithm=HashAlgorithm.PDQ, distance=nearest.distance)

    def _by_digest(self, entries: list[bytes]) -> dict[int, Collides]:
        found: dict[int, Collides] = {}
        for algorithm in DIGESTS if self._digests else ():
            length = LENGTHS[algorithm]
            values, numbers, _ = _core.packed_hashes(entries, CODES[algorithm], 0)
            for place, number in enumerate(array("Q", numbers)):
                id_ = self._digests.get(values[place * length : (place + 1) * length])
                if id_ is not None:
                    found[number] = Collides(known_good_id=id_, algorithm=algorithm, distance=0)
        return found


def _worse(before: Unfit | Collides | None, now: Unfit | Collides) -> Unfit | Collides:
    """Of what two hashes of one entry tell: that it shows nothing, or else the nearer picture."""
    if before is None or isinstance(now, Unfit):
        return now
    if isinstance(before, Unfit) or before.distance <= now.distance:
        return before
    return now


# --- the flood stop ---


def floods(matches: int, *, typical: float) -> bool:
    """Whether an entry with so many matches in an hour matches far more than such entries do.

    `typical` is what an entry of its list matched in an earlier hour with matches, or what this one did: the larger.
    """
    return matches >= min(max(FLOOD_LEAST, FLOOD_TIMES * typical), FLOOD_MOST)
