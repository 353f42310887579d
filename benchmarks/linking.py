"""Claim: what it takes to link a report depends on the report, not on how many reports there are.

    python benchmarks/linking.py [--reports 100000] [--seeds 1 2] [--new 500] [--leaders 1000000]

A made-up caseload is kept in memory: about eleven files a report, heavy-tailed; half of them from a pool in which a few
files are found very often and most hardly ever; accounts, mail addresses and network addresses that come back now and then.
How often, is assumed (see `Caseload`). Then new reports are added one by one: linked, and their groups made anew. The peer
compares the new report with every report, which is what is done where no value is kept as a key.

No database is in these figures: they say what the rules cost, and how large groups become. The last rows place pictures
among leaders in an index file; the peer compares with every leader (NumPy).
"""

import argparse
import gc
import os
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from figures import Figure, percentile, show
from hash_shapes import BYTES, even, near

from vangnet.hashing.index import RADIUS, Index, IndexBuilder
from vangnet.reports.model.drafts import (
    Incident,
    ItemDraft,
    ItemKind,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
)
from vangnet.reports.rules.linking.clustering import Clusters
from vangnet.reports.rules.linking.features import Feature, FeatureKind, Known, features, periods
from vangnet.reports.rules.linking.grouping import Grouping, grouped, touched
from vangnet.reports.rules.linking.links import JOINS_UP_TO, Because, InMemory, Link, LinkLimits, link

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTES = 365 * 24 * 60
#: Where only what joins is asked for.
_JOINING = LinkLimits(shown=0)
#: The issue's goal for linking one new report, database included.
GOAL_MS = 200


class Caseload:
    """Reports as features. Every number here is assumed, not measured."""

    def __init__(self, seed: int, reports: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 (a caseload, no secret)
        self._reports = reports

    def report(self) -> list[Feature]:
        """The values of one report."""
        rng = self._rng
        files = {self._file() for _ in range(min(int(2 * rng.paretovariate(1.1)), 2000))}
        found = [Feature(kind=FeatureKind.FILE, key=key, among=len(files)) for key in files]
        # Accounts and addresses that come back do so evenly.
        found.append(self._written(FeatureKind.ACCOUNT, again=0.2))
        if rng.random() < 0.6:
            found.append(self._written(FeatureKind.EMAIL, again=0.15))
        for _ in range(rng.randrange(4)):
            at = BEGIN + timedelta(minutes=rng.randrange(_MINUTES))
            address = self._number(again=0.3, pool=self._reports // 10).to_bytes(16, "big")
            found.append(Feature(kind=FeatureKind.ADDRESS, key=address, seen=periods([at])))
        return list({(one.kind, one.key): one for one in found}.values())

    def _written(self, kind: FeatureKind, *, again: float) -> Feature:
        return Feature(kind=kind, key=b"service.example\0%d" % self._number(again=again, pool=self._reports // 4))

    def _file(self) -> bytes:
        # Half are files that go round: the k-th of them is found in proportion to 1/k.
        if self._rng.random() < 0.5:
            return int((20 * self._reports) ** self._rng.random()).to_bytes(32, "big")
        return self._number(again=0, pool=1).to_bytes(32, "big")

    def _number(self, *, again: float, pool: int) -> int:
        rng = self._rng
        return rng.randrange(max(pool, 1)) if rng.random() < again else rng.getrandbits(100) | 1 << 100


class Kept:
    """What a store would keep."""

    def __init__(self) -> None:
        self.shared = InMemory()
        self.values: list[list[Feature]] = []
        self.links: dict[int, set[Link]] = defaultdict(set)
        self.groups: dict[int, tuple[int, ...]] = {}

    def add(self, values: list[Feature]) -> tuple[float, float, int]:
        """Adds a report: seconds to link it, seconds to make its groups anew, and how many links it has."""
        number = len(self.values)
        self.values.append(values)
        start = time.perf_counter()
        self.shared.add(number, values)
        found = link(number, values, self.shared)
        self.shared.mark_common(found.common)
        linked_s = time.perf_counter() - start
        start = time.perf_counter()
        self._keep(found.links)
        self._link_again(found.loosened)
        ends = {end for one in found.links if one.joins for end in (one.a, one.b)}
        some = touched({number, *found.loosened, *ends}, group_of=self._group, held_by=lambda _: ())
        self.groups |= grouped(some, {one for report in some for one in self.links[report]}).by_report()
        return linked_s, time.perf_counter() - start, len(found.links)

    def group_all(self) -> Grouping:
        """All groups, from scratch."""
        for number, values in enumerate(self.values):
            self._keep(link(number, values, self.shared, limits=_JOINING).links)
        made = grouped(range(len(self.values)), {one for links in self.links.values() for one in links})
        self.groups = made.by_report()
        return made

    def _group(self, report: int) -> Collection[int]:
        return self.groups.get(report, ())

    def _keep(self, links: Iterable[Link]) -> None:
        for one in links:
            if one.joins:
                self.links[one.a].add(one)
                self.links[one.b].add(one)

    def _link_again(self, reports: Iterable[int]) -> None:
        for report in reports:
            for one in self.links.pop(report, set()):
                self.links[one.b if one.a == report else one.a].discard(one)
        for report in reports:
            self._keep(link(report, self.values[report], self.shared, limits=_JOINING).links)


def main() -> None:
    """Measures with each seed, then prints a row for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--new", type=int, default=500)
    parser.add_argument("--leaders", type=int, default=1_000_000)
    arguments = parser.parse_args()
    results = [_linking(seed, arguments.reports, arguments.new) for seed in arguments.seeds]
    results = [
        one | _clustering(seed, arguments.leaders, arguments.new)
        for one, seed in zip(results, arguments.seeds, strict=True)
    ]
    of = {name: [result[name] for result in results] for name in results[0]}
    print(f"{arguments.reports:,} reports with {of['files'][0]:,.0f} files kept; {arguments.new} added.")
    show(
        [
            Figure(
                what="linking of a new report", unit="ms", ours=of["link"], p99=of["link, p99"],
                peer="compared with every report", theirs=of["every"], at_most=GOAL_MS,
            ),
            Figure(what="its groups made anew", unit="ms", ours=of["group"], p99=of["group, p99"]),
            Figure(what="the longest of both together", unit="ms", ours=of["longest"], at_most=GOAL_MS),
            Figure(what="the features of a report with 10 files", unit="ms", ours=of["features, 10"]),
            Figure(what="the features of a report with 10,000 files", unit="ms", ours=of["features, 10000"]),
            Figure(what="reports in a group with others", unit="%", ours=of["together"]),
            Figure(
                what="reports in the largest group", unit="", ours=of["largest"],
                peer="any shared value joins", theirs=of["largest of any"],
            ),
            Figure(what="all groups from scratch", unit="s", ours=of["scratch"]),
            Figure(
                what=f"placing a picture among {arguments.leaders:,} leaders", unit="ms", ours=of["place"],
                p99=of["place, p99"], peer="compared with every leader", theirs=of["every leader"],
            ),
        ]
    )  # fmt: skip


def _linking(seed: int, reports: int, new: int) -> dict[str, float]:
    # First, while there is little in memory.
    few, many = (1000 * _reading(items) for items in (10, 10_000))
    caseload, kept = Caseload(seed, reports), Kept()
    for number in range(reports):
        kept.values.append(caseload.report())
        kept.shared.add(number, kept.values[-1])
    # What became common on the way is marked, as a store that grew would have it.
    counted = Counter((one.kind, one.key) for values in kept.values for one in values)
    kept.shared.mark_common(value for value, count in counted.items() if count > JOINS_UP_TO[value[0]])
    start = time.perf_counter()
    made = kept.group_all()
    scratch = time.perf_counter() - start
    files = sum(one.kind is FeatureKind.FILE for values in kept.values for one in values)
    # A store holds the caseload elsewhere; here it must not be searched for garbage time and again.
    gc.collect()
    gc.freeze()
    added = [caseload.report() for _ in range(new)]
    every = [_seconds(lambda one=one: _with_every(one, kept.values)) for one in added[:5]]
    times = [kept.add(values) for values in added]
    return {
        "files": files,
        "link": 1000 * percentile([one for one, _, _ in times], 50),
        "link, p99": 1000 * percentile([one for one, _, _ in times], 99),
        "group": 1000 * percentile([one for _, one, _ in times], 50),
        "group, p99": 1000 * percentile([one for _, one, _ in times], 99),
        "longest": 1000 * max(one + other for one, other, _ in times),
        "every": 1000 * percentile(every, 50),
        "together": 100 * sum(len(group) for group in made.groups if len(group) > 1) / reports,
        "largest": max(map(len, made.groups)),
        "largest of any": max(map(len, _joined_by_any(kept.values).groups)),
        "scratch": scratch,
        "features, 10": few,
        "features, 10000": many,
    }


def _with_every(values: Sequence[Feature], reports: Sequence[Sequence[Feature]]) -> int:
    """How many reports share a value with this one, by looking at each."""
    own = {(one.kind, one.key) for one in values}
    return sum(any((one.kind, one.key) in own for one in report) for report in reports)


def _joined_by_any(reports: Sequence[Sequence[Feature]]) -> Grouping:
    """The groups if every value that two reports share joined them."""
    last: dict[tuple[FeatureKind, bytes], int] = {}
    links = []
    for number, values in enumerate(reports):
        for one in values:
            if (before := last.get((one.kind, one.key))) is not None:
                links.append(Link(kind=one.kind, a=before, b=number, because=Because()))
            last[one.kind, one.key] = number
    return grouped(range(len(reports)), links)


def _reading(items: int) -> float:
    """Seconds to make features of a report of so many files, each with three digests and an address."""
    draft = ReportDraft(
        source=Source.CYBERTIP,
        reporter=Reporter(kind=ReporterKind.COMPANY, name="Chat Example"),
        incident=Incident.MATERIAL,
        items=[
            ItemDraft(
                kind=ItemKind.FILE,
                hashes=tuple((name, os.urandom(size)) for name, size in (("md5", 16), ("sha1", 20), ("sha256", 32))),
                address=f"https://files.example/{number}",
            )
            for number in range(items)
        ],
    )
    return min(_seconds(lambda: features(draft, Known())) for _ in range(5))


def _clustering(seed: int, leaders: int, new: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    rows = even(rng, leaders)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "index"
        builder = IndexBuilder()
        builder.add_hashes(rows.tobytes(), np.arange(1, leaders + 1, dtype=np.uint64))
        builder.write(path)
        clusters = Clusters(Index.open(path), next_number=leaders + 1)
        # Half of them near a leader, half new.
        hashes = [
            near(rng, rows[rng.integers(leaders)].tobytes(), int(rng.integers(0, RADIUS + 1)))
            if number % 2
            else rng.bytes(BYTES)
            for number in range(new)
        ]
        times = [_seconds(lambda one=one: clusters.place(one)) for one in hashes]
    words = rows.view(np.uint64)
    every = [_seconds(lambda one=one: _nearest(words, one)) for one in hashes[:10]]
    return {
        "place": 1000 * percentile(times, 50),
        "place, p99": 1000 * percentile(times, 99),
        "every leader": 1000 * percentile(every, 50),
    }


def _nearest(words: npt.NDArray[np.uint64], hash_: bytes) -> int:
    return int(np.bitwise_count(words ^ np.frombuffer(hash_, dtype=np.uint64)).sum(axis=1).min())


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
