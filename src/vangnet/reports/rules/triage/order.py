"""Who stands in front: the order in which reports are opened. Pure.

What calls a person goes first, then what was drawn to learn what is missed, then by points; and a share goes to whoever
waits longest or has little time left. Four things hold whatever the policy says, and tests/unit/reports/test_triage.py
tries to break them:

- time alone never takes points away;
- a further sign of urgency never moves a report back;
- a share of what is opened goes to whoever waits longest, so nothing waits for ever;
- what cannot be opened is listed with the reason, and never dropped.

The points are worked out in `triage.py`. What calls a person at once is in `danger.py`: nobody waits for an order then. How
far the work reaches is in `capacity.py`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar, assert_never

from vangnet.reports.model.facts import CannotOpen, Facts
from vangnet.reports.model.triage_policy import Equals, TriagePolicy
from vangnet.reports.rules.triage.points import calls_person, score

#: More than any sum of points: what calls a person goes before what was drawn, and that before the rest.
_BAND = 1 << 20

_ID, _AGE = attrgetter("report_id"), attrgetter("received_at")


class Lane(StrEnum):
    """By which rule a report got its place."""

    DANGER = "danger"  #: It calls a person at once.
    DRAWN = "drawn"  #: It was drawn at random below the line, to learn what is missed.
    POINTS = "points"  #: By its points.
    LAST_HOURS = "last_hours"  #: Its time is nearly over, and there are people enough to open it all the same.
    OLDEST = "oldest"  #: By the share for whoever waits longest.


class Place(NamedTuple):
    """A report's place in the order, the first being 1. A NamedTuple, because a hundred thousand are made at a time."""

    number: int
    report_id: int
    lane: Lane
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A report that nobody can open now, and why."""

    report_id: int
    reason: CannotOpen
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that waits: each report once, in its place or aside."""

    places: tuple[Place, ...]
    #: The most points first: what is repaired first.
    aside: tuple[Aside, ...]


def order(policy: TriagePolicy, facts: Iterable[Facts], now: datetime, *, taken: int = 0) -> Listing:
    """The order in which reports are opened. Does not depend on the order in which they are given.

    `taken`: how many places were taken before. Every so many places one goes to whoever waits longest; because that is
    counted on, it makes no difference whether people take a whole list or one report after the other.
    """
    waiting = sorted(sorted(facts, key=_ID), key=_AGE)
    ready = [one for one in waiting if one.cannot_open is None]
    ranks, points = [], []
    for one in ready:
        points.append(score(policy, one, now))
        ranks.append(rank(policy, one, points[-1]))
    # By age they are as numbered. Sorting keeps the order in which equals stand.
    by_rank = sorted(_equals(policy, ready, now), key=ranks.__getitem__)
    since, until = last_hours(policy, now)
    pressed = range(bisect_left(ready, since, key=_AGE), bisect_right(ready, until, key=_AGE))
    merged = _merged(
        policy, by_rank, range(len(ready)), pressed, taken=taken, now=now,
        rank_of=ranks.__getitem__, received_at=lambda number: ready[number].received_at,
    )  # fmt: skip
    places = [
        Place(number, ready[index].report_id, lane, points[index]) for number, (index, lane) in enumerate(merged, start=1)
    ]
    aside = [
        Aside(report_id=one.report_id, reason=one.cannot_open, score=score(policy, one, now))
        for one in waiting
        if one.cannot_open is not None
    ]
    return Listing(places=tuple(places), aside=tuple(sorted(aside, key=lambda one: -one.score)))


def _equals(policy: TriagePolicy, ready: Sequence[Facts], now: datetime) -> Sequence[int]:
    """Reports of as many points, which stand by age, in the order in which they go."""
    match policy.among_equals:
        case Equals.OLDEST:
            return range(len(ready))
        case Equals.NEWEST:
            return range(len(ready) - 1, -1, -1)
        case Equals.IN_TIME:
            in_time = bisect_left(ready, last_hours(policy, now).since, key=_AGE)
            return [*range(in_time, len(ready)), *range(in_time - 1, -1, -1)]
        case _ as never:
            assert_never(never)


def rank(policy: TriagePolicy, facts: Facts, points: int) -> int:
    """What a report with so many points is sorted by, the least first: danger, then what was drawn, then points."""
    if calls_person(policy, facts):
        return -2 * _BAND - points
    return (-_BAND if facts.drawn else 0) - points


def is_for_oldest(policy: TriagePolicy, taken: int) -> bool:
    """Whether the place after so many taken ones goes to whoever waits longest."""
    return _is_of(policy.oldest_percent, taken)


def is_for_last_hours(policy: TriagePolicy, taken: int) -> bool:
    """Whether the place after so many taken ones goes to whoever is in their last hours, as long as most can be opened."""
    return not is_for_oldest(policy, taken) and _is_of(policy.last_hours_percent, taken)


def _is_of(percent: int, taken: int) -> bool:
    return (taken + 1) * percent // 100 > taken * percent // 100


class Span(NamedTuple):
    """From when to when."""

    since: datetime
    until: datetime


def last_hours(policy: TriagePolicy, now: datetime) -> Span:
    """When those came in who can still be opened in time, and have only the policy's last hours left for it."""
    since = now - timedelta(hours=policy.in_time_hours)
    return Span(since, since + timedelta(hours=policy.last_hours))


def has_backlog(policy: TriagePolicy, oldest_at: datetime, now: datetime) -> bool:
    """Whether more comes in than can be opened: whoever waits longest has waited since then."""
    return oldest_at < now - timedelta(days=policy.backlog_days)


def lane_of(ranked: int) -> Lane:
    """By which rule somebody of this rank is at the head of those that stand by rank."""
    if ranked >= -_BAND // 2:
        return Lane.POINTS
    return Lane.DANGER if ranked < -_BAND * 3 // 2 else Lane.DRAWN


class Waits(Protocol):
    """A waiting report, with the rank that it was given."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def received_at(self) -> datetime:
        """When it came in."""

    @property
    def rank(self) -> int:
        """What `rank` said."""


_Kept = TypeVar("_Kept", bound=Waits)


def next_places(
    policy: TriagePolicy,
    by_rank: Iterator[_Kept],
    by_age: Iterator[_Kept],
    in_last_hours: Iterator[_Kept],
    *,
    taken: int,
    now: datetime,
) -> Iterator[tuple[_Kept, Lane]]:
    """The places of reports that are read in three orders: by rank, equals as the policy says; by age; and again by age
    those that came in within `last_hours`. Whoever needs fifty places reads little more than fifty of each.

    None of the rules but rank looks at points, and therefore a report with more of them never stands further back: up to
    its place all goes as it did.
    """
    known: dict[int, _Kept] = {}

    def numbers(rows: Iterable[_Kept]) -> Iterator[int]:
        for row in rows:
            known[row.id] = row
            yield row.id

    merged = _merged(
        policy, numbers(by_rank), numbers(by_age), numbers(in_last_hours), taken=taken, now=now,
        rank_of=lambda number: known[number].rank, received_at=lambda number: known[number].received_at,
    )  # fmt: skip
    for number, lane in merged:
        yield known[number], lane


def _merged(
    policy: TriagePolicy,
    by_rank: Iterable[int],
    by_age: Iterable[int],
    in_last_hours: Iterable[int],
    *,
    taken: int,
    now: datetime,
    rank_of: Callable[[int], int],
    received_at: Callable[[int], datetime],
) -> Iterator[tuple[int, Lane]]:
    """Three orders of the same numbers made into one."""
    placed: set[int] = set()
    first, oldest, pressed = (_Line(numbers, placed).head for numbers in (by_rank, by_age, in_last_hours))
    # The shares are of a hundred places, and then they come round.
    for_oldest = [is_for_oldest(policy, slot) for slot in range(100)]
    for_last_hours = [is_for_last_hours(policy, slot) for slot in range(100)]
    for slot in count(taken):
        if for_oldest[slot % 100]:
            number, lane = oldest(), Lane.OLDEST
        elif (number := first()) is not None:
            lane = lane_of(rank_of(number))
            if for_last_hours[slot % 100] and lane is not Lane.DANGER and (hurried := pressed()) is not None:
                longest = oldest()
                if longest is not None and not has_backlog(policy, received_at(longest), now):
                    number, lane = hurried, Lane.LAST_HOURS
        if number is None:
            return
        placed.add(number)
        yield number, lane


class _Line:
    """One of the orders, without those that have their place already; read no further than its head."""

    def __init__(self, numbers: Iterable[int], placed: set[int]) -> None:
        self._numbers, self._placed = iter(numbers), placed
        self._head: int | None = None

    def head(self) -> int | None:
        """Who is next in it; None at its end."""
        head, placed = self._head, self._placed
        while head is None or head in placed:
            head = next(self._numbers, None)
            if head is None:
                break
        self._head = head
        return head
