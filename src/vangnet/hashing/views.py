"""What people put around a picture, cut off, so that the picture can be hashed as it was: bars, borders, captions, pages.

Runs in a decoding process only. Cuts are found on a small grey copy (rust/core/src/cuts), then each edge is looked for
again in the picture itself, because an edge that is off by a hundredth of a side costs about ten bits. A cut with too
little to see is none. The whole picture is always hashed beside them: cuts add look-ups and take none away.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from vangnet import _core
from vangnet.hashing.model import TRUSTED_QUALITY, Convention, Cut, CutOut, Transform

#: The longest side of the small copy. Edges of a hundredth of the picture are still four pixels there.
_SMALL = 384
#: A part with a shorter side, in pixels of the picture, says too little to be looked up.
_SHORTEST = 48
#: So many pixels of the picture around an edge's place in the small copy are looked at, beyond what its pixel hides.
_AROUND = 2
#: A pixel that differs more from the edge's tone counts no more: one bright spot is no edge.
_DIFFERS_MOST = 60
#: A picture is shrunk for painting as far as `full~` is exact (rust/core/DESIGN.md): a block of a third of PDQ's window.
_EXACT_SIDE = 384
#: Rows beside a banner that its blur reaches.
_BLUR = 1


class Rect(NamedTuple):
    """A part of a picture, in pixels; right and bottom are the first beyond it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCut:
    """A part of a picture that may be the picture somebody listed."""

    cuts: tuple[Cut, ...]
    rect: Rect
    #: Rows at its top and bottom that are painted over.
    painted: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An upright picture (`L` or `RGB`) as it was decoded: whole, or `scale` times smaller than it is."""

    image: Image.Image
    #: Of the picture itself.
    width: int
    height: int
    scale: int = 1

    @classmethod
    def whole(cls, image: Image.Image) -> "Seen":
        """A picture that was decoded whole."""
        return cls(image=image, width=image.width, height=image.height)


def cut_outs(seen: Seen, convention: Convention) -> Iterator[CutOut]:
    """The parts of a picture that are worth a look-up, hashed; `convention` is what they are called."""
    for found in find_cuts(seen.image):
        width, height = _sides(seen, found.rect)
        if min(width, height) < _SHORTEST:
            continue
        coefficients, quality = _hashed(seen, found, width, height)
        if quality >= TRUSTED_QUALITY:
            transform = Transform(convention=convention, quality=quality, coefficients=coefficients)
            yield CutOut(cuts=found.cuts, transform=transform)


def find_cuts(image: Image.Image) -> list[FoundCut]:
    """The cuts of an upright picture (`L` or `RGB`), the likeliest first, exact to a pixel or two."""
    factor = max(1, math.ceil(max(image.size) / _SMALL))
    small = image.reduce(factor).convert("L") if factor > 1 else image.convert("L")
    found = []
    for names, edges, painted in _core.find_cuts(small.tobytes(), *small.size):
        rect = _exact(image, Rect(*edges), small.size, factor)
        if min(rect.size) > 0:
            rows = (painted[0] * factor, painted[1] * factor)
            found.append(FoundCut(cuts=tuple(Cut(name) for name in names), rect=rect, painted=rows))
    return found


# --- exact edges --------------------------------------------------------------------------------------------------


def _exact(image: Image.Image, rough: Rect, small: tuple[int, int], factor: int) -> Rect:
    """The rectangle in the picture's own pixels: each edge where the brightness changes most, near its rough place."""
    scaled = Rect(
        rough.left * factor,
        rough.top * factor,
        min(rough.right * factor, image.width),
        min(rough.bottom * factor, image.height),
    )
    if factor == 1:
        return scaled
    around = factor + _AROUND
    # Lines are compared within the rectangle, a little less of them, so that nothing else is in them.
    rows = image.crop((0, min(scaled.top + around, scaled.bottom - 1), image.width, max(scaled.bottom - around, 1)))
    columns = image.crop((min(scaled.left + around, scaled.right - 1), 0, max(scaled.right - around, 1), image.height))
    if min(rows.size) < 1 or min(columns.size) < 1:
        return scaled
    return Rect(
        _edge(rows, scaled.left, around, across=True) if rough.left > 0 else 0,
        _edge(columns, scaled.top, around, across=False) if rough.top > 0 else 0,
        _far_edge(rows, scaled.right, around, across=True) if rough.right < small[0] else image.width,
        _far_edge(columns, scaled.bottom, around, across=False) if rough.bottom < small[1] else image.height,
    )


def _far_edge(image: Image.Image, at: int, around: int, *, across: bool) -> int:
    """The same from the other side."""
    turn = Image.Transpose.FLIP_LEFT_RIGHT if across else Image.Transpose.FLIP_TOP_BOTTOM
    side = image.width if across else image.height
    first = max(at - around, 0)
    end = min(at + around + 1, side)
    band = (first, 0, end, image.height) if across else (0, first, image.width, end)
    return end - _step(image.crop(band).transpose(turn).convert("L"), across=across)


def _edge(image: Image.Image, at: int, around: int, *, across: bool) -> int:
    """Where the edge near column (or row) `at` really is: the first line that is of the picture."""
    side = image.width if across else image.height
    first = max(at - around, 0)
    end = min(at + around + 1, side)
    band = (first, 0, end, image.height) if across else (0, first, image.width, end)
    return first + _step(image.crop(band).convert("L"), across=across)


def _step(band: Image.Image, *, across: bool) -> int:
    """In a grey band that begins outside, after how many lines they differ most from one to the next."""
    outermost = band.crop((0, 0, 1, band.height) if across else (0, 0, band.width, 1))
    tone = _median(outermost.histogram())
    scale = 255 // _DIFFERS_MOST
    differing = band.point([min(abs(value - tone), _DIFFERS_MOST) * scale for value in range(256)])
    lines = differing.resize((band.width, 1) if across else (1, band.height), Image.Resampling.BOX).tobytes()
    steps = [after - before for before, after in itertools.pairwise(lines)]
    return steps.index(max(steps)) + 1 if steps else 0


def _median(histogram: Sequence[int]) -> int:
    half, below = sum(histogram) / 2, 0
    for value, count in enumerate(histogram):
        below += count
        if below >= half:
            return value
    return 0


# --- hashing ------------------------------------------------------------------------------------------------------


def _sides(seen: Seen, rect: Rect) -> tuple[int, int]:
    """The sides of a part, in pixels of the picture itself; its last block of a line may be a cut one."""
    right = seen.width if rect.right == seen.image.width else rect.right * seen.scale
    bottom = seen.height if rect.bottom == seen.image.height else rect.bottom * seen.scale
    return right - rect.left * seen.scale, bottom - rect.top * seen.scale


def _hashed(seen: Seen, found: FoundCut, width: int, height: int) -> tuple[bytes, int]:
    part = seen.image.crop(found.rect)
    if found.painted != (0, 0):
        return _painted(part, found.painted, width, height, seen.scale)
    if seen.scale > 1:
        return _core.pdq_transform_scaled(part.tobytes(), width, height, seen.scale)
    return _core.pdq_transform(part.tobytes(), width, height)


def _painted(part: Image.Image, rows: tuple[int, int], width: int, height: int, scale: int) -> tuple[bytes, int]:
    """Hashed with the rows painted over, on a copy that is as small as it may be."""
    shrink = next((by for by in (8, 4, 2) if by % scale == 0 and min(width, height) >= by * _EXACT_SIDE), scale) // scale
    small = (part.reduce(shrink) if shrink > 1 else part).convert("L")
    top, bottom = (math.ceil(count / shrink) + _BLUR if count else 0 for count in rows)
    if top + bottom >= small.height:
        return _core.pdq_transform(bytes(64 * 64), 64, 64)
    painted = _core.paint_strips(small.tobytes(), *small.size, top=top, bottom=bottom)
    return _core.pdq_transform_scaled(painted, width, height, scale * shrink)
