"""False alarms: ordinary pictures that have nothing to do with a list, checked against it by the gate's own matcher.

    python benchmarks/false_alarms.py [--pictures 10000] [--rows 1000000] [--mistakes 3000] [--seeds 1 2 3]

The list is of photo-like hashes (hash_shapes.py). So that one sees what the rules about quality are worth, a second list
has what no list should have: the hashes of other flat, patterned, drawn and photo-like pictures of the same kinds, as a
supplier takes them in by mistake. Each pair of a picture and an entry that matches is counted, whatever its quality: within
31 bits, or 44 where a banner was painted over, which only holds (docs/explanation/views.md); then without the entries that
the registry does not take; then those on which the policy blocks. All in one run of the gate's matcher over the pictures,
in every view of an upload: turned and mirrored, and each of these once more without what was put around it. As many hashes
again are listed as sub-windows. With `--photos FOLDER` a provider's own pictures are checked beside the drawn ones, all of
them once; files that are no pictures are counted as such. No file is changed, kept or sent anywhere, and none is named.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import numpy as np
from hash_shapes import photo_like
from ordinary_pictures import drawn, stock

from vangnet.gate.matching import Examined, Matcher
from vangnet.gate.model import Decision
from vangnet.gate.policy import STARTING, Found, decide_match
from vangnet.hashing.hasher import Hasher
from vangnet.hashing.index import RADIUS, RADIUS_MAX, Index, IndexBuilder
from vangnet.hashing.model import GUESSED_BITS, TRUSTED_QUALITY, Convention, MediaHash, Reason
from vangnet.hashing.sandbox import Sandbox
from vangnet.proportions import upper_bound
from vangnet.registry.model.classification import Classification
from vangnet.registry.model.effects import Effect
from vangnet.registry.model.entries import HashAlgorithm, ListedHash
from vangnet.registry.model.lists import ListState
from vangnet.registry.safeguards import PASSED, Safeguards
from vangnet.registry.service.live import Asked, LiveMatch

_LIST = UUID(int=1)
_THREADS = 3
_STOCK_MOST = 2000
_PAIRS_SHOWN = 50
_TELL_S = 10.0
#: What is not decoded is not looked up, and proves nothing.
_NO_PICTURE = frozenset(Reason) - {Reason.LOW_QUALITY, Reason.DAMAGED}
#: Far from the seeds that are given: the mistakes are other pictures than those that are checked.
_OTHERS = 1_000_000
_T = TypeVar("_T")
_POLICY = replace(STARTING, perceptual_blocks=True)


class Listed:
    """An index asked as the gate asks the lists that it follows; everything in it is active and of the gravest kind."""

    conventions = frozenset({Convention.FULL})
    widest_radius = RADIUS

    def __init__(self, index: Index) -> None:
        self._index = index
        self.lookups = 0

    def lookup(self, hash_: bytes, radius: int, convention: Convention, *, guessed: bool = False) -> list[LiveMatch]:
        """The entries within `radius` bits, or a few more of a picture that had to be guessed in part."""
        self.lookups += 1  # Several threads may lose one of a million.
        reach = min(radius + (GUESSED_BITS if guessed else 0), RADIUS_MAX)
        return [
            LiveMatch(
                list_id=_LIST, list_state=ListState.ACTIVE, entry_id=match.id, category_id=1,
                classification=Classification.BASELINE, proposed=False, algorithm=algorithm,
                distance=match.distance, effect=effect,
            )
            for algorithm, effect, within in (
                (HashAlgorithm.PDQ, Effect.DECIDES, reach), (HashAlgorithm.PDQ_WINDOW, Effect.HOLDS, radius)
            )
            for match in self._index.lookup(
                hash_, within, convention=convention, windows=algorithm is HashAlgorithm.PDQ_WINDOW
            )
        ]  # fmt: skip

    def is_any_near(self, asked: Sequence[Asked], convention: Convention) -> bool:
        """Whether anything is within the radius of any of these."""
        return any(self.lookup(one.hash, one.radius, convention, guessed=one.guessed) for one in asked)

    def find_digest(self, *_: object) -> list[LiveMatch]:
        """None: the pictures are not the listed ones."""
        return []


@dataclass(kw_only=True)
class Counts:
    """What pictures of one kind came to; pairs are of a picture and an entry within 31 bits."""

    pictures: int = 0
    #: Files that are no pictures, or cannot be decoded.
    unread: int = 0
    #: Pictures that the hasher calls too plain to trust their hash.
    plain: int = 0
    #: How many times they were looked up; told of all kinds together.
    lookups: int = 0
    #: With the photo-like list, and of these the pairs that block.
    pairs: int = 0
    blocking: int = 0
    #: With the mistakes: pairs that lie beyond the usual radius, and match by a guess alone.
    guessed: int = 0
    #: With the mistakes: all, those with entries that the registry takes, those that block, those of which both is true.
    mistaken: int = 0
    taken: int = 0
    trusted: int = 0
    left: int = 0


def main() -> None:
    """Prints the counts by kind of picture, what they prove, and what they do not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000, help="a seed")
    parser.add_argument("--rows", type=int, default=1_000_000, help="photo-like hashes on the list")
    parser.add_argument("--mistakes", type=int, default=3_000, help="hashes of ordinary pictures on the second list")
    parser.add_argument("--photos", type=Path, help="a folder with pictures of your own")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    if given.photos is not None and not given.photos.is_dir():
        parser.error(f"{given.photos} is no folder")
    total: defaultdict[str, Counts] = defaultdict(Counts)
    told: list[str] = []
    stocked: list[tuple[str, bytes | Path]] = []
    if given.pictures > 1:
        stocked += [("stock", data) for data in stock(min(_STOCK_MOST, given.pictures // 2))]
    if given.photos is not None:
        paths = [path for path in sorted(given.photos.rglob("*")) if path.is_file()]
        if not paths:
            parser.error(f"{given.photos} has no file")
        stocked += [("given", path) for path in paths]
    with Sandbox() as sandbox:
        for seed in given.seeds:
            # Stock and given pictures are the same for every seed, and count once.
            files = stocked if seed == given.seeds[0] else []
            _measure(total, told, Hasher(sandbox), seed=seed, files=files, given=given)
    _show(total, told, given)


def _measure(
    total: defaultdict[str, Counts],
    told: list[str],
    hasher: Hasher,
    *,
    seed: int,
    files: Sequence[tuple[str, bytes | Path]],
    given: argparse.Namespace,
) -> None:
    rows: int = given.rows
    index = _listed(seed, rows)
    taken = _add_mistakes(index, hasher, seed, rows, given.mistakes)
    listed = Listed(index)
    matcher = Matcher(listed, hasher, lambda _: "listed")  # type: ignore[arg-type]

    def check(kind: str, data: bytes) -> tuple[str, Examined]:
        return kind, matcher.examine(data)

    numbers = range(max(given.pictures - len(files), 0))
    pictures = chain(_read(files), (drawn(seed, number) for number in numbers))
    count = len(files) + len(numbers)
    for kind, examined in _told(_in_parallel(check, pictures), f"seed {seed}", count, told):
        if examined.reason in _NO_PICTURE:
            total[kind].unread += 1
            continue
        counts = total[kind]
        counts.pictures += 1
        counts.plain += examined.reason is Reason.LOW_QUALITY
        nearest: dict[int, Found] = {}
        for found in sorted(examined.found, key=lambda one: (not one.trusted, one.distance)):
            nearest.setdefault(found.entry_id, found)
        for entry, found in nearest.items():
            blocks = decide_match(_POLICY, found) is Decision.BLOCK
            if entry < rows:
                counts.pairs += 1
                counts.blocking += blocks
                told.append(
                    f"seed {seed}: {kind}, entry {entry}, {found.algorithm} {found.distance} bits by {found.view}, "
                    f"{'blocks' if blocks else 'held'}"
                )
            else:
                counts.mistaken += 1
                counts.guessed += found.distance > RADIUS
                counts.taken += entry in taken
                counts.trusted += blocks
                counts.left += entry in taken and blocks
    total["all"].lookups += listed.lookups


def _read(files: Iterable[tuple[str, bytes | Path]]) -> Iterator[tuple[str, bytes]]:
    for kind, file in files:
        yield kind, file.read_bytes() if isinstance(file, Path) else file


def _told(items: Iterable[_T], what: str, count: int, matches: Sequence[str]) -> Iterator[_T]:
    """The same, and on the standard error how far it is and what was found."""
    begin = told = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if (now := time.monotonic()) > told + _TELL_S or number == count:
            told = now
            speed = number / (now - begin)
            print(
                f"{what}: {number:,} of {count:,} pictures, {speed:.0f} a second, {len(matches)} matches", file=sys.stderr
            )


def _listed(seed: int, rows: int) -> Index:
    builder = IndexBuilder()
    rng = np.random.default_rng(seed)
    ids = np.arange(rows, dtype=np.uint64)
    builder.add_hashes(photo_like(rng, rows).tobytes(), ids)
    builder.add_windows(photo_like(rng, rows).tobytes(), ids)
    with tempfile.TemporaryDirectory() as folder:
        builder.write(Path(folder) / "index")
        return Index.open(Path(folder) / "index")


def _add_mistakes(index: Index, hasher: Hasher, seed: int, rows: int, count: int) -> set[int]:
    """Lists the hashes of other ordinary pictures; gives the entries that the registry would take."""

    def hashed(_: str, data: bytes) -> MediaHash | None:
        frames = hasher.hash_bytes(data).frames
        return frames[0].transforms[0].hash() if frames else None

    others = (drawn(seed + _OTHERS, number) for number in range(count))
    hashes = [one for one in _in_parallel(hashed, others) if one is not None]
    index.add_hashes(b"".join(one.hash for one in hashes), [rows + number for number in range(len(hashes))])
    drafts = [
        (ListedHash(algorithm=HashAlgorithm.PDQ, value=one.hash, convention=Convention.FULL, quality=one.quality),)
        for one in hashes
    ]
    findings = Safeguards([]).check(drafts)
    return {rows + number for number, found in enumerate(findings) if found == PASSED}


def _in_parallel(work: Callable[[str, bytes], _T], pictures: Iterable[tuple[str, bytes]]) -> Iterator[_T]:
    """What `work` gives of each; so few are under way that memory stays small."""
    waiting: deque[Future[_T]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for kind, data in pictures:
            waiting.append(pool.submit(work, kind, data))
            if len(waiting) > 4 * _THREADS:
                yield waiting.popleft().result()
        for one in waiting:
            yield one.result()


# --- what it says -------------------------------------------------------------------------------------------------


def _show(total: dict[str, Counts], told: Sequence[str], given: argparse.Namespace) -> None:
    lookups = total.pop("all").lookups
    pictures = sum(counts.pictures for counts in total.values())
    pairs, blocking = (sum(getattr(counts, name) for counts in total.values()) for name in ("pairs", "blocking"))
    seeds = len(given.seeds)
    unread = sum(counts.unread for counts in total.values())
    if not pictures:
        sys.exit("no file was a picture that could be decoded")
    print(
        f"{pictures:,} pictures (of {seeds} seeds; stock pictures once) against {given.rows:,} photo-like hashes a seed, "
        f"and as many sub-windows, in {lookups / pictures:.1f} views each: **{pairs} matches** within {RADIUS} bits, or "
        f"{RADIUS + GUESSED_BITS} where a banner was painted over; {blocking} of them would block.\n"
    )
    if unread:
        print(
            f"{unread:,} files were no pictures, or could not be decoded: they were not looked up and count for nothing.\n"
        )
    for line in told[:_PAIRS_SHOWN]:
        print(f"- {line}")
    _show_bounds(pairs, pictures, lookups * 2 * given.rows)
    _show_kinds(total, given)


def _show_bounds(pairs: int, pictures: int, comparisons: int) -> None:
    each = upper_bound(pairs, pictures)
    print(
        f"\nProved with 95 % confidence for pictures drawn as these are: at most {each:.1e} of the pictures match anything "
        f"on such a list (one in {1 / each:,.0f}), and at most {upper_bound(pairs, comparisons):.1e} of the "
        f"{comparisons:.1e} comparisons (exact binomial bound; the comparisons of one picture hang together, so the first "
        "figure is the one to plan with).\n\n"
        "Not proved: anything about a real list. Its hashes are of real photographs, and some of them are of pictures that "
        "many people have: a template, a cover, a default picture. Against those stand the registry's safeguards, the "
        "trial, and the rules below; a picture that really is alike (the same scene, the same template) matches, as it "
        "should."
    )


def _show_kinds(total: dict[str, Counts], given: argparse.Namespace) -> None:
    print(
        f"\nWhat the rules about quality are worth: the same pictures against {given.mistakes:,} other pictures of these "
        "kinds that a supplier listed by mistake. Pairs that match: all; those of them that do by a guess beyond "
        f"{RADIUS} bits alone; without the entries that the registry refuses "
        f"(quality below {TRUSTED_QUALITY}, or near a picture that shows nothing); those on which a gate with "
        "`perceptual_blocks` blocks (quality of the upload at least that); and what both rules leave.\n\n"
        "| kind | pictures | too plain | photo-like list | mistakes, no rule | by a guess "
        "| the registry's rules | the gate's rule | both |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for kind, one in [*sorted(total.items()), ("**all**", _sum(total.values()))]:
        print(
            f"| {kind} | {one.pictures:,} | {one.plain:,} | {one.pairs:,} | {one.mistaken:,} | {one.guessed:,} | "
            f"{one.taken:,} | "
            f"{one.trusted:,} | {one.left:,} |"
        )


def _sum(counts: Iterable[Counts]) -> Counts:
    total = Counts()
    for one in counts:
        for part in fields(Counts):
            setattr(total, part.name, getattr(total, part.name) + getattr(one, part.name))
    return total


if __name__ == "__main__":
    main()
