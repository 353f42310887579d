"""Pictures that show nothing: flat, gradients, grids, frames, templates. Generated, and hashed once a process.

Such pictures are everywhere, and what is near one of them says nothing about what it shows. Pure.

The set finds flat pictures of every grey, soft gradients that lie aslant, and of the others mostly those drawn just so:
where a picture is its own mirror image, half of what PDQ looks at is nothing but rounding, and another size gives another
hash. Those are for the quality, the known-good pictures and the trial to find.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping

from vangnet import _core

#: Pixels a side: more would not change a hash, which is made of 16 frequencies.
_SIDE = 64
#: Brightness, 0 to 1, at a place in the unit square.
_Pattern = Callable[[float, float], float]


@functools.cache
def structural_hashes() -> Mapping[bytes, str]:
    """The PDQ hashes of such pictures, each with what it is, turned and mirrored and inverted."""
    found: dict[bytes, str] = {bytes(32): "flat", b"\xff" * 32: "flat"}
    for level in range(256):
        coefficients, _ = _core.pdq_transform(bytes([level]) * _SIDE**2, _SIDE, _SIDE)
        found.setdefault(_core.pdq_hash(coefficients), "flat")
    for kind, pattern in _patterns():
        for low, high in ((0.0, 1.0), (0.25, 0.9)):
            for hash_ in _hashes(pattern, low, high):
                found.setdefault(hash_, kind)
    return found


def _hashes(pattern: _Pattern, low: float, high: float) -> Iterator[bytes]:
    steps = [(index + 0.5) / _SIDE for index in range(_SIDE)]
    pixels = bytes(round(255 * (low + (high - low) * pattern(x, y))) for y in steps for x in steps)
    coefficients, _ = _core.pdq_transform(pixels, _SIDE, _SIDE)
    for hash_ in _core.pdq_dihedral_hashes(coefficients):
        yield hash_
        yield bytes(byte ^ 0xFF for byte in hash_)


def _patterns() -> Iterator[tuple[str, _Pattern]]:
    yield from _gradients()
    yield from _grids()
    yield from _templates()


def _gradients() -> Iterator[tuple[str, _Pattern]]:
    yield "gradient", lambda x, y: x  # noqa: ARG005
    yield "gradient", lambda x, y: (x + y) / 2
    yield "gradient", lambda x, y: x * y
    yield "gradient", lambda x, y: math.sqrt(x * y)
    yield "gradient", lambda x, y: 1 - (1 - x) * y
    for across, down in itertools.product((0.0, 0.25, 0.5), repeat=2):
        yield "gradient", functools.partial(_radial, across=across, down=down)


def _radial(x: float, y: float, *, across: float, down: float) -> float:
    return min(1.0, math.hypot(x - across, y - down))


def _grids() -> Iterator[tuple[str, _Pattern]]:
    for cells in range(2, 13):
        yield "grid", functools.partial(_checkered, columns=cells, rows=cells)
        yield "grid", functools.partial(_ruled, cells=cells, thickness=0.08)
        yield "grid", functools.partial(_ruled, cells=cells, thickness=0.2)
        yield "grid", functools.partial(_checkered, columns=cells, rows=1)
    for columns, rows in itertools.combinations(range(2, 9), 2):
        yield "grid", functools.partial(_checkered, columns=columns, rows=rows)


def _checkered(x: float, y: float, *, columns: int, rows: int) -> float:
    return float((int(x * columns) + int(y * rows)) % 2)


def _ruled(x: float, y: float, *, cells: int, thickness: float) -> float:
    return float(min(x * cells % 1, y * cells % 1) < thickness)


def _templates() -> Iterator[tuple[str, _Pattern]]:
    for width in (0.05, 0.1, 0.2, 0.3, 0.4):
        yield "frame", functools.partial(_framed, width=width)
        yield "disc", functools.partial(_disc, radius=0.5 - width)
        yield "cross", functools.partial(_crossed, width=width / 2, diagonal=True)
        yield "cross", functools.partial(_crossed, width=width / 2, diagonal=False)
    for width in (0.03, 0.06):
        yield "cross", functools.partial(_placeholder, width=width)
    for cut in (0.3, 0.4, 0.5, 0.6, 0.7):
        yield "corner", functools.partial(_corner, cut=cut, diagonal=True)
        yield "corner", functools.partial(_corner, cut=cut, diagonal=False)
        for top in (0.2, 0.5):
            yield "page", functools.partial(_page, top=top, left=cut)


def _framed(x: float, y: float, *, width: float) -> float:
    return float(min(x, y, 1 - x, 1 - y) < width)


def _disc(x: float, y: float, *, radius: float) -> float:
    return float(math.hypot(x - 0.5, y - 0.5) < radius)


def _crossed(x: float, y: float, *, width: float, diagonal: bool) -> float:
    if diagonal:
        return float(min(abs(x - y), abs(x + y - 1)) < width)
    return float(min(abs(x - 0.5), abs(y - 0.5)) < width)


def _corner(x: float, y: float, *, cut: float, diagonal: bool) -> float:
    return float(x + y < 2 * cut if diagonal else x < cut and y < cut)


def _placeholder(x: float, y: float, *, width: float) -> float:
    return max(_framed(x, y, width=width), _crossed(x, y, width=width, diagonal=True))


def _page(x: float, y: float, *, top: float, left: float) -> float:
    """A header over a column and a body."""
    return 1.0 if y < top else 0.6 if x < left else 0.0
