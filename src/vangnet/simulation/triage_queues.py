"""Four ways to choose the next report of a made-up caseload: two of today, ours, and one that knows the truth.

Ours is the order of `reports/rules/triage/order.py`, kept in heaps, so that the next of half a million reports is found
without ordering all of them. tests/unit/test_simulation_triage.py compares it with that order, report by report.
"""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from vangnet.reports.model.facts import Facts
from vangnet.reports.model.triage_policy import Equals, TriagePolicy
from vangnet.reports.rules.desk.capacity import draw_below_line
from vangnet.reports.rules.triage.order import Lane, has_backlog, is_for_last_hours, is_for_oldest, lane_of, rank
from vangnet.reports.rules.triage.points import calls_person, score
from vangnet.simulation.assumptions import DAY_S, HOUR_S
from vangnet.simulation.caseload import NEVER, START, Caseload


class Waiting(ABC):
    """The reports that wait, and which of them is next. Reports are given by number, in the order in which they come in."""

    def __init__(self, caseload: Caseload) -> None:
        self._caseload = caseload
        #: When each was opened, by whichever way; -1 if it was not.
        self.opened = [-1] * len(caseload)
        self._oldest = 0

    @abstractmethod
    def admit(self, number: int) -> bool:
        """A report comes in. Answers whether a person is called for it."""

    @abstractmethod
    def next(self, now_s: int) -> int | None:
        """The report that is opened now; None when none waits."""

    def looked(self, number: int, now_s: int) -> None:  # noqa: B027 (most orders do not care)
        """Somebody was called, looked, and found no child in danger now: it waits as before, and calls nobody any more."""

    def _longest_waiting(self, admitted: int) -> int | None:
        opened = self.opened
        while self._oldest < admitted and opened[self._oldest] >= 0:
            self._oldest += 1
        return self._oldest if self._oldest < admitted else None

    def _first(self, heap: list[tuple[int, int]]) -> int | None:
        """The first of a heap of reports that is not opened yet."""
        while heap:
            number = heapq.heappop(heap)[1]
            if self.opened[number] < 0:
                return number
        return None


class FirstIn(Waiting):
    """First in, first out."""

    def __init__(self, caseload: Caseload) -> None:
        super().__init__(caseload)
        self._admitted = 0

    def admit(self, number: int) -> bool:
        """Waits behind all others."""
        self._admitted = number + 1
        return False

    def next(self, now_s: int) -> int | None:  # noqa: ARG002
        """Whoever waits longest."""
        return self._longest_waiting(self._admitted)


class SeverityOnly(Waiting):
    """The gravest first, and of these whoever waits longest."""

    def __init__(self, caseload: Caseload) -> None:
        super().__init__(caseload)
        self._heap: list[tuple[int, int]] = []

    def admit(self, number: int) -> bool:
        """Waits behind those that are as grave."""
        grave = self._caseload.patterns[self._caseload.pattern_of[number]].grave
        heapq.heappush(self._heap, (0 if grave else 1, number))
        return False

    def next(self, now_s: int) -> int | None:  # noqa: ARG002
        """The gravest."""
        return self._first(self._heap)


class Clairvoyant(Waiting):
    """Knows which reports are urgent, which nobody can. For the first two figures nobody does better."""

    def __init__(self, caseload: Caseload) -> None:
        super().__init__(caseload)
        self._urgent: list[tuple[int, int]] = []
        self._admitted = 0

    def admit(self, number: int) -> bool:
        """Calls a person for those in danger."""
        self._admitted = number + 1
        if self._caseload.is_urgent(number):
            heapq.heappush(self._urgent, (0 if self._caseload.is_danger(number) else 1, number))
        return self._caseload.is_danger(number)

    def next(self, now_s: int) -> int | None:
        """The urgent ones that are still in time, then the others of them, then whoever waits longest."""
        late: list[tuple[int, int]] = []
        while self._urgent:
            entry = heapq.heappop(self._urgent)
            if self.opened[entry[1]] >= 0:
                continue
            if entry[0] == 2 or now_s - self._caseload.arrived[entry[1]] <= DAY_S:
                found: int | None = entry[1]
                break
            late.append((2, entry[1]))
        else:
            found = None
        for entry in late:
            heapq.heappush(self._urgent, entry)
        if found is None and late:
            return self._first(self._urgent)
        return self._longest_waiting(self._admitted) if found is None else found


class Ours(Waiting):
    """By the triage policy. Sees facts and times, and never the truth."""

    def __init__(self, caseload: Caseload, policy: TriagePolicy, chance: Callable[[], float]) -> None:
        super().__init__(caseload)
        self._policy = policy
        self._chance = chance
        self._taken = 0
        self._admitted = 0
        #: Rank; 0 while it is in time, 1 afterwards; tie; number; until when the entry holds.
        self._heap: list[tuple[int, int, int, int, int]] = []
        #: When evidence begins to press.
        self._clocks: list[tuple[int, int]] = []
        #: By pattern, and whether it was drawn and looked at: ranks without and with evidence that is about to be gone.
        self._known_ranks: dict[tuple[int, bool, bool], tuple[int, int]] = {}
        self._calls: dict[int, bool] = {}
        self._in_time_s = policy.in_time_hours * HOUR_S
        #: Whoever waits longest of those that are in time.
        self._hurried = 0
        #: Up to which report each was given its chance to be drawn.
        self._given_chance = 0
        self.drawn: set[int] = set()
        #: All that were below the line a day after they came in.
        self.below: list[int] = []
        self.no_danger: set[int] = set()

    def admit(self, number: int) -> bool:
        """Gets its points."""
        self._admitted = number + 1
        self._push(number)
        expires = self._caseload.expires[number]
        if expires < NEVER:
            heapq.heappush(self._clocks, (expires - self._policy.evidence_days * DAY_S, number))
        pattern = self._caseload.pattern_of[number]
        if pattern not in self._calls:
            facts = self._facts(number)
            self._calls[pattern] = calls_person(self._policy, facts)
        return self._calls[pattern]

    def looked(self, number: int, now_s: int) -> None:
        """Calls nobody any more, and waits by its points."""
        self.no_danger.add(number)
        self._push(number)
        self._press(number, now_s)

    def next(self, now_s: int) -> int | None:
        """The first place of the order."""
        self._draw(now_s)
        while self._clocks and self._clocks[0][0] <= now_s:
            self._press(heapq.heappop(self._clocks)[1], now_s)
        number = self._longest_waiting(self._admitted)
        if number is None:
            return None
        if not is_for_oldest(self._policy, self._taken):
            ranked, first = self._by_points(now_s)
            hurried = self._in_last_hours(number, now_s) if lane_of(ranked) is not Lane.DANGER else None
            number = first if hurried is None else hurried
        self._taken += 1
        return number

    def _in_last_hours(self, oldest: int, now_s: int) -> int | None:
        """Whoever has the next place because of its last hours; None where nobody has."""
        if not is_for_last_hours(self._policy, self._taken):
            return None
        arrived, since = self._caseload.arrived, now_s - self._in_time_s
        if has_backlog(self._policy, START + timedelta(seconds=arrived[oldest]), START + timedelta(seconds=now_s)):
            return None
        while self._hurried < self._admitted and (self.opened[self._hurried] >= 0 or arrived[self._hurried] < since):
            self._hurried += 1
        if self._hurried < self._admitted and arrived[self._hurried] <= since + self._policy.last_hours * HOUR_S:
            return self._hurried
        return None

    def _by_points(self, now_s: int) -> tuple[int, int]:
        """Whoever is at the head by rank, with the rank; somebody waits, so there is one."""
        while True:
            ranked, late, _, number, until = self._heap[0]
            if self.opened[number] >= 0 or now_s >= until or ranked not in self._ranks(number):
                heapq.heappop(self._heap)
            elif not late and now_s > self._caseload.arrived[number] + self._in_time_s:
                heapq.heapreplace(self._heap, (ranked, 1, -number, number, until))
            else:
                return ranked, number

    def _draw(self, now_s: int) -> None:
        """Whatever is not opened a day after it came in is below the line, and has its one chance to be drawn."""
        caseload = self._caseload
        while self._given_chance < self._admitted and caseload.arrived[self._given_chance] + DAY_S <= now_s:
            number = self._given_chance
            self._given_chance += 1
            if self.opened[number] >= 0:
                continue
            self.below.append(number)
            if draw_below_line(self._policy, [number], self._chance):
                self.drawn.add(number)
                self._push(number)
                self._press(number, now_s)

    def _push(self, number: int) -> None:
        self._enter(self._ranks(number)[0], number, NEVER)

    def _press(self, number: int, now_s: int) -> None:
        """Evidence is about to be gone: until it is, the report stands further in front."""
        expires = self._caseload.expires[number]
        if expires - self._policy.evidence_days * DAY_S <= now_s < expires < NEVER and self.opened[number] < 0:
            self._enter(self._ranks(number)[1], number, expires)

    def _enter(self, ranked: int, number: int, until: int) -> None:
        match self._policy.among_equals:
            case Equals.IN_TIME:  # Whether it still is in time is seen when its turn comes.
                entry = (ranked, 0, number, number, until)
            case Equals.NEWEST:
                entry = (ranked, 1, -number, number, until)
            case Equals.OLDEST:
                entry = (ranked, 1, number, number, until)
            case _ as never:
                assert_never(never)
        heapq.heappush(self._heap, entry)

    def _ranks(self, number: int) -> tuple[int, int]:
        key = (self._caseload.pattern_of[number], number in self.drawn, number in self.no_danger)
        if key not in self._known_ranks:
            plain = replace(self._facts(number), drawn=key[1], no_danger=key[2])
            pressing = replace(plain, evidence_expires_at=START + timedelta(seconds=1))
            first, second = (rank(self._policy, one, score(self._policy, one, START)) for one in (plain, pressing))
            self._known_ranks[key] = first, second
        return self._known_ranks[key]

    def _facts(self, number: int) -> Facts:
        """What the policy may know of a report, but for its clock."""
        return replace(self._caseload.facts(number, now_s=0), evidence_expires_at=None)
