"""A made-up caseload for triage: when reports come in, what can be seen of them, and, apart from that, the truth.

What can be seen is a pattern that many reports share; whoever orders them is given facts made of a pattern, and nothing
else. The truth is kept beside it, for whoever counts afterwards, and for the one policy that is allowed to cheat.
"""

import math
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vangnet.registry.model.classification import Classification
from vangnet.reports.model.drafts import Sign, Source
from vangnet.reports.model.facts import Claim, Facts, Sayer
from vangnet.simulation.assumptions import DAY_S, YEAR_DAYS, Assumptions, Kind, Mark

#: When it begins; a Monday.
START = datetime(2026, 1, 5, tzinfo=UTC)
#: A report without a clock.
NEVER = 1 << 62

_SIGNS = {
    Mark.DANGER_NOW: Sign.DANGER_NOW,
    Mark.MINORS_NEAR: Sign.MINORS_NEAR,
    Mark.EXTORTION: Sign.EXTORTION,
    Mark.ENTICEMENT: Sign.ENTICEMENT,
    Mark.LIVE: Sign.LIVE,
}
_SOURCES = {Sayer.COMPANY: Source.CYBERTIP, Sayer.HOTLINE: Source.HANDOFF}


@dataclass(frozen=True, slots=True)
class Pattern:
    """What can be seen of a report, but for its times."""

    marks: frozenset[Mark]
    sayer: Sayer
    grave: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Caseload:
    """Reports in the order in which they come in; a report's number is its place. Times are seconds from the start."""

    end_s: int
    arrived: "array[int]"
    patterns: tuple[Pattern, ...]
    pattern_of: "array[int]"
    #: When its evidence is gone; NEVER without.
    expires: "array[int]"
    #: The truth: 0, or 1 more than the place of its kind in Kind.
    truth: bytes

    def __len__(self) -> int:
        return len(self.arrived)

    def is_urgent(self, number: int) -> bool:
        """The truth of a report."""
        return self.truth[number] > 0

    def is_danger(self, number: int) -> bool:
        """Whether in truth a child is in danger now."""
        return self.truth[number] == 1

    def facts(self, number: int, *, now_s: int, drawn: bool = False, no_danger: bool = False) -> Facts:
        """What triage knows of a report at a time: evidence that is gone is not counted any more."""
        expires = self.expires[number]
        return facts_of(
            self.patterns[self.pattern_of[number]],
            report_id=number,
            received_at=START + timedelta(seconds=self.arrived[number]),
            evidence_expires_at=START + timedelta(seconds=expires) if now_s < expires < NEVER else None,
            drawn=drawn,
            no_danger=no_danger,
        )


def facts_of(
    pattern: Pattern,
    *,
    report_id: int,
    received_at: datetime,
    evidence_expires_at: datetime | None,
    drawn: bool = False,
    no_danger: bool = False,
) -> Facts:
    """A report with this pattern, as triage sees it."""
    return Facts(
        report_id=report_id,
        received_at=received_at,
        source=_SOURCES.get(pattern.sayer, Source.PUBLIC),
        said_by=pattern.sayer,
        claims=frozenset(Claim(_SIGNS[mark], pattern.sayer) for mark in pattern.marks if mark in _SIGNS),
        unseen_items=int(Mark.UNSEEN in pattern.marks),
        same_subject=int(Mark.SUBJECT in pattern.marks),
        classification=Classification.BASELINE if pattern.grave else None,
        evidence_expires_at=evidence_expires_at,
        drawn=drawn,
        no_danger=no_danger,
    )


def make(assumed: Assumptions, *, days: int, load: float, seed: int) -> Caseload:
    """The caseload of a seed: the same seed, the same caseload. At load 1 as much comes in as can be opened."""
    chance = random.Random(seed)  # noqa: S311 (made-up reports are no secret)
    arrived, pattern_of, expires = array("q"), array("l"), array("q")
    truth = bytearray()
    patterns: dict[tuple[int, Sayer, bool], int] = {}
    kinds, sayers = tuple(Kind), tuple(assumed.sayers)
    weights = [assumed.kinds[kind] for kind in kinds]
    sayer_weights = list(assumed.sayers.values())
    false = [assumed.false_alarms[mark] for mark in Mark]
    true = {kind: _chances(assumed, kind) for kind in kinds}
    for at in _arrivals(assumed, days, load, chance):
        urgent = chance.random() < assumed.prevalence
        kind = chance.choices(range(len(kinds)), weights)[0] if urgent else -1
        marks = _marks(chance, true[kinds[kind]] if urgent else false, assumed.dependence)
        grave = chance.random() < (assumed.grave_if_urgent if urgent else assumed.grave_if_not)
        sayer = chance.choices(sayers, sayer_weights)[0]
        truth.append(kind + 1)
        arrived.append(at)
        pattern_of.append(patterns.setdefault((marks, sayer, grave), len(patterns)))
        clock_days = 1 + chance.expovariate(1 / (assumed.clock_days - 1))
        expires.append(at + int(clock_days * DAY_S) if chance.random() < assumed.with_clock else NEVER)
    return Caseload(
        end_s=days * DAY_S,
        arrived=arrived,
        patterns=tuple(_pattern(*key) for key in patterns),
        pattern_of=pattern_of,
        expires=expires,
        truth=bytes(truth),
    )


def _chances(assumed: Assumptions, kind: Kind) -> list[float]:
    shown = assumed.shown_by[kind]
    return [assumed.sensitivity[mark] if mark in shown else assumed.false_alarms[mark] for mark in Mark]


def _marks(chance: random.Random, shares: list[float], dependence: float) -> int:
    """Which marks are there, a bit each."""
    if dependence and chance.random() < dependence:
        one = chance.random()
        return sum(1 << place for place, share in enumerate(shares) if one < share)
    draw = chance.random
    found = 0
    for place, share in enumerate(shares):
        if draw() < share:
            found |= 1 << place
    return found


def _pattern(marks: int, sayer: Sayer, grave: bool) -> Pattern:
    return Pattern(frozenset(mark for place, mark in enumerate(Mark) if marks >> place & 1), sayer, grave)


def _arrivals(assumed: Assumptions, days: int, load: float, chance: random.Random) -> Iterator[int]:
    """When reports come in, in seconds: by chance, more by day than by night, and each year more than the one before."""
    swing = assumed.day_swing
    at = 0.0
    for day in range(days):
        mean_a_second = assumed.opened_a_day * load * assumed.growth_a_year ** (day // YEAR_DAYS) / DAY_S
        most = mean_a_second * (1 + swing)
        while True:
            at += chance.expovariate(most)
            if at >= (day + 1) * DAY_S:
                # An exponential wait has no memory: the next day may begin anew.
                at = float((day + 1) * DAY_S)
                break
            # The busiest at 20:00, the quietest at 08:00.
            now = 1 + swing * math.cos(2 * math.pi * (at / DAY_S - 20 / 24))
            if chance.random() * (1 + swing) < now:
                yield int(at)
