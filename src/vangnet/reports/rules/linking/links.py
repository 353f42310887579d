"""Which reports belong together, and why: links between two reports that share a value. Pure.

A link says by itself what it rests on: which kind of value, how many of them, how many reports have it, how many bits or
minutes lie between, and what speaks against it. A link against which nothing speaks joins its two reports into one group
(`grouping`); any other is shown and joins nothing. A value that very many reports share joins none of them, whatever its
kind: a file that goes round, a carrier's address.

Adding a report asks for what it shares and for nothing else, so what it costs depends on its own size, not on how many
reports there are. Who keeps the values, and how, is behind `Shared`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeAlias

from vangnet import _core
from vangnet.errors import InvalidInput
from vangnet.reports.model.drafts import PersonRole
from vangnet.reports.rules.linking.features import PERIOD_GAP, Doubt, Feature, FeatureKind, apart

#: A value: its kind and its key.
Value: TypeAlias = tuple[FeatureKind, bytes]

#: How many reports a value joins at most, by kind. docs/explanation/linking.md says why; a policy may choose others.
JOINS_UP_TO: Mapping[FeatureKind, int] = MappingProxyType(
    {
        FeatureKind.ACCOUNT: 500,
        FeatureKind.EMAIL: 200,
        FeatureKind.PHONE: 200,
        FeatureKind.DEVICE: 100,
        FeatureKind.PAYMENT: 50,
        FeatureKind.PROFILE: 200,
        FeatureKind.FILE: 5,
        FeatureKind.PAGE: 200,
        FeatureKind.PICTURE: 5,
        FeatureKind.ADDRESS: 20,
        FeatureKind.NETWORK: 20,
        FeatureKind.SCREEN_NAME: 0,
        FeatureKind.HOST: 0,
    }
)
#: A link of the first kind says nothing beside one of the second between the same reports.
_IMPLIED = ((FeatureKind.NETWORK, FeatureKind.ADDRESS), (FeatureKind.HOST, FeatureKind.PAGE))
_TIMED = frozenset({FeatureKind.ADDRESS, FeatureKind.NETWORK})
_COLLECTED = frozenset({FeatureKind.FILE, FeatureKind.PICTURE})
_PROOF: Mapping[FeatureKind, int] = MappingProxyType({kind: place for place, kind in enumerate(FeatureKind)})


class Strength(StrEnum):
    """What a link brings about."""

    JOINING = "joining"  #: Its two reports are of one group.
    POINTING = "pointing"  #: It is shown, and joins nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """From where on a shared value is no reason to join."""

    #: By kind, how many reports one value joins. With one more, it joins none; 0 for kinds that never do.
    joins_up_to: Mapping[FeatureKind, int] = field(default_factory=lambda: JOINS_UP_TO)
    #: With how many others, of each kind, a report is linked by values that join none: the rarest values first, and their
    #: newest reports. With 0, only what joins is asked for, which is enough to group anew.
    shown: int = 20
    #: Files join two reports if they share at least one for so many that the larger of the two holds.
    collection: int = 10
    #: An address on the network is the same person's at times that lie at most so far apart.
    window: timedelta = timedelta(hours=6)

    def __post_init__(self) -> None:
        if missing := sorted(set(FeatureKind) - self.joins_up_to.keys()):
            raise InvalidInput(field="joins_up_to", problem=f"says nothing about {', '.join(missing)}")
        if min(self.joins_up_to.values()) < 0 or self.shown < 0:
            raise InvalidInput(field="joins_up_to", problem="and `shown` count reports: 0 or more")
        if self.collection < 1:
            raise InvalidInput(field="collection", problem=f"counts files: 1 or more, not {self.collection}")
        if self.window < PERIOD_GAP / 2:
            raise InvalidInput(field="window", problem=f"is at least {PERIOD_GAP / 2}, as times are kept no finer")


STARTING = LinkLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A report that has a value, with what it says of it."""

    report: int
    feature: Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """The reports that have a value."""

    count: int
    #: The newest first.
    newest: Sequence[Carrier]
    #: Whether it was found to be common before. What was common once stays so.
    common: bool = False


class Shared(Protocol):
    """Which reports have which value. Kept by a store, in a table with an index by kind and key."""

    def carriers(self, kind: FeatureKind, keys: Collection[bytes], *, at_most: int) -> Mapping[bytes, Carriers]:
        """For each of these keys that any report has: how many have it, and the newest `at_most` of them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """What a link rests on: of the values shared, the one that says most."""

    #: By what the values were compared: `sha256`, `md5`, `pdq`, `ipv4`; empty for written values.
    by: str = ""
    #: So many values of the kind are shared: all that join, or else at least so many. A file is counted once, by whichever
    #: digest finds most.
    values: int = 1
    #: So many reports have this one, these two among them.
    reports: int = 2
    #: Between the hashes of two pictures, of 256.
    bits_apart: int | None = None
    #: Between the times at which both saw it; 0 where the periods overlap.
    minutes_apart: int | None = None
    #: What those whose value it is have to do with the first and the second report.
    roles: tuple[frozenset[PersonRole], frozenset[PersonRole]] = (frozenset(), frozenset())
    #: What speaks against it.
    doubts: frozenset[Doubt] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two reports share a value. There is at most one link of each kind between two reports."""

    kind: FeatureKind
    #: The lower and the higher number of the two.
    a: int
    b: int
    because: Because

    @property
    def strength(self) -> Strength:
        """A link joins if nothing speaks against it."""
        return Strength.POINTING if self.because.doubts else Strength.JOINING

    @property
    def joins(self) -> bool:
        """Whether it joins its two reports."""
        return not self.because.doubts

    def order(self) -> tuple[int, int, int, int, int, int]:
        """What proves most comes first; no two links are equal in this.

        How many reports have the value does not count: it grows with every report, and what was decided by it would have
        to be decided again each time.
        """
        because = self.because
        return (
            _PROOF[self.kind], -because.values, because.bits_apart or 0, because.minutes_apart or 0, self.a, self.b,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """The links of one report."""

    #: What proves most first.
    links: tuple[Link, ...]
    #: Values that join nothing from now on: the store marks them as common.
    common: frozenset[Value] = frozenset()
    #: The other reports that have such a value. It joined them until now: ask for their links again, and group them anew.
    loosened: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Tie:
    """One value that two reports share."""

    key: bytes
    because: Because
    #: How many such values the report has that has more of them.
    among: int

    def order(self) -> tuple[int, int, int, int, bytes]:
        because = self.because
        return (
            len(because.doubts), because.minutes_apart or 0, because.bits_apart or 0, because.reports, self.key,
        )  # fmt: skip


def link(
    report: int,
    features: Iterable[Feature],
    shared: Shared,
    *,
    limits: LinkLimits = STARTING,
    dismissed: Collection[Value] = frozenset(),
) -> Linked:
    """The links of a report whose values `shared` has already.

    Joining links are kept by the store; of those it has, a new report changes only the links of `loosened`.
    `dismissed`: values of which a person said that they say nothing. Joining links are the same whichever of the two
    reports is asked for; of those that only point, each report has its own.
    """
    links: dict[tuple[FeatureKind, int], Link] = {}
    common: set[Value] = set()
    loosened: set[int] = set()
    for kind, own in _by_kind(features).items():
        limit = limits.joins_up_to[kind]
        found = shared.carriers(kind, own.keys(), at_most=limit)
        many = {key: one.count for key, one in found.items() if one.common or one.count > limit}
        new = [key for key in many if limit and not found[key].common]
        common |= {(kind, key) for key in new}
        for key in new:
            everyone = shared.carriers(kind, [key], at_most=many[key])[key]
            loosened |= {carrier.report for carrier in everyone.newest}
        # Where no number of reports is few enough, it is the kind that says nothing, and not this value.
        many_doubt = Doubt.COMMON if limit else Doubt.KIND
        ties = _Ties(report, own, limits, {key for of, key in dismissed if of is kind})
        for key, carriers in found.items():
            if key not in many:
                ties.add(key, carriers.count, carriers.newest)
        # Of what many share, the rarest says most.
        rarest = sorted(many, key=lambda key: (many[key], key))[: limits.shown]
        for key, carriers in shared.carriers(kind, rarest, at_most=limits.shown + 1).items():
            ties.add(key, carriers.count, carriers.newest, doubt=many_doubt)
        links |= {(kind, one.b if one.a == report else one.a): one for one in ties.links(kind)}
    return Linked(
        links=tuple(sorted(_without_implied(links), key=Link.order)),
        common=frozenset(common),
        loosened=frozenset(loosened - {report}),
    )


class _Ties:
    """The values of one kind that a report shares with others."""

    def __init__(self, report: int, own: Mapping[bytes, Feature], limits: LinkLimits, dismissed: set[bytes]) -> None:
        self._report = report
        self._own = own
        self._limits = limits
        self._dismissed = dismissed
        self._ties: dict[int, list[_Tie]] = defaultdict(list)
        self._pointed: set[int] = set()

    def add(self, key: bytes, count: int, carriers: Iterable[Carrier], *, doubt: Doubt | None = None) -> None:
        """Adds the reports that have this value; with a doubt, as long as no more than may be shown are linked by it."""
        own = self._own[key]
        against = {Doubt.DISMISSED} if key in self._dismissed else set()
        if doubt is not None:
            against.add(doubt)
        for other in carriers:
            if other.report == self._report:
                continue
            if doubt is not None and other.report not in self._pointed:
                if len(self._pointed) >= self._limits.shown:
                    continue
                self._pointed.add(other.report)
            pair = (Carrier(report=self._report, feature=own), other)
            because = _because(pair, reports=count, against=against, limits=self._limits)
            self._ties[other.report].append(_Tie(key, because, max(own.among, other.feature.among)))

    def links(self, kind: FeatureKind) -> list[Link]:
        """One for each of the other reports."""
        return [_as_link(kind, self._report, other, ties, self._limits) for other, ties in self._ties.items()]


class InMemory:
    """Values kept in memory: for simulations, previews and tests. Reports that are added later count as newer."""

    def __init__(self) -> None:
        self._carriers: dict[Value, list[Carrier]] = {}
        self._common: set[Value] = set()

    def add(self, report: int, features: Iterable[Feature]) -> None:
        """Adds a report, which must be new."""
        for feature in features:
            self._carriers.setdefault((feature.kind, feature.key), []).append(Carrier(report=report, feature=feature))

    def mark_common(self, values: Iterable[Value]) -> None:
        """These join nothing from now on."""
        self._common |= set(values)

    def carriers(self, kind: FeatureKind, keys: Collection[bytes], *, at_most: int) -> Mapping[bytes, Carriers]:
        """As `Shared` says."""
        found = {}
        for key in keys:
            known = self._carriers.get((kind, key))
            if known:
                newest = known[: -at_most - 1 : -1]
                found[key] = Carriers(count=len(known), newest=newest, common=(kind, key) in self._common)
        return found


def _by_kind(features: Iterable[Feature]) -> dict[FeatureKind, dict[bytes, Feature]]:
    by_kind: dict[FeatureKind, dict[bytes, Feature]] = defaultdict(dict)
    for feature in features:
        by_kind[feature.kind][feature.key] = feature
    return by_kind


def _because(pair: tuple[Carrier, Carrier], *, reports: int, against: set[Doubt], limits: LinkLimits) -> Because:
    own, theirs = pair[0].feature, pair[1].feature
    doubts = own.doubts | theirs.doubts | against
    bits = minutes = None
    if own.hash is not None and theirs.hash is not None:
        bits = _core.hamming_distance(own.hash, theirs.hash)
    if own.kind in _TIMED:
        gap = apart(own.seen, theirs.seen)
        if gap is None:
            doubts |= {Doubt.UNTIMED}
        else:
            minutes = int(gap.total_seconds() // 60)
            if gap > limits.window:
                doubts |= {Doubt.APART}
    first, second = (one.feature.roles for one in sorted(pair, key=lambda one: one.report))
    return Because(
        by=own.by, reports=reports, bits_apart=bits, minutes_apart=minutes, roles=(first, second),
        doubts=doubts,
    )  # fmt: skip


def _as_link(kind: FeatureKind, report: int, other: int, ties: Sequence[_Tie], limits: LinkLimits) -> Link:
    """One link of all the values of a kind that two reports share. In a link that joins, only those that join count."""
    count = [tie for tie in ties if not tie.because.doubts] or ties
    best = min(count, key=_Tie.order)
    by: dict[str, int] = defaultdict(int)
    for tie in count:
        by[tie.because.by] += 1
    values, because = max(by.values()), best.because
    doubts = because.doubts
    if kind in _COLLECTED and values * limits.collection < best.among:
        doubts |= {Doubt.COLLECTION}
    because = Because(
        by=because.by, values=values, reports=because.reports, bits_apart=because.bits_apart,
        minutes_apart=because.minutes_apart, roles=because.roles, doubts=doubts,
    )  # fmt: skip
    return Link(kind=kind, a=min(report, other), b=max(report, other), because=because)


def _without_implied(links: Mapping[tuple[FeatureKind, int], Link]) -> list[Link]:
    kept = dict(links)
    for implied, by in _IMPLIED:
        for kind, other in links:
            less = links.get((implied, other)) if kind is by else None
            if less is not None and (links[kind, other].joins or not less.joins):
                del kept[implied, other]
    return list(kept.values())
