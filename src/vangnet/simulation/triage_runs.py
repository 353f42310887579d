"""A made-up year at a desk, worked through by each way of choosing the next report; and what came of it.

The same reports, the same people, the same minutes for everybody. People on watch work at all hours and are called away
for an alert, whose minutes they lack afterwards; those at the desk work by day.
"""

import heapq
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vangnet.reports.model.triage_policy import STARTING, TriagePolicy
from vangnet.reports.rules.desk.missed import MissedShare, NotKnown, missed_share
from vangnet.simulation.assumptions import ASSUMED, DAY_S, HOUR_S, MINUTE_S, YEAR_DAYS, Assumptions
from vangnet.simulation.caseload import Caseload, make
from vangnet.simulation.triage_queues import Clairvoyant, FirstIn, Ours, SeverityOnly, Waiting


class Chooser(StrEnum):
    """How the next report is chosen."""

    FIFO = "fifo"  #: First in, first out.
    SEVERITY = "severity"  #: The gravest first.
    OURS = "ours"  #: By the triage policy.
    BOUND = "bound"  #: By the truth, which nobody has.


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one way of choosing. Shares are None where there was nothing to take a share of."""

    policy: Chooser
    #: Of the urgent reports, so many were opened within 24 hours of coming in.
    urgent_within_24h: float | None
    #: Of those in which a child is in danger now, so many were in somebody's hands within the policy's minutes.
    danger_within_15_min: float | None
    #: Reports that were not opened within so many days as the assumptions say.
    starved: int
    #: Reports whose evidence was gone before they were opened.
    clocks_missed: int
    opened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What the random sample said is missed below the line; and beside it the truth, which only a simulation has."""

    estimated: MissedShare | NotKnown
    below: int
    truth: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One made-up caseload, worked through by each."""

    reports: int
    urgent: int
    outcomes: tuple[Outcome, ...]
    missed: Missed

    def outcome(self, chooser: Chooser) -> Outcome:
        """What came of one of them."""
        return next(outcome for outcome in self.outcomes if outcome.policy is chooser)


def run(
    *,
    years: int,
    load: float,
    seed: int,
    assumed: Assumptions = ASSUMED,
    policy: TriagePolicy = STARTING,
    beside_ours: Collection[Chooser] = (Chooser.FIFO, Chooser.SEVERITY, Chooser.BOUND),
) -> Run:
    """Makes the caseload of a seed and works through it in our way, and in each that is asked for beside it."""
    caseload = make(assumed, days=years * YEAR_DAYS, load=load, seed=seed)
    # Not the caseload's own sequence: what is drawn must not depend on what comes in.
    chance = random.Random(f"drawn {seed}")  # noqa: S311 (made-up reports are no secret)
    ours = Ours(caseload, policy, chance.random)
    ways: Mapping[Chooser, Waiting] = {
        Chooser.FIFO: FirstIn(caseload),
        Chooser.SEVERITY: SeverityOnly(caseload),
        Chooser.OURS: ours,
        Chooser.BOUND: Clairvoyant(caseload),
    }
    ways = {chooser: way for chooser, way in ways.items() if way is ours or chooser in beside_ours}
    for waiting in ways.values():
        work(caseload, waiting, assumed)
    return Run(
        reports=len(caseload),
        urgent=len(caseload) - caseload.truth.count(0),
        outcomes=tuple(outcome(caseload, chooser, waiting, assumed, policy) for chooser, waiting in ways.items()),
        missed=_missed(caseload, ours),
    )


# --- work ---


class _People:
    """Those who open reports, and when each is free. The watch comes first."""

    def __init__(self, assumed: Assumptions) -> None:
        self._assumed = assumed
        number = assumed.watch + assumed.desk
        self._free_at = [0] * number
        self._heap = [(0, person) for person in range(number)]
        #: When each of the watch has done with the alerts that called them.
        self._alerts_done_at = [0] * assumed.watch

    def next_free(self) -> tuple[int, int]:
        """Who is free and on duty next, and when."""
        while True:
            at, person = heapq.heappop(self._heap)
            on_duty = self._on_duty(person, max(at, self._free_at[person]))
            if on_duty == at:
                return at, person
            heapq.heappush(self._heap, (on_duty, person))

    def works_until(self, person: int, until: int) -> None:
        """Busy up to then."""
        self._free_at[person] = until
        heapq.heappush(self._heap, (until, person))

    def called_away(self, person: int, at: int) -> bool:
        """Whether an alert has called away who was free: then they come back when they have done with it."""
        if self._free_at[person] <= at:
            return False
        heapq.heappush(self._heap, (self._free_at[person], person))
        return True

    def answer(self, at: int, *, minutes: int) -> int:
        """Somebody of the watch is called away for so many minutes. Answers from when on."""
        who = min(range(len(self._alerts_done_at)), key=self._alerts_done_at.__getitem__)
        begins = max(at + self._assumed.notice_minutes * MINUTE_S, self._alerts_done_at[who])
        self._alerts_done_at[who] = begins + minutes * MINUTE_S
        self._free_at[who] = max(self._free_at[who], begins) + minutes * MINUTE_S
        return begins

    def _on_duty(self, person: int, at: int) -> int:
        """The first moment from then on at which somebody is on duty."""
        if person < self._assumed.watch:
            return at
        from_s, to_s = self._assumed.desk_from_hour * HOUR_S, self._assumed.desk_to_hour * HOUR_S
        of_day = at % DAY_S
        if of_day < from_s:
            return at - of_day + from_s
        return at if of_day < to_s else at - of_day + DAY_S + from_s


def work(caseload: Caseload, waiting: Waiting, assumed: Assumptions) -> None:
    """Works through the caseload; `waiting.opened` says afterwards what was opened when."""
    people = _People(assumed)
    arrived, opened = caseload.arrived, waiting.opened
    admitted, total = 0, len(caseload)
    #: Minutes that a report needs no more, because somebody looked.
    looked: dict[int, int] = {}
    while True:
        at, person = people.next_free()
        if at >= caseload.end_s:
            return
        while admitted < total and arrived[admitted] <= at:
            if waiting.admit(admitted):
                _answer(caseload, waiting, people, assumed, admitted)
                looked[admitted] = assumed.look_minutes - assumed.look_lost_minutes
            admitted += 1
        if people.called_away(person, at):
            continue
        number = waiting.next(at)
        if number is not None:
            opened[number] = at
            people.works_until(person, at + (assumed.minutes_each - looked.get(number, 0)) * MINUTE_S)
        elif admitted < total:
            people.works_until(person, max(at + 1, arrived[admitted]))
        else:
            return


def _answer(caseload: Caseload, waiting: Waiting, people: _People, assumed: Assumptions, number: int) -> None:
    """Somebody is called and looks whether a child is in danger now: if so, it is opened at once; if not, it waits on.

    A look tells nothing else. Were it to find all that is urgent, calling for everything would be a cheap way to open it.
    """
    danger = caseload.is_danger(number)
    begins = people.answer(caseload.arrived[number], minutes=assumed.minutes_each if danger else assumed.look_minutes)
    if danger:
        waiting.opened[number] = begins
    else:
        waiting.looked(number, begins)


# --- what came of it ---


def outcome(caseload: Caseload, chooser: Chooser, waiting: Waiting, assumed: Assumptions, policy: TriagePolicy) -> Outcome:
    """Counts what came of it. Only reports for which the time was long enough before the end are counted."""
    end, arrived, opened = caseload.end_s, caseload.arrived, waiting.opened
    numbers = range(len(caseload))
    urgent = [number for number in numbers if caseload.truth[number] and arrived[number] <= end - DAY_S]
    danger = [number for number in urgent if caseload.is_danger(number)]
    starved_s = assumed.starved_days * DAY_S
    return Outcome(
        policy=chooser,
        urgent_within_24h=_share(caseload, opened, urgent, DAY_S),
        danger_within_15_min=_share(caseload, opened, danger, policy.danger_minutes * MINUTE_S),
        starved=sum(
            1
            for number in numbers
            if arrived[number] <= end - starved_s and not 0 <= opened[number] <= arrived[number] + starved_s
        ),
        clocks_missed=sum(
            1
            for number in numbers
            if caseload.expires[number] <= end and not 0 <= opened[number] < caseload.expires[number]
        ),
        opened=sum(1 for at in opened if at >= 0),
    )


def _share(caseload: Caseload, opened: Sequence[int], numbers: Sequence[int], within_s: int) -> float | None:
    if not numbers:
        return None
    in_time = sum(1 for number in numbers if 0 <= opened[number] <= caseload.arrived[number] + within_s)
    return in_time / len(numbers)


def _missed(caseload: Caseload, ours: Ours) -> Missed:
    """The sample's answer. What was drawn in the last hours may not be opened yet: it counts as either."""
    opened = [number for number in ours.drawn if ours.opened[number] >= 0]
    urgent = sum(caseload.is_urgent(number) for number in opened)
    below = len(ours.below)
    return Missed(
        estimated=missed_share(drawn=len(ours.drawn), opened=len(opened), urgent=urgent),
        below=below,
        truth=sum(map(caseload.is_urgent, ours.below)) / below if below else None,
    )
