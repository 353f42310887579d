"""How many urgent reports stay below the line: what a random sample of them says, and how sure that is. Pure.

It is the one honest answer to "are victims missed". Who opens only what stands in front learns nothing about the rest.
"""

from dataclasses import dataclass
from math import ceil, floor

from vangnet.errors import InvalidInput
from vangnet.proportions import interval


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKnown:
    """Nothing was drawn yet, or none of it opened. That is no sign that nothing is missed."""

    drawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedShare:
    """The share of urgent ones among the reports below the line."""

    #: Of those that were opened.
    share: float
    low: float
    high: float
    drawn: int
    opened: int
    urgent: int

    def of(self, below: int) -> tuple[int, int]:
        """How many urgent ones there are among so many reports: at least, and at most."""
        return floor(self.low * below), ceil(self.high * below)


def missed_share(*, drawn: int, opened: int, urgent: int) -> MissedShare | NotKnown:
    """What the reports that were drawn at random say about all that are below the line.

    The interval is exact and holds the true share in at least 95 of 100 such samples. A report that was drawn and is not
    opened yet may be either: for the lower end it counts as not urgent, for the upper end as urgent. Otherwise what is hard
    to open would make the share look smaller. Raises InvalidInput for numbers that cannot be.
    """
    if not 0 <= urgent <= opened <= drawn:
        raise InvalidInput(field="urgent", problem="must be at most what was opened, and that at most what was drawn")
    if not opened:
        return NotKnown(drawn=drawn)
    return MissedShare(
        share=urgent / opened,
        low=interval(urgent, drawn)[0],
        high=interval(urgent + drawn - opened, drawn)[1],
        drawn=drawn,
        opened=opened,
        urgent=urgent,
    )
