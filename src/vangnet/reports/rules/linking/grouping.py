"""Groups of reports: what is joined by links, and what people did to that by hand. Pure.

A group is what joining links hold together. People cut links, take values out of account, merge and split; each of these is
a deed, kept with a number, and undone by another deed. The groups follow from links and deeds alone: not from the order in
which reports came in or in which they are looked at.

What a person kept apart stays apart, also when a later report shares something with both sides: the link that would bring
them together is held, and shown to a person. Of the links that compete, the one that proves most wins.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vangnet.errors import InvalidInput
from vangnet.reports.rules.linking.features import FeatureKind
from vangnet.reports.rules.linking.links import Link, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The link between two reports joins them no more: that of one kind, or any. It stays cut."""

    number: int
    a: int
    b: int
    kind: FeatureKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissed:
    """A value says nothing, and joins nothing any more: the address of a library, a company's mailbox."""

    number: int
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """These reports belong together, whatever links say. To merge groups, name all their reports."""

    number: int
    reports: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """No report of one side belongs with any of the other, now and later."""

    number: int
    one: frozenset[int]
    other: frozenset[int]

    def __post_init__(self) -> None:
        if not self.one or not self.other or self.one & self.other:
            raise InvalidInput(field="split", problem="has two sides, each with a report, and no report on both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """An earlier deed is as if it had not been done. Undone itself, it is done again."""

    number: int
    deed: int


Deed: TypeAlias = Cut | Dismissed | Merged | Split | Undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Reports in groups."""

    #: Each in order, and in the order of their first reports; a report by itself is a group of one.
    groups: tuple[tuple[int, ...], ...]
    #: Links that would join two groups which a person keeps apart. What proves most first.
    held: tuple[Link, ...] = ()

    def by_report(self) -> dict[int, tuple[int, ...]]:
        """The group of each report."""
        return {report: group for group in self.groups for report in group}


def standing(deeds: Iterable[Deed]) -> list[Deed]:
    """The deeds that hold, in the order in which they were done: those not undone."""
    kept: list[Deed] = []
    gone: set[int] = set()
    # From the last on, so that it is known of each whether it was undone before what it undoes is looked at.
    for deed in sorted(deeds, key=lambda one: one.number, reverse=True):
        match deed:
            case _ if deed.number in gone:
                continue
            case Undone():
                gone.add(deed.deed)
            case _:
                kept.append(deed)
    return kept[::-1]


def dismissed(deeds: Iterable[Deed]) -> frozenset[Value]:
    """The values that join nothing, as `linking.link` is told."""
    return frozenset(deed.value for deed in standing(deeds) if isinstance(deed, Dismissed))


def named(deed: Deed) -> frozenset[int]:
    """The reports that a deed names; their groups may be others before and after it."""
    match deed:
        case Cut():
            return frozenset({deed.a, deed.b})
        case Merged():
            return deed.reports
        case Split():
            return deed.one | deed.other
        case Dismissed() | Undone():
            return frozenset()


def grouped(reports: Iterable[int], links: Iterable[Link], deeds: Iterable[Deed] = ()) -> Grouping:
    """The groups of these reports.

    `links` may be all, or those that join. Links and deeds that name other reports count as far as they name these; so the
    answer for some is the same as for all, if every report that could be in a group with them is among them (`touched`).
    """
    held_deeds = standing(deeds)
    joined = _Joined(reports, _barriers(held_deeds))
    # The last first: where people contradicted each other, the later word counts.
    for merge in reversed([deed for deed in held_deeds if isinstance(deed, Merged)]):
        joined.join_all(report for report in sorted(merge.reports) if report in joined)
    cut = _Cuts(held_deeds)
    joining = [one for one in links if one.joins and one.a in joined and one.b in joined and not cut.includes(one)]
    held = [one for one in sorted(joining, key=Link.order) if not joined.join(one.a, one.b)]
    return Grouping(groups=joined.groups(), held=tuple(held))


def touched(
    reports: Iterable[int],
    *,
    group_of: Callable[[int], Collection[int]],
    held_by: Callable[[int], Collection[int]],
    deeds: Iterable[Deed] = (),
) -> frozenset[int]:
    """The reports whose groups may change when something about `reports` does: their links, or a deed that names them.

    `group_of`: the group that a report is in until now. `held_by`: the reports to which a held link leads from it.
    """
    merged: dict[int, set[int]] = defaultdict(set)
    for deed in standing(deeds):
        if isinstance(deed, Merged):
            for report in deed.reports:
                merged[report] |= deed.reports
    found: set[int] = set()
    waiting = list(reports)
    while waiting:
        report = waiting.pop()
        if report not in found:
            found.add(report)
            waiting += {*group_of(report), *held_by(report), *merged.get(report, ())} - found
    return frozenset(found)


def bridges(group: Iterable[int], links: Iterable[Link], deeds: Iterable[Deed] = ()) -> list[tuple[int, int]]:
    """The pairs of reports that alone hold two parts of a group together: where a doubtful group is looked at first.

    Neighbours in several ways are one pair. In order.
    """
    members = set(group)
    cut = _Cuts(standing(deeds))
    near: dict[int, set[int]] = {report: set() for report in members}
    for one in links:
        if one.joins and one.a in members and one.b in members and not cut.includes(one):
            near[one.a].add(one.b)
            near[one.b].add(one.a)
    return sorted(_bridges(near))


class _Cuts:
    """Which links are cut."""

    def __init__(self, deeds: Iterable[Deed]) -> None:
        self._cut = {
            (min(deed.a, deed.b), max(deed.a, deed.b), deed.kind) for deed in deeds if isinstance(deed, Cut)
        }  # fmt: skip

    def includes(self, link: Link) -> bool:
        return bool(self._cut) and not self._cut.isdisjoint({(link.a, link.b, None), (link.a, link.b, link.kind)})


def _barriers(deeds: Sequence[Deed]) -> list[tuple[frozenset[int], frozenset[int]]]:
    """What is kept apart: each report of one side from each of the other. A later merge lifts it among its reports."""
    barriers: list[tuple[frozenset[int], frozenset[int]]] = []
    for deed in deeds:
        match deed:
            case Split():
                barriers.append((deed.one, deed.other))
            case Merged():
                barriers = [left for barrier in barriers for left in _lifted(barrier, deed.reports)]
            case _:
                pass
    return barriers


def _lifted(
    barrier: tuple[frozenset[int], frozenset[int]], reports: frozenset[int]
) -> list[tuple[frozenset[int], frozenset[int]]]:
    """What is left of a barrier when it no longer stands between these reports."""
    one, other = barrier
    if not (one & reports and other & reports):
        return [barrier]
    rest = [(one - reports, other), (one & reports, other - reports)]
    return [(left, right) for left, right in rest if left and right]


class _Joined:
    """Reports that are joined step by step, unless a barrier stands between (union-find)."""

    def __init__(self, reports: Iterable[int], barriers: Sequence[tuple[frozenset[int], frozenset[int]]]) -> None:
        self._parent = {report: report for report in reports}
        self._size = dict.fromkeys(self._parent, 1)
        #: By the first of each part: on which sides of which barriers it stands.
        self._sides: dict[int, dict[int, int]] = {}
        for number, (one, other) in enumerate(barriers):
            for report in one | other:
                if report in self._parent:
                    self._sides.setdefault(report, {})[number] = 1 if report in one else 2

    def __contains__(self, report: int) -> bool:
        return report in self._parent

    def join(self, a: int, b: int) -> bool:
        """Whether they are of one part now."""
        one, other = self._first(a), self._first(b)
        if one == other:
            return True
        sides, more = self._sides.get(one, {}), self._sides.get(other, {})
        if any(more.get(number, side) != side for number, side in sides.items()):
            return False
        if self._size[one] < self._size[other]:
            one, other = other, one
        self._parent[other] = one
        self._size[one] += self._size[other]
        if sides or more:
            self._sides[one] = {**sides, **more}
        return True

    def join_all(self, reports: Iterable[int]) -> None:
        """Joins them as far as no barrier stands between."""
        firsts: list[int] = []
        for report in reports:
            if not any(self.join(first, report) for first in firsts):
                firsts.append(report)

    def groups(self) -> tuple[tuple[int, ...], ...]:
        members: dict[int, list[int]] = defaultdict(list)
        for report in sorted(self._parent):
            members[self._first(report)].append(report)
        return tuple(tuple(group) for group in members.values())

    def _first(self, report: int) -> int:
        parent = self._parent
        while parent[report] != report:
            parent[report] = parent[parent[report]]
            report = parent[report]
        return report


def _bridges(near: Mapping[int, Collection[int]]) -> list[tuple[int, int]]:
    """By the lowest place that is reached without the edge (R. E. Tarjan, 1974); without recursion, as groups are long."""
    place: dict[int, int] = {}
    lowest: dict[int, int] = {}
    found: list[tuple[int, int]] = []
    for start in near:
        if start in place:
            continue
        place[start] = lowest[start] = len(place)
        path: list[tuple[int, int | None]] = [(start, None)]
        left = {start: iter(near[start])}
        while path:
            report, before = path[-1]
            following = next(left[report], None)
            if following is None:
                path.pop()
                if before is not None:
                    lowest[before] = min(lowest[before], lowest[report])
                    if lowest[report] > place[before]:
                        found.append((min(before, report), max(before, report)))
            elif following not in place:
                place[following] = lowest[following] = len(place)
                left[following] = iter(near[following])
                path.append((following, report))
            elif following != before:
                lowest[report] = min(lowest[report], place[following])
    return found
