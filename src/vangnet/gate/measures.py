"""How long answers took, in classes of time: those of several processes add up, and shares are told from the sum. Pure."""

from bisect import bisect_left
from collections.abc import Mapping

#: The classes' upper ends in microseconds, included.
ENDS_US = (
    100, 250, 500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 50_000, 70_000, 100_000,
    150_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
)  # fmt: skip
#: The class of everything that took longer.
BEYOND_US = 2_000_000_000


def class_of(seconds: float) -> int:
    """The upper end, in microseconds, of the class that `seconds` falls in."""
    place = bisect_left(ENDS_US, seconds * 1_000_000)
    return ENDS_US[place] if place < len(ENDS_US) else BEYOND_US


def quantile_s(counted: Mapping[int, int], share: float) -> float | None:
    """Within how many seconds that share (0 to 1) of the answers came; None where there were none.

    `counted`: answers by class. Inside a class it is taken for granted that they lie evenly; of the last one only its
    beginning is known.
    """
    total = sum(counted.values())
    if not total:
        return None
    wanted, before = share * total, 0
    for end in sorted(counted):
        if before + counted[end] >= wanted and counted[end]:
            place = bisect_left(ENDS_US, end)
            begin = ENDS_US[place - 1] if place else 0
            if end == BEYOND_US:
                return begin / 1_000_000
            return (begin + (end - begin) * (wanted - before) / counted[end]) / 1_000_000
        before += counted[end]
    raise AssertionError("the shares of a whole add up to it")
