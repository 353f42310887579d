"""The hashes that a turned or mirrored picture would have, from its hash alone. Pure.

A turned or mirrored picture has the same waves, some with the other sign, and rows and columns swapped where it was turned
(rust/core/DESIGN.md, "Views"). A hash has one bit for each wave: whether it is stronger than the middle one. As the middle
lies near zero, another sign is nearly another bit. What comes of it lies beside the hash that is worked out from the waves
themselves, by 7 bits in the middle and 22 at most of 60 pictures: enough to find a neighbour for a person to look at, where
the picture is not there any more.
"""

from collections.abc import Callable, Mapping

from vangnet.hashing.model import HASH_BYTES, View

_SIDE = 16
_BITS = 8 * HASH_BYTES


def _bits_where(holds: Callable[[int, int], bool]) -> int:
    """A number with those bits, of row i and column j, that `holds` says."""
    return sum(1 << (_SIDE * i + j) for i in range(_SIDE) for j in range(_SIDE) if holds(i, j))


#: Frequencies are counted from 1: at an even place stands an odd function, which a mirror negates.
_ROWS = _bits_where(lambda i, _: i % 2 == 0)
_COLUMNS = _bits_where(lambda _, j: j % 2 == 0)
_BOTH = _ROWS ^ _COLUMNS
#: Whether rows become columns, and which bits of the original change first.
_RULES: Mapping[View, tuple[bool, int]] = {
    View.ORIGINAL: (False, 0),
    View.ROTATE90: (True, _COLUMNS),
    View.ROTATE180: (False, _BOTH),
    View.ROTATE270: (True, _ROWS),
    View.FLIP_X: (False, _ROWS),
    View.FLIP_Y: (False, _COLUMNS),
    View.TRANSPOSE: (True, 0),
    View.ANTI_TRANSPOSE: (True, _BOTH),
}
#: For each byte of a hash and each of its values, where its bits are when rows and columns are swapped.
_SWAPPED = tuple(
    tuple(
        sum(1 << (_SIDE * (bit % _SIDE) + bit // _SIDE) for bit in range(8 * byte, 8 * byte + 8) if value >> bit % 8 & 1)
        for value in range(256)
    )
    for byte in range(HASH_BYTES)
)


def turned(hash_: bytes) -> dict[View, bytes]:
    """About the hash of the picture in each view, the original among them. They form a group, as the views do."""
    bits = int.from_bytes(hash_, "big")
    assert bits.bit_length() <= _BITS  # noqa: S101 (of 32 bytes)
    views = {}
    for view, (swaps, changed) in _RULES.items():
        as_bytes = (bits ^ changed).to_bytes(HASH_BYTES, "little")
        if swaps:
            as_bytes = sum(_SWAPPED[byte][value] for byte, value in enumerate(as_bytes)).to_bytes(HASH_BYTES, "little")
        views[view] = as_bytes[::-1]
    return views
