"""Groups of reports: what links join, what people cut, merge and split, undone again; piece by piece as from scratch."""

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.reports.rules.linking.features import Doubt, Feature, FeatureKind
from vangnet.reports.rules.linking.grouping import (
    Cut,
    Deed,
    Dismissed,
    Grouping,
    Merged,
    Split,
    Undone,
    bridges,
    dismissed,
    grouped,
    named,
    standing,
    touched,
)
from vangnet.reports.rules.linking.links import JOINS_UP_TO, Because, InMemory, Link, LinkLimits, link

REPORTS = range(8)


def tie(a: int, b: int, kind: FeatureKind = FeatureKind.ACCOUNT, *, doubts: Iterable[Doubt] = ()) -> Link:
    """A link between two reports."""
    return Link(kind=kind, a=min(a, b), b=max(a, b), because=Because(doubts=frozenset(doubts)))


def split(number: int, one: Iterable[int], other: Iterable[int]) -> Split:
    """These apart from those."""
    return Split(number=number, one=frozenset(one), other=frozenset(other))


def merged(number: int, *reports: int) -> Merged:
    """These together."""
    return Merged(number=number, reports=frozenset(reports))


CHAIN = [tie(0, 1), tie(1, 2), tie(2, 3)]


# --- one by one -----------------------------------------------------------------------------------------------------


def test_joining_links_make_groups_and_pointing_ones_do_not() -> None:
    links = [tie(0, 2), tie(2, 4), tie(4, 5, doubts={Doubt.COMMON})]
    assert grouped(range(6), links) == Grouping(groups=((0, 2, 4), (1,), (3,), (5,)))


def test_a_cut_link_stays_cut_when_more_reports_come() -> None:
    cut = [Cut(number=1, a=2, b=1)]
    assert grouped(range(4), CHAIN, cut).groups == ((0, 1), (2, 3))
    assert grouped(range(5), [*CHAIN, tie(3, 4)], cut).groups == ((0, 1), (2, 3, 4))


def test_a_cut_of_one_kind_leaves_the_links_of_others() -> None:
    links = [tie(0, 1), tie(0, 1, FeatureKind.FILE)]
    assert grouped(range(2), links, [Cut(number=1, a=0, b=1, kind=FeatureKind.FILE)]).groups == ((0, 1),)
    assert grouped(range(2), links, [Cut(number=1, a=0, b=1)]).groups == ((0,), (1,))


def test_what_was_split_stays_apart_when_a_later_report_joins_both_sides() -> None:
    deeds = [split(1, {0, 1}, {2, 3})]
    later = grouped(range(5), [*CHAIN, tie(0, 4), tie(3, 4, FeatureKind.FILE)], deeds)
    # The account proves more than the file, so the new report goes with the first side; the other link is held.
    assert later == Grouping(groups=((0, 1, 4), (2, 3)), held=(tie(1, 2), tie(3, 4, FeatureKind.FILE)))


def test_a_merge_joins_what_no_link_joins() -> None:
    assert grouped(range(4), [tie(0, 1)], [merged(1, 0, 1, 3)]).groups == ((0, 1, 3), (2,))


def test_a_later_merge_lifts_a_split_among_its_reports_only() -> None:
    deeds = [split(1, {0, 1}, {2, 3}), merged(2, 1, 2)]
    links = [tie(0, 1), tie(2, 3), tie(0, 3, FeatureKind.FILE)]
    # 1 and 2 are together by hand; 0 must not be with 2, nor 3 with 1, nor 0 with 3.
    assert grouped(range(4), links, deeds).groups == ((0,), (1, 2), (3,))
    assert grouped(range(4), links, [*deeds, merged(3, 0, 1, 2, 3)]).groups == ((0, 1, 2, 3),)


def test_a_later_split_takes_a_merge_apart_and_leaves_the_rest_of_it_together() -> None:
    assert grouped(range(3), [], [merged(1, 0, 1, 2), split(2, {0}, {1, 2})]).groups == ((0,), (1, 2))


def test_a_split_has_two_sides() -> None:
    for one, other in (({1}, {1, 2}), (set(), {1}), ({1}, set())):
        with pytest.raises(InvalidInput, match="two sides"):
            split(1, one, other)


def test_an_undone_deed_is_as_if_it_had_not_been_done_and_can_be_done_again() -> None:
    deeds: list[Deed] = [merged(1, 0, 3), Undone(number=2, deed=1)]
    assert standing(deeds) == []
    assert standing([*deeds, Undone(number=3, deed=2)]) == [merged(1, 0, 3)]
    assert standing([*deeds, Undone(number=3, deed=2), Undone(number=4, deed=3)]) == []


def test_dismissed_values_are_told_to_linking_until_it_is_undone() -> None:
    deed = Dismissed(number=1, value=(FeatureKind.EMAIL, b"desk@example.org"))
    assert dismissed([deed]) == {deed.value}
    assert dismissed([deed, Undone(number=2, deed=1)]) == frozenset()


def test_a_deed_names_its_reports() -> None:
    assert named(Cut(number=1, a=1, b=2)) == {1, 2}
    assert named(merged(1, 1, 2, 3)) == {1, 2, 3}
    assert named(split(1, {1}, {2})) == {1, 2}
    assert named(Undone(number=2, deed=1)) == frozenset()


def test_bridges_are_the_pairs_that_alone_hold_a_group_together() -> None:
    links = [tie(0, 1), tie(1, 2), tie(0, 2), tie(2, 3), tie(2, 3, FeatureKind.FILE), tie(3, 4)]
    assert bridges(range(5), links) == [(2, 3), (3, 4)]
    assert bridges(range(5), links, [Cut(number=1, a=0, b=2)]) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_chain_of_a_hundred_thousand_reports_is_grouped_without_recursion() -> None:
    links = [tie(number, number + 1) for number in range(100_000)]
    assert len(grouped(range(100_001), links).groups) == 1
    assert len(bridges(range(100_001), links)) == 100_000


# --- whatever is linked and done ------------------------------------------------------------------------------------

pairs = st.tuples(st.sampled_from(REPORTS), st.sampled_from(REPORTS)).filter(lambda pair: pair[0] != pair[1])
kinds = st.sampled_from([FeatureKind.ACCOUNT, FeatureKind.FILE])
some_links = st.lists(
    st.builds(
        lambda pair, kind, doubtful: tie(*pair, kind, doubts={Doubt.COMMON} if doubtful else ()),
        pairs,
        kinds,
        st.booleans(),
    ),
    max_size=14,
    unique_by=lambda one: (one.kind, one.a, one.b),
)


@st.composite
def some_deeds(draw: st.DrawFn) -> list[Deed]:
    """Deeds in order, undone ones among them."""
    deeds: list[Deed] = []
    for number in range(draw(st.integers(0, 6))):
        match draw(st.sampled_from(["cut", "merge", "split", "undo"])):
            case "cut":
                a, b = draw(pairs)
                deeds.append(Cut(number=number, a=a, b=b, kind=draw(st.none() | kinds)))
            case "merge":
                deeds.append(Merged(number=number, reports=draw(st.frozensets(st.sampled_from(REPORTS), min_size=2))))
            case "split":
                sides = draw(st.lists(st.integers(0, 2), min_size=len(REPORTS), max_size=len(REPORTS)))
                one, other = ({report for report in REPORTS if sides[report] == side} for side in (1, 2))
                if one and other:
                    deeds.append(split(number, one, other))
            case _:
                deeds.append(Undone(number=number, deed=draw(st.integers(0, max(number - 1, 0)))))
    return deeds


def apart(deeds: Sequence[Deed]) -> set[frozenset[int]]:
    """Pair by pair: who must not be together."""
    pairs_apart: set[frozenset[int]] = set()
    for deed in standing(deeds):
        match deed:
            case Split():
                pairs_apart |= {frozenset(pair) for pair in itertools.product(deed.one, deed.other)}
            case Merged():
                pairs_apart -= {frozenset(pair) for pair in itertools.combinations(deed.reports, 2)}
            case _:
                pass
    return pairs_apart


def holds(one: Link, deeds: Sequence[Deed]) -> bool:
    """Whether a link joins and nobody cut it."""
    return one.joins and not any(
        isinstance(deed, Cut) and {deed.a, deed.b} == {one.a, one.b} and deed.kind in {None, one.kind}
        for deed in standing(deeds)
    )


def components(links: Iterable[tuple[int, int]], reports: Iterable[int]) -> set[frozenset[int]]:
    """By walking from each report."""
    near: dict[int, set[int]] = {report: {report} for report in reports}
    for a, b in links:
        near[a].add(b)
        near[b].add(a)
    found = set()
    for report in near:
        reached = {report}
        while (more := set().union(*(near[one] for one in reached))) != reached:
            reached = more
        found.add(frozenset(reached))
    return found


@settings(max_examples=300, deadline=None)
@given(links=some_links, deeds=some_deeds())
def test_without_splits_groups_are_what_can_be_walked_to(links: list[Link], deeds: list[Deed]) -> None:
    deeds = [deed for deed in deeds if not isinstance(deed, Split)]
    edges = [(one.a, one.b) for one in links if holds(one, deeds)]
    for deed in standing(deeds):
        if isinstance(deed, Merged):
            edges += itertools.pairwise(sorted(deed.reports))
    found = grouped(REPORTS, links, deeds)
    assert {frozenset(group) for group in found.groups} == components(edges, REPORTS)
    assert found.held == ()


@settings(max_examples=500, deadline=None)
@given(links=some_links, deeds=some_deeds())
def test_nothing_kept_apart_is_together_and_everything_held_is_told(links: list[Link], deeds: list[Deed]) -> None:
    found = grouped(REPORTS, links, deeds)
    kept_apart = apart(deeds)
    of = found.by_report()
    assert sorted(report for group in found.groups for report in group) == list(REPORTS)
    for group in found.groups:
        assert not {frozenset(pair) for pair in itertools.combinations(group, 2)} & kept_apart
    between = [one for one in links if holds(one, deeds) and of[one.a] != of[one.b]]
    assert sorted(found.held, key=Link.order) == sorted(between, key=Link.order)
    for one in found.held:
        # Its two groups could not be one: somebody keeps two of their reports apart.
        assert {frozenset(pair) for pair in itertools.product(of[one.a], of[one.b])} & kept_apart


@settings(max_examples=200, deadline=None)
@given(links=some_links, deeds=some_deeds(), order=st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_reports_or_links(
    links: list[Link], deeds: list[Deed], order: random.Random
) -> None:
    expected = grouped(REPORTS, links, deeds)
    reports = list(REPORTS)
    order.shuffle(reports)
    order.shuffle(links)
    assert grouped(reports, links, deeds) == expected


@settings(max_examples=200, deadline=None)
@given(links=some_links, deeds=some_deeds())
def test_undoing_the_last_deed_gives_exactly_what_was(links: list[Link], deeds: list[Deed]) -> None:
    for number in range(1, len(deeds) + 1):
        done = deeds[:number]
        undone = [*done, Undone(number=100, deed=done[-1].number)]
        if not isinstance(done[-1], Undone):
            assert grouped(REPORTS, links, undone) == grouped(REPORTS, links, done[:-1])
        assert grouped(REPORTS, links, [*undone, Undone(number=101, deed=100)]) == grouped(REPORTS, links, done)


@settings(max_examples=300, deadline=None)
@given(links=some_links, deeds=some_deeds())
def test_a_bridge_is_what_parts_its_group_when_it_is_cut(links: list[Link], deeds: list[Deed]) -> None:
    cuts = [deed for deed in standing(deeds) if isinstance(deed, Cut)]
    for group in grouped(REPORTS, links, cuts).groups:
        edges = {(one.a, one.b) for one in links if holds(one, cuts) and one.a in group}
        expected = [pair for pair in sorted(edges) if len(components(edges - {pair}, group)) > 1]
        assert bridges(group, links, cuts) == expected


# --- piece by piece -------------------------------------------------------------------------------------------------

LIMITS = LinkLimits(joins_up_to={**JOINS_UP_TO, FeatureKind.ACCOUNT: 3, FeatureKind.FILE: 2}, shown=2)


class Kept:
    """What a store keeps, and does when something is added or done: only what is touched is made anew."""

    def __init__(self) -> None:
        self.values: dict[int, list[Feature]] = {}
        self.shared = InMemory()
        self.deeds: list[Deed] = []
        self.links: dict[int, set[Link]] = {}
        self.groups: dict[int, tuple[int, ...]] = {}
        self.held: dict[int, set[Link]] = {}
        self.made_anew = 0

    def add(self, report: int, values: Sequence[Feature]) -> None:
        self.values[report] = list(values)
        self.shared.add(report, values)
        found = link(report, values, self.shared, limits=LIMITS, dismissed=dismissed(self.deeds))
        self.shared.mark_common(found.common)
        self._keep(found.links)
        self._link_again(found.loosened)
        self._make_anew({report, *found.loosened, *(end for one in found.links if one.joins for end in (one.a, one.b))})

    def do(self, deed: Deed) -> None:
        before = standing(self.deeds)
        self.deeds.append(deed)
        changed = [one for one in [*before, *standing(self.deeds)] if (one in before) != (one in standing(self.deeds))]
        reports = {report for one in changed for report in named(one)}
        for one in changed:
            if isinstance(one, Dismissed):
                reports |= {
                    report for report, values in self.values.items() if one.value in {(v.kind, v.key) for v in values}
                }
                self._link_again(reports & self.values.keys())
        self._make_anew(reports & self.values.keys())

    def _keep(self, links: Iterable[Link]) -> None:
        for one in links:
            if one.joins:
                self.links.setdefault(one.a, set()).add(one)
                self.links.setdefault(one.b, set()).add(one)

    def _link_again(self, reports: Iterable[int]) -> None:
        for report in reports:
            for one in self.links.pop(report, set()):
                self.links.get(one.b if one.a == report else one.a, set()).discard(one)
        for report in reports:
            own = self.values[report]
            only_joining = replace(LIMITS, shown=0)
            self._keep(link(report, own, self.shared, limits=only_joining, dismissed=dismissed(self.deeds)).links)

    def _make_anew(self, reports: Iterable[int]) -> None:
        some = touched(
            reports,
            group_of=lambda report: self.groups.get(report, ()),
            held_by=lambda report: {end for one in self.held.get(report, ()) for end in (one.a, one.b)},
            deeds=self.deeds,
        )
        some &= self.values.keys()
        found = grouped(some, {one for report in some for one in self.links.get(report, ())}, self.deeds)
        self.groups |= found.by_report()
        self.held |= {report: {one for one in found.held if report in {one.a, one.b}} for report in some}
        self.made_anew += len(some)


def key(one: Link) -> tuple[FeatureKind, int, int]:
    """A link as it is known again: how many reports have its value by now is told when it is asked for."""
    return one.kind, one.a, one.b


values_of_a_report = st.lists(
    st.builds(lambda kind, key: Feature(kind=kind, key=b"%d" % key), kinds, st.integers(0, 6)),
    max_size=3,
    unique_by=lambda one: (one.kind, one.key),
)


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(values_of_a_report, min_size=len(REPORTS), max_size=len(REPORTS)), deeds=some_deeds(), data=st.data()
)
def test_piece_by_piece_makes_the_groups_that_are_made_from_scratch(
    values: list[list[Feature]], deeds: list[Deed], data: st.DataObject
) -> None:
    some_value = (FeatureKind.ACCOUNT, b"%d" % data.draw(st.integers(0, 6)))
    deeds = [*deeds, Dismissed(number=50, value=some_value), *([Undone(number=51, deed=50)] if len(deeds) % 2 else [])]
    steps = data.draw(st.permutations([*REPORTS, *[None] * len(deeds)]))
    kept, left = Kept(), list(deeds)
    for step in steps:
        if step is None:
            kept.do(left.pop(0))
        else:
            kept.add(step, values[step])
        scratch = InMemory()
        for report, own in kept.values.items():
            scratch.add(report, own)
        gone = dismissed(kept.deeds)
        links = {
            one
            for report, own in kept.values.items()
            for one in link(report, own, scratch, limits=LIMITS, dismissed=gone).links
        }
        expected = grouped(kept.values, links, kept.deeds)
        assert kept.groups == expected.by_report()
        assert {key(one) for held in kept.held.values() for one in held} == {key(one) for one in expected.held}


def test_a_new_report_touches_only_what_it_shares() -> None:
    kept = Kept()
    for report in range(300):
        kept.add(report, [Feature(kind=FeatureKind.ACCOUNT, key=b"%d" % (report // 3))])
    before = kept.made_anew
    kept.add(300, [Feature(kind=FeatureKind.FILE, key=b"file"), Feature(kind=FeatureKind.ACCOUNT, key=b"new")])
    assert kept.made_anew == before + 1
    kept.add(301, [Feature(kind=FeatureKind.FILE, key=b"file")])
    assert kept.made_anew == before + 3
