"""Links between reports: what each rests on, what joins and what only points, and the whole against brute force."""

import itertools
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vangnet.errors import InvalidInput
from vangnet.reports.model.drafts import (
    Identifier,
    IdentifierKind,
    Incident,
    ItemDraft,
    ItemKind,
    NamedPerson,
    PersonRole,
    ReportDraft,
    Reporter,
    ReporterKind,
    Source,
    Trace,
)
from vangnet.reports.rules.linking.features import Doubt, Feature, FeatureKind, features, periods
from vangnet.reports.rules.linking.links import JOINS_UP_TO, Because, Carriers, InMemory, Link, LinkLimits, Strength, link

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
COMPANY = Reporter(kind=ReporterKind.COMPANY, name="Chat Example")
REPORTED = frozenset({PersonRole.REPORTED})
NOBODY: frozenset[PersonRole] = frozenset()


def draft(*items: ItemDraft, people: Sequence[NamedPerson] = (), traces: Sequence[Trace] = ()) -> ReportDraft:
    """A company's report."""
    return ReportDraft(
        source=Source.CYBERTIP, reporter=COMPANY, incident=Incident.MATERIAL, items=items, people=tuple(people),
        traces=tuple(traces),
    )  # fmt: skip


def person(value: str, kind: IdentifierKind = IdentifierKind.ACCOUNT, *, verified: bool | None = None) -> NamedPerson:
    """Somebody reported, known by one sign."""
    return NamedPerson(
        role=PersonRole.REPORTED, identifiers=(Identifier(kind=kind, value=value, verified=verified),)
    )  # fmt: skip


def file(number: int, *, algorithms: Sequence[str] = ("sha256",)) -> ItemDraft:
    """A file with digests made from its number."""
    lengths = {"md5": 16, "sha1": 20, "sha256": 32}
    return ItemDraft(
        kind=ItemKind.FILE, hashes=tuple((name, number.to_bytes(lengths[name], "big")) for name in algorithms)
    )  # fmt: skip


def linked(*drafts: ReportDraft, limits: LinkLimits | None = None) -> tuple[Link, ...]:
    """The links of the last of these reports, numbered from 1."""
    shared = InMemory()
    for number, one in enumerate(drafts, start=1):
        shared.add(number, features(one))
    return link(len(drafts), features(drafts[-1]), shared, limits=limits or LinkLimits()).links


def seen(*minutes: int, address: str = "192.0.2.7", proxy: bool | None = None) -> tuple[Trace, ...]:
    """An address, seen at these minutes after NOW."""
    return tuple(Trace(address=address, at=NOW + timedelta(minutes=one), proxy=proxy) for one in minutes)


# --- what a link says -----------------------------------------------------------------------------------------------


def test_an_account_at_the_same_service_joins_and_says_whose_it_is() -> None:
    assert linked(draft(people=[person("u-1001")]), draft(people=[person("u-1001")])) == (
        Link(kind=FeatureKind.ACCOUNT, a=1, b=2, because=Because(roles=(REPORTED, REPORTED))),
    )


def test_a_link_says_how_many_files_two_reports_share_and_by_which_digest() -> None:
    both = ("md5", "sha1", "sha256")
    first = draft(*(file(number, algorithms=both) for number in (1, 2, 3)))
    second = draft(*(file(number, algorithms=both) for number in (2, 3, 4)))
    (only,) = linked(first, second)
    assert (only.kind, only.because.values, only.strength) == (FeatureKind.FILE, 2, Strength.JOINING)
    assert only.because.by in both


def test_a_link_by_address_says_how_many_minutes_lie_between() -> None:
    (only,) = linked(draft(traces=seen(0, 1000)), draft(traces=seen(1090)))
    assert (only.kind, only.because.minutes_apart, only.because.by, only.joins) == (FeatureKind.ADDRESS, 90, "ipv4", True)


@pytest.mark.parametrize(("minutes", "doubts"), [(360, set()), (361, {Doubt.APART}), (100_000, {Doubt.APART})])
def test_an_address_joins_up_to_the_window_and_points_beyond(minutes: int, doubts: set[Doubt]) -> None:
    (only,) = linked(draft(traces=seen(0)), draft(traces=seen(minutes)))
    assert only.because.doubts == doubts


def test_an_address_without_a_time_points() -> None:
    (only,) = linked(draft(traces=seen(0)), draft(traces=(Trace(address="192.0.2.7"),)))
    assert only.because.doubts == {Doubt.UNTIMED}


def test_an_address_of_a_proxy_or_a_carrier_points() -> None:
    (proxy,) = linked(draft(traces=seen(0, proxy=True)), draft(traces=seen(1)))
    (carrier,) = linked(draft(traces=seen(0, address="100.64.3.4")), draft(traces=seen(1, address="100.64.3.4")))
    assert proxy.because.doubts == {Doubt.PROXY}
    assert carrier.because.doubts == {Doubt.CARRIER}


def test_two_addresses_of_one_customers_network_join() -> None:
    (only,) = linked(draft(traces=seen(0, address="2001:db8::1")), draft(traces=seen(9, address="2001:db8::2")))
    assert (only.kind, only.because.by, only.joins) == (FeatureKind.NETWORK, "ipv6/64", True)


def test_the_network_is_not_told_beside_the_address_that_implies_it() -> None:
    (only,) = linked(draft(traces=seen(0, address="2001:db8::1")), draft(traces=seen(9, address="2001:db8::1")))
    assert (only.kind, only.because.by) == (FeatureKind.ADDRESS, "ipv6")


def test_a_shown_name_and_a_host_point_and_never_join() -> None:
    page = ItemDraft(kind=ItemKind.ADDRESS, address="https://files.example/a")
    other = ItemDraft(kind=ItemKind.ADDRESS, address="https://files.example/b")
    name = person("somebody", IdentifierKind.SCREEN_NAME)
    found = linked(draft(page, people=[name]), draft(other, people=[name]))
    assert [(one.kind, one.because.doubts) for one in found] == [
        (FeatureKind.SCREEN_NAME, {Doubt.KIND}),
        (FeatureKind.HOST, {Doubt.KIND}),
    ]


def test_the_host_is_not_told_beside_the_page_that_implies_it() -> None:
    page = ItemDraft(kind=ItemKind.ADDRESS, address="https://files.example/a")
    assert [one.kind for one in linked(draft(page), draft(page))] == [FeatureKind.PAGE]


def test_a_mail_address_that_anybody_could_have_given_points() -> None:
    given_, confirmed = (person("a@example.org", IdentifierKind.EMAIL, verified=one) for one in (False, True))
    (only,) = linked(draft(people=[confirmed]), draft(people=[given_]))
    assert only.because.doubts == {Doubt.UNVERIFIED}


def test_nothing_of_a_value_is_shown_by_repr() -> None:
    (found,) = features(draft(people=[person("u-canary")]))
    (only,) = linked(draft(people=[person("u-canary")]), draft(people=[person("u-canary")]))
    assert "canary" not in f"{found!r} {only!r}"


# --- what very many share -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in FeatureKind if JOINS_UP_TO[kind]])
def test_a_value_joins_up_to_its_bound_and_with_one_more_report_joins_none(kind: FeatureKind) -> None:
    limits = LinkLimits(joins_up_to={**JOINS_UP_TO, kind: 4}, shown=3)
    one = Feature(kind=kind, key=b"key", seen=periods([NOW]))
    shared = InMemory()
    for report in range(1, 5):
        shared.add(report, [one])
    before = link(4, [one], shared, limits=limits)
    assert [found.joins for found in before.links] == [True] * 3
    assert (before.common, before.loosened) == (frozenset(), frozenset())
    shared.add(5, [one])
    after = link(5, [one], shared, limits=limits)
    assert [(found.a, found.because.doubts, found.because.reports) for found in after.links] == [
        (a, {Doubt.COMMON}, 5) for a in (2, 3, 4)
    ]
    assert (after.common, after.loosened) == ({(kind, b"key")}, {1, 2, 3, 4})


def test_what_was_common_once_stays_common_and_loosens_nothing_again() -> None:
    one = Feature(kind=FeatureKind.FILE, key=b"key")
    shared = InMemory()
    shared.add(1, [one])
    shared.add(2, [one])
    shared.mark_common([(FeatureKind.FILE, b"key")])
    found = link(2, [one], shared)
    assert [only.because.doubts for only in found.links] == [{Doubt.COMMON}]
    assert not found.common
    assert not found.loosened


def test_what_a_report_asks_for_does_not_grow_with_the_reports_that_share_it() -> None:
    shared = _Counting()
    one = Feature(kind=FeatureKind.FILE, key=b"key")
    for report in range(2000):
        shared.add(report, [one])
    shared.mark_common([(FeatureKind.FILE, b"key")])
    found = link(1999, [one], shared)
    assert len(found.links) == LinkLimits().shown
    assert shared.given <= JOINS_UP_TO[FeatureKind.FILE] + LinkLimits().shown + 1


class _Counting(InMemory):
    """Counts the reports that were handed out."""

    given = 0

    def carriers(self, kind: FeatureKind, keys: Collection[bytes], *, at_most: int) -> Mapping[bytes, Carriers]:
        found = super().carriers(kind, keys, at_most=at_most)
        self.given += sum(len(one.newest) for one in found.values())
        return found


@pytest.mark.parametrize(("shared", "joins_"), [(29, False), (30, True)])
def test_a_few_files_of_a_large_collection_do_not_join(shared: int, joins_: bool) -> None:
    collection = draft(*(file(number, algorithms=("md5", "sha256")) for number in range(1, 301)))
    (only,) = linked(collection, draft(*(file(number, algorithms=("md5",)) for number in range(1, shared + 1))))
    assert only.because.values == shared
    assert only.because.doubts == (set() if joins_ else {Doubt.COLLECTION})


def test_of_what_many_share_the_rarest_is_shown_first_and_no_more_reports_than_may_be() -> None:
    limits = LinkLimits(joins_up_to={**JOINS_UP_TO, FeatureKind.FILE: 2}, shown=5)
    rare, often = (Feature(kind=FeatureKind.FILE, key=key) for key in (b"rare", b"often"))
    shared = InMemory()
    for report in range(40):
        shared.add(report, [often, rare] if report % 10 == 9 else [often])
    found = link(39, [often, rare], shared, limits=limits).links
    assert [(one.a, one.because.reports, one.because.values) for one in found] == [
        (9, 4, 1), (19, 4, 1), (29, 4, 1), (37, 40, 1), (38, 40, 1),
    ]  # fmt: skip
    nothing = LinkLimits(joins_up_to=limits.joins_up_to, shown=0)
    assert link(39, [often, rare], shared, limits=nothing).links == ()


def test_a_dismissed_value_points() -> None:
    one = Feature(kind=FeatureKind.EMAIL, key=b"desk@example.org")
    shared = InMemory()
    shared.add(1, [one])
    shared.add(2, [one])
    (only,) = link(2, [one], shared, dismissed={(FeatureKind.EMAIL, b"desk@example.org")}).links
    assert only.because.doubts == {Doubt.DISMISSED}


def test_limits_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(InvalidInput, match="says nothing about"):
        LinkLimits(joins_up_to={FeatureKind.FILE: 5})
    with pytest.raises(InvalidInput, match="0 or more"):
        LinkLimits(joins_up_to={**JOINS_UP_TO, FeatureKind.FILE: -1})
    with pytest.raises(InvalidInput, match="1 or more"):
        LinkLimits(collection=0)
    with pytest.raises(InvalidInput, match="at least"):
        LinkLimits(window=timedelta(minutes=29))


# --- against brute force --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """A value of a report, before times were put together."""

    kind: FeatureKind
    key: bytes
    times: tuple[datetime, ...]
    doubts: frozenset[Doubt]


def kept(values: Sequence[Told]) -> list[Feature]:
    """The values of a report as they are kept."""
    return [
        Feature(
            kind=one.kind, key=one.key, seen=periods(one.times), doubts=one.doubts, among=number_of(values, one.kind)
        )
        for one in values
    ]  # fmt: skip


def number_of(values: Sequence[Told], kind: FeatureKind) -> int:
    """How many values of a kind there are."""
    return sum(one.kind is kind for one in values)


KINDS = (FeatureKind.ACCOUNT, FeatureKind.FILE, FeatureKind.ADDRESS, FeatureKind.HOST)
LIMITS = LinkLimits(joins_up_to={**JOINS_UP_TO, **dict.fromkeys(KINDS, 3), FeatureKind.HOST: 0}, shown=2, collection=2)

told = st.builds(
    Told,
    kind=st.sampled_from(KINDS),
    key=st.integers(0, 4).map(lambda number: b"%d" % number),
    times=st.lists(st.integers(0, 3000).map(lambda minute: NOW + timedelta(minutes=minute)), max_size=6).map(tuple),
    doubts=st.sampled_from([frozenset()] * 5 + [frozenset({Doubt.PROXY})]),
)
reports_told = st.lists(st.lists(told, max_size=5, unique_by=lambda one: (one.kind, one.key)), max_size=9)


def joins(one: Told, other: Told, carriers: int, limits: LinkLimits) -> bool:
    """Whether a value that two reports share joins them: by every pair of times."""
    if one.doubts or other.doubts or carriers > limits.joins_up_to[one.kind]:
        return False
    if one.kind is not FeatureKind.ADDRESS:
        return True
    return any(abs(a - b) <= limits.window for a in one.times for b in other.times)


def joined_by_brute_force(reports: Sequence[Sequence[Told]], limits: LinkLimits) -> dict[tuple[FeatureKind, int, int], int]:
    """Every two reports with every two of their values: how many of a kind join them."""
    carriers = {
        (one.kind, one.key): sum(any((a.kind, a.key) == (one.kind, one.key) for a in values) for values in reports)
        for values in reports
        for one in values
    }
    found: dict[tuple[FeatureKind, int, int], int] = {}
    for (a, of_a), (b, of_b) in itertools.combinations(enumerate(reports), 2):
        for one, other in itertools.product(of_a, of_b):
            same = (one.kind, one.key) == (other.kind, other.key)
            if same and joins(one, other, carriers[one.kind, one.key], limits):
                found[one.kind, a, b] = found.get((one.kind, a, b), 0) + 1
    return {
        (kind, a, b): values
        for (kind, a, b), values in found.items()
        if kind is not FeatureKind.FILE
        or values * limits.collection >= max(number_of(reports[a], kind), number_of(reports[b], kind))
    }


@settings(max_examples=120)
@given(reports=reports_told)
def test_joining_links_equal_brute_force_whichever_report_is_asked(reports: list[list[Told]]) -> None:
    shared = InMemory()
    for number, values in enumerate(reports):
        shared.add(number, kept(values))
    expected = joined_by_brute_force(reports, LIMITS)
    by_end: dict[int, set[Link]] = {}
    for number, values in enumerate(reports):
        links = link(number, kept(values), shared, limits=LIMITS).links
        found = {one for one in links if one.joins}
        assert {(one.kind, one.a, one.b): one.because.values for one in found} == {
            key: count for key, count in expected.items() if number in key[1:]
        }
        by_end[number] = found
        # Every two reports that share anything rare are linked, whether it joins them or not.
        assert len({(one.kind, one.a, one.b) for one in links}) == len(links)
    for number, found in by_end.items():
        assert all(one in by_end[one.a] and one in by_end[one.b] for one in found), number


@settings(max_examples=100)
@given(reports=reports_told, order=st.randoms(use_true_random=False))
def test_links_do_not_depend_on_the_order_in_which_reports_came(reports: list[list[Told]], order: random.Random) -> None:
    numbers = list(range(len(reports)))
    order.shuffle(numbers)
    first, second = InMemory(), InMemory()
    for number in range(len(reports)):
        first.add(number, kept(reports[number]))
    for number in numbers:
        second.add(number, kept(reports[number]))
    for number, values in enumerate(reports):
        own = kept(values)
        here, there = (link(number, own, shared, limits=LIMITS) for shared in (first, second))
        assert [one for one in here.links if one.joins] == [one for one in there.links if one.joins]
        assert (here.common, here.loosened) == (there.common, there.loosened)


@settings(max_examples=100)
@given(reports=reports_told)
def test_a_new_report_loosens_exactly_what_it_makes_common(reports: list[list[Told]]) -> None:
    shared = InMemory()
    for number, values in enumerate(reports):
        own = kept(values)
        before = joined_by_brute_force(reports[:number], LIMITS)
        after = joined_by_brute_force(reports[: number + 1], LIMITS)
        shared.add(number, own)
        found = link(number, own, shared, limits=LIMITS)
        shared.mark_common(found.common)
        changed = {key for key in before if after.get(key) != before[key]}
        assert {end for key in changed for end in key[1:]} <= found.loosened
        assert {key[1] for key in after.keys() - before.keys()} == {
            one.a if one.a != number else one.b for one in found.links if one.joins
        }


def test_a_doubt_on_either_side_is_a_doubt_of_the_link() -> None:
    one = Feature(kind=FeatureKind.FILE, key=b"key")
    shared = InMemory()
    shared.add(1, [replace(one, doubts=frozenset({Doubt.LISTED}))])
    shared.add(2, [one])
    (only,) = link(2, [one], shared).links
    assert only.because.doubts == {Doubt.LISTED}
