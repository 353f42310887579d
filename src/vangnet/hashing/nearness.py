"""By how many bits a picture's `full~` can differ from its `full`: so much farther it is looked up.

A bit says whether a coefficient lies above the middle one. Where the coefficient lies far from the middle, nothing that is
left out of a small decode brings it to the other side; so only those near the middle count, and there are few in most
pictures. How near is near was measured, docs/explanation/hashing.md has it. Pure.
"""

from array import array

from vangnet.hashing.model import SCREEN_RADIUS, Transform

#: So many bits are looked farther in any case.
_LEAST = 8
#: And so many at most; also where nothing is known of how exact `full~` is.
_MOST = SCREEN_RADIUS - 31
#: From which shortest side on, how near the middle a coefficient must lie to be able to change sides.
_REACH = ((2945, 1.0), (1409, 2.0))


def bits_that_may_differ(transform: Transform, side: int) -> int:
    """For a `full~` of a whole picture whose shorter side has so many pixels."""
    reach = next((reach for least, reach in _REACH if side >= least), None)
    if reach is None:
        return _MOST
    values = sorted(array("f", transform.coefficients))
    half = len(values) // 2
    middle = (values[half - 1] + values[half]) / 2
    near = sum(1 for value in values if abs(value - middle) < reach)
    return min(max(near, _LEAST), _MOST)
