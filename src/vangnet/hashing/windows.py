"""Sub-windows: hashes of parts of a picture, made where the picture itself is in hand when it is listed.

Somebody who cuts a strip off a listed picture gets another hash: PDQ sees the whole, and 5 % less of each side are 46 bits.
What is left is near one of the windows that are hashed here. How near the windows must lie to each other is told, with the
measurements, in docs/explanation/views.md. A match by a window holds and never blocks; a hash that arrives alone has none,
since nothing can be cut out of a hash.

A listed picture may itself have bars, a border or a paper's margin: then what is left without them is a window, too. An
upload that has none, or one that has more of the same tone, of which nobody could say where it ends, is cut to the same.

Runs in a decoding process only.
"""

import itertools
import math
from collections.abc import Iterator

from PIL import Image

from vangnet import _core
from vangnet.hashing.model import TRUSTED_QUALITY, Convention, MediaHash
from vangnet.hashing.views import Seen, cut_outs

#: What is cut off at the beginning and at the end of a side, in thousandths of it.
CUTS: tuple[tuple[int, int], ...] = (
    (0, 0), (8, 46), (46, 8), (17, 30), (30, 17),
    (7, 91), (91, 7), (15, 76), (76, 15), (30, 66), (66, 30), (41, 52), (52, 41),
)  # fmt: skip
#: And what a caption hides that was put over the top or the bottom of the whole width.
COVERED = (110, 133, 156, 179, 202, 225, 250)
#: A picture is shrunk as far as `full~` is exact (rust/core/DESIGN.md), for the smallest window.
_EXACT_SIDE = 400


def windows() -> Iterator[tuple[int, int, int, int]]:
    """What each window cuts off at the left, top, right and bottom, in thousandths of the side; never nothing."""
    for (left, right), (top, bottom) in itertools.product(CUTS, repeat=2):
        if left + top + right + bottom:
            yield left, top, right, bottom
    for rows in COVERED:
        yield 0, rows, 0, 0
        yield 0, 0, 0, rows


def sub_windows(image: Image.Image) -> Iterator[MediaHash]:
    """The hashes of the windows of an upright picture (`L` or `RGB`) in which there is enough to see."""
    scale = next((scale for scale in (8, 4, 2) if min(image.size) >= scale * _EXACT_SIDE), 1)
    small = (image.reduce(scale) if scale > 1 else image).convert("L")
    for cut in windows():
        left, top = (_scaled(side, part, scale) for side, part in zip(image.size, cut[:2], strict=True))
        right = small.width - _scaled(image.width, cut[2], scale)
        bottom = small.height - _scaled(image.height, cut[3], scale)
        if right - left < 5 or bottom - top < 5:
            continue
        width = (image.width if right == small.width else right * scale) - left * scale
        height = (image.height if bottom == small.height else bottom * scale) - top * scale
        part = small.crop((left, top, right, bottom)).tobytes()
        coefficients, quality = _core.pdq_transform_scaled(part, width, height, scale)
        if quality >= TRUSTED_QUALITY:
            yield MediaHash(convention=Convention.FULL, hash=_core.pdq_hash(coefficients), quality=quality)
    for cut_out in cut_outs(Seen.whole(image), Convention.FULL):
        if not cut_out.is_guessed:
            yield cut_out.transform.hash()


def _scaled(side: int, thousandths: int, scale: int) -> int:
    """So many thousandths of a side, in whole pixels of the small picture."""
    return math.floor(side * thousandths / 1000 / scale + 0.5)
