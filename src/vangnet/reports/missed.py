"""How many urgent reports stay below the line: what a random sample of them says, and how sure that is. Pure.

It is the one honest answer to "are victims missed". Who opens only what stands in front learns nothing about the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, floor, fsum, lgamma, log, log1p

from vangnet.errors import InvalidInput

#: How sure the interval is.
CONFIDENCE = 0.95


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

    The interval is exact (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934): it holds the true share in at least 95 of
    100 such samples. A report that was drawn and is not opened yet may be either: for the lower end it counts as not
    urgent, for the upper end as urgent. Otherwise what is hard to open would make the share look smaller. Raises
    InvalidInput for numbers that cannot be.
    """
    if not 0 <= urgent <= opened <= drawn:
        raise InvalidInput(field="urgent", problem="must be at most what was opened, and that at most what was drawn")
    if not opened:
        return NotKnown(drawn=drawn)
    return MissedShare(
        share=urgent / opened,
        low=lower_bound(urgent, drawn),
        high=upper_bound(urgent + drawn - opened, drawn),
        drawn=drawn,
        opened=opened,
        urgent=urgent,
    )


def lower_bound(found: int, of: int) -> float:
    """The least share with which `found` or more of so many come about in more than one case in forty."""
    if found == 0:
        return 0.0
    return _boundary(lambda share: 1 - _at_most(found - 1, of, share) <= (1 - CONFIDENCE) / 2)


def upper_bound(found: int, of: int) -> float:
    """The largest share with which `found` or fewer of so many come about in more than one case in forty."""
    if found >= of:
        return 1.0
    return _boundary(lambda share: _at_most(found, of, share) > (1 - CONFIDENCE) / 2)


def _boundary(holds: Callable[[float], bool]) -> float:
    """Up to which share something holds that holds for small ones only."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _at_most(found: int, of: int, share: float) -> float:
    """How likely `found` or fewer of so many are where each is one with the chance `share`, which is neither 0 nor 1."""
    return fsum(
        exp(
            lgamma(of + 1) - lgamma(number + 1) - lgamma(of - number + 1)
            + number * log(share) + (of - number) * log1p(-share)
        )
        for number in range(found + 1)
    )  # fmt: skip
