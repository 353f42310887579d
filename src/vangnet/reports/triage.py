"""In which order reports are opened, and why each stands where it stands. Pure.

A report's points are a sum, and the sum is shown: what is said, by whom, what was found, what it counts for. Four things
hold whatever the policy says, and tests/unit/reports/test_triage.py tries to break them:

- time alone never takes points away;
- a further sign of urgency never moves a report back;
- a share of what is opened goes to whoever waits longest, so nothing waits for ever;
- what cannot be opened is listed with the reason, and never dropped.

What calls a person at once is in `danger.py`: nobody waits for an order then. How far the work reaches is in `capacity.py`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, assert_never

from vangnet.reports.model.drafts import Incident, Sign
from vangnet.reports.model.facts import AgeClass, CannotOpen, Claim, Facts, Part, Sayer
from vangnet.reports.model.triage_policy import AGAINST, Equals, TriagePolicy


class Factor(StrEnum):
    """What a reason is about."""

    SIGN = "sign"  #: Somebody says that a sign is there.
    INCIDENT = "incident"  #: What the report is about.
    UNSEEN = "unseen"  #: It has files that no list knows.
    CLASSIFICATION = "classification"  #: What one of its items was classified as.
    AGE = "age"  #: The age class of the youngest child.
    SUBJECT = "subject"  #: Other reports have the same subject.
    EVIDENCE = "evidence"  #: Evidence will soon be gone.
    PART = "part"  #: It has what work can begin with.
    AGAINST = "against"  #: Something speaks against haste.


class Lane(StrEnum):
    """By which rule a report got its place."""

    DANGER = "danger"  #: It calls a person at once.
    DRAWN = "drawn"  #: It was drawn at random below the line, to learn what is missed.
    POINTS = "points"  #: By its points.
    LAST_HOURS = "last_hours"  #: Its time is nearly over, and there are people enough to open it all the same.
    OLDEST = "oldest"  #: By the share for whoever waits longest.


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a report stands where it stands: one summand of its points."""

    factor: Factor
    #: Which sign, class or part; of numbers, how many.
    code: str
    points: int
    #: Who says so, where somebody does.
    sayer: Sayer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What would move a report, were it found; and how far."""

    factor: Factor
    code: str
    #: Points that it would have more.
    points: int
    #: When it comes about by itself.
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a report stands, and why."""

    score: int
    #: The most points first. Their sum is the score.
    reasons: tuple[Reason, ...]
    #: The furthest first.
    would_move: tuple[Move, ...]
    #: It calls a person at once.
    danger: bool
    #: By when it is to be opened, if it has a sign with a deadline.
    due_at: datetime | None
    cannot_open: CannotOpen | None


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


# --- points ---


#: A summand as it is worked out: points, what about, which one, who says so. Plain, because 100,000 reports are ordered at
#: a time.
_Summand: TypeAlias = tuple[int, Factor, object, Sayer | None]


def score(policy: TriagePolicy, facts: Facts, now: datetime) -> int:
    """A report's points."""
    return sum([summand[0] for summand in _summands(policy, facts, _horizon(policy, now))])


def _horizon(policy: TriagePolicy, now: datetime) -> datetime:
    """Evidence that is gone by then presses now."""
    return now + timedelta(days=policy.evidence_days)


def _summands(policy: TriagePolicy, facts: Facts, horizon: datetime) -> list[_Summand]:
    """Everything that gives a report points, or takes some away."""
    found = _said(policy, facts)
    if facts.unseen_items:
        found.append((policy.unseen, Factor.UNSEEN, facts.unseen_items, None))
    if facts.classification is not None:
        found.append((policy.classifications[facts.classification], Factor.CLASSIFICATION, facts.classification, None))
    if facts.age is not None:
        found.append((policy.ages[facts.age], Factor.AGE, facts.age, None))
    if facts.same_subject:
        # 1, then 2 or 3, then 4 to 7 … others: once, twice, three times the points.
        points = min(policy.same_subject_most, policy.same_subject * facts.same_subject.bit_length())
        found.append((points, Factor.SUBJECT, facts.same_subject, None))
    expires_at = facts.evidence_expires_at
    if expires_at is not None and expires_at <= horizon:
        found.append((policy.evidence, Factor.EVIDENCE, expires_at, None))
    for part in facts.parts:
        found.append((policy.parts[part], Factor.PART, part, None))
    return found


def _said(policy: TriagePolicy, facts: Facts) -> list[_Summand]:
    """What is said of the report: the strongest counts whole, the others in part, because they hang together."""
    said: list[_Summand] = []
    against: list[_Summand] = []
    in_danger = False
    if facts.claims:
        signs, against, in_danger = _by_sign(policy, facts)
        said += signs
    if points := policy.incidents[facts.incident] * policy.trust[facts.said_by] // 100:
        said.append((points, Factor.INCIDENT, facts.incident, facts.said_by))
    if len(said) > 1:
        said.sort(key=lambda one: (-one[0], one[1], one[2]))
        percent = policy.further_signs_percent
        said[1:] = [(points * percent // 100, factor, code, sayer) for points, factor, code, sayer in said[1:]]
    # A child who is said to be in danger is not set back by somebody who says that it is spam.
    return said if in_danger else said + against


def _by_sign(policy: TriagePolicy, facts: Facts) -> tuple[list[_Summand], list[_Summand], bool]:
    """What is claimed, each sign once; what is claimed against haste; and whether one of the signs is of present danger.

    Several who say the same say it once: whoever counts most, and of equals always the same one.
    """
    signs: dict[Sign, _Summand] = {}
    against: dict[Sign, _Summand] = {}
    for claim in facts.claims:
        sign, sayer = claim.sign, claim.sayer
        if sign in AGAINST:
            if sign not in against or sayer > (against[sign][3] or ""):
                against[sign] = (-policy.against[sign], Factor.AGAINST, sign, sayer)
            continue
        weight = policy.signs[sign]
        points = weight.evidence * policy.trust[sayer] // 100 + weight.consequence
        before = signs.get(sign)
        if before is None or (points, sayer) > (before[0], before[3] or ""):
            signs[sign] = (points, Factor.SIGN, sign, sayer)
    return list(signs.values()), list(against.values()), not policy.danger.isdisjoint(signs)


def _told(summand: _Summand) -> Reason:
    points, factor, code, sayer = summand
    text = code.isoformat(timespec="minutes") if isinstance(code, datetime) else str(code)
    return Reason(factor=factor, code=text, points=points, sayer=sayer)


def calls_person(policy: TriagePolicy, facts: Facts) -> bool:
    """Whether a person is called for a report at once, unless one looked already: for what is said of it, and that alone.

    What was found without anybody saying anything (unseen files, an account, a clock) is true of most company reports. It
    moves a report up; but who is called for every second report by night stops coming.
    """
    if facts.no_danger:
        return False
    if any(claim.sign in policy.danger for claim in facts.claims):
        return True
    return sum([summand[0] for summand in _said(policy, facts) if summand[0] > 0]) >= policy.danger_points


def due_at(policy: TriagePolicy, facts: Facts) -> datetime | None:
    """By when a report is to be opened: the earliest deadline of its signs, counted from when it came in."""
    hours = [policy.deadline_hours[claim.sign] for claim in facts.claims if claim.sign in policy.deadline_hours]
    return facts.received_at + timedelta(hours=min(hours)) if hours else None


def standing(policy: TriagePolicy, facts: Facts, now: datetime, *, moves: bool = True) -> Standing:
    """Where a report stands, why, and what would move it; without `moves` not that, which takes most of the time."""
    found = [_told(summand) for summand in _summands(policy, facts, _horizon(policy, now))]
    points = sum(reason.points for reason in found)
    return Standing(
        score=points,
        reasons=tuple(sorted(found, key=lambda reason: (-reason.points, reason.factor, reason.code))),
        would_move=tuple(_moves(policy, facts, now, points)) if moves else (),
        danger=calls_person(policy, facts),
        due_at=due_at(policy, facts),
        cannot_open=facts.cannot_open,
    )


def _moves(policy: TriagePolicy, facts: Facts, now: datetime, points: int) -> list[Move]:
    """What is not known of the report, as if one of our own people had found it, with the points it would have more."""
    others: list[tuple[Factor, str, Facts]] = [
        (Factor.SIGN, sign.value, replace(facts, claims=facts.claims | {Claim(sign, Sayer.OURS)})) for sign in policy.signs
    ]
    others += [
        (Factor.INCIDENT, one.value, replace(facts, incident=one, said_by=Sayer.OURS))
        for one in Incident
        if facts.incident is Incident.OTHER
    ]
    others += [(Factor.PART, part.value, replace(facts, parts=facts.parts | {part})) for part in Part]
    others += [(Factor.AGE, age.value, replace(facts, age=age)) for age in AgeClass if facts.age is None]
    others.append((Factor.UNSEEN, "1", replace(facts, unseen_items=max(1, facts.unseen_items))))
    more = 2 * facts.same_subject if facts.same_subject else 1
    others.append((Factor.SUBJECT, str(more), replace(facts, same_subject=more)))
    if facts.classification is None:
        others += [(Factor.CLASSIFICATION, one.value, replace(facts, classification=one)) for one in policy.classifications]
    found = [
        Move(factor=factor, code=code, points=more)
        for factor, code, other in others
        if (more := score(policy, other, now) - points) > 0
    ]
    if (at := changes_at(policy, facts, now)) is not None:
        found.append(Move(factor=Factor.EVIDENCE, code=str(policy.evidence_days), points=policy.evidence, at=at))
    return sorted(found, key=lambda move: (-move.points, move.factor, move.code))


def changes_at(policy: TriagePolicy, facts: Facts, now: datetime) -> datetime | None:
    """When time alone will give a report other points: evidence begins to press. None where it will not."""
    if facts.evidence_expires_at is None or not policy.evidence:
        return None
    at = facts.evidence_expires_at - timedelta(days=policy.evidence_days)
    return at if at > now else None


# --- order ---

#: More than any sum of points: what calls a person goes before what was drawn, and that before the rest.
_BAND = 1 << 20


_ID, _AGE = attrgetter("report_id"), attrgetter("received_at")


def order(policy: TriagePolicy, facts: Iterable[Facts], now: datetime, *, taken: int = 0) -> Listing:
    """The order in which reports are opened. Does not depend on the order in which they are given.

    `taken`: how many places were taken before. Every so many places one goes to whoever waits longest; because that is
    counted on, it makes no difference whether people take a whole list or one report after the other.
    """
    waiting = sorted(sorted(facts, key=_ID), key=_AGE)
    ready = [one for one in waiting if one.cannot_open is None]
    ranks, points = [], []
    horizon = _horizon(policy, now)
    for one in ready:
        points.append(sum([summand[0] for summand in _summands(policy, one, horizon)]))
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
