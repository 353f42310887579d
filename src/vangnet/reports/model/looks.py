"""Looking at a picture: step by step, each one asked for. Types and pure rules.

A file is covered: none of its pixels is anywhere. Whoever asks sees it blurred and grey first, then a part, then the whole;
a look at the whole is what "viewed" means. Each look ends by itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from vangnet.errors import Conflict, InvalidInput
from vangnet.hashing.model import PARTS, Excerpt
from vangnet.vault.model import OpenReason

SECONDS_MIN = 3
#: No look lasts longer, however often somebody asks for more.
SECONDS_MAX = 60
MORE_SECONDS = 10
BLUR_MAX = 5
#: A reason that somebody types to see a known file once more has so many characters.
WHY_MIN = 10
WHY_MAX = 300


class LookStep(StrEnum):
    """How much of a picture is shown."""

    BLURRED = "blurred"  #: The whole, of so few pixels that nothing is sharp.
    PART = "part"  #: One of three by three parts, sharp.
    WHOLE = "whole"  #: All of it, sharp: the file is viewed.


#: What counts for the budget.
SHARP = frozenset({LookStep.PART, LookStep.WHOLE})


class Size(StrEnum):
    """How large a picture is shown."""

    S = "S"  #: 160 pixels at its longest side.
    M = "M"  #: 480 pixels.
    L = "L"  #: 1,200 pixels.


LONGEST_SIDE: Mapping[Size, int] = {Size.S: 160, Size.M: 480, Size.L: 1200}
#: A blurred picture is one of so few pixels at its longest side, by strength. No program brings back what was not sent.
BLURRED_SIDE: Mapping[int, int] = {1: 56, 2: 40, 3: 28, 4: 20, 5: 14}

#: For what a file that is known already is shown once more; somebody has to say why in their own words.
KNOWN_REASONS = (OpenReason.INVESTIGATION, OpenReason.DISPUTE, OpenReason.COMPLAINT, OpenReason.COURT, OpenReason.CONTROL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks to see. Raises InvalidInput where there is no such look."""

    step: LookStep
    #: 1 to 9 for a part, else 0.
    part: int = 0
    blur: int = 3
    grey: bool = True
    size: Size = Size.S

    def __post_init__(self) -> None:
        if (self.step is LookStep.PART) != (1 <= self.part <= PARTS):
            raise InvalidInput(field="part", problem=f"must be 1 to {PARTS} for a part, and 0 for anything else")
        if not 1 <= self.blur <= BLUR_MAX:
            raise InvalidInput(field="blur", problem=f"must be 1 to {BLUR_MAX}")

    @property
    def excerpt(self) -> Excerpt:
        """So much of the picture leaves the decoding process, and no more."""
        side = LONGEST_SIDE[self.size]
        if self.step is LookStep.BLURRED:
            side = min(side, BLURRED_SIDE[self.blur])
        return Excerpt(longest_side=side, part=self.part, grey=self.grey)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookChoice:
    """How somebody wants to be shown pictures."""

    seconds: int = 10
    blur: int = 3
    size: Size = Size.S


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of one person. Its time counts for that person's own good, and is nobody's measure of their work."""

    id: int
    #: None for a generated picture that checks how the work is done.
    file_id: int | None
    report_id: int
    person_id: UUID = field(repr=False)
    step: LookStep
    reason: OpenReason
    at: datetime
    #: None where its pixels could not be sent.
    shown_at: datetime | None
    until_at: datetime | None
    covered_at: datetime | None


def checked_choice(*, seconds: int, blur: int, size: str) -> LookChoice:
    """How somebody wants to be shown pictures. Raises InvalidInput."""
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise InvalidInput(field="seconds", problem=f"must be {SECONDS_MIN} to {SECONDS_MAX}")
    if not 1 <= blur <= BLUR_MAX:
        raise InvalidInput(field="blur", problem=f"must be 1 to {BLUR_MAX}")
    if size not in set(Size):
        raise InvalidInput(field="size", problem="must be one of those that are offered")
    return LookChoice(seconds=seconds, blur=blur, size=Size(size))


def require_in_order(step: LookStep, seen: Collection[LookStep]) -> None:
    """Raises Conflict for a sharp look at what this person has not seen blurred: nobody is surprised by a sharp one."""
    if step in SHARP and not seen:
        raise Conflict(problem="look at it blurred first")


def until(shown_at: datetime, seconds: int) -> datetime:
    """When a look is covered by itself."""
    return shown_at + timedelta(seconds=min(max(seconds, SECONDS_MIN), SECONDS_MAX))


def prolonged(look: Look, *, now: datetime) -> datetime:
    """Until when it lasts with ten seconds more. Raises Conflict where it is over: then it is to be asked for again."""
    if look.shown_at is None or look.until_at is None or look.covered_at is not None or look.until_at <= now:
        raise Conflict(problem="it is covered already: look again")
    most = look.shown_at + timedelta(seconds=SECONDS_MAX)
    return min(look.until_at + timedelta(seconds=MORE_SECONDS), most)


def checked_why(text: str) -> str:
    """Why somebody wants to see what is known, in their own words. Raises InvalidInput."""
    tidy = " ".join(text.split())
    if not WHY_MIN <= len(tidy) <= WHY_MAX:
        raise InvalidInput(field="why", problem=f"must have {WHY_MIN} to {WHY_MAX} characters")
    return tidy
