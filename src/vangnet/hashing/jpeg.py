"""`full~` of a usual JPEG, read in our own process.

The one thing that is read of hostile bytes outside a decoding process: by `rust/core/src/jpeg`, which has no unsafe code,
takes time and memory within the length of the file, and knows only what is usual. It answers with an eighth of the
picture, which is bit for bit the decoder's, and `full~`; or with a reason to ask the decoder. It says nothing of what
is damaged.
"""

from enum import StrEnum

from PIL import Image

from vangnet import _core
from vangnet.hashing.model import Convention, CutOut, Decoded, Frame, Limits, Transform
from vangnet.hashing.screening import screened, turned
from vangnet.hashing.views import cut_outs, find_cuts

#: Pixels of a side of a block.
_BLOCK = 8


class Unread(StrEnum):
    """Why a file is left to a decoder."""

    FOREIGN = "foreign"  #: It does not begin as a JPEG.
    ARITHMETIC = "arithmetic"  #: Coded arithmetically.
    PRECISION = "precision"  #: Samples of other than 8 bits.
    LOSSLESS = "lossless"  #: Coded without loss.
    HIERARCHICAL = "hierarchical"  #: A pyramid of several frames.
    COLOURS = "colours"  #: Inks, or colours without a luma of their own.
    SAMPLING = "sampling"  #: Luma that is coarser than another component.
    HEIGHT_LATER = "height_later"  #: The height is told after the picture only.
    TOO_LARGE = "too_large"  #: More bytes or pixels than allowed.
    MISSING_TABLES = "missing_tables"  #: A table is used that the file does not have.
    TRUNCATED = "truncated"  #: It ends before its picture does.
    DAMAGED = "damaged"  #: Something in it contradicts the standard.
    SCANS = "scans"  #: Luma twice, out of order, or never made exact.
    ORIENTATION = "orientation"  #: An orientation that is told in an unusual way.
    FAILED = "failed"  #: The reader itself went wrong: our mistake, which no file should bring about.
    SMALL = "small"  #: An eighth of it says too little.
    CUTS = "cuts"  #: There may be something around the picture, and an eighth is too coarse to cut it off.


# PDQ's window is a 128th of the side, rounded up. What an eighth of a picture says depends on how wide the window is.
#: From half a block a window on, means and slowest waves together are exact enough.
_WAVES_FROM = 128 * (4 - 1) + 1
#: From ten pixels a window on, so are the means of blocks alone: of a progressive file there is nothing else.
_MEANS_FROM = 128 * (10 - 1) + 1
#: From three blocks a window on, waves add nothing, and edges are found exactly enough to be cut at.
_EXACT_FROM = 128 * (3 * _BLOCK - 1) + 1


def read(data: bytes, limits: Limits, *, cuts: bool) -> Decoded | Unread:
    """The file `data` with its `full~`, as a decoding process would answer, with cuts if `cuts`; or why one must."""
    if len(data) > limits.bytes:
        return Unread.TOO_LARGE
    answer = _core.jpeg_screen(data, limits.pixels, _EXACT_FROM)
    if isinstance(answer, str):
        return Unread(answer)
    by_waves, (luma, width, height, orientation) = answer
    side = min(width, height)
    if side < (_MEANS_FROM if by_waves is None else _WAVES_FROM):
        return Unread.SMALL
    sides = (-(-width // _BLOCK), -(-height // _BLOCK))
    if cuts and side < _EXACT_FROM and find_cuts(turned(Image.frombytes("L", sides, luma), orientation)):
        return Unread.CUTS
    found: tuple[CutOut, ...] = ()
    if by_waves is None:
        transform, seen = screened(Image.frombytes("L", sides, luma), _BLOCK, orientation, (width, height))
        if cuts and side >= _EXACT_FROM:
            found = tuple(cut_outs(seen, Convention.SCREEN))
    else:
        transform = Transform(convention=Convention.SCREEN, coefficients=by_waves[0], quality=by_waves[1])
    frame = Frame(index=0, transforms=(transform,), cut_outs=found)
    if orientation >= 5:
        width, height = height, width
    return Decoded(width=width, height=height, frames_total=1, damaged=False, frames=(frame,))
