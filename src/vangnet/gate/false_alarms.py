"""How often a match was a false alarm, and how often it may be, for all that was looked at. Pure."""

from math import exp, lgamma, log, log1p

#: How sure the upper bound is.
CONFIDENCE = 0.95


def upper_bound(wrong: int, looked_at: int) -> float:
    """The largest share of false alarms that goes with `wrong` among `looked_at`, at 95 % (Clopper and Pearson, 1934).

    Exact, one-sided: with a share any higher, so few wrong ones would come about in less than one case in twenty. 1 where
    nothing was looked at. Holds for matches that were looked at as they came, and not picked.
    """
    if wrong >= looked_at:
        return 1.0
    low, high = wrong / looked_at, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(wrong, looked_at, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def _at_most(wrong: int, looked_at: int, share: float) -> float:
    """How likely `wrong` or fewer are where each is one with the chance `share`."""
    if share >= 1:
        return 0.0
    return sum(
        exp(
            lgamma(looked_at + 1) - lgamma(number + 1) - lgamma(looked_at - number + 1)
            + number * log(share) + (looked_at - number) * log1p(-share)
        )
        for number in range(wrong + 1)
    ) if share > 0 else 1.0  # fmt: skip
