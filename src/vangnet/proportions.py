"""What a count says about a share: exact intervals (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934). Pure.

Exact, because what is counted here is rare, and 0 of 100 does not mean none. They hold for what was looked at as it came or
was drawn at random, and not picked.
"""

from collections.abc import Callable
from math import exp, lgamma, log, log1p

#: How sure each interval and bound is.
CONFIDENCE = 0.95
#: Terms that are so much smaller than their sum change no digit of it.
_NOTHING = 1e-17
#: Each halves what is left: so many reach the last digit.
_HALVINGS = 60


def interval(found: int, of: int) -> tuple[float, float]:
    """The shares with which `found` of so many, of which there is at least one, is no surprise: they hold the true share in
    at least 95 of 100 such counts."""
    return _lowest(found, of, (1 - CONFIDENCE) / 2), _highest(found, of, (1 - CONFIDENCE) / 2)


def upper_bound(found: int, of: int) -> float:
    """The largest share that goes with `found` of so many, one-sided: 1 where nothing was looked at."""
    return _highest(found, of, 1 - CONFIDENCE)


def _lowest(found: int, of: int, surprise: float) -> float:
    if found == 0:
        return 0.0
    return _boundary(lambda share: 1 - _at_most(found - 1, of, share) <= surprise)


def _highest(found: int, of: int, surprise: float) -> float:
    if found >= of:
        return 1.0
    return _boundary(lambda share: _at_most(found, of, share) > surprise)


def _boundary(holds: Callable[[float], bool]) -> float:
    """Up to which share something holds that holds for small ones only."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _at_most(found: int, of: int, share: float) -> float:
    """How likely `found` or fewer of so many are where each is one with the chance `share`, which is neither 0 nor 1."""
    if found < of * share:
        return _tail(found, of, share)
    return 1 - _tail(of - found - 1, of, 1 - share)


def _tail(found: int, of: int, share: float) -> float:
    """The same for a `found` below the mean: each term is then smaller than the one before, and few of them matter."""
    if found < 0:
        return 0.0
    ways = lgamma(of + 1) - lgamma(found + 1) - lgamma(of - found + 1)
    term = total = exp(ways + found * log(share) + (of - found) * log1p(-share))
    for number in range(found, 0, -1):
        term *= number / (of - number + 1) * (1 - share) / share
        total += term
        if term < total * _NOTHING:
            break
    return total
