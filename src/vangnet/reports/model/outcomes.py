"""What became of reports after triage: investigations elsewhere, what they came to, and series. Types and pure rules.

Nothing here says anything of any child: an outcome is a code and a count, an investigation a number that police gave it,
and a series a code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vangnet.errors import InvalidInput
from vangnet.handoff.model.referrals import ReferralOutcome
from vangnet.identity.model.text import checked_line

NUMBER_MAX = 60
PEOPLE_MAX = 1000
#: Capitals, digits and dashes, with at least one digit: so that nobody gives a series the name of a child.
_SERIES = re.compile(r"(?=[A-Z0-9-]*[0-9])[A-Z0-9][A-Z0-9-]{1,29}", re.ASCII)


class Outcome(StrEnum):
    """What an investigation came to."""

    CHILD_IDENTIFIED = "child_identified"  #: It is known who a child is.
    CHILD_SAFE = "child_safe"  #: A child was brought to safety.
    SUSPECT_IDENTIFIED = "suspect_identified"  #: It is known who is suspected.
    NO_FURTHER_ACTION = "no_further_action"  #: It ended without one of these.


#: What whoever referred the report is told of it.
TOLD: Mapping[Outcome, ReferralOutcome] = {
    Outcome.CHILD_IDENTIFIED: ReferralOutcome.CHILD_IDENTIFIED,
    Outcome.CHILD_SAFE: ReferralOutcome.CHILD_SAFE,
    Outcome.SUSPECT_IDENTIFIED: ReferralOutcome.SUSPECT_IDENTIFIED,
    Outcome.NO_FURTHER_ACTION: ReferralOutcome.NO_FURTHER_ACTION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """An investigation outside of Vangnet that reports led to."""

    id: int
    opened_at: datetime
    opened_by: str
    #: The number that it has elsewhere, sealed.
    number: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvestigationOutcome:
    """One thing that an investigation came to."""

    id: int
    investigation_id: int
    outcome: Outcome
    #: How many people it is about, where that was said.
    people: int | None
    at: datetime
    by: str
    #: Somebody had written it by mistake.
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Files that belong together, and how often they turn up again."""

    id: int
    code: str
    known_at: datetime
    files: int
    #: Reports that have to do with it, and of these such with files that nobody has seen.
    reports: int
    with_unseen: int
    #: Reports that came in after it was known: the pictures circulate still.
    again: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """From reports to results, in numbers."""

    reports: int
    led_to_investigation: int
    investigations: int
    with_outcome: int
    #: For each outcome how often, and how many people in all; those of whom no number was given count as one.
    outcomes: Mapping[Outcome, tuple[int, int]]


def checked_series(code: str) -> str:
    """The code of a series. Raises InvalidInput."""
    tidy = code.strip().upper()
    if _SERIES.fullmatch(tidy) is None:
        raise InvalidInput(
            field="series",
            problem="must be a code of 2 to 30 capitals, digits and dashes, with at least one digit: no name",
        )
    return tidy


def checked_number(number: str) -> str:
    """The number of an investigation. Raises InvalidInput."""
    return checked_line(number, field="number", longest=NUMBER_MAX)


def checked_people(people: int | None) -> int | None:
    """How many people an outcome is about. Raises InvalidInput."""
    if people is not None and not 1 <= people <= PEOPLE_MAX:
        raise InvalidInput(field="people", problem=f"must be a whole number from 1 to {PEOPLE_MAX}")
    return people
