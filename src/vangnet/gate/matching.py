"""From the bytes of a file, or from given hashes, to the listed entries that they match. Decides nothing.

Digests are always looked up, whatever becomes of the decoding. A picture is screened on `full~`, which comes from a small
decode, in all eight views; what lies within the wider radius is then confirmed on the true hash, from a second, whole
decode. So a look-up costs little for nearly all files and proves as much as ever for those that match.

Beside the whole picture, its parts are looked up that may be what somebody listed: without bars, borders, captions, or cut
out of a page. They add matches and take none away.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from vangnet.gate.model import GivenHash, PictureHash
from vangnet.gate.policy import Found
from vangnet.gate.turned import turned
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.index import RADIUS_MAX
from vangnet.hashing.model import (
    SCREEN_QUALITY,
    TRUSTED_QUALITY,
    Convention,
    Digests,
    Frame,
    Hashed,
    Outcome,
    Reason,
    Transform,
    Unhashable,
    View,
    view_name,
)
from vangnet.hashing.nearness import bits_that_may_differ
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import HashAlgorithm
from vangnet.registry.service.live import Asked, LiveIndex, LiveMatch

#: By how much farther a picture with a strip painted over is looked up, which is shrunk for that in any case.
_GUESSED_MARGIN = 6
#: From so many files on, PDQ hashes are screened on all processors.
_SPREAD_FROM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found in a file, by what it was looked up, and what kept it from being examined as it should be."""

    found: tuple[Found, ...]
    checked: tuple[str, ...]
    reason: Reason | None
    digests: tuple[tuple[str, bytes], ...] = field(repr=False)
    #: The file's own perceptual hashes, where they are known and to be trusted.
    pictures: tuple[PictureHash, ...] = field(default=(), repr=False)


class Matcher:
    """Looks files and hashes up. `name_of` tells a list's name; any number of threads may call it."""

    def __init__(self, live: LiveIndex, hasher: Hasher, name_of: Callable[[UUID], str]) -> None:
        self._live = live
        self._hasher = hasher
        self._name_of = name_of

    def examine(self, data: bytes, *, pictures: bool = False) -> Examined:
        """The file `data`. With `pictures`, its true hashes are worked out even where screening would do, and told.

        Raises IndexUnusable while there is nothing to look into.
        """
        outcome = self._hashed(data, screen=not pictures)
        named = _named(outcome.digests)
        found = [match for algorithm, value in named for match in self._by_digest(algorithm, value)]
        if self.is_near(outcome):
            if _is_screened(outcome):
                outcome = self._hasher.hash_bytes(data, self._true_conventions(), cuts=True)
            found += [match for frame in outcome.frames for match in self._by_frame(frame)]
        checked = [algorithm.value for algorithm, _ in named]
        if outcome.frames:
            seen, total = len(outcome.frames), outcome.frames_total
            checked.append("pdq" if seen == total else f"pdq:{seen}/{total}")
        return Examined(
            found=tuple(found),
            checked=tuple(checked),
            reason=outcome.reason if isinstance(outcome, Unhashable) else None,
            digests=tuple((algorithm.value, value) for algorithm, value in named),
            pictures=_pictures(outcome.frames) if pictures else (),
        )

    def examine_hashes(self, hashes: Sequence[GivenHash]) -> Examined:
        """Hashes that somebody made elsewhere: a PDQ hash is taken for a true one, as it was held. Raises IndexUnusable."""
        found: list[Found] = []
        reason = None
        for given in hashes:
            if given.algorithm != HashAlgorithm.PDQ:
                found += self._by_digest(HashAlgorithm(given.algorithm), given.value)
                continue
            trusted = not _is_poor(given)
            if not trusted:
                reason = Reason.LOW_QUALITY
            found += self._by_hash(given.value, Convention.FULL, View.ORIGINAL.value, trusted=trusted)
        return Examined(
            found=tuple(found),
            checked=tuple(dict.fromkeys(given.algorithm for given in hashes)),
            reason=reason,
            digests=tuple((given.algorithm, given.value) for given in hashes if given.algorithm != HashAlgorithm.PDQ),
            pictures=_given_pictures(hashes),
        )

    def examine_pictures(self, pictures: Sequence[PictureHash]) -> Examined:
        """Pictures of which there is the hash alone, in all views, as near as that can tell: a match holds at most.

        Raises IndexUnusable.
        """
        found = [
            match
            for picture in pictures
            for view, value in turned(picture.value).items()
            for match in self._by_hash(value, picture.convention, view.value, trusted=False)
        ]
        return Examined(found=tuple(found), checked=("pdq",), reason=None, digests=(), pictures=tuple(pictures))

    def screen_pictures(self, pictures: Sequence[PictureHash]) -> set[PictureHash]:
        """Those of them for which `examine_pictures` would find anything; many at once. Raises IndexUnusable."""
        views = {picture: set(turned(picture.value).values()) for picture in pictures}
        usual = [value for picture, its in views.items() if picture.convention is Convention.FULL for value in its]
        near = self._live.screen(HashAlgorithm.PDQ, usual) if usual else set()
        return {
            picture
            for picture, its in views.items()
            if (
                its & near
                if picture.convention is Convention.FULL
                else any(self._live.lookup(value, self._live.widest_radius, picture.convention) for value in its)
            )
        }

    def examine_many(self, files: Sequence[Sequence[GivenHash]]) -> list[Examined]:
        """The same for the hashes of many files: what is on no list, which is nearly all of it, is found out in one go."""
        listed = self._listed(files)
        return [
            self.examine_hashes(hashes)
            if any(given.value in listed[given.algorithm] for given in hashes)
            else _unlisted(hashes)
            for hashes in files
        ]

    def examine_unlisted(self, files: Sequence[Sequence[GivenHash]]) -> list[Examined] | None:
        """The same where none of the hashes is on a list; None where one is. Raises IndexUnusable."""
        return None if any(self._listed(files).values()) else [_unlisted(hashes) for hashes in files]

    def examine_unread(self, reason: Reason, digests: Digests | None) -> Examined:
        """A file of which there is nothing but its digests, or not even those. Raises IndexUnusable."""
        if digests is None:
            return Examined(found=(), checked=(), reason=reason, digests=())
        named = _named(digests)
        found = tuple(match for algorithm, value in named for match in self._by_digest(algorithm, value))
        return Examined(
            found=found,
            checked=tuple(algorithm.value for algorithm, _ in named),
            reason=reason,
            digests=tuple((algorithm.value, value) for algorithm, value in named),
        )

    # --- hashing ---

    def _hashed(self, data: bytes, *, screen: bool) -> Outcome:
        """The file's outcome; its hashes may be for screening only, never so unless `screen`."""
        wanted = self._true_conventions()
        # A picture that must be decoded whole for another convention is not cheaper to screen.
        if not screen or wanted != {Convention.FULL}:
            return self._hasher.hash_bytes(data, wanted, cuts=True)
        outcome = self._hasher.screen_bytes(data, cuts=True)
        if _is_screened(outcome) and not all(_says_something(transform) for transform, _ in _seen(outcome.frames)):
            return self._hasher.hash_bytes(data, wanted, cuts=True)
        return outcome

    def _true_conventions(self) -> frozenset[Convention]:
        return self._live.conventions | {Convention.FULL}

    # --- looking up ---

    def _listed(self, files: Sequence[Sequence[GivenHash]]) -> dict[str, set[bytes]]:
        """Those of the hashes that are on a list, by algorithm. Raises IndexUnusable."""
        values: dict[str, list[bytes]] = defaultdict(list)
        for hashes in files:
            for given in hashes:
                values[given.algorithm].append(given.value)
        threads = (os.cpu_count() or 1) if len(files) >= _SPREAD_FROM else 1
        return {name: self._live.screen(HashAlgorithm(name), its, threads=threads) for name, its in values.items()}

    def is_near(self, outcome: Outcome) -> bool:
        """Whether anything of it, in any view, may be near a listed picture. All that is looked up is looked up at once."""
        widest = self._live.widest_radius
        side = min(outcome.width, outcome.height) if isinstance(outcome, Hashed) else 0
        asked: dict[Convention, list[Asked]] = defaultdict(list)
        for frame in outcome.frames:
            for transform in frame.transforms:
                asked[transform.convention] += _asked(transform, widest + _margin(transform, side))
            for cut_out in frame.cut_outs:
                # What is painted over is shrunk for that, whatever it was decoded to.
                margin = _GUESSED_MARGIN if cut_out.is_guessed else _margin(cut_out.transform, 0)
                its = _asked(cut_out.transform, widest + margin, guessed=cut_out.is_guessed)
                asked[cut_out.transform.convention] += its
        return any(self._live.is_any_near(its, convention) for convention, its in asked.items())

    def _by_frame(self, frame: Frame) -> Iterator[Found]:
        for transform in frame.transforms:
            for view, hash_ in transform.views().items():
                trusted = transform.quality >= TRUSTED_QUALITY
                yield from self._by_hash(hash_.hash, transform.convention, view.value, trusted=trusted)
        for cut_out in frame.cut_outs:
            for view, hash_ in cut_out.transform.views().items():
                name = view_name(cut_out.cuts, view)
                yield from self._by_hash(
                    hash_.hash, hash_.convention, name, trusted=not cut_out.is_guessed, guessed=cut_out.is_guessed
                )

    def _by_hash(
        self, hash_: bytes, convention: Convention, view: str, *, trusted: bool, guessed: bool = False
    ) -> Iterator[Found]:
        for match in self._live.lookup(hash_, self._live.widest_radius, convention, guessed=guessed):
            yield from self._as_found(match, view, trusted=trusted)

    def _by_digest(self, algorithm: HashAlgorithm, value: bytes) -> Sequence[Found]:
        matches = self._live.find_digest(algorithm, value)
        return [found for match in matches for found in self._as_found(match, View.ORIGINAL.value, trusted=True)]

    def _as_found(self, match: LiveMatch, view: str, *, trusted: bool) -> Iterator[Found]:
        if match.effect is Effect.NOTHING or match.classification is None:
            return
        yield Found(
            list_id=match.list_id,
            list_name=self._name_of(match.list_id),
            entry_id=match.entry_id,
            classification=match.classification,
            algorithm=match.algorithm.value,
            distance=match.distance,
            view=view,
            effect=match.effect,
            trusted=trusted,
        )


def _named(digests: Digests) -> tuple[tuple[HashAlgorithm, bytes], ...]:
    return (
        (HashAlgorithm.MD5, digests.md5),
        (HashAlgorithm.SHA1, digests.sha1),
        (HashAlgorithm.SHA256, digests.sha256),
    )


def _unlisted(hashes: Sequence[GivenHash]) -> Examined:
    return Examined(
        found=(),
        checked=(hashes[0].algorithm,) if len(hashes) == 1 else tuple(dict.fromkeys(given.algorithm for given in hashes)),
        reason=Reason.LOW_QUALITY if any(_is_poor(given) for given in hashes) else None,
        digests=tuple((given.algorithm, given.value) for given in hashes if given.algorithm != HashAlgorithm.PDQ),
        pictures=_given_pictures(hashes),
    )


def _given_pictures(hashes: Sequence[GivenHash]) -> tuple[PictureHash, ...]:
    """The PDQ hashes among them, which are taken for true ones; not those that are said to be of too little to see."""
    return tuple(
        PictureHash(convention=Convention.FULL, value=given.value)
        for given in hashes
        if given.algorithm == HashAlgorithm.PDQ and not _is_poor(given)
    )


def _pictures(frames: Iterable[Frame]) -> tuple[PictureHash, ...]:
    """The true hashes of frames with enough to see, each once."""
    return tuple(
        dict.fromkeys(
            PictureHash(convention=transform.convention, value=transform.hash().hash)
            for transform in _transforms(frames)
            if transform.convention is not Convention.SCREEN and transform.quality >= TRUSTED_QUALITY
        )
    )


def _is_poor(given: GivenHash) -> bool:
    return given.algorithm == HashAlgorithm.PDQ and given.quality is not None and given.quality < TRUSTED_QUALITY


def _transforms(frames: Iterable[Frame]) -> Iterator[Transform]:
    return (transform for frame in frames for transform in frame.transforms)


def _seen(frames: Iterable[Frame]) -> Iterator[tuple[Transform, bool]]:
    """All that is looked up of them, the whole pictures and their parts; and whether something of it was guessed."""
    for frame in frames:
        yield from ((transform, False) for transform in frame.transforms)
        yield from ((cut_out.transform, cut_out.is_guessed) for cut_out in frame.cut_outs)


def _is_screened(outcome: Outcome) -> bool:
    """Whether its hashes are nearly those of the picture, and prove nothing."""
    return any(transform.convention is Convention.SCREEN for transform in _transforms(outcome.frames))


def _margin(transform: Transform, side: int) -> int:
    """How much farther a hash is looked up than the true one; `side`: the shorter one of a whole picture, 0 of a part."""
    return bits_that_may_differ(transform, side) if transform.convention is Convention.SCREEN else 0


def _asked(transform: Transform, radius: int, *, guessed: bool = False) -> list[Asked]:
    radius = min(radius, RADIUS_MAX)
    return [Asked(hash=hash_.hash, radius=radius, guessed=guessed) for hash_ in transform.views().values()]


def _says_something(transform: Transform) -> bool:
    return transform.quality >= SCREEN_QUALITY
