"""What somebody was shown, added up for their own good: a budget a day, a break in time, sums that name nobody. Pure.

These figures are care, and no measure of work: who saw much did not do more. So a person sees their own, and others see
sums of five people or more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict
from vangnet.reports.model.looks import SHARP, Look, LookStep

#: At so much of the budget a break is proposed.
BREAK_PERCENT = 80
#: A sum of fewer people says too much about each.
PEOPLE_MIN = 5
_SECOND = timedelta(seconds=1)


class Fill(StrEnum):
    """How much of a day's budget is used."""

    WITHIN = "within"  #: There is room.
    BREAK = "break"  #: A break is proposed.
    OVER = "over"  #: The rest of the day is for work without pictures.


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Somebody's own day: how long they saw sharp pictures, and how long they may."""

    sharp_seconds: int
    budget_seconds: int

    @property
    def minutes(self) -> int:
        """Whole minutes that are used."""
        return self.sharp_seconds // 60

    @property
    def budget_minutes(self) -> int:
        """Whole minutes that there are."""
        return self.budget_seconds // 60

    @property
    def fill(self) -> Fill:
        """How much of it is used."""
        if self.sharp_seconds >= self.budget_seconds:
            return Fill.OVER
        return Fill.BREAK if self.sharp_seconds * 100 >= self.budget_seconds * BREAK_PERCENT else Fill.WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfLooks:
    """What somebody was shown on one day."""

    looks: int
    sharp_seconds: int
    blurred_seconds: int
    #: Files that they viewed: whole, and sharp.
    viewed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SumOfMany:
    """What five people or more were shown in one week, together."""

    people: int
    looks: int = field(default=0)
    sharp_seconds: int = field(default=0)


def seconds_of(look: Look, *, now: datetime) -> int:
    """How long a look lasted, in whole seconds, a begun one counted: until it was covered, at the latest by itself."""
    if look.shown_at is None or look.until_at is None:
        return 0
    end = min(look.covered_at or look.until_at, look.until_at, max(now, look.shown_at))
    spent = end - look.shown_at
    return max(0, -(-spent // _SECOND))


def day_of(looks: Iterable[Look], *, now: datetime) -> DayOfLooks:
    """Looks of one person, added up."""
    sharp = blurred = count = 0
    viewed: set[int | None] = set()
    for look in looks:
        if look.shown_at is None:
            continue
        count += 1
        spent = seconds_of(look, now=now)
        if look.step in SHARP:
            sharp += spent
        else:
            blurred += spent
        if look.step is LookStep.WHOLE:
            viewed.add(look.file_id)
    return DayOfLooks(looks=count, sharp_seconds=sharp, blurred_seconds=blurred, viewed=len(viewed))


def require_room(meter: Meter, *, danger: bool) -> None:
    """Raises Conflict where the day's budget is used, unless a child may be in danger now."""
    if meter.fill is Fill.OVER and not danger:
        raise Conflict(problem="today's time for pictures is used: there is work without pictures, and tomorrow is a day")


def sum_of(people: Mapping[UUID, tuple[int, int]]) -> SumOfMany | None:
    """The looks and sharp seconds of people, added up; None where they are too few to be told."""
    if len(people) < PEOPLE_MIN:
        return None
    return SumOfMany(
        people=len(people),
        looks=sum(looks for looks, _ in people.values()),
        sharp_seconds=sum(seconds for _, seconds in people.values()),
    )
