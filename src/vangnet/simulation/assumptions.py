"""Everything that the simulation of triage takes for granted. None of it is measured: each number is a guess that is swept.

What comes from published figures is said so. Whoever believes another number changes it here, or on the command line, and
looks whether the order still holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vangnet.reports.model.facts import Sayer

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
YEAR_DAYS = 365


class Mark(StrEnum):
    """What can be seen of a made-up report before anybody opens it."""

    DANGER_NOW = "danger_now"  #: The reporter says that a child is in danger now.
    MINORS_NEAR = "minors_near"  #: Somebody named has children within reach.
    EXTORTION = "extortion"  #: A child is being threatened.
    ENTICEMENT = "enticement"  #: A child is being approached.
    LIVE = "live"  #: It was streamed live.
    UNSEEN = "unseen"  #: It has files that no list knows.
    SUBJECT = "subject"  #: Another report has the same subject.


class Kind(StrEnum):
    """Why a made-up report is urgent: its hidden truth, which no policy sees."""

    DANGER = "danger"  #: A child is in danger now.
    THREAT = "threat"  #: A child is being threatened or approached.
    REACH = "reach"  #: Somebody with children within reach.
    LIVE = "live"  #: It is ordered and watched from afar.


def _of_every_mark(share: float) -> dict[Mark, float]:
    return dict.fromkeys(Mark, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is taken for granted."""

    # --- reports ---
    #: The share of urgent reports, and of these the share of each kind.
    prevalence: float = 0.01
    kinds: Mapping[Kind, float] = field(
        default_factory=lambda: {Kind.DANGER: 0.3, Kind.THREAT: 0.3, Kind.REACH: 0.25, Kind.LIVE: 0.15}
    )
    #: By what each kind can be seen, the most telling first.
    shown_by: Mapping[Kind, tuple[Mark, ...]] = field(
        default_factory=lambda: {
            Kind.DANGER: (Mark.DANGER_NOW, Mark.MINORS_NEAR, Mark.UNSEEN),
            Kind.THREAT: (Mark.EXTORTION, Mark.ENTICEMENT, Mark.UNSEEN),
            Kind.REACH: (Mark.MINORS_NEAR, Mark.SUBJECT, Mark.UNSEEN),
            Kind.LIVE: (Mark.LIVE, Mark.SUBJECT, Mark.UNSEEN),
        }
    )
    #: How often a mark is there where it should be; and where it should not.
    sensitivity: Mapping[Mark, float] = field(default_factory=lambda: _of_every_mark(0.8))
    false_alarms: Mapping[Mark, float] = field(default_factory=lambda: _of_every_mark(0.05))
    #: In so large a share of the reports the marks are one and the same observation: all there, or none.
    dependence: float = 0.0
    #: How often a report is classified as the gravest, if it is urgent and if not: gravity and urgency are two things.
    grave_if_urgent: float = 0.5
    grave_if_not: float = 0.25
    #: Who reports: mostly companies, by way of the US centre. The shares are guesses.
    sayers: Mapping[Sayer, float] = field(
        default_factory=lambda: {Sayer.COMPANY: 0.88, Sayer.HOTLINE: 0.05, Sayer.CITIZEN: 0.05, Sayer.ANONYMOUS: 0.02}
    )
    #: The share of reports with evidence that will be gone, and after how many days on average; at least one day.
    with_clock: float = 0.5
    clock_days: float = 45.0
    # --- arrivals ---
    #: At load 1 as much comes in as can be opened: about 107,000 reports a year, where Dutch police expected "more than
    #: 100,000 a year in the years to come" (2022).
    #: From one year to the next: 36,000 reports in 2021, about 50,000 expected for 2022.
    growth_a_year: float = 50 / 36
    #: By how much the busiest hour is above the mean, and the quietest below.
    day_swing: float = 0.5
    # --- work ---
    minutes_each: int = 20
    #: On duty at all hours, who open reports while nothing calls them.
    watch: int = 2
    #: And by day, every day.
    desk: int = 5
    desk_from_hour: int = 8
    desk_to_hour: int = 18
    #: From an alert to somebody's look, where somebody is free; and what a look costs that finds no danger.
    notice_minutes: int = 1
    look_minutes: int = 5
    #: A look is the beginning of opening a report: what was found is written with it. Of its minutes so many are lost.
    look_lost_minutes: int = 0
    # --- figures ---
    #: A report that is not opened after so many days counts as starved.
    starved_days: int = 90

    def with_marks(self, *, sensitivity: float, false_alarms: float) -> "Assumptions":
        """The same, with all marks as good as that. Where they tell nothing, gravity tells nothing either."""
        useless = sensitivity <= false_alarms
        return replace(
            self,
            sensitivity=_of_every_mark(sensitivity),
            false_alarms=_of_every_mark(false_alarms),
            grave_if_urgent=self.grave_if_not if useless else self.grave_if_urgent,
        )

    def with_prevalence(self, prevalence: float) -> "Assumptions":
        """The same, with another share of urgent reports."""
        return replace(self, prevalence=prevalence)

    def with_marks_each(self, number: int) -> "Assumptions":
        """The same, with no more than so many marks for each kind."""
        return replace(self, shown_by={kind: marks[:number] for kind, marks in self.shown_by.items()})

    @property
    def opened_a_day(self) -> float:
        """How many reports all of them together can open in a day."""
        hours = 24 * self.watch + (self.desk_to_hour - self.desk_from_hour) * self.desk
        return hours * 60 / self.minutes_each


ASSUMED = Assumptions()
